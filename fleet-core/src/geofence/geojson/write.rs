//! From fences to features.

use geojson::{
    Feature, FeatureCollection, GeoJson, Geometry, GeometryValue, JsonObject, JsonValue,
    feature::Id,
};

use super::{
    super::{
        fence::Fence,
        plane::{moved, turn_towards},
        shape::{Outline, Polygon, Shape},
    },
    cut,
};
use crate::geo::Position;

/// The fences as a `FeatureCollection`, in their order: what
/// [`from_geojson`](super::from_geojson) reads. Outlines run counter-clockwise, and what crosses the
/// 180th meridian is cut there (RFC 7946, sections 3.1.6 and 3.1.9).
pub fn to_geojson(fences: &[Fence]) -> String {
    let features = fences.iter().map(feature).collect();
    GeoJson::from(FeatureCollection { bbox: None, features, foreign_members: None }).to_string()
}

fn feature(fence: &Fence) -> Feature {
    let mut properties: JsonObject = fence.tags.clone();
    properties.insert("name".into(), fence.name.clone().into());
    let mut set = |name: &str, value: Option<JsonValue>| {
        if let Some(value) = value {
            properties.insert(name.into(), value);
        }
    };
    set("kind", fence.kind.clone().map(Into::into));
    set("hysteresis_m", fence.rules.hysteresis_m.map(Into::into));
    set("confirm_fixes", fence.rules.confirm_fixes.map(Into::into));
    set("dwell_s", fence.rules.dwell_s.map(Into::into));
    match &fence.shape.0.outline {
        Outline::Circle { radius_m, .. } => set("radius_m", Some((*radius_m).into())),
        Outline::Corridor { width_m, .. } => set("width_m", Some((*width_m).into())),
        Outline::Area { .. } => {}
    }
    Feature {
        bbox: None,
        geometry: Some(Geometry::new(geometry(&fence.shape))),
        id: Some(Id::String(fence.id.as_str().to_owned())),
        properties: Some(properties),
        foreign_members: None,
    }
}

fn geometry(shape: &Shape) -> GeometryValue {
    match &shape.0.outline {
        Outline::Circle { centre, .. } => GeometryValue::new_point(pair(*centre)),
        Outline::Area { polygons, .. } => {
            let mut polygons: Vec<_> =
                polygons.iter().flat_map(cut::polygon).map(|polygon| rings(&polygon)).collect();
            match polygons.len() {
                1 => GeometryValue::new_polygon(polygons.remove(0)),
                _ => GeometryValue::new_multi_polygon(polygons),
            }
        }
        Outline::Corridor { lines, .. } => {
            let mut lines: Vec<Vec<[f64; 2]>> = lines
                .iter()
                .flat_map(|line| cut::line(line))
                .map(|line| line.into_iter().map(pair).collect())
                .collect();
            match lines.len() {
                1 => GeometryValue::new_line_string(lines.remove(0)),
                _ => GeometryValue::new_multi_line_string(lines),
            }
        }
    }
}

/// Longitude first, to 12 decimals (0.1 µm): a whole turn around the globe costs the last bits of a
/// longitude, and what is read and written again must stay as it was.
fn pair(point: Position) -> [f64; 2] {
    [(point.lon * 1e12).round() / 1e12, point.lat]
}

/// Closed, and on the globe.
fn rings(polygon: &Polygon) -> Vec<Vec<[f64; 2]>> {
    let closed = |ring: &Vec<Position>| {
        ring.iter().chain(ring.first()).copied().map(pair).collect::<Vec<_>>()
    };
    polygon.rings().map(closed).collect()
}

/// The points moved by the whole turn that brings their middle onto the globe.
pub(super) fn homed(points: Vec<Position>, middle: f64) -> Vec<Position> {
    let turn = turn_towards(middle, 0.0);
    let onto = |point: Position| {
        let point = moved(point, turn);
        Position { lon: point.lon.clamp(-180.0, 180.0), ..point }
    };
    points.into_iter().map(onto).collect()
}
