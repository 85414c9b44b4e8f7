//! Points on the Earth, and the few questions a fleet asks of them.
//!
//! Two rulers stand side by side. [`great_circle_m`] measures on a sphere and is right to 0.5 % at
//! any distance: use it for laws and geofences. [`flat_distance_m`] measures on the WGS84
//! ellipsoid as if it were flat around the two points: right to about 5e-5 up to some 100 km, and
//! the ruler of OSRM, so lengths of lines agree with OSRM's.
//!
//! Route geometry decides what a simulated truck does, so it must have the same bits on every
//! machine: sines come from the pure Rust crate `libm`, never from the platform's library.
//!
//! ```
//! use fleet_core::geo::{Position, great_circle_m};
//! let guwahati = Position::new(26.1844, 91.7458)?;
//! let shillong = Position::new(25.5689, 91.8831)?;
//! assert!((great_circle_m(guwahati, shillong) - 69_800.0).abs() < 100.0);
//! # Ok::<(), fleet_core::Error>(())
//! ```

mod bounding_box;
pub mod dem;
pub mod polyline;

use serde::{Deserialize, Serialize};

use crate::{Result, domain::ranges};

pub use bounding_box::BoundingBox;

/// Mean radius of the Earth R1, metres (Moritz, Geodetic Reference System 1980, IUGG).
pub const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A point on the Earth's surface, WGS84.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Latitude, degrees, -90 to 90, north positive.
    pub lat: f64,
    /// Longitude, degrees, -180 to 180, east positive.
    pub lon: f64,
}

impl Position {
    /// A point from degrees.
    ///
    /// # Errors
    /// `Invalid` if a number is not finite or outside its range; the message names it.
    pub fn new(lat: f64, lon: f64) -> Result<Self> {
        ranges::LATITUDE_DEG.check(lat)?;
        ranges::LONGITUDE_DEG.check(lon)?;
        Ok(Self { lat, lon })
    }

    /// The point at share `t` (0 to 1) of the straight line to `other`, in degrees.
    #[must_use]
    pub fn lerp(self, other: Self, t: f64) -> Self {
        Self {
            lat: self.lat + t * (other.lat - self.lat),
            lon: self.lon + t * (other.lon - self.lon),
        }
    }
}

/// Length in metres of the shortest line between two points on a sphere of [`EARTH_RADIUS_M`].
///
/// Haversine formula (Sinnott, *Virtues of the Haversine*, Sky and Telescope 68, 1984).
pub fn great_circle_m(a: Position, b: Position) -> f64 {
    let (lat_a, lat_b) = (a.lat.to_radians(), b.lat.to_radians());
    let sin_lat = libm::sin((lat_b - lat_a) / 2.0);
    let sin_lon = libm::sin((b.lon - a.lon).to_radians() / 2.0);
    let h = sin_lat * sin_lat + libm::cos(lat_a) * libm::cos(lat_b) * sin_lon * sin_lon;
    2.0 * EARTH_RADIUS_M * libm::asin(h.sqrt().min(1.0))
}

/// Metres per degree of latitude and of longitude at latitude `lat_deg` on the WGS84 ellipsoid.
///
/// The series of Mapbox's cheap-ruler, which OSRM uses; it lies within 5e-5 of the ellipsoid.
/// Cosines of multiples come from Chebyshev's recurrence.
pub fn metres_per_degree(lat_deg: f64) -> (f64, f64) {
    let c = libm::cos(lat_deg.to_radians());
    let c2 = 2.0 * c * c - 1.0;
    let c3 = 2.0 * c * c2 - c;
    let c4 = 2.0 * c * c3 - c2;
    let c5 = 2.0 * c * c4 - c3;
    (111_132.09 - 566.05 * c2 + 1.20 * c4, 111_415.13 * c - 94.55 * c3 + 0.12 * c5)
}

/// Metres north and metres east from `a` to `b`, flat at their mean latitude.
///
/// The shorter way around is taken where the line crosses the 180th meridian.
pub fn offset_m(a: Position, b: Position) -> (f64, f64) {
    let (north, east) = metres_per_degree((a.lat + b.lat) / 2.0);
    let mut dlon = b.lon - a.lon;
    if dlon > 180.0 {
        dlon -= 360.0;
    } else if dlon < -180.0 {
        dlon += 360.0;
    }
    ((b.lat - a.lat) * north, dlon * east)
}

/// Distance in metres between two near points (up to some 100 km): the ruler of OSRM.
pub fn flat_distance_m(a: Position, b: Position) -> f64 {
    let (north, east) = offset_m(a, b);
    (north * north + east * east).sqrt()
}

/// Direction from `a` to `b`: degrees clockwise from north, 0 <= heading < 360; 0 if they coincide.
pub fn heading_deg(a: Position, b: Position) -> f64 {
    let (north, east) = offset_m(a, b);
    let heading = libm::atan2(east, north).to_degrees();
    let heading = if heading < 0.0 { heading + 360.0 } else { heading };
    // A tiny negative angle plus 360 rounds to 360 itself.
    if heading >= 360.0 { 0.0 } else { heading }
}

