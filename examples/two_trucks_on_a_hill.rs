//! The same 15 t from Siliguri up to Gangtok with two trucks: which is faster, and what each burns.
#![allow(clippy::print_stdout, reason = "an example prints")]

use fleet_core::{
    Result,
    physics::{
        Command, Road, TruckModel, Vehicle, VehicleState, air_density_kgpm3, roughness_from_iri,
    },
    route::{BuiltinRouter, Route},
};

const LOAD_KG: f64 = 15_000.0;

/// What a journey came to.
struct Journey {
    hours: f64,
    litres: f64,
    hottest_c: f64,
    gear_changes: u32,
}

fn drive(truck: &Vehicle, route: &Route) -> Journey {
    let mut state = VehicleState::parked(20.0);
    let mut journey = Journey { hours: 0.0, litres: 0.0, hottest_c: 0.0, gear_changes: 0 };
    let (mut at_m, mut piece, mut last_gear) = (0.0, 0, 0);
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
        journey.hours += 1.0 / 3_600.0;
        journey.litres += step.fuel_ul * 1e-6;
        journey.hottest_c = journey.hottest_c.max(state.coolant_c);
        if state.gear > 0 {
            journey.gear_changes += u32::from(state.gear != last_gear);
            last_gear = state.gear;
        }
    }
    journey
}

fn main() -> Result<()> {
    let router = BuiltinRouter::ne_india();
    let node = |id| router.network().node(id).expect("a town of the bundled network");
    let route = router.route_nodes(node("siliguri"), node("gangtok"))?;
    println!("15 t from Siliguri to Gangtok, {:.0} km\n", route.length_m / 1e3);
    println!("{:50}{:>7}{:>8}{:>12}{:>8}{:>7}", "", "kW/t", "hours", "l/100 km", "shifts", "°C");
    let mut journeys = Vec::new();
    for id in ["rigid_6x2_31t", "tipper_6x4_28t"] {
        let model = TruckModel::find(id)?;
        let truck = Vehicle::new(model, truck_mass_kg(id)?)?;
        let journey = drive(&truck, &route);
        println!(
            "{:50}{:7.1}{:8.2}{:12.1}{:8}{:7.0}",
            truck.model().name,
            truck.model().engine.rated_kw / truck.mass_kg() * 1e3,
            journey.hours,
            journey.litres / route.length_m * 1e5,
            journey.gear_changes,
            journey.hottest_c
        );
        journeys.push(journey);
    }
    assert!(journeys[1].hours < journeys[0].hours, "more power per tonne climbs faster");
    Ok(())
}

fn truck_mass_kg(id: &str) -> Result<f64> {
    Ok(TruckModel::find(id)?.kerb_kg + LOAD_KG)
}
