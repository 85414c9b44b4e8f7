//! Road networks from OpenStreetMap extracts, and as such. Feature `osm`.
//!
//! [`read()`] makes a [`Network`] of any region from an extract, OSM XML (plain or packed with
//! gzip) or PBF, told apart by their first bytes. The steps, each a file here:
//!
//! - `xml`, `pbf`: elements, one after the other, from bytes that nobody vouches for. Memory has
//!   bounds, and every fault has its place in the file;
//! - `tags`: which ways a truck may drive, how fast, how rough, within which limits; its table is
//!   the documentation of what becomes a road;
//! - `extract`: two passes over the file, roads first and then the nodes that they pass;
//! - `graph`: ways are cut at junctions, and joined where there is none;
//! - `local`: roads only for those who live there are closed to through traffic;
//! - `heights`: from the terrain tiles of [`crate::geo::dem`], or from tags;
//! - `places`, `turns`, `convert`: names, turn restrictions, and the network itself.
//!
//! What an extract does not have stays absent: states with their price of diesel, zones, toll
//! fees, depots, flows. Whatever needs them says so. What was found, left out or not understood is
//! in the [`Report`].
//!
//! ```
//! use fleet_core::route::{BuiltinRouter, osm::{self, Options, Source}};
//! let extract = br#"<osm version="0.6">
//!     <node id="1" lat="26.20" lon="91.70"/>
//!     <node id="2" lat="26.20" lon="91.71"/>
//!     <way id="7"><nd ref="1"/><nd ref="2"/>
//!         <tag k="highway" v="trunk"/><tag k="ref" v="NH27"/><tag k="oneway" v="yes"/></way>
//! </osm>"#;
//! let region = osm::read(Source::Bytes(extract), &Options::default(), &mut |_| {})?;
//! assert_eq!((region.report.segments, region.report.one_ways), (1, 1));
//! let router = BuiltinRouter::new(region.network.into());
//! let node = |id| router.network().node(id).ok_or("no such node");
//! assert_eq!(router.route_nodes(node("osm:1")?, node("osm:2")?)?.length_m.round(), 999.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`write()`] turns a [`Network`] into OSM XML, from which OSRM prepares the same
//! roads: what a router in memory and a server answer can then be compared, point for point.

mod convert;
mod element;
mod extract;
mod graph;
mod heights;
mod local;
#[cfg(any(test, feature = "testkit"))]
pub mod made;
mod pbf;
mod places;
mod report;
mod source;
mod tags;
mod turns;
mod write;
mod xml;

use std::path::{Path, PathBuf};

use self::graph::Graph;
pub use self::{
    report::{Extent, Heights, Islands, Local, Notes, Report, Turns},
    source::{Format, Source},
    tags::{Highway, LeftOut, SpeedProfile},
    write::{Export, SpeedTag, write},
};
use super::Network;
use crate::{Error, Result, geo::dem::Dem};

/// How an extract becomes a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The network's name.
    pub name: String,
    /// How fast roads are driven.
    pub speeds: SpeedProfile,
    /// A folder of terrain tiles; without one, heights come from `ele` tags, or are unknown.
    pub dem: Option<PathBuf>,
    /// The steepest that a road is made where heights come from tiles or tags, rise over run.
    pub grade_max: f64,
    /// Parts that no road joins to the largest are dropped if their roads are shorter, km; 0 keeps
    /// all.
    pub least_island_km: f64,
    /// How far the region's clock is ahead of UTC, minutes: hours in tags are the region's.
    pub utc_offset_min: i32,
}

impl Default for Options {
    /// A laden truck in India, no terrain tiles, islands from 1 km.
    fn default() -> Self {
        Self {
            name: "osm".to_owned(),
            speeds: SpeedProfile::truck(),
            dem: None,
            grade_max: heights::GRADE_MAX,
            least_island_km: 1.0,
            utc_offset_min: 330,
        }
    }
}

/// How far reading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Bytes of the file done, where it is being read.
    pub done: u64,
    /// Bytes of the file; 0 if unknown.
    pub total: u64,
}

/// The steps of reading, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The first pass over the file: ways and relations.
    Roads,
    /// The second pass: the nodes of the roads.
    Nodes,
    /// Ways become segments between junctions.
    Graph,
    /// Heights, names, turns, and the network.
    Network,
}

