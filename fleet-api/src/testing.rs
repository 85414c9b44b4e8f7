//! What tests of both faces begin with.

use std::sync::Arc;

use fleet_core::{
    state::sqlite::SqliteState,
    store::sqlite::SqliteStore,
    stream::sqlite::{SqliteLog, SqliteLogSettings},
    testkit::ManualClock,
    time::{Clock, Time},
};

use crate::{Components, Service};

/// A service over empty files, which are gone with the folder.
pub(crate) fn service() -> (Arc<Service>, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Time::MIN));
    let at = |name: &str| dir.path().join(name);
    let log = SqliteLog::open(&at("log"), SqliteLogSettings::default(), Arc::clone(&clock));
    let service = Service::new(Components {
        log: Arc::new(log.expect("a log")),
        store: Arc::new(SqliteStore::open(&at("store"), Arc::clone(&clock)).expect("a store")),
        state: Arc::new(SqliteState::open(&at("state"), Arc::clone(&clock)).expect("a state")),
        clock,
        groups: Vec::new(),
        registry: prometheus::Registry::new(),
    });
    (Arc::new(service.expect("a service")), dir)
}
