//! Extracts made by hand or by a generator, for tests and measurements. Feature `testkit`.
//!
//! A [`Made`] extract is written as XML and as PBF, so that both readers can be held against one
//! another, and against anybody else's.
//!
//! ```
//! use fleet_core::route::osm::{self, Options, Source, made::Made};
//! let mut town = Made::default();
//! town.node(1, 26.20, 91.70, &[]).node(2, 26.20, 91.71, &[("barrier", "gate")]);
//! town.way(7, &[1, 2], &[("highway", "residential")]);
//! let read = |bytes: &[u8]| osm::read(Source::Bytes(bytes), &Options::default(), &mut |_| {});
//! assert_eq!(read(town.xml().as_bytes())?.report, read(&town.pbf())?.report);
//! # Ok::<(), fleet_core::Error>(())
//! ```

mod city;

use std::fmt::Write;

pub use super::pbf::write::{Message, Packing, blob, pbf};
use super::{
    Options, Region, Source,
    element::{Kind, Member, Role},
};
use crate::ErrorKind;

/// An element with its id and tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged<T> {
    pub(super) id: i64,
    pub(super) what: T,
    pub(super) tags: Vec<(String, String)>,
}

/// An extract in memory, in the order in which files have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Latitude and longitude in 1e-7 degrees.
    pub(super) nodes: Vec<Tagged<(i32, i32)>>,
    pub(super) ways: Vec<Tagged<Vec<i64>>>,
    /// Members with their roles in words.
    pub(super) relations: Vec<Tagged<Vec<(Member, String)>>>,
}

fn owned(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

impl Made {
    /// Adds a node, in degrees.
    pub fn node(&mut self, id: i64, lat: f64, lon: f64, tags: &[(&str, &str)]) -> &mut Self {
        let e7 = |degrees: f64| (degrees * 1e7).round() as i32;
        self.nodes.push(Tagged { id, what: (e7(lat), e7(lon)), tags: owned(tags) });
        self
    }

    /// Adds a way along nodes.
    pub fn way(&mut self, id: i64, nodes: &[i64], tags: &[(&str, &str)]) -> &mut Self {
        self.ways.push(Tagged { id, what: nodes.to_vec(), tags: owned(tags) });
        self
    }

    /// Adds a relation; members are `("way", 7, "from")`. Kinds other than `node` and `way` are
    /// relations.
    pub fn relation(
        &mut self,
        id: i64,
        members: &[(&str, i64, &str)],
        tags: &[(&str, &str)],
    ) -> &mut Self {
        let member = |&(kind, id, role): &(&str, i64, &str)| {
            let kind = match kind {
                "node" => Kind::Node,
                "way" => Kind::Way,
                _ => Kind::Relation,
            };
            (Member { kind, id, role: Role::of(role) }, role.to_owned())
        };
        let what = members.iter().map(member).collect();
        self.relations.push(Tagged { id, what, tags: owned(tags) });
        self
    }

    /// Adds a turn restriction from a way via a node to a way, e.g. `no_left_turn`.
    pub fn turn(&mut self, id: i64, (from, via, to): (i64, i64, i64), rule: &str) -> &mut Self {
        let members = [("way", from, "from"), ("node", via, "via"), ("way", to, "to")];
        self.relation(id, &members, &[("type", "restriction"), ("restriction", rule)])
    }

    /// Nodes, ways and relations.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.nodes.len(), self.ways.len(), self.relations.len())
    }

    /// As a PBF file packed with zlib.
    pub fn pbf(&self) -> Vec<u8> {
        pbf(self, Packing::Zlib)
    }

    /// As an XML file.
    pub fn xml(&self) -> String {
        let mut xml =
            String::from("<?xml version='1.0' encoding='UTF-8'?>\n<osm version=\"0.6\">\n");
        for Tagged { id, what: (lat, lon), tags } in &self.nodes {
            let (lat, lon) = (f64::from(*lat) / 1e7, f64::from(*lon) / 1e7);
            let _ = write!(xml, " <node id=\"{id}\" lat=\"{lat}\" lon=\"{lon}\"");
            close(&mut xml, "node", tags, "");
        }
        for Tagged { id, what, tags } in &self.ways {
            let _ = write!(xml, " <way id=\"{id}\"");
            let refs: String = what.iter().map(|id| format!("  <nd ref=\"{id}\"/>\n")).collect();
            close(&mut xml, "way", tags, &refs);
        }
        for Tagged { id, what, tags } in &self.relations {
            let _ = write!(xml, " <relation id=\"{id}\"");
            let member = |(member, role): &(Member, String)| {
                let kind = match member.kind {
                    Kind::Node => "node",
                    Kind::Way => "way",
                    Kind::Relation => "relation",
                };
                let (id, role) = (member.id, escaped(role));
                format!("  <member type=\"{kind}\" ref=\"{id}\" role=\"{role}\"/>\n")
            };
            close(&mut xml, "relation", tags, &what.iter().map(member).collect::<String>());
        }
        xml.push_str("</osm>\n");
        xml
    }

    /// A city of `side` × `side` junctions some 120 m apart: streets of five classes with bends
    /// between junctions, half of the residential ones open one way, forbidden or prescribed turns
    /// at one junction in twenty, some limits and hours. The same seed gives the same city.
    pub fn city(side: u32, seed: u64) -> Self {
        city::made(side, seed)
    }
}

/// What every input must come to: it is refused as `Invalid`, or it is a network of roads with
/// length, and the same one each time. Fuzz targets and tests share it.
///
/// # Panics
/// If it is anything else.
pub fn read_or_refused(bytes: &[u8]) {
    let read = || super::read(Source::Bytes(bytes), &Options::default(), &mut |_| {});
    match read() {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid, "{error}"),
        Ok(Region { network, report }) => {
            let segments = network.segments();
            assert_eq!(segments.len() as u64, report.segments);
            assert!(segments.iter().all(|segment| segment.length_m > 0.0));
            let again = read().map(|again| again.network.fingerprint());
            assert_eq!(again.ok(), Some(network.fingerprint()), "read twice, two networks");
        }
    }
}

/// [`read_or_refused`] for the one block of a PBF file, so that damage reaches the elements.
///
/// # Panics
/// As [`read_or_refused`].
pub fn block_read_or_refused(block: &[u8]) {
    let header = Message::default().bytes(4, b"DenseNodes").0.clone();
    let header = blob("OSMHeader", &header, Packing::Raw);
    read_or_refused(&[header, blob("OSMData", block, Packing::Raw)].concat());
}

fn close(xml: &mut String, name: &str, tags: &[(String, String)], content: &str) {
    if tags.is_empty() && content.is_empty() {
        xml.push_str("/>\n");
        return;
    }
    xml.push_str(">\n");
    xml.push_str(content);
    for (key, value) in tags {
        let _ = writeln!(xml, "  <tag k=\"{}\" v=\"{}\"/>", escaped(key), escaped(value));
    }
    let _ = writeln!(xml, " </{name}>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
