//! Encoded polylines: a line as a short string, as maps and OSRM exchange it.
//!
//! Google's Encoded Polyline Algorithm Format: latitude before longitude, each as the difference to
//! the point before, zigzag, in groups of five bits from `?` (63) upwards. `polyline6` keeps six
//! decimals (0.1 m), Google's own format five.
//!
//! ```
//! use fleet_core::geo::{Position, polyline};
//! let line = [Position::new(26.1844, 91.7458)?, Position::new(25.5689, 91.8831)?];
//! assert_eq!(polyline::encode(&line, 6), "_ld}p@o_v~mDvcqd@gdkG");
//! assert_eq!(polyline::decode("_ld}p@o_v~mDvcqd@gdkG", 6)?, line);
//! # Ok::<(), fleet_core::Error>(())
//! ```

use super::Position;
use crate::{Error, Result};

/// The line with `precision` decimals (5 for Google's format, 6 for `polyline6`; more than 9 is 9).
pub fn encode(line: &[Position], precision: u8) -> String {
    let factor = power_of_ten(precision);
    let mut text = String::with_capacity(line.len() * 8);
    let (mut lat, mut lon) = (0, 0);
    for point in line {
        let next = (fixed(point.lat, factor), fixed(point.lon, factor));
        push(&mut text, next.0 - lat);
        push(&mut text, next.1 - lon);
        (lat, lon) = next;
    }
    text
}

/// The points of an encoded line; an empty text is an empty line.
///
/// # Errors
/// `Invalid` if the text breaks off, holds a byte outside the format, or leaves the globe, as it
/// does when five decimals are read as six.
pub fn decode(text: &str, precision: u8) -> Result<Vec<Position>> {
    let factor = power_of_ten(precision);
    let mut bytes = text.bytes();
    let (mut lat, mut lon) = (0_i64, 0_i64);
    let mut line = Vec::new();
    while bytes.len() > 0 {
        lat += pull(&mut bytes)?;
        lon += pull(&mut bytes)?;
        line.push(Position::new(degrees(lat, factor), degrees(lon, factor))?);
    }
    Ok(line)
}

fn power_of_ten(precision: u8) -> f64 {
    (0..precision.min(9)).fold(1.0, |power, _| power * 10.0)
}

fn fixed(degrees: f64, factor: f64) -> i64 {
    (degrees * factor).round() as i64
}

fn degrees(fixed: i64, factor: f64) -> f64 {
    fixed as f64 / factor
}

fn push(text: &mut String, delta: i64) {
    let mut rest = (delta << 1) ^ (delta >> 63);
    loop {
        let group = u8::try_from(rest & 31).expect("five bits");
        rest >>= 5;
        text.push(char::from(63 + group + if rest > 0 { 32 } else { 0 }));
        if rest == 0 {
            return;
        }
    }
}

fn pull(bytes: &mut impl Iterator<Item = u8>) -> Result<i64> {
    let mut zigzag = 0_i64;
    for shift in (0..45).step_by(5) {
        let byte =
            bytes.next().ok_or_else(|| Error::invalid("polyline: breaks off in a number"))?;
        let group = byte.checked_sub(63).filter(|group| *group < 64);
        let group =
            group.ok_or_else(|| Error::invalid(format!("polyline: byte {byte} is not of it")))?;
        zigzag |= i64::from(group & 31) << shift;
        if group & 32 == 0 {
            return Ok((zigzag >> 1) ^ -(zigzag & 1));
        }
    }
    Err(Error::invalid("polyline: a number is longer than 45 bits"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn googles_example_comes_out() {
        let line = [(38.5, -120.2), (40.7, -120.95), (43.252, -126.453)]
            .map(|(lat, lon)| Position { lat, lon });
        assert_eq!(encode(&line, 5), "_p~iF~ps|U_ulLnnqC_mqNvxq`@");
        assert_eq!(decode("_p~iF~ps|U_ulLnnqC_mqNvxq`@", 5).unwrap(), line);
    }

    #[test]
    fn damaged_text_is_refused() {
        for text in ["_ld}p@", "_", " ", "é", "~~~~~~~~~~~~~~~~"] {
            assert!(decode(text, 6).is_err(), "{text:?}");
        }
        assert!(decode("_ld}p@o_v~mD", 5).is_err(), "six decimals read as five leave the globe");
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(
            line in prop::collection::vec((-90.0..=90.0, -180.0..=180.0), 0..20),
            precision in 5_u8..=6,
        ) {
            let line: Vec<_> = line.into_iter().map(|(lat, lon)| Position { lat, lon }).collect();
            let back = decode(&encode(&line, precision), precision).unwrap();
            prop_assert_eq!(back.len(), line.len());
            let half_unit = 0.500_001 / power_of_ten(precision);
            for (a, b) in line.iter().zip(&back) {
                prop_assert!((a.lat - b.lat).abs() <= half_unit && (a.lon - b.lon).abs() <= half_unit);
            }
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in ".{0,60}") {
            let _ = decode(&text, 6);
        }
    }
}
