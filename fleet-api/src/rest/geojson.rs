//! Positions, trips and ways as GeoJSON (RFC 7946), and ways as GPX 1.1.

use std::fmt::Write;

use fleet_core::{domain::TripSummary, geo::Position};
use serde_json::{Value, json};

use crate::{
    messages::{Replay, TruckPosition},
    places::{Line, ZonePlace},
};

fn point(at: Position) -> Value {
    json!([at.lon, at.lat])
}

fn collection(features: impl Iterator<Item = Value>) -> Value {
    json!({ "type": "FeatureCollection", "features": features.collect::<Vec<_>>() })
}

/// The value without the members that stand as geometry.
fn properties<T: serde::Serialize>(value: &T, geometry: &[&str]) -> Value {
    let mut value = serde_json::to_value(value).expect("ids, times and numbers are JSON");
    if let Some(members) = value.as_object_mut() {
        for name in geometry {
            members.remove(*name);
        }
    }
    value
}

/// A point for each truck.
pub(super) fn positions(positions: &[TruckPosition]) -> Value {
    points(positions.iter().map(|truck| (truck.truck_id.as_str(), truck.position, truck)))
}

/// A point for each place.
pub(super) fn points<'a, T: serde::Serialize + 'a>(
    places: impl Iterator<Item = (&'a str, Position, &'a T)>,
) -> Value {
    collection(places.map(|(id, at, place)| {
        json!({
            "type": "Feature",
            "id": id,
            "geometry": { "type": "Point", "coordinates": point(at) },
            "properties": properties(place, &["position"]),
        })
    }))
}

/// Zones: a circle is a point with a radius, as for geofences.
pub(super) fn zones(zones: &[ZonePlace]) -> Value {
    collection(zones.iter().map(|zone| {
        let line = |line: &Line| line.points.iter().map(|at| point(*at)).collect::<Vec<_>>();
        let lines: Vec<_> = zone.lines.iter().map(line).collect();
        let geometry = match zone.centre {
            Some(centre) => json!({ "type": "Point", "coordinates": point(centre) }),
            None if zone.shape == "polygon" => json!({ "type": "Polygon", "coordinates": lines }),
            None => json!({ "type": "MultiLineString", "coordinates": lines }),
        };
        json!({
            "type": "Feature",
            "id": zone.zone_id,
            "geometry": geometry,
            "properties": properties(zone, &["centre", "lines"]),
        })
    }))
}

/// Origin and destination of each trip: which way it took is not in a summary.
pub(super) fn trips(trips: &[TripSummary], next_page_token: &str) -> Value {
    let feature = |trip: &TripSummary| {
        let ends = [point(trip.origin.position), point(trip.destination.position)];
        json!({
            "type": "Feature",
            "id": trip.trip_id,
            "geometry": { "type": "MultiPoint", "coordinates": ends },
            "properties": properties(trip, &[]),
        })
    };
    let mut all = collection(trips.iter().map(feature));
    all["next_page_token"] = json!(next_page_token);
    all
}

/// The way of a trip: a line for each stretch without a gap.
pub(super) fn way(replay: &Replay) -> Value {
    let lines: Vec<Vec<Value>> = replay
        .segments
        .iter()
        .map(|segment| segment.points.iter().map(|at| point(at.position)).collect::<Vec<_>>())
        .filter(|line| line.len() > 1) // a line has two ends
        .collect();
    let geometry = json!({ "type": "MultiLineString", "coordinates": lines });
    json!({
        "type": "Feature",
        "id": replay.trip.trip_id,
        "geometry": if lines.is_empty() { Value::Null } else { geometry },
        "properties": properties(&replay.trip, &[]),
    })
}

/// The way of a trip as a track: a segment for each stretch without a gap.
pub(super) fn gpx(replay: &Replay) -> String {
    let trip = &replay.trip;
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <gpx version=\"1.1\" creator=\"data-fleet\" xmlns=\"http://www.topografix.com/GPX/1/1\">\n\
         <trk><name>{}</name><desc>{} to {}, {}</desc>\n",
        trip.trip_id,
        escaped(&trip.origin.name),
        escaped(&trip.destination.name),
        escaped(&trip.commodity),
    );
    for segment in &replay.segments {
        text.push_str("<trkseg>\n");
        for at in &segment.points {
            let Position { lat, lon } = at.position;
            let _ = write!(text, "<trkpt lat=\"{lat}\" lon=\"{lon}\">"); // a String takes all
            if let Some(altitude_m) = at.altitude_m {
                let _ = write!(text, "<ele>{altitude_m}</ele>");
            }
            let _ = writeln!(text, "<time>{}</time></trkpt>", at.event_time);
        }
        text.push_str("</trkseg>\n");
    }
    text.push_str("</trk></gpx>\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
