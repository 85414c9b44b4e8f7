//! The way from Siliguri to Tawang: towns passed, distance, and when a truck would be there.
#![allow(clippy::print_stdout, reason = "an example prints")]

use fleet_core::{Result, route::BuiltinRouter, time::Time};

fn main() -> Result<()> {
    let router = BuiltinRouter::ne_india();
    let network = router.network();
    let node = |id| network.node(id).expect("a town of the bundled network");
    let route = router.route_nodes(node("siliguri"), node("tawang"))?;
    for (town, at_m) in &route.towns {
        println!("{:7.1} km  {}", at_m / 1e3, network.node_at(*town).name);
    }
    let departure: Time = "2026-01-05T00:30:00Z".parse()?;
    let arrival = departure.plus(std::time::Duration::from_secs_f64(route.duration_s));
    println!(
        "{:.0} km without stops: departs {departure}, arrives {arrival}",
        route.length_m / 1e3
    );
    assert!(route.length_m > 600e3);
    Ok(())
}
