//! Laws of checkpoints and of values written once.

use super::*;
use crate::ErrorKind;

/// An empty store holds nothing; a checkpoint comes back whole, whatever its bytes and totals.
pub async fn a_checkpoint_is_there_as_it_was_saved(subject: Subject) {
    let store = (subject.open)();
    assert_eq!(held(&*store).await, None);
    let lease = take(&*store, "a").await;
    let all_bytes: Vec<u8> = (0..=255).collect();
    let most = Counters { distance_mm: u64::MAX, trips: i64::MAX.cast_unsigned(), ..totals(9, 9) };
    // Large ones and then small ones: nothing of the larger one is left.
    let large = |length: u32| (0..length).map(|ix| (ix % 251) as u8).collect::<Vec<_>>();
    let worlds =
        [vec![], all_bytes, large(3 << 20), large(700_000), large(1 << 18), vec![7], vec![]];
    let worlds = worlds.map(Bytes::from);
    for (version, world) in (1..).zip(worlds) {
        let mut whole = Checkpoint { world, ..checkpoint(version, 3) };
        whole.counters.insert("A.foreign_truck-1".parse().expect("an id"), most);
        subject.clock.advance_ms(1_000);
        save(&*store, &lease, &whole).await;
        assert!(held(&*store).await.as_ref() == Some(&whole), "version {version} came back other");
        let counters = store.counters().await.expect("there").expect("saved");
        let saved_at = NOW.plus_ms(1_000 * i64::try_from(version).expect("small"));
        assert_eq!(counters.saved_at, saved_at, "platform time of the save");
    }
}

/// The counters are those of the last checkpoint, by value: of as many trucks as it names.
pub async fn counters_move_with_their_checkpoint(subject: Subject) {
    let store = (subject.open)();
    let lease = take(&*store, "a").await;
    for (version, trucks) in [(1, 3), (2, 5), (3, 5), (4, 2), (5, 0), (6, 4)] {
        let next = checkpoint(version, trucks);
        save(&*store, &lease, &next).await;
        assert_eq!(held(&*store).await.as_ref(), Some(&next));
    }
}

/// A checkpoint twice, or an older one, is `Stale` and changes nothing, whatever it says.
pub async fn an_older_checkpoint_changes_nothing(subject: Subject) {
    let store = (subject.open)();
    let lease = take(&*store, "a").await;
    for version in 1..=3 {
        save(&*store, &lease, &checkpoint(version, 3)).await;
    }
    for version in [3, 2, 1, 0] {
        let again = Checkpoint { version, world: "another".into(), ..checkpoint(9, 7) };
        let saved = store.save(&lease, &again).await.expect("the store is there");
        assert_eq!(saved, Saved::Stale, "version {version} after 3");
        assert_eq!(held(&*store).await, Some(checkpoint(3, 3)), "after version {version}");
    }
    save(&*store, &lease, &checkpoint(4, 3)).await;
}

/// A version beyond the next one is a `Conflict`: what lies between would be lost.
pub async fn skipping_ahead_is_refused(subject: Subject) {
    let store = (subject.open)();
    let lease = take(&*store, "a").await;
    for (stored, ahead) in [(0, 2), (1, 3), (2, 100), (3, i64::MAX.cast_unsigned())] {
        let error = store.save(&lease, &checkpoint_at(ahead)).await.expect_err("skips ahead");
        assert_eq!(error.kind(), ErrorKind::Conflict, "{ahead} after {stored}: {error}");
        save(&*store, &lease, &checkpoint(stored + 1, 2)).await;
    }
}

fn checkpoint_at(version: u64) -> Checkpoint {
    Checkpoint { version, ..checkpoint(1, 2) }
}

/// What was refused leaves no trace: neither its state nor any of its counters.
pub async fn a_refused_checkpoint_leaves_nothing(subject: Subject) {
    let store = (subject.open)();
    let old = take(&*store, "a").await;
    save(&*store, &old, &checkpoint(1, 3)).await;
    subject.clock.advance_ms(TTL_MS);
    let new = take(&*store, "b").await;
    assert!(store.save(&old, &checkpoint(2, 6)).await.is_err(), "an old token");
    assert!(store.save(&new, &checkpoint(3, 6)).await.is_err(), "skips ahead");
    let huge = Checkpoint { version: u64::MAX, ..checkpoint(2, 6) };
    assert!(store.save(&new, &huge).await.is_err(), "far ahead");
    for store in [Arc::clone(&store), (subject.open)()] {
        assert_eq!(held(&*store).await, Some(checkpoint(1, 3)));
    }
}

