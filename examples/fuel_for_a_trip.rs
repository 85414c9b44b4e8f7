//! How much diesel a laden truck burns from Guwahati up to Shillong, and back down empty.
#![allow(clippy::print_stdout, reason = "an example prints")]

use fleet_core::{
    Result,
    physics::{
        Command, Road, TruckModel, Vehicle, VehicleState, air_density_kgpm3, roughness_from_iri,
    },
    route::{BuiltinRouter, Route},
};

/// Litres for `route` with `mass_kg`, second by second.
fn litres(route: &Route, mass_kg: f64) -> Result<f64> {
    let truck = Vehicle::new(TruckModel::find("rigid_6x2_25t5")?, mass_kg)?;
    let mut state = VehicleState::parked(20.0);
    let (mut at_m, mut piece, mut litres) = (0.0, 0, 0.0);
    while at_m < route.length_m {
        piece = route.piece_at(at_m, piece);
        let Some(here) = route.pieces.get(piece) else { break };
        let road = Road {
            grade: here.grade,
            roughness_m3: roughness_from_iri(here.iri_m_per_km),
            iri_m_per_km: here.iri_m_per_km,
            air_density_kgpm3: air_density_kgpm3(here.from_altitude_m, 20.0),
            ..Road::level(20.0)
        };
        let step = truck.step(&mut state, &road, &Command::drive(here.truck_speed_kmh / 3.6), 1.0);
        at_m += step.distance_m;
        litres += step.fuel_ul * 1e-6;
    }
    Ok(litres)
}

fn main() -> Result<()> {
    let router = BuiltinRouter::ne_india();
    let node = |id| router.network().node(id).expect("a town of the bundled network");
    let up = router.route_nodes(node("guwahati"), node("shillong"))?;
    let down = router.route_nodes(node("shillong"), node("guwahati"))?;
    let (laden_l, empty_l) = (litres(&up, 25_000.0)?, litres(&down, 8_300.0)?);
    println!("Guwahati to Shillong, {:.0} km: {laden_l:.1} l laden", up.length_m / 1e3);
    println!("and back empty: {empty_l:.1} l");
    assert!(laden_l > 2.0 * empty_l);
    Ok(())
}
