//! A store and a log that fail on purpose: faults are switched on and off by a handle, while the
//! code under test holds nothing but the port.
//!
//! ```
//! # use std::sync::Arc;
//! # use fleet_core::{store::{FleetStore, Watermarks}, time::Time};
//! # use fleet_core::testkit::{FailingStore, ManualClock, store_laws::{self, NaiveStore}};
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let inner = NaiveStore::new(Arc::new(ManualClock::new(store_laws::NOW)));
//! let (store, faults) = FailingStore::new(Arc::new(inner));
//! faults.fail_next_writes(1);
//! assert!(store.write(vec![], Watermarks::new()).await.is_err());
//! assert!(store.write(vec![], Watermarks::new()).await.is_ok());
//! # });
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::{
    Error, Result,
    domain::{TelemetryEvent, TripId, TruckId},
    store::{
        Document, FeedPage, FleetStore, StoredEvent, StoredTrip, TelemetryQuery, TripQuery,
        Watermarks, Write, WriteOutcome,
    },
    stream::{
        Consumer, EventLog, GroupLag, NewRecord, Partition, PartitionExtent, Place, Record, Topic,
    },
    time::Time,
};

/// How often something was made to fail, to be read and waited for.
#[derive(Clone, Debug)]
struct Failures(watch::Sender<u64>);

impl Failures {
    fn count(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// Resolves once there have been `count`; there is always a sender: `self`.
    async fn reached(&self, count: u64) {
        let mut counts = self.0.subscribe();
        drop(counts.wait_for(|failures| *failures >= count).await);
    }
}

impl Default for Failures {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

#[derive(Debug, Default)]
struct StoreState {
    is_down: bool,
    writes_to_fail: u64,
    answers_to_lose: u64,
    refused: BTreeSet<TruckId>,
    lies: bool,
}

/// The switch of a [`FailingStore`].
#[derive(Clone, Debug, Default)]
pub struct StoreFaults {
    state: Arc<Mutex<StoreState>>,
    failures: Failures,
}

/// What is to happen to one write.
enum Fate {
    Fails(Error),
    Passes,
    LosesItsAnswer,
    IsOnlyAnswered,
}

impl StoreFaults {
    fn state(&self) -> MutexGuard<'_, StoreState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next `n` writes fail as `Unavailable`, and write nothing.
    pub fn fail_next_writes(&self, n: u64) {
        self.state().writes_to_fail = n;
    }

    /// From now on every call, reads too, fails as `Unavailable`.
    pub fn fail_all(&self) {
        self.state().is_down = true;
    }

    /// The next `n` writes that get through are applied, and answered as `Unavailable`.
    pub fn lose_next_answers(&self, n: u64) {
        self.state().answers_to_lose = n;
    }

    /// Every batch with telemetry or a trip of this truck fails as `Invalid`, and writes nothing.
    pub fn refuse_truck(&self, truck_id: TruckId) {
        self.state().refused.insert(truck_id);
    }

    /// From now on every write is answered as stored, and writes nothing: a store that would gather
    /// more first.
    pub fn answer_without_writing(&self) {
        self.state().lies = true;
    }

    /// Switches every fault off.
    pub fn heal(&self) {
        *self.state() = StoreState::default();
    }

    /// How many calls were made to fail so far.
    pub fn failures(&self) -> u64 {
        *self.failures.0.borrow()
    }

    /// Resolves once at least `count` calls were made to fail: waits for the event, not by time.
    pub async fn failed(&self, count: u64) {
        self.failures.reached(count).await;
    }

    fn check_up(&self) -> Result<()> {
        if !self.state().is_down {
            return Ok(());
        }
        self.failures.count();
        Err(Error::unavailable("the store was made to fail"))
    }

