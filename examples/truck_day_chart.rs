//! A truck's day in the hills as SVG: `cargo run --example truck_day_chart > docs/truck-day.svg`.
//!
//! Looks for the first laden trip from Siliguri to Gangtok, or from Guwahati to Tawang, and draws
//! the truck's reports from an hour before departure to an hour after arrival.
#![allow(clippy::print_stdout, reason = "an example prints")]

use fleet_core::{
    Error, Result,
    domain::{TelemetryEvent, TripStatus, TripSummary},
    time::Time,
};
use fleet_sim::{Output, World, day_chart};

const LANES: [(&str, &str); 2] = [("siliguri", "gangtok"), ("guwahati", "tawang")];
const HOUR_MS: i64 = 3_600_000;
const DAYS_MAX: i64 = 60;

fn is_wanted(trip: &TripSummary) -> bool {
    let ends = (trip.origin.place.as_str(), trip.destination.place.as_str());
    trip.status == TripStatus::Done && trip.payload_kg > 0.0 && LANES.contains(&ends)
}

fn main() -> Result<()> {
    let start: Time = "2026-01-05T00:00:00Z".parse()?;
    let genesis = World::beginning(1, start);
    let mut world = World::new(genesis, 30)?;
    let mut reports: Vec<TelemetryEvent> = Vec::new();
    let mut found: Option<TripSummary> = None;
    for hour in 1..=DAYS_MAX * 24 {
        let now = start.plus_ms(hour * HOUR_MS);
        for output in world.advance(now) {
            match output {
                Output::Telemetry(event) => reports.push(*event),
                Output::Trip(trip) if found.is_none() && is_wanted(&trip) => found = Some(*trip),
                Output::Trip(_) => {}
            }
        }
        let arrived_at = found.as_ref().and_then(|trip| trip.arrived_at);
        if arrived_at.is_some_and(|at| now >= at.plus_ms(HOUR_MS)) {
            break;
        }
        // Two days are longer than any of these trips.
        reports.retain(|event| event.event_time >= now.plus_ms(-48 * HOUR_MS));
    }
    let trip = found.ok_or_else(|| Error::not_found("a trip on these lanes"))?;
    let (from, to) = (trip.started_at, trip.arrived_at.unwrap_or(trip.started_at));
    reports.retain(|event| {
        event.truck_id == trip.truck_id
            && (from.plus_ms(-HOUR_MS)..to.plus_ms(HOUR_MS)).contains(&event.event_time)
    });
    let title = format!(
        "{}, {:.1} t of {} from {} to {}, {:.0} km, departed {from} (hours are IST)",
        trip.truck_id,
        trip.payload_kg / 1e3,
        trip.commodity,
        trip.origin.name,
        trip.destination.name,
        trip.distance_m as f64 / 1e3
    );
    print!("{}", day_chart(&title, &reports));
    Ok(())
}
