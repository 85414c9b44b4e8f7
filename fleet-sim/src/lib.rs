//! The simulated world: trucks that load, drive, rest, refuel, unload and report, and a driver that
//! runs it so that a crash cannot be seen in the data.
//!
//! [`World`] is a pure kernel: what a truck does is a function of (seed, truck, time) on a grid of
//! one second, so advancing in one step or in many gives equal bits, and neither another truck nor
//! another thread changes it. [`run`] does the I/O around it: publish, wait for the log, checkpoint.
//!
//! ```
//! use fleet_core::time::Time;
//! use fleet_sim::World;
//! let start: Time = "2026-01-05T00:00:00Z".parse()?;
//! let genesis = World::beginning(7, start);
//! let mut world = World::new(genesis, 3)?;
//! let outputs = world.advance(start.plus_ms(3_600_000));
//! assert!(outputs.len() > 300, "three trucks report every 25 to 35 s");
//! # Ok::<(), fleet_core::Error>(())
//! ```

mod driver;
mod metrics;
#[cfg(feature = "osrm")]
pub mod osrm;
mod report;
#[cfg(feature = "service")]
pub mod service;
mod settings;
mod world;

pub use driver::{Components, Finished, Progress, SimSettings, Speed, genesis, run};
pub use metrics::SimMetrics;
pub use report::{
    ByTerrain, Coverage, CoverageAhead, FleetReport, LateTrips, Line, Promises, ReportSettings,
    day_chart,
};
pub use world::{Glance, Output, Wanted, Way, World};
