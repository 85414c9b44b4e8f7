//! The laws of the state store: one suite that every backend passes.
//!
//! A backend earns its name with one macro call and a function that makes its [`Subject`]. Laws
//! speak only through the port. Beside them stands a [`NaiveState`], too simple to be wrong: it
//! passes the suite, random histories are compared with it, and broken in one way at a time it
//! shows that each law bites.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use fleet_core::testkit::state_laws::{self, NaiveState};
//! state_laws::an_older_checkpoint_changes_nothing(NaiveState::subject()).await;
//! # });
//! ```
#![allow(clippy::missing_panics_doc, reason = "a panic is how a law fails")]

mod checkpoints;
mod histories;
mod leases;
mod naive;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use bytes::Bytes;

pub use checkpoints::*;
pub use histories::*;
pub use leases::*;
pub use naive::NaiveState;

use crate::{
    domain::{Counters, TruckId},
    state::{Checkpoint, CounterSnapshot, Lease, Saved, StateStore},
    testkit::ManualClock,
    time::Time,
};

/// A store under test, empty at first.
pub struct Subject {
    /// The clock that the store asks, standing at [`NOW`]: it decides when leases end.
    pub clock: Arc<ManualClock>,
    /// Opens the store; each call is a process that starts after the last one was killed.
    pub open: Box<dyn Fn() -> Arc<dyn StateStore> + Send + Sync>,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}

/// Where the clock of a [`Subject`] stands at first: 2026-01-05T00:00:00Z.
pub const NOW: Time = Time::from_ms(1_767_571_200_000);

const TTL: Duration = Duration::from_secs(15);
const TTL_MS: i64 = 15_000;
/// What the laws' leases are for.
const NAME: &str = "simulator";

/// Checkpoint `version` with a state of its own and the counters of some trucks.
fn checkpoint(version: u64, trucks: u32) -> Checkpoint {
    let counters = (1..=trucks).map(|number| (TruckId::simulated(number), totals(number, version)));
    let steps = i64::try_from(version).expect("the laws save few");
    Checkpoint {
        version,
        world_time: NOW.plus_ms(30_000 * steps),
        world: format!("world {version}").into(),
        counters: counters.collect(),
    }
}

/// Totals that no other truck and no other version has.
fn totals(number: u32, version: u64) -> Counters {
    let base = u64::from(number) * 1_000 + version;
    Counters {
        distance_mm: base,
        fuel_burned_ul: base * 2,
        diesel_cost_upaise: base * 3,
        events: base * 4,
        trips: base * 5,
        trips_on_time: base * 6,
    }
}

async fn take(store: &dyn StateStore, holder: &str) -> Lease {
    store.acquire(NAME, holder, TTL).await.expect("the lease is free")
}

async fn save(store: &dyn StateStore, lease: &Lease, checkpoint: &Checkpoint) {
    let saved = store.save(lease, checkpoint).await.expect("the store is there");
    assert_eq!(saved, Saved::Applied, "checkpoint {}", checkpoint.version);
}

/// What the store holds, checked: the counters are those of the checkpoint, by both ways to them.
async fn held(store: &dyn StateStore) -> Option<Checkpoint> {
    let held = store.load().await.expect("the store is there");
    let counters = store.counters().await.expect("the store is there");
    let seen = held.as_ref().map(|held| (held.version, held.world_time, held.counters.clone()));
    let told = counters
        .map(|CounterSnapshot { version, world_time, trucks, .. }| (version, world_time, trucks));
    assert_eq!(told, seen, "the counters are not those of the checkpoint");
    held
}

/// Makes every law a test of its own, under the law's name. `$subject` is an `Option<Subject>`:
/// `None` says that the server is absent: the law is skipped, or with `FLEET_TEST_REQUIRE=1`
/// broken.
#[macro_export]
macro_rules! state_laws {
    ($subject:expr) => {
        $crate::state_laws!(
            $subject,
            a_checkpoint_is_there_as_it_was_saved,
            counters_move_with_their_checkpoint,
            an_older_checkpoint_changes_nothing,
            skipping_ahead_is_refused,
            a_refused_checkpoint_leaves_nothing,
            what_was_saved_survives_a_crash,
            what_is_put_once_stays,
            what_replaces_is_there_alone,
            of_racing_writers_one_is_first,
            a_lease_has_one_holder_at_a_time,
            a_token_grows_with_each_holder,
            who_lost_the_lease_saves_nothing,
            an_expired_lease_saves_until_it_is_taken_over,
            releasing_what_has_passed_on_does_nothing,
            leases_of_two_names_are_two,
            of_racing_takers_one_gets_the_lease,
            histories_agree_with_the_naive_store
        );
    };
    ($subject:expr, $($law:ident),+) => {$(
        #[tokio::test]
        async fn $law() {
            match $subject {
                Some(subject) => $crate::testkit::state_laws::$law(subject).await,
                None => assert!(!$crate::testkit::required(), "no server, and it is required"),
            }
        }
    )+};
}

#[cfg(test)]
mod tests;
