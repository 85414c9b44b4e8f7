//! Values that JSON and URLs show as text: whole numbers above 2^53, bytes, places, lists.

use std::{borrow::Cow, str::FromStr};

use fleet_core::{Error, geo::Position};
use serde::{Deserialize, Deserializer, Serializer, de};

/// What a parameter's text names.
pub(crate) fn parsed<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err = Error>,
    D: Deserializer<'de>,
{
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map(Some).map_err(de::Error::custom)
}

/// `longitude,latitude` in degrees: the order of GeoJSON and of bounding boxes.
pub(crate) fn lon_lat<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Position>, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    let bad = || de::Error::custom("expected longitude,latitude in degrees");
    let (lon, lat) = text.split_once(',').ok_or_else(bad)?;
    let degrees = |text: &str| text.trim().parse::<f64>().map_err(|_| bad());
    Position::new(degrees(lat)?, degrees(lon)?).map(Some).map_err(de::Error::custom)
}

/// Words by commas, at least one.
pub(crate) fn words<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: FromStr<Err = Error>,
    D: Deserializer<'de>,
{
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    text.split(',').map(|word| word.trim().parse().map_err(de::Error::custom)).collect()
}

/// A whole number in decimal digits: JSON numbers lose digits above 2^53.
pub(crate) fn digits<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// Bytes that are text for people, if they are text at all.
pub(crate) fn lossy<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}

/// Bytes in hexadecimal, two lower-case digits each.
pub(crate) fn hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS[usize::from(nibble & 0x0f)];
    let text: String = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect();
    serializer.serialize_str(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bytes_keep_every_digit() {
        let json = || serde_json::value::Serializer;
        assert_eq!(digits(&u64::MAX, json()).expect("text"), "18446744073709551615");
        assert_eq!(hex(&[0x00, 0x9f, 0xff], json()).expect("text"), "009fff");
        assert_eq!(lossy(b"TRK-1\xff", json()).expect("text"), "TRK-1\u{fffd}");
    }
}
