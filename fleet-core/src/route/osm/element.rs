//! What both formats are made of: nodes, ways and relations with tags.

use std::fmt;

use crate::{Error, Result, geo::Position};

/// Tags of one element; people rarely give twenty.
const TAGS_MAX: usize = 4_096;
/// Nodes of one way; OSM itself allows 2,000.
pub(super) const REFS_MAX: usize = 65_535;
/// Members of one relation; OSM itself allows 32,000.
pub(super) const MEMBERS_MAX: usize = 1_000_000;

/// Takes the elements of a file, in the file's order.
pub(super) trait Visitor {
    /// Which kinds are of use; others may be passed over unread.
    fn wants(&self) -> Wants;

    fn node(&mut self, node: Node, tags: &Tags) -> Result<()>;

    fn way(&mut self, id: i64, refs: &[i64], tags: &Tags) -> Result<()>;

    fn relation(&mut self, id: i64, members: &[Member], tags: &Tags) -> Result<()>;
}

/// The kinds of elements a pass over the file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wants {
    pub(super) nodes: bool,
    pub(super) ways_and_relations: bool,
}

/// A point of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) id: i64,
    pub(super) at: Point,
}

/// A place in OSM's own unit, 1e-7 degrees: both formats give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    pub(super) lat_e7: i32,
    pub(super) lon_e7: i32,
}

impl Point {
    /// From 1e-9 degrees; `None` off the globe.
    pub(super) fn from_nano(lat: i64, lon: i64) -> Option<Self> {
        let on_globe = (-90_000_000_000..=90_000_000_000).contains(&lat)
            && (-180_000_000_000..=180_000_000_000).contains(&lon);
        let e7 = |nano: i64| i32::try_from((nano + 50 * nano.signum()) / 100).ok();
        on_globe.then_some(Self { lat_e7: e7(lat)?, lon_e7: e7(lon)? })
    }

    /// From degrees; `None` off the globe or if a number is undefined.
    pub(super) fn from_degrees(lat: f64, lon: f64) -> Option<Self> {
        let on_globe = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
        let e7 = |degrees: f64| (degrees * 1e7).round() as i32;
        on_globe.then(|| Self { lat_e7: e7(lat), lon_e7: e7(lon) })
    }

    /// In degrees: the nearest number to the seven decimals.
    pub(super) fn position(self) -> Position {
        Position { lat: f64::from(self.lat_e7) / 1e7, lon: f64::from(self.lon_e7) / 1e7 }
    }
}

/// The kinds of things a relation holds together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Node,
    Way,
    Relation,
}

/// One thing a relation holds, and its part in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) kind: Kind,
    pub(super) id: i64,
    pub(super) role: Role,
}

/// The parts that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    From,
    Via,
    To,
    Other,
}

impl Role {
    pub(super) fn of(word: &str) -> Self {
        match word {
            "from" => Self::From,
            "via" => Self::Via,
            "to" => Self::To,
            _ => Self::Other,
        }
    }
}

/// The tags of an element: keys with values, in the file's order. One buffer serves all elements.
#[derive(Clone, Default)]
pub(super) struct Tags {
    text: String,
    /// Where each key and its value end in `text`.
    ends: Vec<(usize, usize)>,
}

impl Tags {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Adds a tag.
    ///
    /// # Errors
    /// `Invalid` if the element has too many.
    pub(super) fn push(&mut self, key: &str, value: &str) -> Result<()> {
        if self.ends.len() == TAGS_MAX {
            return Err(Error::invalid(format!("more than {TAGS_MAX} tags")));
        }
        self.text.push_str(key);
        let key_end = self.text.len();
        self.text.push_str(value);
        self.ends.push((key_end, self.text.len()));
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |&(key_end, end)| {
            let tag = (&self.text[start..key_end], &self.text[key_end..end]);
            start = end;
            tag
        })
    }

    /// The value of a key, if it stands there and is not empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.iter()
            .find(|tag| tag.0 == key)
            .map(|tag| tag.1.trim())
            .filter(|value| !value.is_empty())
    }

    /// The first key of these that stands there, with its value.
    pub(super) fn first<'a>(&self, keys: &[&'a str]) -> Option<(&'a str, &str)> {
        keys.iter().find_map(|&key| Some((key, self.get(key)?)))
    }

    pub(super) fn is(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value)
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Tags {
    fn from(pairs: [(&str, &str); N]) -> Self {
        let mut tags = Self::default();
        for (key, value) in pairs {
            tags.push(key, value).expect("few tags, written in the code");
        }
        tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_back_in_order_and_by_key() {
        let tags = Tags::from([("highway", "primary"), ("name", " Main "), ("ref", "")]);
        assert_eq!(tags.iter().count(), 3);
        assert_eq!((tags.get("name"), tags.get("ref"), tags.get("x")), (Some("Main"), None, None));
        assert_eq!(tags.first(&["hgv", "highway", "name"]), Some(("highway", "primary")));
    }

    #[test]
    fn an_element_has_not_too_many_tags() {
        let mut tags = Tags::default();
        for _ in 0..TAGS_MAX {
            tags.push("a", "b").unwrap();
        }
        assert!(tags.push("a", "b").is_err());
    }

    #[test]
    fn both_ways_to_a_point_give_the_same_bits() {
        for (nano, degrees) in [(26_120_500_000, 26.120_5), (-91_822_000_100, -91.822_000_1)] {
            let (lat, lon) = (nano / 10, nano);
            let by_nano = Point::from_nano(lat, lon).unwrap();
            assert_eq!(by_nano, Point::from_degrees(degrees / 10.0, degrees).unwrap());
            assert_eq!(by_nano.position().lon.to_bits(), f64::to_bits(degrees));
        }
        assert_eq!(Point::from_nano(90_000_000_001, 0), None);
        assert_eq!(Point::from_degrees(f64::NAN, 0.0), None);
    }
}
