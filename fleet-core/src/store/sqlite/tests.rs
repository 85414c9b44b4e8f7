//! The laws of the store on SQLite, and what is particular to its file.

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::*;
use crate::{
    ErrorKind,
    store::TelemetryWrite,
    stream::{Partition, Place, Topic},
    testkit::{
        ManualClock,
        store_laws::{self, NOW, Subject},
    },
};

/// A store in a folder of its own; a crash is a copy of its files as they lie there.
fn subject() -> Subject {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let clock = Arc::new(ManualClock::new(NOW));
    let path = folder.path().join("store.db");
    let store = Arc::new(SqliteStore::open(&path, Arc::<ManualClock>::clone(&clock)).expect("new"));
    let (copies, copy_clock) = (AtomicU32::new(0), Arc::clone(&clock));
    let after_crash = move || {
        let copy = copies.fetch_add(1, Ordering::Relaxed);
        let copy = folder.path().join(format!("copy-{copy}.db"));
        for suffix in ["", "-wal"] {
            let name = |path: &Path| format!("{}{suffix}", path.display());
            std::fs::copy(name(&path), name(&copy)).expect("the file is there");
        }
        let clock = Arc::<ManualClock>::clone(&copy_clock);
        Arc::new(SqliteStore::open(&copy, clock).expect("whole")) as Arc<dyn FleetStore>
    };
    Subject { store, clock, after_crash: Box::new(after_crash) }
}

crate::store_laws!(Some(subject()));

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_writes_give_the_answers_of_the_model(words in prop::collection::vec(any::<u64>(), 0..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(store_laws::agree_on(&subject(), &words));
    }
}

/// A folder with a store in it, and the clock of both.
fn open() -> (tempfile::TempDir, SqliteStore, Arc<ManualClock>) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let clock = Arc::new(ManualClock::new(NOW));
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path, Arc::<ManualClock>::clone(&clock)).expect("a new store");
    (folder, store, clock)
}

fn telemetry(event: TelemetryEvent, offset: u64, life_ms: i64) -> Write {
    let partition = Partition { topic: Topic::TELEMETRY, number: 0 };
    Write::Telemetry(Box::new(TelemetryWrite {
        event,
        place: Place { partition, offset },
        archived_at: NOW,
        expires_at: NOW.plus_ms(life_ms),
    }))
}

#[tokio::test]
async fn every_field_comes_back_as_it_went_in() {
    let (_folder, store, _) = open();
    let full = store_laws::full_event(1, 1);
    store.write(vec![telemetry(full.clone(), 0, 1_000)], Watermarks::new()).await.expect("written");
    let stored = store.latest(None).await.expect("readable");
    assert_eq!(stored[0].event, full);
}

#[tokio::test]
async fn export_is_by_truck_number_and_time_and_leaves_out_the_expired() {
    let (_folder, store, clock) = open();
    let order = [(2, 10), (1, 9), (2, 9), (1, 100), (2, 2), (1, 1), (1, 7)];
    let writes = (0..).zip(order).map(|(offset, (number, seq))| {
        let life_ms = if seq == 7 { 1_000 } else { 2_000 };
        telemetry(store_laws::full_event(number, seq), offset, life_ms)
    });
    store.write(writes.collect(), Watermarks::new()).await.expect("written");
    clock.advance_ms(1_000);
    let mut exported = Vec::new();
    let mut each = |event: &TelemetryEvent| {
        exported.push((event.truck_id.to_string(), event.seq));
        Ok(())
    };
    store.export_telemetry(&mut each).expect("readable");
    let expected = [(1, 1), (1, 9), (1, 100), (2, 2), (2, 9), (2, 10)];
    assert_eq!(exported, expected.map(|(number, seq)| (format!("TRK-{number:06}"), seq)));
    let error = store.export_telemetry(&mut |_| Err(Error::unavailable("the pipe is closed")));
    assert_eq!(error.expect_err("it was ended").kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_sweep_passes_rows_that_live_longer() {
    let (_folder, store, clock) = open();
    let writes = (1..=12_000).map(|seq| {
        let life_ms = if seq % 3 == 0 { 2_000 } else { 1_000 };
        telemetry(store_laws::full_event(1, seq), seq, life_ms)
    });
    store.write(writes.collect(), Watermarks::new()).await.expect("written");
    for expected in [0, 8_000, 4_000, 0] {
        assert_eq!(store.expire(clock.now()).await.expect("swept"), expected);
        clock.advance_ms(1_000);
    }
}

#[tokio::test]
async fn a_read_only_store_sees_what_the_writer_writes_and_writes_nothing() {
    let (folder, store, clock) = open();
    let path = folder.path().join("store.db");
    let reader = SqliteStore::open_read_only(&path, clock).expect("beside the writer");
    let event = telemetry(store_laws::full_event(1, 1), 0, 1_000);
    store.write(vec![event.clone()], Watermarks::new()).await.expect("written");
    assert_eq!(reader.latest(None).await.expect("readable").len(), 1);
    let error = reader.write(vec![event], Watermarks::new()).await.expect_err("read-only");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn a_damaged_row_is_told_as_such() {
    let (folder, store, _) = open();
    let event = telemetry(store_laws::full_event(1, 1), 0, 1_000);
    store.write(vec![event], Watermarks::new()).await.expect("written");
    let vandal = Connection::open(folder.path().join("store.db")).expect("it is there");
    vandal.execute("UPDATE telemetry SET status = 'flying'", []).expect("writable");
    let error = store.latest(None).await.expect_err("trucks do not fly");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}
