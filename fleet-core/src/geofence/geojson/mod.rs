//! Fences as GeoJSON (RFC 7946), in and out.
//!
//! | geometry | fence | needs the property |
//! |---|---|---|
//! | `Point` | circle | `radius_m` |
//! | `Polygon`, `MultiPolygon` | polygon | |
//! | `LineString`, `MultiLineString` | corridor | `width_m`, in all |
//!
//! Each is a `Feature` with an `id` (its own, or a property), alone or in a `FeatureCollection`. The
//! properties `name`, `kind`, `hysteresis_m`, `confirm_fixes` and `dwell_s` are ours; all others are
//! kept as tags. Altitudes and foreign members are not kept. Coordinates are WGS84, longitude first; an
//! old `crs` member that says otherwise is refused.

mod cut;
mod read;
mod write;

pub use self::write::to_geojson;
use super::fence::Fence;
use crate::{Error, Result};

/// The most bytes of a document.
pub const GEOJSON_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// Faults named in one error; the rest is counted.
const FAULTS_SHOWN: usize = 20;

/// Reads fences from a `Feature` or a `FeatureCollection`, in the order of the document.
///
/// # Errors
/// `Invalid`: the line and column where it is no GeoJSON, or else every fault (the first 20 in words)
/// with its place, such as `features[3] (depot): geometry: polygon 0: hole 1: fewer than 3 distinct
/// corners`.
///
/// ```
/// use fleet_core::geofence::{from_geojson, to_geojson};
/// let text = r#"{"type": "Feature", "id": "depot",
///     "geometry": {"type": "Point", "coordinates": [91.7458, 26.1844]},
///     "properties": {"name": "Depot Guwahati", "radius_m": 250, "dwell_s": 900, "owner": "us"}}"#;
/// let fences = from_geojson(text)?;
/// assert_eq!(fences[0].name, "Depot Guwahati");
/// assert_eq!(from_geojson(&to_geojson(&fences))?, fences);
///
/// let error = from_geojson(&text.replace("26.1844", "126.1844")).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "geojson: 1 fault: feature (depot): geometry: latitude_deg: 126.1844 is outside -90 to 90",
/// );
/// # Ok::<(), fleet_core::Error>(())
/// ```
pub fn from_geojson(text: &str) -> Result<Vec<Fence>> {
    if text.len() > GEOJSON_BYTES_MAX {
        let found = text.len();
        return Err(Error::invalid(format!(
            "geojson: {found} bytes, the most is {GEOJSON_BYTES_MAX}"
        )));
    }
    let document: geojson::GeoJson =
        text.parse().map_err(|e: geojson::Error| Error::invalid("geojson").with_source(e))?;
    let mut reader = read::Reader::default();
    let fences = reader.document(document);
    refuse(&reader.faults)?;
    Ok(fences)
}

fn refuse(faults: &[String]) -> Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    let shown = &faults[..faults.len().min(FAULTS_SHOWN)];
    let more = match faults.len() - shown.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let count = match faults.len() {
        1 => "1 fault".to_owned(),
        count => format!("{count} faults"),
    };
    Err(Error::invalid(format!("geojson: {count}: {}{more}", shown.join("; "))))
}
