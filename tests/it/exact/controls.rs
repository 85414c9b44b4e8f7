//! The wrong orders lose data, and these tests see it: a checkpoint before the log has
//! acknowledged, an offset before the store has.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use fleet_core::{
    Result,
    domain::{TripId, TruckId},
    store::{
        Document, FeedPage, FleetStore, StoredEvent, StoredTrip, TelemetryQuery, TripQuery,
        Watermarks, Write, WriteOutcome,
    },
    stream::{
        Consumer, EventLog, NewRecord, Partition, PartitionExtent, PartitionLag, Place, Record,
        Topic,
    },
    time::Time,
};

use super::{Dump, Killer, Parts, dump, open, run, undisturbed};
use crate::program::Scratch;

/// A log that acknowledges what it has not written: that comes with the next call.
#[derive(Debug)]
struct HastyLog {
    inner: Arc<dyn EventLog>,
    held: Mutex<Vec<NewRecord>>,
}

#[async_trait]
impl EventLog for HastyLog {
    async fn publish(&self, records: Vec<NewRecord>) -> Result<Vec<Place>> {
        let before = std::mem::replace(&mut *self.held.lock().unwrap(), records);
        self.inner.publish(before).await?;
        Ok(Vec::new())
    }

    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>> {
        self.inner.subscribe(group, topics).await
    }

    async fn read(&self, partition: &Partition, offset: u64, max: usize) -> Result<Vec<Record>> {
        self.inner.read(partition, offset, max).await
    }

    async fn extents(&self, topic: &Topic) -> Result<Vec<PartitionExtent>> {
        self.inner.extents(topic).await
    }

    async fn lag(&self, group: &str) -> Result<Vec<PartitionLag>> {
        self.inner.lag(group).await
    }

    async fn trim(&self, now: Time) -> Result<u64> {
        self.inner.trim(now).await
    }

    fn incarnation(&self) -> &str {
        self.inner.incarnation()
    }
}

/// A store that acknowledges what it has not written: it would gather more first.
#[derive(Debug)]
struct HastyStore {
    inner: Arc<dyn FleetStore>,
}

#[async_trait]
impl FleetStore for HastyStore {
    async fn write(&self, writes: Vec<Write>, _: Watermarks) -> Result<Vec<WriteOutcome>> {
        Ok(vec![WriteOutcome::Stored; writes.len()])
    }

    async fn telemetry(&self, query: &TelemetryQuery) -> Result<Vec<StoredEvent>> {
        self.inner.telemetry(query).await
    }

    async fn latest(&self, truck_id: Option<&TruckId>) -> Result<Vec<StoredEvent>> {
        self.inner.latest(truck_id).await
    }

    async fn trips(&self, query: &TripQuery) -> Result<Vec<StoredTrip>> {
        self.inner.trips(query).await
    }

    async fn trip(&self, trip_id: &TripId) -> Result<StoredTrip> {
        self.inner.trip(trip_id).await
    }

    async fn feed(&self, from: &Watermarks, max: usize, wait: Duration) -> Result<FeedPage> {
        self.inner.feed(from, max, wait).await
    }

    async fn watermarks(&self) -> Result<Watermarks> {
        self.inner.watermarks().await
    }

    async fn documents(
        &self,
        kind: &str,
        id: Option<&str>,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>> {
        self.inner.documents(kind, id, after, max).await
    }

    async fn expire(&self, now: Time) -> Result<u64> {
        self.inner.expire(now).await
    }
}

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
        parts.log = Arc::new(HastyLog { inner: parts.log, held: Mutex::default() });
        parts
    };
    let hasty_store = |mut parts: Parts| {
        parts.store = Arc::new(HastyStore { inner: parts.store });
        parts
    };
    let killer = Killer::at("after_checkpoint", 5);
    must_lose(&calm, &scratch.path("checkpoint first"), hasty_log, &killer);
    let killer = Killer::at("after_commit", 12); // more than the recorder alone has
    must_lose(&calm, &scratch.path("offset first"), hasty_store, &killer);
}
