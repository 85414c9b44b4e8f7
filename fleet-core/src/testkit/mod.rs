//! What proves a backend: the laws of each port as functions, a clock set by hand, injected faults.

pub mod clock;
pub mod event_log_laws;
pub mod failing;
pub mod limiter_laws;
mod own_server;
pub mod router_laws;
pub mod state_laws;
pub mod store_laws;

pub use clock::ManualClock;
pub use failing::{FailingLog, FailingStore};
pub use own_server::OwnServer;

/// Whether a test that lacks its server must fail instead of being skipped (`FLEET_TEST_REQUIRE=1`).
#[expect(clippy::disallowed_methods, reason = "a test has no settings to read it from")]
pub fn required() -> bool {
    std::env::var_os("FLEET_TEST_REQUIRE").is_some_and(|value| value == "1")
}

/// The URL of a real server to test against, e.g. of `redis` from `FLEET_TEST_REDIS_URL`, which
/// `scripts/test` sets (`scripts/services env` prints it). `None`, said on standard error, if there
/// is none.
///
/// # Panics
/// If there is none and [`required`].
#[expect(clippy::disallowed_methods, reason = "a test has no settings to read it from")]
#[expect(clippy::print_stderr, reason = "a skip is never silent")]
pub fn server(name: &str) -> Option<String> {
    let variable = format!("FLEET_TEST_{}_URL", name.to_uppercase());
    let url = std::env::var(&variable).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        assert!(!required(), "{variable} is not set, and with FLEET_TEST_REQUIRE=1 it must be");
        eprintln!("skipped: no {name} server ({variable} is not set; scripts/services up {name})");
    }
    url
}

/// A name that no other test of this run and no earlier run has used: for databases, topics, groups
/// and namespaces on servers that tests share.
pub fn unique_name(what: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let clock = crate::time::SystemClock::new();
    let now_ms = crate::time::Clock::now(&clock).as_ms();
    format!("{what}-{now_ms:x}-{:x}-{count:x}", std::process::id())
}
