//! The cluster's backends by URL, for programs whose settings name them.
//!
//! | port | URL |
//! |---|---|
//! | log | `kafka://HOST:PORT[,HOST:PORT…]` |
//! | store | `mongodb://[USER:PASSWORD@]HOST:PORT[/DATABASE][?OPTIONS]`, database `fleet` unless named |
//! | state | `redis://[USER:PASSWORD@]HOST:PORT[/NUMBER]` |
//!
//! The embedded backends belong to one process and are opened as such.

mod kafka_metrics;

use std::sync::Arc;

use prometheus::Registry;
use tracing::warn;

use crate::{
    Error, Result,
    ratelimit::{RateLimiter, RedisLimiter},
    state::{
        StateStore,
        redis::{Durability, RedisState},
    },
    store::{
        FleetStore,
        mongodb::{MongoStore, Sweep},
    },
    stream::{
        EventLog, Topic,
        kafka::{KafkaLog, KafkaSettings},
    },
    time::Clock,
};

/// Database and key prefix of a fleet.
const NAME: &str = "fleet";

/// The log that `url` names; its topics are made and checked, and what its clients come to is told
/// in `registry` as `fleet_kafka_*`.
///
/// # Errors
/// As for [`store`]; `Internal` if a metric's name is taken.
pub async fn log(
    url: &str,
    registry: &Registry,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn EventLog>> {
    let settings = KafkaSettings::from_url(url)?;
    let log = Arc::new(KafkaLog::open(settings, &Topic::FLEET, clock).await?);
    let told = kafka_metrics::Told::new(Arc::clone(&log))
        .and_then(|told| registry.register(Box::new(told)));
    told.map_err(|cause| Error::internal("a metric of kafka's clients").with_source(cause))?;
    Ok(log)
}

/// The store that `url` names; its collections and indexes are made and checked.
///
/// # Errors
/// `Invalid` for a URL of another form or a server that cannot be used as it is set up;
/// `Unavailable` if it is not there.
pub async fn store(url: &str, clock: Arc<dyn Clock>) -> Result<Arc<dyn FleetStore>> {
    let database = database_of(url).unwrap_or(NAME);
    Ok(Arc::new(MongoStore::open(url, database, Sweep::Server, clock).await?))
}

/// The path of a MongoDB URL, which names the database.
fn database_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (_, path) = rest.split_once('/')?;
    path.split('?').next().filter(|name| !name.is_empty())
}

/// The state store that `url` names. What it can lose as it is set up is logged.
///
/// # Errors
/// As for [`store`].
pub async fn state(url: &str, clock: Arc<dyn Clock>) -> Result<Arc<dyn StateStore>> {
    let state = RedisState::new(url, NAME, clock)?;
    match state.durability().await? {
        Durability::Always => {}
        durability => warn!(
            ?durability,
            "redis may lose what it has acknowledged; older checkpoints are then gone on from, with \
             the same events, but not with OSRM, whose plans are lost with them"
        ),
    }
    Ok(Arc::new(state))
}

/// A rate limiter on the Redis server that `url` names, which is asked when somebody first comes.
///
/// # Errors
/// `Invalid` for a URL of another form.
pub fn limiter(url: &str) -> Result<Arc<dyn RateLimiter>> {
    Ok(Arc::new(RedisLimiter::new(url, NAME)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_by_the_path() {
        assert_eq!(database_of("mongodb://u:p@h:1/north?x=/y"), Some("north"));
        for url in ["mongodb://h:1", "mongodb://h:1/", "mongodb://h:1/?directConnection=true"] {
            assert_eq!(database_of(url), None, "{url}");
        }
    }
}
