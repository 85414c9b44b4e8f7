//! Truck physics, a route, a bucket and a service level in a few lines each, without a runtime.

use fleet_core::{
    Result,
    physics::{Command, Road, TruckModel, Vehicle, VehicleState},
    ratelimit::{Bucket, Quota},
    route::BuiltinRouter,
    slo::{Counts, Objective},
};

fn main() -> Result<()> {
    let truck = Vehicle::new(TruckModel::find("rigid_6x2_25t5")?, 25_000.0)?;
    let (mut state, mut litres) = (VehicleState::parked(20.0), 0.0);
    for _second in 0..600 {
        let step = truck.step(&mut state, &Road::level(20.0), &Command::drive(60.0 / 3.6), 1.0);
        litres += step.fuel_ul * 1e-6;
    }
    println!("ten minutes at 60 km/h: {litres:.2} l");
    assert!((1.0..6.0).contains(&litres));

    let router = BuiltinRouter::ne_india();
    let node = |id| router.network().node(id).expect("a town of the bundled network");
    let route = router.route_nodes(node("guwahati"), node("shillong"))?;
    println!("Guwahati to Shillong: {:.0} km", route.length_m / 1e3);
    assert!((80e3..130e3).contains(&route.length_m));

    let mut bucket = Bucket::new(Quota::DEFAULT_READ);
    let granted = (0..12).filter(|_| bucket.take(0, 1).is_granted()).count();
    println!("{granted} of 12 requests at once");
    assert_eq!(granted, 10);

    let objective: Objective = "99.9".parse()?;
    let used = objective.used(Counts { good: 999_580, bad: 420 });
    println!("{:.0} % of the error budget is used", used.unwrap_or(f64::NAN) * 100.0);
    assert_eq!(used, Some(0.42));
    Ok(())
}