/// What was answered is there for the process after a kill: checkpoint, lease and values.
pub async fn what_was_saved_survives_a_crash(subject: Subject) {
    for version in 1..=4 {
        let store = (subject.open)();
        let before = (version > 1).then(|| checkpoint(version - 1, 3));
        assert_eq!(held(&*store).await, before, "after {} crashes", version - 1);
        let lease = take(&*store, "a").await;
        assert_eq!(lease.token, 1, "the same holder goes on with its token");
        save(&*store, &lease, &checkpoint(version, 3)).await;
        store.put_once("genesis", "seed 7".into()).await.expect("the store is there");
    }
    let store = (subject.open)();
    assert_eq!(store.get("genesis").await.expect("there"), Some("seed 7".into()));
    let error = store.acquire(NAME, "b", TTL).await.expect_err("held by a");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

/// The first value under a key stays, and is what every later writer gets: so is a run's genesis
/// written once, whoever comes with another seed.
pub async fn what_is_put_once_stays(subject: Subject) {
    let mut store = (subject.open)();
    assert_eq!(store.get("genesis").await.expect("there"), None);
    let all_bytes: Bytes = (0..=255).collect::<Vec<u8>>().into();
    let long = "k".repeat(256);
    for (key, value) in [
        ("genesis", Bytes::from("seed 7")),
        ("plan/TRK-000001/3/1", Bytes::new()),
        ("ट्रक", all_bytes.clone()),
        (long.as_str(), all_bytes),
    ] {
        for attempt in [value.clone(), "another".into(), Bytes::new()] {
            let there = store.put_once(key, attempt).await.expect("the store is there");
            assert_eq!(there, value, "{key}");
        }
        assert_eq!(store.get(key).await.expect("there"), Some(value.clone()), "{key}");
        store = (subject.open)();
        assert_eq!(store.get(key).await.expect("there"), Some(value), "{key} after a crash");
    }
    for bad in ["", "k".repeat(257).as_str()] {
        let error = store.put_once(bad, Bytes::new()).await.expect_err("a bad key");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert_eq!(store.get(bad).await.expect("there"), None);
    }
}

/// What replaces a value is all that is under its key, then and after a crash, and later what is put
/// once under it gives way; other keys keep theirs.
pub async fn what_replaces_is_there_alone(subject: Subject) {
    let mut store = (subject.open)();
    store.put_once("other", "kept".into()).await.expect("the store is there");
    for value in [Bytes::from("long enough to be seen"), "short".into(), Bytes::new()] {
        store.replace("history", value.clone()).await.expect("the store is there");
        assert_eq!(store.get("history").await.expect("there"), Some(value.clone()));
        store = (subject.open)();
        assert_eq!(store.get("history").await.expect("there"), Some(value.clone()), "a crash");
        let first = store.put_once("history", "late".into()).await.expect("the store is there");
        assert_eq!(first, value);
    }
    assert_eq!(store.get("other").await.expect("there"), Some("kept".into()));
    let error = store.replace("", Bytes::new()).await.expect_err("a bad key");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

/// Of writers at once one is first, and all are told the same.
pub async fn of_racing_writers_one_is_first(subject: Subject) {
    let store = (subject.open)();
    for round in 0..10 {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let store = Arc::clone(&store);
                let (key, value) = (format!("key {round}"), format!("value of {writer}"));
                tokio::spawn(async move { store.put_once(&key, value.into()).await })
            })
            .collect();
        let mut told = Vec::new();
        for writer in writers {
            told.push(writer.await.expect("a writer").expect("the store is there"));
        }
        told.dedup();
        let there = store.get(&format!("key {round}")).await.expect("there");
        assert_eq!(told, Vec::from_iter(there), "round {round}");
    }
}
