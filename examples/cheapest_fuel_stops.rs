//! Where to buy diesel between Guwahati and Moreh with a third of a tank: in Assam only what it
//! takes to reach the cheaper pumps of Manipur.
#![allow(clippy::print_stdout, reason = "an example prints")]
#![allow(clippy::cast_sign_loss, reason = "litres and prices are positive")]

use fleet_core::{
    Result,
    eta::{Haul, Stretch},
    physics::{TruckModel, air_density_kgpm3},
    refuel::{Limits, Problem, Pump},
    route::{BuiltinRouter, Route, StopOnRoute},
};

/// Millilitres burned from the start to each pump, and to the end.
fn burned(route: &Route, haul: &Haul) -> (Vec<u64>, u64) {
    let mut stops = route.stations.iter().peekable();
    let (mut at_stops, mut speed_mps, mut sum_ul) = (Vec::new(), 0.0, 0.0);
    for piece in &route.pieces {
        let crossing = haul.cross(
            speed_mps,
            &Stretch {
                length_m: piece.length_m,
                grade: piece.grade,
                rolling_factor: 1.1,
                air_density_kgpm3: air_density_kgpm3(piece.from_altitude_m, 22.0),
                ambient_c: 22.0,
                wanted_mps: piece.truck_speed_kmh / 3.6,
            },
        );
        while let Some(stop) = stops.next_if(|stop| stop.at_m <= piece.end_m()) {
            let share = (stop.at_m - piece.start_m) / piece.length_m;
            at_stops.push(((sum_ul + share * crossing.fuel_ul) / 1e3) as u64);
        }
        sum_ul += crossing.fuel_ul;
        speed_mps = crossing.speed_mps;
    }
    (at_stops, (sum_ul / 1e3) as u64)
}

fn main() -> Result<()> {
    let router = BuiltinRouter::ne_india();
    let network = router.network();
    let node = |id| network.node(id).expect("a town of the bundled network");
    let route = router.route_nodes(node("guwahati"), node("moreh"))?;
    let model = TruckModel::find("rigid_6x2_25t5")?;
    let (at_stops, trip_ml) = burned(&route, &Haul::new(&model, model.gvw_kg));

    let paise = |stop: &StopOnRoute| {
        let state = network.fuel_stations()[stop.index].site.state;
        (network.states()[state.index()].diesel_inr_per_l * 100.0).round() as u32
    };
    let pumps: Vec<Pump> = route
        .stations
        .iter()
        .zip(at_stops)
        .map(|(stop, burned_ml)| Pump { burned_ml, paise_per_l: paise(stop) })
        .collect();
    let capacity_ml = (model.fuel_tank_l * 950.0) as u64;
    let limits = Limits {
        capacity_ml,
        start_ml: capacity_ml / 3,
        reserve_ml: capacity_ml / 8,
        arrive_ml: capacity_ml / 8,
        stop_cost_mpaise: 15_000_000, // ₹ 150: a quarter of an hour of truck and driver
    };
    let plan = Problem::new(limits, trip_ml, &pumps)?.cheapest().expect("pumps are dense enough");

    println!(
        "Guwahati to Moreh: {:.0} km, {:.0} l, past {} pumps",
        route.length_m / 1e3,
        trip_ml as f64 / 1e3,
        pumps.len()
    );
    for stop in &plan.stops {
        let place = route.stations[stop.pump];
        let station = &network.fuel_stations()[place.index];
        println!(
            "{:6.1} km  {:12} {:6.1} l at ₹ {:.2}",
            place.at_m / 1e3,
            station.id,
            stop.buy_ml as f64 / 1e3,
            f64::from(pumps[stop.pump].paise_per_l) / 100.0
        );
    }
    println!("fuel bought for ₹ {:.2}", plan.fuel_cost_mpaise as f64 / 1e5);
    let bought_ml: u64 = plan.stops.iter().map(|stop| stop.buy_ml).sum();
    let at_home = bought_ml * u64::from(pumps[0].paise_per_l);
    println!("and ₹ {:.2} less than at home", (at_home - plan.fuel_cost_mpaise) as f64 / 1e5);
    assert!(plan.fuel_cost_mpaise < at_home);
    Ok(())
}
