//! Rectangles of longitude and latitude, as maps ask for what they show.

use std::{fmt, str::FromStr};

use super::Position;
use crate::{Error, Result, domain::ranges};

/// A rectangle in degrees, its edges included. Where `west` is greater than `east` it crosses the
/// 180th meridian (RFC 7946, section 5.2). Text form: `west,south,east,north`.
///
/// ```
/// use fleet_core::geo::{BoundingBox, Position};
/// let assam: BoundingBox = "89.7,24.1,96.0,28.0".parse()?;
/// assert!(assam.holds(Position::new(26.18, 91.75)?));
/// let fiji: BoundingBox = "177,-20,-178,-15".parse()?;
/// assert!(fiji.holds(Position::new(-17.0, -179.0)?) && !fiji.holds(Position::new(-17.0, 0.0)?));
/// # Ok::<(), fleet_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundingBox {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl BoundingBox {
    /// A rectangle from its edges, degrees.
    ///
    /// # Errors
    /// `Invalid` for a number outside its range, or a south that is north of the north.
    pub fn new(west: f64, south: f64, east: f64, north: f64) -> Result<Self> {
        for lon in [west, east] {
            ranges::LONGITUDE_DEG.check(lon)?;
        }
        for lat in [south, north] {
            ranges::LATITUDE_DEG.check(lat)?;
        }
        if south > north {
            return Err(Error::invalid(format!("south {south} is above north {north}")));
        }
        Ok(Self { west, south, east, north })
    }

    /// Whether a point lies in it or on its edge.
    pub fn holds(&self, at: Position) -> bool {
        let is_between = if self.west <= self.east {
            (self.west..=self.east).contains(&at.lon)
        } else {
            at.lon >= self.west || at.lon <= self.east
        };
        is_between && (self.south..=self.north).contains(&at.lat)
    }
}

impl fmt::Display for BoundingBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{},{}", self.west, self.south, self.east, self.north)
    }
}

impl FromStr for BoundingBox {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let numbers: Option<Vec<f64>> =
            text.split(',').map(|part| part.trim().parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[west, south, east, north]) => Self::new(west, south, east, north),
            _ => Err(Error::invalid("expected west,south,east,north in degrees")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_that_are_none_are_refused_by_what_is_wrong() {
        for (text, what) in [
            ("", "west,south,east,north"),
            ("1,2,3", "west,south,east,north"),
            ("1,2,3,4,5", "west,south,east,north"),
            ("1,2,x,4", "west,south,east,north"),
            ("181,2,3,4", "longitude_deg"),
            ("1,NaN,3,4", "latitude_deg"),
            ("1,4,3,2", "south 4"),
        ] {
            let error = text.parse::<BoundingBox>().expect_err(text).to_string();
            assert!(error.contains(what), "{text}: {error}");
        }
        let text = "89.5,24,96,28.25";
        assert_eq!(text.parse::<BoundingBox>().expect("a box").to_string(), text);
    }
}
