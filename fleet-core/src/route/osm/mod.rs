//! Road networks as OpenStreetMap extracts. Feature `osm`.
//!
//! [`write()`] turns a [`Network`](super::Network) into OSM XML, from which OSRM prepares the same
//! roads: what a router in memory and a server answer can then be compared, point for point.

mod write;

pub use write::{Export, SpeedTag, write};
