//! A step allocates nothing: counted, not believed.

use fleet_core::physics::{
    Command, Road, TruckModel, Vehicle, VehicleState, air_density_kgpm3, vibration,
};

/// A minute each of standing, starting, climbing, rolling down, braking and parking, in steps short
/// and long, with every bundled truck.
fn drive(trucks: &[Vehicle], states: &mut [VehicleState]) -> f64 {
    let mut litres = 0.0;
    for (truck, state) in trucks.iter().zip(states) {
        for (grade, kmh) in [(0.0, 0.0), (0.0, 60.0), (0.06, 60.0), (-0.06, 40.0), (0.0, 0.0)] {
            let air_density_kgpm3 = air_density_kgpm3(1e4 * f64::abs(grade), 30.0);
            let road = Road { grade, air_density_kgpm3, ..Road::level(30.0) };
            for dt_s in [0.1, 1.0, 10.0] {
                for _ in 0..60 {
                    let step = truck.step(state, &road, &Command::drive(kmh / 3.6), dt_s);
                    litres += step.fuel_ul * 1e-6;
                    vibration::with_noise(step.vibration_rms_mps2, 0.12, 0.5);
                }
            }
        }
        for _ in 0..60 {
            truck.step(state, &Road::level(30.0), &Command::PARKED, 1.0);
        }
    }
    litres
}

#[test]
fn a_step_allocates_nothing() {
    let mut trucks: Vec<Vehicle> = TruckModel::bundled()
        .iter()
        .map(|model| {
            Vehicle::new(std::sync::Arc::clone(model), model.gvw_kg).expect("a laden bundled truck")
        })
        .collect();
    let mut states = vec![VehicleState::parked(20.0); trucks.len()];
    let mut litres = 0.0;
    let counted = allocation_counter::measure(|| litres = drive(&trucks, &mut states));
    assert!(litres > 1.0, "they drove");
    assert_eq!(counted.count_total, 0, "{counted:?}");

    let loading = allocation_counter::measure(|| {
        for truck in &mut trucks {
            let half_kg = 0.5 * (truck.model().kerb_kg + truck.model().gvw_kg);
            truck.set_mass(half_kg).expect("half a load");
        }
    });
    assert_eq!(loading.count_total, 0, "loading: {loading:?}");
}

/// The counter counts: a proof by a blind counter would prove nothing.
#[test]
fn an_allocation_would_be_seen() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![0_u8; 64])));
    assert_eq!(counted.count_total, 1);
}