    fn fate(&self, writes: &[Write]) -> Fate {
        let mut state = self.state();
        if state.writes_to_fail > 0 {
            state.writes_to_fail -= 1;
            return Fate::Fails(Error::unavailable("this write was made to fail"));
        }
        let truck_of = |write: &Write| match write {
            Write::Telemetry(write) => Some(write.event.truck_id.clone()),
            Write::Trip(write) => Some(write.trip.truck_id.clone()),
            Write::Document(_) => None,
        };
        let refused = writes.iter().filter_map(truck_of).find(|id| state.refused.contains(id));
        if let Some(truck_id) = refused {
            return Fate::Fails(Error::invalid(format!("truck_id: {truck_id} is made to fail")));
        }
        if state.lies {
            return Fate::IsOnlyAnswered;
        }
        if state.answers_to_lose > 0 {
            state.answers_to_lose -= 1;
            return Fate::LosesItsAnswer;
        }
        Fate::Passes
    }
}

/// A [`FleetStore`] in front of another that fails as its [`StoreFaults`] say.
#[derive(Debug)]
pub struct FailingStore {
    inner: Arc<dyn FleetStore>,
    faults: StoreFaults,
}

impl FailingStore {
    /// Wraps `inner`; nothing fails until the handle says so.
    pub fn new(inner: Arc<dyn FleetStore>) -> (Self, StoreFaults) {
        let faults = StoreFaults::default();
        (Self { inner, faults: faults.clone() }, faults)
    }
}

#[async_trait]
impl FleetStore for FailingStore {
    async fn write(&self, writes: Vec<Write>, watermarks: Watermarks) -> Result<Vec<WriteOutcome>> {
        self.faults.check_up()?;
        match self.faults.fate(&writes) {
            Fate::Passes => self.inner.write(writes, watermarks).await,
            Fate::Fails(error) => {
                self.faults.failures.count();
                Err(error)
            }
            Fate::IsOnlyAnswered => Ok(vec![WriteOutcome::Stored; writes.len()]),
            Fate::LosesItsAnswer => {
                self.inner.write(writes, watermarks).await?;
                self.faults.failures.count();
                Err(Error::unavailable("the answer to this write was lost"))
            }
        }
    }

    async fn contradiction(&self, event: &TelemetryEvent) -> Result<Option<String>> {
        self.faults.check_up()?;
        self.inner.contradiction(event).await
    }

    async fn telemetry(&self, query: &TelemetryQuery) -> Result<Vec<StoredEvent>> {
        self.faults.check_up()?;
        self.inner.telemetry(query).await
    }

    async fn latest(&self, truck_id: Option<&TruckId>) -> Result<Vec<StoredEvent>> {
        self.faults.check_up()?;
        self.inner.latest(truck_id).await
    }

    async fn trips(&self, query: &TripQuery) -> Result<Vec<StoredTrip>> {
        self.faults.check_up()?;
        self.inner.trips(query).await
    }

    async fn trip(&self, trip_id: &TripId) -> Result<StoredTrip> {
        self.faults.check_up()?;
        self.inner.trip(trip_id).await
    }

    async fn feed(&self, from: &Watermarks, max: usize, wait: Duration) -> Result<FeedPage> {
        self.faults.check_up()?;
        self.inner.feed(from, max, wait).await
    }

    async fn watermarks(&self) -> Result<Watermarks> {
        self.faults.check_up()?;
        self.inner.watermarks().await
    }

