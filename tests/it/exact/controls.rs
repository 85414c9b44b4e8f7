//! The wrong orders lose data, and these tests see it: a checkpoint before the log has
//! acknowledged, an offset before the store has.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use fleet_core::testkit::{FailingLog, FailingStore};

use super::{Dump, Killer, Parts, dump, open, run, undisturbed};
use crate::program::Scratch;

/// Kills `haste` at a point, goes on with the right order, and must find that something is gone
/// for ever: part of the telemetry, and nothing is there instead.
#[track_caller]
fn must_lose(calm: &Dump, dir: &Path, haste: impl FnOnce(Parts) -> Parts, killer: &Killer) {
    assert!(!run(&haste(open(dir)), killer, std::future::pending()), "it was not killed");
    assert!(run(&open(dir), &Killer::default(), std::future::pending()));
    let rough = dump(dir);
    assert!(rough != *calm, "the loss was not seen");
    assert!(rough.telemetry.len() < calm.telemetry.len(), "nothing is gone");
    let known: BTreeSet<&String> = calm.telemetry.iter().collect();
    assert!(rough.telemetry.iter().all(|line| known.contains(line)));
    assert_eq!(rough.counters, calm.counters, "the driver itself saw nothing");
}

#[test]
fn the_wrong_orders_lose_data_and_the_comparison_sees_it() {
    let scratch = Scratch::new();
    let calm = undisturbed(&scratch.path("calm"));
    let hasty_log = |mut parts: Parts| {
        let (log, faults) = FailingLog::new(parts.log);
        faults.answer_before_appending();
        parts.log = Arc::new(log);
        parts
    };
    let hasty_store = |mut parts: Parts| {
        let (store, faults) = FailingStore::new(parts.store);
        faults.answer_without_writing();
        parts.store = Arc::new(store);
        parts
    };
    let killer = Killer::at("after_checkpoint", 5);
    must_lose(&calm, &scratch.path("checkpoint first"), hasty_log, &killer);
    let killer = Killer::at("after_commit", 12); // more than the recorder alone has
    must_lose(&calm, &scratch.path("offset first"), hasty_store, &killer);
}
