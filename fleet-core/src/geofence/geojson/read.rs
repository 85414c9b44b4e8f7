//! From features to fences; faults are gathered with their places.

use std::collections::BTreeSet;

use geojson::{Feature, GeoJson, GeometryValue, JsonObject, JsonValue, feature::Id};

use super::super::{
    fence::{Fence, Rules},
    set::FENCES_MAX,
    shape::{Polygon, Shape},
};
use crate::{Error, Result, domain::FenceId, geo::Position};

/// Names of coordinate systems that are WGS84 with longitude first (GeoJSON of 2008 had `crs`).
const WGS84: [&str; 3] =
    ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326"];

/// Reads on after a fault, so that all of them are told at once.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) faults: Vec<String>,
}

impl Reader {
    pub(super) fn document(&mut self, document: GeoJson) -> Vec<Fence> {
        match document {
            GeoJson::Geometry(_) => {
                self.faults.push("a geometry alone has no id: put it into a Feature".into());
                Vec::new()
            }
            GeoJson::Feature(feature) => {
                self.crs(feature.foreign_members.as_ref());
                self.feature("feature", feature).into_iter().collect()
            }
            GeoJson::FeatureCollection(collection) => {
                self.crs(collection.foreign_members.as_ref());
                let count = collection.features.len();
                if count > FENCES_MAX {
                    self.faults.push(format!("{count} features: the most is {FENCES_MAX}"));
                    return Vec::new();
                }
                let mut ids = BTreeSet::new();
                let mut fences = Vec::new();
                for (ix, feature) in collection.features.into_iter().enumerate() {
                    let place = format!("features[{ix}]");
                    let Some(fence) = self.feature(&place, feature) else { continue };
                    if !ids.insert(fence.id.clone()) {
                        self.faults.push(format!("{place} ({}): its id is not unique", fence.id));
                    }
                    fences.push(fence);
                }
                fences
            }
        }
    }

    fn crs(&mut self, members: Option<&JsonObject>) {
        let Some(crs) = members.and_then(|members| members.get("crs")) else { return };
        let name = crs.pointer("/properties/name").and_then(JsonValue::as_str);
        if !name.is_some_and(|name| WGS84.contains(&name)) {
            self.faults.push("crs: only WGS84 is read (RFC 7946 has no crs)".into());
        }
    }

