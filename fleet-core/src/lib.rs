//! The SDK of Data Fleet: truck physics, routes on the roads of Northeast India, rate limits, SLO
//! maths, and the ports (log, store, state) with their backends.
//!
//! Plain `fleet-core` compiles no async runtime, no C and no network client: kernels are sync, pure
//! and deterministic. What does I/O stands behind a feature.
//!
//! | feature | brings |
//! |---|---|
//! | `sqlite` | the embedded backends of [`stream::EventLog`], [`store::FleetStore`], [`state::StateStore`] |
//! | `kafka` | [`stream::kafka`], on an Apache Kafka cluster |
//! | `mongodb` | [`store::mongodb`], on a MongoDB server |
//! | `redis` | [`state::redis`] and `ratelimit::RedisLimiter`, on a Redis server |
//! | `osrm` | `route::osrm`: the client of an OSRM server |
//! | `osm` | [`route::osm`]: road networks from OpenStreetMap extracts (XML, PBF), and as such |
//! | `geofence` | [`geofence`]: circles, polygons and corridors from GeoJSON, thousands at a time by index, and what trucks do at them |
//! | `service` | [`service`]: logs, signals and health over HTTP |
//! | `cluster` | `service`, and [`connect`]: the cluster's backends by URL |
//! | `testkit` | the laws every backend must pass, a manual clock, injected failures |
//! | `full` | all of the above but `testkit` |

pub mod analytics;
pub mod backoff;
#[cfg(feature = "cluster")]
pub mod connect;
pub mod domain;
pub mod driver;
pub mod error;
pub mod eta;
pub mod geo;
#[cfg(feature = "geofence")]
pub mod geofence;
pub mod hook;
pub mod itinerary;
pub mod matching;
mod names;
pub mod physics;
pub mod random;
pub mod ratelimit;
#[cfg(feature = "redis")]
mod redis;
pub mod refuel;
pub mod route;
pub mod series;
#[cfg(feature = "service")]
pub mod service;
pub mod settings;
pub mod slo;
#[cfg(feature = "sqlite")]
mod sqlite;
pub mod state;
pub mod store;
pub mod stream;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod time;
pub mod units;

pub use error::{Error, ErrorKind, Result};
