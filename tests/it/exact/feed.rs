//! The feed and the log's replays: nothing twice, nothing missing, nothing changed.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use fleet_core::{
    store::{FeedItem, FleetStore, Watermarks},
    stream::{EventLog, NewRecord, Topic},
};

use super::{Killer, dump, feed, open, run, runtime, undisturbed};
use crate::program::Scratch;

/// What a reader of the feed has seen, and where it goes on.
#[derive(Default)]
struct Reader {
    items: Vec<FeedItem>,
    next: Watermarks,
}

async fn follow(store: Arc<dyn FleetStore>, reader: Arc<Mutex<Reader>>) {
    loop {
        let from = reader.lock().unwrap().next.clone();
        let page = store.feed(&from, 64, Duration::from_secs(1)).await.unwrap();
        let mut reader = reader.lock().unwrap();
        reader.items.extend(page.items);
        reader.next = page.next;
    }
}

#[test]
fn a_reader_sees_each_id_once_while_it_is_written_and_over_every_reopening() {
    let scratch = Scratch::new();
    let dir = scratch.path("data");
    let reader = Arc::new(Mutex::new(Reader::default()));
    let attempt = |killer: &Killer| {
        let parts = open(&dir);
        let beside = follow(Arc::clone(&parts.store), Arc::clone(&reader));
        run(&parts, killer, beside)
    };
    for (point, nth) in
        [("after_write", 3), ("after_publish", 4), ("after_commit", 5), ("after_write", 9)]
    {
        attempt(&Killer::at(point, nth));
    }
    assert!(!reader.lock().unwrap().items.is_empty(), "it saw nothing while it was written");
    assert!(attempt(&Killer::default()));

    let parts = open(&dir);
    let mut reader = std::mem::take(&mut *reader.lock().unwrap());
    let (rest, next) = runtime().block_on(feed(&*parts.store, reader.next));
    reader.items.extend(rest);
    assert_eq!(next, runtime().block_on(parts.store.watermarks()).unwrap());
    drop(parts);
    let (mut events, mut trips) = (BTreeSet::new(), BTreeSet::new());
    for item in &reader.items {
        match item {
            FeedItem::Telemetry(stored) => {
                let (truck, seq) = (stored.event.truck_id.clone(), stored.event.seq);
                assert!(events.insert((truck, seq)), "twice: {item:?}");
            }
            FeedItem::Trip(stored) => {
                let (trip, revision) = (stored.trip.trip_id.clone(), stored.trip.revision);
                assert!(trips.insert((trip, revision)), "twice: {item:?}");
            }
        }
    }
    let dump = dump(&dir);
    assert_eq!(events.len(), dump.telemetry.len());
    let seen: BTreeSet<_> = trips.iter().map(|(trip, _)| trip).collect();
    assert_eq!(seen.len(), dump.trips.len());
}

#[test]
fn a_replayed_suffix_of_the_log_changes_neither_store_nor_feed() {
    let scratch = Scratch::new();
    let dir = scratch.path("data");
    let before = undisturbed(&dir);
    let stream = fleet_core::random::Stream::new(3, "exactness", "suffixes");
    for round in 0..3_u64 {
        let parts = open(&dir);
        let (log, store) = (&*parts.log, &*parts.store);
        let (items, end) = runtime().block_on(async {
            let items = feed(store, Watermarks::new()).await;
            for (number, topic) in (0..).zip([Topic::TELEMETRY, Topic::TRIPS, Topic::TRUCKS]) {
                replay(log, &topic, |kept| stream.below(round * 10 + number, kept)).await;
            }
            items
        });
        drop(parts);
        assert_eq!(undisturbed(&dir), before, "round {round}");
        let parts = open(&dir);
        runtime().block_on(async {
            let (again, _) = feed(&*parts.store, Watermarks::new()).await;
            assert!(again == items, "round {round}: places or times of archiving have changed");
            let (more, _) = feed(&*parts.store, end).await;
            assert!(more.is_empty(), "round {round}: {more:?}");
        });
    }
}

/// Publishes each partition's records again from some offset on; in the last round all of them.
async fn replay(log: &dyn EventLog, topic: &Topic, offset: impl Fn(u64) -> u64) {
    let mut replayed = 0;
    for extent in log.extents(topic).await.unwrap() {
        let from = extent.start + offset(extent.end - extent.start);
        let records = log.read(&extent.partition, from, usize::MAX).await.unwrap();
        let records = records.into_iter().map(|record| NewRecord {
            topic: topic.clone(),
            key: record.key,
            headers: record.headers,
            payload: record.payload,
        });
        replayed += log.publish(records.collect()).await.unwrap().len();
    }
    assert!(replayed > 0, "{topic}: nothing to replay");
}
