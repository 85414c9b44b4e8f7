//! What proves a backend: the laws of each port as functions, a clock set by hand, injected faults.

pub mod clock;
pub mod event_log_laws;
pub mod failing;
pub mod limiter_laws;
pub mod router_laws;
pub mod state_laws;
pub mod store_laws;

pub use clock::ManualClock;
pub use failing::{FailingLog, FailingStore};

/// Whether a test that lacks its server must fail instead of being skipped (`FLEET_TEST_REQUIRE=1`).
#[expect(clippy::disallowed_methods, reason = "a test has no settings to read it from")]
pub fn required() -> bool {
    std::env::var_os("FLEET_TEST_REQUIRE").is_some_and(|value| value == "1")
}