/// The point `distance_m` metres from `from` towards `heading_deg`, on the sphere.
pub fn destination(from: Position, heading_deg: f64, distance_m: f64) -> Position {
    let (angle, heading) = (distance_m / EARTH_RADIUS_M, heading_deg.to_radians());
    let lat = from.lat.to_radians();
    let sin_lat =
        libm::sin(lat) * libm::cos(angle) + libm::cos(lat) * libm::sin(angle) * libm::cos(heading);
    let sin_lat = sin_lat.clamp(-1.0, 1.0);
    let east = libm::sin(heading) * libm::sin(angle) * libm::cos(lat);
    let dlon = libm::atan2(east, libm::cos(angle) - libm::sin(lat) * sin_lat);
    let mut lon = from.lon + dlon.to_degrees();
    if lon > 180.0 {
        lon -= 360.0;
    } else if lon < -180.0 {
        lon += 360.0;
    }
    Position { lat: libm::asin(sin_lat).to_degrees(), lon }
}

/// Whether `point` lies within `radius_m` metres of `centre`, the rim included.
pub fn is_in_circle(point: Position, centre: Position, radius_m: f64) -> bool {
    great_circle_m(point, centre) <= radius_m
}

/// Whether `point` lies inside the polygon, whose last corner joins the first (even-odd rule).
///
/// A point exactly on an edge may count as either; fewer than three corners hold nothing. The
/// polygon must not cross the 180th meridian. (W. R. Franklin's PNPOLY, 1970.)
pub fn is_in_polygon(point: Position, corners: &[Position]) -> bool {
    let mut inside = false;
    let Some(mut previous) = corners.last() else { return false };
    for corner in corners {
        let straddles = (corner.lat > point.lat) != (previous.lat > point.lat);
        if straddles {
            let t = (point.lat - corner.lat) / (previous.lat - corner.lat);
            if point.lon < corner.lon + t * (previous.lon - corner.lon) {
                inside = !inside;
            }
        }
        previous = corner;
    }
    inside
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near() -> impl Strategy<Value = Position> {
        (21.0..30.0, 87.0..98.0).prop_map(|(lat, lon)| Position { lat, lon })
    }

    #[test]
    fn numbers_outside_their_range_are_refused_by_name() {
        for (lat, lon, name) in [
            (90.1, 0.0, "lat"),
            (f64::NAN, 0.0, "lat"),
            (0.0, -181.0, "lon"),
            (0.0, f64::INFINITY, "lon"),
        ] {
            assert!(Position::new(lat, lon).unwrap_err().to_string().starts_with(name));
        }
    }

    #[test]
    fn the_flat_ruler_agrees_with_the_ellipsoid() {
        // One degree at 26° N from the radii of curvature of WGS84 (a = 6,378,137 m,
        // f = 1/298.257223563): 110,787.99 m of meridian, 100,117.71 m of parallel.
        let (north, east) = metres_per_degree(26.0);
        assert!((north / 110_787.99 - 1.0).abs() < 5e-5, "{north}");
        assert!((east / 100_117.71 - 1.0).abs() < 5e-5, "{east}");
    }

    #[test]
    fn the_shorter_way_crosses_the_date_line() {
        let (a, b) = (Position { lat: 0.0, lon: 179.9 }, Position { lat: 0.0, lon: -179.9 });
        assert!((flat_distance_m(a, b) - great_circle_m(a, b)).abs() < 100.0);
        assert!((heading_deg(a, b) - 90.0).abs() < 1e-9);
    }

    #[test]
    fn a_polygon_holds_its_middle_and_not_its_bay() {
        let at = |lat, lon| Position { lat, lon };
        let corners = [at(0.0, 0.0), at(0.0, 4.0), at(4.0, 4.0), at(1.0, 2.0), at(4.0, 0.0)];
        assert!(is_in_polygon(at(0.5, 2.0), &corners));
        assert!(!is_in_polygon(at(3.0, 2.0), &corners));
        assert!(!is_in_polygon(at(0.5, 2.0), &[]));
    }

    proptest! {
        #[test]
        fn rulers_agree_within_half_a_percent_and_both_ways(a in near(), b in near()) {
            let (flat, sphere) = (flat_distance_m(a, b), great_circle_m(a, b));
            prop_assert!((flat - sphere).abs() <= 0.005 * sphere + 0.01, "{flat} {sphere}");
            prop_assert!((flat - flat_distance_m(b, a)).abs() < 1e-6);
            prop_assert!((sphere - great_circle_m(b, a)).abs() < 1e-6);
        }

        #[test]
        fn the_great_circle_is_the_shortest(a in near(), b in near(), c in near()) {
            prop_assert!(great_circle_m(a, c) <= great_circle_m(a, b) + great_circle_m(b, c) + 1e-6);
        }

        #[test]
        fn going_there_arrives(a in near(), heading in 0.0..360.0, metres in 1.0..50_000.0) {
            let b = destination(a, heading, metres);
            prop_assert!((great_circle_m(a, b) - metres).abs() < 1e-3);
            prop_assert!(is_in_circle(b, a, metres + 0.01) && !is_in_circle(b, a, metres - 0.01));
            let turn = (heading_deg(a, b) - heading).abs();
            prop_assert!(turn.min(360.0 - turn) < 0.5, "{turn}");
            prop_assert!((0.0..360.0).contains(&heading_deg(a, b)));
        }
    }
}
