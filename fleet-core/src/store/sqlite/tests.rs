//! The laws of the store on SQLite, and what is particular to its file.

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::*;
use crate::testkit::{
    ManualClock,
    store_laws::{self, NOW, Subject},
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