impl Stage {
    /// The step in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Roads => "reading roads",
            Self::Nodes => "reading their points",
            Self::Graph => "finding junctions",
            Self::Network => "heights, names and turns",
        }
    }
}

/// A network with what there is to know about how it came to be.
#[derive(Clone, Debug)]
pub struct Region {
    /// The roads.
    pub network: Network,
    /// What was found in the extract.
    pub report: Report,
}

/// Makes a network from an extract. Takes seconds for a million segments; `progress` is told how
/// far it has come.
///
/// # Errors
/// `NotFound` if there is no such file or folder of tiles; `Invalid` if it is no extract, with the
/// place of what is wrong in it, or if it has no road for trucks; `Unavailable` if it cannot be
/// read.
pub fn read(
    source: Source<'_>,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Region> {
    check(options)?;
    let dem = options.dem.as_deref().map(Dem::open).transpose()?;
    let format = source.format()?;
    let mut report = Report::default();
    let extract = extract::read(source, format, &options.speeds, &mut report, progress)?;
    let total = source.length();
    progress(Progress { stage: Stage::Graph, done: total, total });
    let mut graph = Graph::new(&extract);
    report.islands = convert::drop_islands(&mut graph, &extract, options.least_island_km);
    report.local = local::close(&mut graph, &extract);
    if graph.edges.is_empty() {
        return Err(Error::invalid("no road that a truck may drive has two points in the extract"));
    }
    progress(Progress { stage: Stage::Network, done: total, total });
    let network = convert::network(&graph, &extract, options, dem.as_ref(), &mut report)?;
    Ok(Region { network, report })
}

/// A network from any file that holds one.
#[derive(Clone, Debug)]
pub enum Loaded {
    /// From a JSON network, which says everything itself: options do not touch it.
    Json(Box<Network>),
    /// From an extract.
    Osm(Box<Region>),
}

impl Loaded {
    /// The network alone.
    pub fn into_network(self) -> Network {
        match self {
            Self::Json(network) => *network,
            Self::Osm(region) => region.network,
        }
    }
}

/// Most bytes of a JSON network: it is read into memory whole.
const JSON_MAX: u64 = 1 << 30;

/// Reads a network from JSON or from an extract, whichever the file holds.
///
/// # Errors
/// As [`read()`] and [`Network::from_json`].
pub fn load(
    source: Source<'_>,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Loaded> {
    match source.format()? {
        Format::Json => {
            let text = source.text(JSON_MAX)?;
            let network = Network::from_json(&text).map_err(|error| source.name(error))?;
            Ok(Loaded::Json(Box::new(network)))
        }
        Format::Xml | Format::Pbf => {
            read(source, options, progress).map(|region| Loaded::Osm(Box::new(region)))
        }
    }
}

impl Network {
    /// The network that a file holds: JSON of the bundled network's form, or an extract, OSM XML (plain
    /// or gzip) or PBF, read with the usual [`Options`]. The first bytes decide, not the name.
    ///
    /// # Errors
    /// `NotFound` if there is no such file; `Unavailable` if it cannot be read; `Invalid` with the file's
    /// name and the place of the fault.
    ///
    /// ```
    /// use fleet_core::route::Network;
    /// let file = concat!(env!("CARGO_MANIFEST_DIR"), "/data/ne_india_network.json");
    /// let network = Network::from_file(file.as_ref())?;
    /// assert_eq!(network.fingerprint(), Network::ne_india().fingerprint());
    /// # Ok::<(), fleet_core::Error>(())
    /// ```
    pub fn from_file(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let options = Options { name, ..Options::default() };
        load(Source::File(path), &options, &mut |_| {}).map(Loaded::into_network)
    }
}

fn check(options: &Options) -> Result<()> {
    let Options { grade_max, least_island_km, utc_offset_min, .. } = options;
    if !(0.01..=1.0).contains(grade_max) {
        return Err(Error::invalid(format!("grade_max: {grade_max} is outside 0.01 to 1")));
    }
    if !(0.0..=1e9).contains(least_island_km) {
        let text = format!("least_island_km: {least_island_km} is outside 0 to 1e9");
        return Err(Error::invalid(text));
    }
    if !(-840..=840).contains(utc_offset_min) {
        let text = format!("utc_offset_min: {utc_offset_min} is outside -840 to 840");
        return Err(Error::invalid(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