    async fn documents(
        &self,
        kind: &str,
        id: Option<&str>,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>> {
        self.faults.check_up()?;
        self.inner.documents(kind, id, after, max).await
    }

    async fn expire(&self, now: Time) -> Result<u64> {
        self.faults.check_up()?;
        self.inner.expire(now).await
    }
}

#[derive(Debug, Default)]
struct LogState {
    down: BTreeSet<Topic>,
    commits_to_fail: u64,
    /// What is appended with the next publish only; `None` if nothing is held back.
    held: Option<Vec<NewRecord>>,
}

/// The switch of a [`FailingLog`].
#[derive(Clone, Debug, Default)]
pub struct LogFaults {
    state: Arc<Mutex<LogState>>,
    failures: Failures,
}

impl LogFaults {
    fn state(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on every publish with a record for `topic` fails as `Unavailable`, and appends
    /// nothing.
    pub fn fail_publishing_to(&self, topic: Topic) {
        self.state().down.insert(topic);
    }

    /// The next `n` commits of any group fail as `Unavailable`, and commit nothing.
    pub fn fail_next_commits(&self, n: u64) {
        self.state().commits_to_fail = n;
    }

    /// From now on every publish is answered at once, without places, and appended with the next one:
    /// a log that would gather more first.
    pub fn answer_before_appending(&self) {
        self.state().held.get_or_insert_default();
    }

    /// Fails if the next commit is to fail.
    fn check_commit(&self) -> Result<()> {
        let mut state = self.state();
        if state.commits_to_fail == 0 {
            return Ok(());
        }
        state.commits_to_fail -= 1;
        drop(state);
        self.failures.count();
        Err(Error::unavailable("this commit was made to fail"))
    }

    /// Switches every fault off.
    pub fn heal(&self) {
        *self.state() = LogState::default();
    }

    /// How many calls were made to fail so far.
    pub fn failures(&self) -> u64 {
        *self.failures.0.borrow()
    }

    /// Resolves once at least `count` calls were made to fail.
    pub async fn failed(&self, count: u64) {
        self.failures.reached(count).await;
    }
}

/// An [`EventLog`] in front of another that fails as its [`LogFaults`] say.
#[derive(Debug)]
pub struct FailingLog {
    inner: Arc<dyn EventLog>,
    faults: LogFaults,
}

impl FailingLog {
    /// Wraps `inner`; nothing fails until the handle says so.
    pub fn new(inner: Arc<dyn EventLog>) -> (Self, LogFaults) {
        let faults = LogFaults::default();
        (Self { inner, faults: faults.clone() }, faults)
    }
}

#[async_trait]
impl EventLog for FailingLog {
    async fn publish(&self, records: Vec<NewRecord>) -> Result<Vec<Place>> {
        let down = self.faults.state().down.clone();
        if let Some(record) = records.iter().find(|record| down.contains(&record.topic)) {
            self.faults.failures.count();
            return Err(Error::unavailable(format!("topic {} was made to fail", record.topic)));
        }
        let now = match &mut self.faults.state().held {
            None => None,
            Some(held) => Some(std::mem::replace(held, records.clone())),
        };
        match now {
            None => self.inner.publish(records).await,
            Some(before) => self.inner.publish(before).await.map(|_| Vec::new()),
        }
    }

    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>> {
        let inner = self.inner.subscribe(group, topics).await?;
        Ok(Box::new(FailingConsumer { inner, faults: self.faults.clone() }))
    }

    async fn read(&self, partition: &Partition, offset: u64, max: usize) -> Result<Vec<Record>> {
        self.inner.read(partition, offset, max).await
    }

    async fn extents(&self, topic: &Topic) -> Result<Vec<PartitionExtent>> {
        self.inner.extents(topic).await
    }

    async fn lag(&self, group: &str) -> Result<GroupLag> {
        self.inner.lag(group).await
    }

    async fn trim(&self, now: Time) -> Result<u64> {
        self.inner.trim(now).await
    }

    fn incarnation(&self) -> &str {
        self.inner.incarnation()
    }
}

#[derive(Debug)]
struct FailingConsumer {
    inner: Box<dyn Consumer>,
    faults: LogFaults,
}

#[async_trait]
impl Consumer for FailingConsumer {
    async fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>> {
        self.inner.poll(max, wait).await
    }

    async fn commit(&mut self, next: &BTreeMap<Partition, u64>) -> Result<()> {
        self.faults.check_commit()?;
        self.inner.commit(next).await
    }

    async fn pause(&mut self) {
        self.inner.pause().await;
    }

    async fn resume(&mut self) {
        self.inner.resume().await;
    }

    fn assignment(&self) -> Vec<Partition> {
        self.inner.assignment()
    }
}

#[cfg(test)]
mod tests;
