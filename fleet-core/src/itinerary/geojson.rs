//! The way as GeoJSON (RFC 7946): a line for each leg, a point for each stop.

use serde_json::{Value, json};

use super::{
    question::Planned,
    told::{ItineraryLeg, ItineraryStop},
};

pub(super) fn features(planned: &Planned) -> Value {
    let lines = planned.itinerary.legs.iter().map(|leg| line(planned, leg));
    let points = planned.itinerary.stops.iter().map(|stop| point(planned, stop));
    let told = &planned.itinerary;
    json!({
        "type": "FeatureCollection",
        "features": lines.chain(points).collect::<Vec<Value>>(),
        "summary": {
            "from": told.from, "to": told.to, "distance_km": told.distance_km,
            "duration_h": told.duration_h, "fuel_l": told.fuel_l, "cost_inr": told.cost_inr,
        },
    })
}

fn line(planned: &Planned, leg: &ItineraryLeg) -> Value {
    let on = |m: f64| m >= leg.start_m - 1e-6 && m <= leg.end_m + 1e-6;
    let pieces = planned.route.pieces.iter();
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

fn point(planned: &Planned, stop: &ItineraryStop) -> Value {
    let piece = planned.route.piece_at(stop.at_m, 0);
    let (place, altitude_m) = planned.route.position_at(stop.at_m, piece);
    json!({
        "type": "Feature",
        "geometry": { "type": "Point", "coordinates": [place.lon, place.lat, altitude_m] },
        "properties": stop,
    })
}
