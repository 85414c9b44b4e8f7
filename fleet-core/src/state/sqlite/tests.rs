//! The laws of the state store on SQLite, and what is particular to its file.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use proptest::prelude::*;

use super::*;
use crate::{
    ErrorKind,
    testkit::{
        ManualClock,
        state_laws::{self, NOW, Subject},
    },
};

/// A store in a folder of its own; a kill is a copy of its files as they lie there, taken behind
/// the back of a process that has not closed them.
fn subject() -> Subject {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let clock = Arc::new(ManualClock::new(NOW));
    let (runs, own_clock) = (AtomicU32::new(0), Arc::clone(&clock));
    let open = move || -> Arc<dyn StateStore> {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        let path = |run: u32| folder.path().join(format!("state-{run}.db"));
        for suffix in ["", "-wal"].into_iter().filter(|_| run > 0) {
            let name = |run: u32| format!("{}{suffix}", path(run).display());
            // A store that was closed in good order has no write-ahead log any more.
            if Path::new(&name(run - 1)).exists() {
                std::fs::copy(name(run - 1), name(run)).expect("copied");
            }
        }
        let clock = Arc::<ManualClock>::clone(&own_clock);
        Arc::new(SqliteState::open(&path(run), clock).expect("whole"))
    };
    Subject { clock, open: Box::new(open) }
}

crate::state_laws!(Some(subject()));

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_history_agrees_with_the_naive_store(words in prop::collection::vec(any::<u64>(), 0..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(state_laws::follow(&subject(), &words));
    }
}

#[tokio::test]
async fn a_reader_beside_the_writer_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (path, clock) = (folder.path().join("state.db"), Arc::new(ManualClock::new(NOW)));
    let store = SqliteState::open(&path, Arc::<ManualClock>::clone(&clock)).expect("new");
    store.put_once("genesis", "seed 7".into()).await.expect("put");
    let reader = SqliteState::open_read_only(&path, clock).expect("beside it");
    assert_eq!(reader.get("genesis").await.expect("read"), Some("seed 7".into()));
    let refused = reader.put_once("genesis", Bytes::new()).await.expect_err("read-only");
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
}

#[tokio::test]
async fn a_checkpoint_of_version_1_is_taken_over() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (path, clock) = (folder.path().join("state.db"), Arc::new(ManualClock::new(NOW)));
    drop(SqliteState::open(&path, Arc::<ManualClock>::clone(&clock)).expect("new"));
    let file = Connection::open(&path).expect("there");
    file.execute_batch(
        "DROP TABLE world; DROP TABLE checkpoint;
        CREATE TABLE checkpoint (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL,
            world_time INTEGER NOT NULL, saved_at INTEGER NOT NULL, world BLOB NOT NULL);
        INSERT INTO checkpoint VALUES (1, 7, 3000, 4000, x'00FF01');
        PRAGMA user_version = 1;",
    )
    .expect("as version 1 wrote it");
    drop(file);
    let store = SqliteState::open(&path, clock).expect("upgraded");
    let held = store.load().await.expect("read").expect("there");
    let (world_time, world) = (Time::from_ms(3_000), Bytes::from_static(&[0, 255, 1]));
    assert_eq!(held, Checkpoint { version: 7, world_time, world, counters: BTreeMap::default() });
}
