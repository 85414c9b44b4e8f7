//! Consumers that bring the log into the store: nothing is lost, nothing is double, and what cannot
//! be handled is set aside with its reason.
//!
//! A [`consumer`] takes a batch, writes it into the store in one step, sets bad records aside, and
//! only then commits its offsets. While the store is away it pauses and tries again; a record that
//! can never be stored goes to the dead letters alone; if even those cannot be written, it stops
//! and says so.
//!
//! | group | from | to |
//! |---|---|---|
//! | `fleet-telemetry-archiver` | telemetry | events, with an expiry |
//! | `fleet-trip-recorder` | trips, register | trips by newest revision, documents |

pub mod consumer;
mod housekeeping;
mod metrics;
#[cfg(feature = "service")]
pub mod service;
mod sink;

pub use consumer::{Components, ConsumerSettings, run};
pub use housekeeping::{Lag, keep_house};
pub use metrics::{Levels, PipelineMetrics};
pub use sink::{ARCHIVER, RECORDER, Sink};
