//! Routes on a road network.

use serde::{Deserialize, Serialize};

/// Class of a road, from the best to the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "OpenStreetMap's words")]
pub enum RoadClass {
    Motorway,
    Trunk,
    Primary,
    Secondary,
}

impl RoadClass {
    /// Every class, in the order of the contract.
    pub const ALL: [Self; 4] = [Self::Motorway, Self::Trunk, Self::Primary, Self::Secondary];

    /// The class as a word, e.g. `trunk`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Motorway => "motorway",
            Self::Trunk => "trunk",
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }
}