    fn feature(&mut self, place: &str, feature: Feature) -> Option<Fence> {
        let mut properties = feature.properties.unwrap_or_default();
        let id = match fence_id(feature.id.as_ref(), &mut properties) {
            Ok(id) => id,
            Err(error) => {
                self.faults.push(format!("{place}: {error}"));
                return None;
            }
        };
        let place = format!("{place} ({id})");
        let Some(geometry) = feature.geometry else {
            self.faults.push(format!("{place}: geometry: there is none"));
            return None;
        };
        let sizes = (number(&mut properties, "radius_m"), number(&mut properties, "width_m"));
        let shape = match sizes {
            (Ok(radius_m), Ok(width_m)) => shape(geometry.value, radius_m, width_m)
                .map_err(|error| Error::invalid("geometry").with_source(error)),
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        let fence = shape.and_then(|shape| fence(id, shape, properties));
        fence.map_err(|error| self.faults.push(format!("{place}: {error}"))).ok()
    }
}

fn fence_id(id: Option<&Id>, properties: &mut JsonObject) -> Result<FenceId> {
    let own = match id {
        Some(Id::String(text)) => Some(text.clone()),
        Some(Id::Number(number)) => Some(number.to_string()),
        None => None,
    };
    // A tag called id that the feature's own id goes before is not touched.
    let id = match (own, properties.get("id")) {
        (Some(own), _) => own,
        (None, Some(JsonValue::String(text))) => text.clone(),
        (None, Some(JsonValue::Number(number))) => number.to_string(),
        (None, _) => return Err(Error::invalid("id: there is none")),
    };
    if properties.get("id").and_then(JsonValue::as_str) == Some(&id) {
        properties.remove("id");
    }
    id.parse()
}

fn number(properties: &mut JsonObject, name: &str) -> Result<Option<f64>> {
    match properties.remove(name) {
        None | Some(JsonValue::Null) => Ok(None),
        Some(value) => value
            .as_f64()
            .map(Some)
            .ok_or_else(|| Error::invalid(format!("{name}: expected a number"))),
    }
}

fn whole<T: TryFrom<u64>>(properties: &mut JsonObject, name: &str) -> Result<Option<T>> {
    match properties.remove(name) {
        None | Some(JsonValue::Null) => Ok(None),
        Some(value) => {
            let whole = value.as_u64().and_then(|value| T::try_from(value).ok());
            whole
                .map(Some)
                .ok_or_else(|| Error::invalid(format!("{name}: not a fitting whole number")))
        }
    }
}

fn text(properties: &mut JsonObject, name: &str) -> Result<Option<String>> {
    match properties.remove(name) {
        None | Some(JsonValue::Null) => Ok(None),
        Some(JsonValue::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::invalid(format!("{name}: expected a text"))),
    }
}

fn fence(id: FenceId, shape: Shape, mut properties: JsonObject) -> Result<Fence> {
    let name = text(&mut properties, "name")?.unwrap_or_else(|| id.as_str().to_owned());
    let kind = text(&mut properties, "kind")?;
    let rules = Rules {
        hysteresis_m: number(&mut properties, "hysteresis_m")?,
        confirm_fixes: whole(&mut properties, "confirm_fixes")?,
        dwell_s: whole(&mut properties, "dwell_s")?,
    };
    let fence = Fence { id, name, kind, shape, rules, tags: properties };
    fence.validate()?;
    Ok(fence)
}

fn shape(value: GeometryValue, radius_m: Option<f64>, width_m: Option<f64>) -> Result<Shape> {
    let type_name = value.type_name();
    let stray = |name: &str, size: Option<f64>| match size {
        Some(_) => Err(Error::invalid(format!("{name} does not belong to a {type_name}"))),
        None => Ok(()),
    };
    let missing = |name| Error::invalid(format!("a {type_name} needs the property {name}"));
    match value {
        GeometryValue::Point { coordinates } => {
            stray("width_m", width_m)?;
            Shape::circle(position(&coordinates)?, radius_m.ok_or_else(|| missing("radius_m"))?)
        }
        GeometryValue::LineString { coordinates } => {
            stray("radius_m", radius_m)?;
            let width_m = width_m.ok_or_else(|| missing("width_m"))?;
            Shape::corridor(&[line(&coordinates)?], width_m)
        }
        GeometryValue::MultiLineString { coordinates } => {
            stray("radius_m", radius_m)?;
            let width_m = width_m.ok_or_else(|| missing("width_m"))?;
            let lines: Result<Vec<_>> = coordinates.iter().map(|points| line(points)).collect();
            Shape::corridor(&lines?, width_m)
        }
        GeometryValue::Polygon { coordinates } => {
            stray("radius_m", radius_m).and(stray("width_m", width_m))?;
            Shape::polygons(&[polygon(&coordinates)?])
        }
        GeometryValue::MultiPolygon { coordinates } => {
            stray("radius_m", radius_m).and(stray("width_m", width_m))?;
            let polygons: Result<Vec<_>> = coordinates.iter().map(|rings| polygon(rings)).collect();
            Shape::polygons(&polygons?)
        }
        GeometryValue::MultiPoint { .. } | GeometryValue::GeometryCollection { .. } => {
            Err(Error::invalid(format!("a {type_name} is no fence: give each a Feature")))
        }
    }
}

fn position(position: &geojson::Position) -> Result<Position> {
    match position.as_slice() {
        [lon, lat, ..] => Position::new(*lat, *lon),
        _ => Err(Error::invalid("a position has a longitude and a latitude")),
    }
}

fn line(points: &[geojson::Position]) -> Result<Vec<Position>> {
    let place = |(ix, point)| {
        position(point).map_err(|error| Error::invalid(format!("[{ix}]")).with_source(error))
    };
    points.iter().enumerate().map(place).collect()
}

fn polygon(rings: &[Vec<geojson::Position>]) -> Result<Polygon> {
    let mut read = Vec::with_capacity(rings.len());
    for (ix, ring) in rings.iter().enumerate() {
        let place = |error: Error| Error::invalid(format!("ring {ix}")).with_source(error);
        let ring = line(ring).map_err(place)?;
        if ring.len() < 4 || ring.first() != ring.last() {
            let text = "a ring has four positions or more, and its last is its first";
            return Err(place(Error::invalid(text)));
        }
        read.push(ring);
    }
    if read.is_empty() {
        return Err(Error::invalid("a polygon has a ring"));
    }
    let exterior = read.remove(0);
    Ok(Polygon { exterior, holes: read })
}
