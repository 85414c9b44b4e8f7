//! The register of trucks, and how a simulated run began.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{TruckId, event::check_text, ranges};
use crate::{Error, Result, time::Time};

/// What is known of a truck that does not change from report to report.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredTruck {
    /// The truck.
    pub truck_id: TruckId,
    /// Its model's id in the bundled set, e.g. `rigid_6x2_31t`.
    pub model: String,
    /// Its model's name for people.
    pub model_name: String,
    /// Home depot's id.
    pub depot: String,
    /// Empty mass, kg.
    pub kerb_kg: f64,
    /// Greatest load, kg.
    pub payload_max_kg: f64,
    /// Size of the tank, l.
    pub fuel_tank_l: f64,
}

impl RegisteredTruck {
    /// Checks every field against its range.
    ///
    /// # Errors
    /// `Invalid`, naming the first field that breaks a rule, its value and the rule.
    pub fn validate(&self) -> Result<()> {
        check_text("model", &self.model)?;
        check_text("model_name", &self.model_name)?;
        check_text("depot", &self.depot)?;
        ranges::KERB_KG.check(self.kerb_kg)?;
        ranges::PAYLOAD_MAX_KG.check(self.payload_max_kg)?;
        ranges::FUEL_TANK_L.check(self.fuel_tank_l).map(drop)
    }
}

/// How a run began: fixed for its life, kept with its state and in its store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Seed of all randomness.
    pub seed: u64,
    /// Simulated time at which the world began; a multiple of one second.
    pub start: Time,
    /// World time minus platform time at the beginning, ms: at speed 1 it holds for ever.
    pub clock_offset_ms: i64,
    /// Version of the world's rules and data; a world of another version is another world.
    pub world_version: u32,
    /// Whose ways the trucks drive.
    #[serde(default, skip_serializing_if = "RouterKind::is_builtin")]
    pub router: RouterKind,
}

/// Who answers which way a truck goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouterKind {
    /// The router in the program: a function of the question.
    #[default]
    Builtin,
    /// An OSRM server, whose answers are kept: its data may change.
    Osrm,
}

impl RouterKind {
    /// Whether it is the router in the program.
    pub fn is_builtin(&self) -> bool {
        *self == Self::Builtin
    }
}

impl fmt::Display for RouterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Builtin => "builtin",
            Self::Osrm => "osrm",
        })
    }
}

impl Genesis {
    /// Checks the start.
    ///
    /// # Errors
    /// `Invalid`, naming the rule.
    pub fn validate(&self) -> Result<()> {
        self.start.check("genesis.start")?;
        if self.start.as_ms() % 1_000 != 0 {
            return Err(Error::invalid("genesis.start: expected a multiple of one second"));
        }
        Ok(())
    }
}
