//! What a cold start costs: the first ten kilometres at 5 °C, engine cold or still warm, and what
//! half an hour of idling in the yard does for it.
#![allow(clippy::print_stdout, reason = "an example prints")]

use fleet_core::{
    Result,
    physics::{Command, Road, TruckModel, Vehicle, VehicleState},
};

const AMBIENT_C: f64 = 5.0;

/// Litres and the coolant at the end of `seconds` at `speed_kmh`.
fn drive(truck: &Vehicle, state: &mut VehicleState, speed_kmh: f64, seconds: u32) -> f64 {
    let (road, command) = (Road::level(AMBIENT_C), Command::drive(speed_kmh / 3.6));
    (0..seconds).map(|_| truck.step(state, &road, &command, 1.0).fuel_ul * 1e-6).sum()
}

fn main() -> Result<()> {
    let model = TruckModel::find("rigid_4x2_18t5")?;
    let truck = Vehicle::new(model, 12_000.0)?;
    let (cold, warm) = (
        VehicleState::parked(AMBIENT_C),
        VehicleState { coolant_c: 85.0, ..VehicleState::parked(AMBIENT_C) },
    );

    println!("minute   coolant °C   litres so far, cold   warm");
    let (mut from_cold, mut from_warm) = (cold, warm);
    let (mut cold_l, mut warm_l) = (0.0, 0.0);
    for minute in 1..=15 {
        cold_l += drive(&truck, &mut from_cold, 40.0, 60);
        warm_l += drive(&truck, &mut from_warm, 40.0, 60);
        if minute % 3 == 0 {
            println!("{minute:6}{:13.0}{cold_l:22.2}{warm_l:7.2}", from_cold.coolant_c);
        }
    }
    let extra_l = cold_l - warm_l;
    println!("\nThe cold start costs {extra_l:.2} l, {:.0} % more.", 100.0 * extra_l / warm_l);

    let mut idling = cold;
    let idle_l = drive(&truck, &mut idling, 0.0, 1_800);
    println!(
        "Half an hour of idling first burns {idle_l:.2} l and warms it to {:.0} °C only.",
        idling.coolant_c
    );
    assert!(extra_l > 0.05 && extra_l < 0.15 * warm_l);
    assert!(idle_l > extra_l && idling.coolant_c < 70.0, "driving off at once is cheaper");
    Ok(())
}
