//! What tests of both faces begin with.

use std::sync::Arc;

use fleet_core::{
    domain::{Signals, Status, TelemetryEvent},
    geo::Position,
    ratelimit::{MemoryLimiter, RateLimiter},
    state::sqlite::SqliteState,
    store::{TelemetryWrite, Write, sqlite::SqliteStore},
    stream::{
        Partition, Place, Topic,
        lag::{Board, LagSettings},
        sqlite::{SqliteLog, SqliteLogSettings},
    },
    testkit::ManualClock,
    time::{Clock, Time},
};

use crate::{Components, Service, Settings, keys::KeyText};

/// A service over empty files, which are gone with the folder.
pub(crate) fn service() -> (Arc<Service>, tempfile::TempDir) {
    let (service, _clock, dir) = service_with(Settings::open());
    (service, dir)
}

/// The same with these settings, and its clock.
pub(crate) fn service_with(
    settings: Settings,
) -> (Arc<Service>, Arc<ManualClock>, tempfile::TempDir) {
    service_with_limiter(settings, |clock| Arc::new(MemoryLimiter::new(Arc::clone(clock))))
}

/// The same with this limiter.
pub(crate) fn service_with_limiter(
    settings: Settings,
    limiter: impl Fn(&Arc<dyn Clock>) -> Arc<dyn RateLimiter>,
) -> (Arc<Service>, Arc<ManualClock>, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a directory");
    let manual = Arc::new(ManualClock::new(Time::MIN));
    let clock: Arc<dyn Clock> = Arc::clone(&manual) as _;
    let at = |name: &str| dir.path().join(name);
    let log = SqliteLog::open(&at("log"), SqliteLogSettings::default(), Arc::clone(&clock));
    let service = Service::new(
        settings,
        Components {
            log: Arc::new(log.expect("a log")),
            store: Arc::new(SqliteStore::open(&at("store"), Arc::clone(&clock)).expect("a store")),
            state: Arc::new(SqliteState::open(&at("state"), Arc::clone(&clock)).expect("a state")),
            limiter: limiter(&clock),
            clock,
            groups: Vec::new(),
            lag: Arc::new(Board::new(&[], LagSettings::default())),
            registry: prometheus::Registry::new(),
            entropy,
            tallies: crate::slo::Tallies::new(),
            slo_source: None,
            local_key: Some(KeyText::generate(entropy).expect("random")),
        },
    );
    (Arc::new(service.expect("a service")), manual, dir)
}

/// Bytes that are never the same again, and the same in each run: every call counts on.
#[allow(clippy::unnecessary_wraps, reason = "it stands for a source that can fail")]
pub(crate) fn entropy(bytes: &mut [u8]) -> fleet_core::Result<()> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static CALLS: AtomicU64 = AtomicU64::new(1);
    let mut state = CALLS.fetch_add(1, Ordering::Relaxed);
    for byte in bytes {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 33) as u8;
    }
    Ok(())
}

/// A first report of this truck, at this place of the log.
pub(crate) fn report(truck_id: &str, offset: u64) -> Write {
    expiring(truck_id, offset, Time::MAX)
}

/// The same, kept until then.
pub(crate) fn expiring(truck_id: &str, offset: u64, expires_at: Time) -> Write {
    let partition = Partition { topic: Topic::TELEMETRY, number: 0 };
    Write::Telemetry(Box::new(TelemetryWrite {
        event: TelemetryEvent {
            truck_id: truck_id.parse().expect("an id"),
            seq: 1,
            source_id: None,
            event_time: Time::MIN,
            position: Position::new(26.0, 91.0).expect("a place"),
            status: Status::Idle,
            signals: Signals::default(),
            trip_id: None,
            driver_id: None,
            road_class: None,
            zone: None,
            refuelling: None,
        },
        place: Place { partition, offset },
        archived_at: Time::MIN,
        expires_at,
    }))
}
