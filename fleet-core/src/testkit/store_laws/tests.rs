//! The laws themselves under test: the naive store passes them, and broken ones do not.

use std::{future::Future, pin::Pin, sync::Arc};

use super::{NOW, NaiveStore, Subject, model::Fault};
use crate::testkit::ManualClock;

fn subject(make: impl FnOnce(Arc<ManualClock>) -> NaiveStore) -> Subject {
    let clock = Arc::new(ManualClock::new(NOW));
    let store = make(Arc::clone(&clock));
    let left = store.clone();
    Subject { store: Arc::new(store), clock, after_crash: Box::new(move || Arc::new(left.clone())) }
}

fn naive() -> Subject {
    subject(|clock| NaiveStore::new(clock))
}

crate::store_laws!(Some(naive()));

type Law = fn(Subject) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! law {
    ($law:ident) => {
        (stringify!($law), (|subject| Box::pin(super::$law(subject))) as Law)
    };
}

/// Each law with a fault that it must find.
#[tokio::test]
async fn every_law_rejects_a_store_that_breaks_it() {
    let faults = [
        (law!(an_event_written_twice_is_there_once), Fault::Doubles),
        (law!(a_replayed_part_of_the_log_changes_nothing), Fault::LastTripWins),
        (law!(a_replayed_part_of_the_log_changes_nothing), Fault::Doubles),
        (law!(a_conflict_keeps_the_first), Fault::KeepsTheLast),
        (law!(reports_of_one_millisecond_stay_apart), Fault::IgnoresSources),
        (law!(late_events_are_stored_and_latest_stays_newest), Fault::RefusesLate),
        (law!(trips_keep_their_newest_revision_in_any_order), Fault::LastTripWins),
        (law!(documents_are_inserted_or_replaced), Fault::KeepsDocuments),
        (law!(a_refused_batch_leaves_nothing), Fault::WritesHalfABatch),
        (law!(watermarks_never_go_back), Fault::LowersWatermarks),
        (law!(the_feed_yields_each_item_once_up_to_the_watermark), Fault::ServesBeyondTheWatermark),
        (law!(the_feed_steps_over_what_is_not_there), Fault::StopsAtHoles),
        (law!(the_feed_is_fair_to_partitions), Fault::StarvesPartitions),
        (law!(a_waiting_feed_is_woken_by_a_write), Fault::NeverWakes),
        (law!(expired_telemetry_is_gone_before_and_after_the_sweep), Fault::ShowsExpired),
        (law!(a_place_before_what_was_swept_is_gone), Fault::SkipsWhatWasSwept),
        (law!(a_replay_does_not_prolong_a_life), Fault::Resurrects),
        (law!(latest_is_the_newest_still_alive), Fault::ForgetsTheOlder),
        (law!(limits_out_of_range_are_invalid), Fault::TakesAnyLimit),
        (law!(queries_agree_with_a_naive_model), Fault::PagesByTimeAlone),
        (law!(queries_agree_with_a_naive_model), Fault::KeepsTheLast),
    ];
    for ((name, law), fault) in faults {
        let broken = subject(|clock| NaiveStore::broken(clock, fault));
        let outcome = tokio::spawn(law(broken)).await;
        assert!(outcome.is_err(), "{name} passes a store that is broken: {fault:?}");
    }
}

#[tokio::test]
async fn durability_rejects_a_store_that_forgets() {
    let mut forgetful = naive();
    let clock = Arc::clone(&forgetful.clock);
    forgetful.after_crash = Box::new(move || {
        let clock = Arc::clone(&clock);
        Arc::new(NaiveStore::new(clock))
    });
    let law = tokio::spawn(super::what_was_answered_survives_a_crash(forgetful));
    assert!(law.await.is_err(), "a law that a forgetful store passes is no law");
}
