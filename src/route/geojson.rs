//! The way as GeoJSON (RFC 7946): a line for each leg, a point for each stop.

use serde_json::{Value, json};

use super::answer::{Answer, LegTold, StopTold};

pub(super) fn features(answer: &Answer) -> Value {
    let lines = answer.told.legs.iter().map(|leg| line(answer, leg));
    let points = answer.told.stops.iter().map(|stop| point(answer, stop));
    let told = &answer.told;
    json!({
        "type": "FeatureCollection",
        "features": lines.chain(points).collect::<Vec<Value>>(),
        "summary": {
            "from": told.from, "to": told.to, "distance_km": told.distance_km,
            "duration_h": told.duration_h, "fuel_l": told.fuel_l, "cost_inr": told.cost_inr,
        },
    })
}

fn line(answer: &Answer, leg: &LegTold) -> Value {
    let on = |m: f64| m >= leg.start_m - 1e-6 && m <= leg.end_m + 1e-6;
    let pieces = answer.route.pieces.iter();
    let pieces: Vec<_> = pieces.filter(|piece| on(piece.start_m) && on(piece.end_m())).collect();
    let first =
        pieces.first().map(|piece| json!([piece.from.lon, piece.from.lat, piece.from_altitude_m]));
    let rest = pieces.iter().map(|piece| json!([piece.to.lon, piece.to.lat, piece.to_altitude_m]));
    let coordinates: Vec<Value> = first.into_iter().chain(rest).collect();
    json!({
        "type": "Feature",
        "geometry": { "type": "LineString", "coordinates": coordinates },
        "properties": leg,
    })
}

fn point(answer: &Answer, stop: &StopTold) -> Value {
    let piece = answer.route.piece_at(stop.at_m, 0);
    let (place, altitude_m) = answer.route.position_at(stop.at_m, piece);
    json!({
        "type": "Feature",
        "geometry": { "type": "Point", "coordinates": [place.lon, place.lat, altitude_m] },
        "properties": stop,
    })
}
