//! A store too simple to be wrong, or wrong in one chosen way.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::{
    Error, Result,
    domain::{Sla, TelemetryEvent, TripId, TruckId},
    store::{
        Document, FeedItem, FeedPage, FleetStore, StoredEvent, StoredTrip, TelemetryQuery,
        TelemetryWrite, TripQuery, TripWrite, Watermarks, Write, WriteOutcome,
    },
    time::{Clock, Time},
};

/// In which way a [`NaiveStore`] is broken; each breaks one law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "only the tests of the laws break the model")]
pub(super) enum Fault {
    KeepsTheLast,
    Doubles,
    RefusesLate,
    LastTripWins,
    KeepsDocuments,
    WritesHalfABatch,
    LowersWatermarks,
    ServesBeyondTheWatermark,
    StopsAtHoles,
    StarvesPartitions,
    NeverWakes,
    ShowsExpired,
    Resurrects,
    ForgetsTheOlder,
    TakesAnyLimit,
    PagesByTimeAlone,
    IgnoresSources,
    SkipsWhatWasSwept,
}

#[derive(Debug, Default)]
struct State {
    events: Vec<StoredEvent>,
    trips: BTreeMap<TripId, StoredTrip>,
    documents: BTreeMap<(String, String), String>,
    marks: Watermarks,
    /// Per partition, the place from which on nothing is missing yet.
    swept: Watermarks,
}

/// A [`FleetStore`] in memory that looks at everything for each answer. Clones share what they
/// hold.
#[derive(Clone, Debug)]
pub struct NaiveStore {
    state: Arc<Mutex<State>>,
    changes: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
    fault: Option<Fault>,
}

impl NaiveStore {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { state: Arc::default(), changes: watch::Sender::new(0), clock, fault: None }
    }

    #[cfg(test)]
    pub(super) fn broken(clock: Arc<dyn Clock>, fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::new(clock) }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_alive(&self, stored: &StoredEvent) -> bool {
        stored.expires_at > self.clock.now() || self.has(Fault::ShowsExpired)
    }

    fn check_limit(&self, limit: usize) -> Result<()> {
        if (1..=5_000).contains(&limit) || self.has(Fault::TakesAnyLimit) {
            return Ok(());
        }
        Err(Error::invalid(format!("limit: {limit} is outside 1 to 5000")))
    }

    fn put(&self, state: &mut State, write: Write) -> WriteOutcome {
        match write {
            Write::Telemetry(write) => self.put_telemetry(state, *write),
            Write::Trip(write) => self.put_trip(state, *write),
            Write::Document(Document { kind, id, body }) => {
                let key = (kind, id);
                let is_in = state.documents.contains_key(&key) && self.has(Fault::KeepsDocuments);
                if is_in || state.documents.get(&key) == Some(&body) {
                    return WriteOutcome::Unchanged;
                }
                state.documents.insert(key, body);
                WriteOutcome::Stored
            }
        }
    }

    fn put_telemetry(&self, state: &mut State, write: TelemetryWrite) -> WriteOutcome {
        let TelemetryWrite { event, place, archived_at, expires_at } = write;
        let same = |stored: &&mut StoredEvent| {
            let ignores = self.has(Fault::IgnoresSources) && event.seq == 0;
            let is_same_time = stored.event.event_time == event.event_time;
            stored.event.truck_id == event.truck_id
                && (stored.event.id() == event.id()
                    || ignores && stored.event.seq == 0 && is_same_time)
        };
        let stored = state.events.iter_mut().find(same);
        if let Some(stored) = stored
            && !self.has(Fault::Doubles)
        {
            if self.has(Fault::Resurrects) && stored.expires_at <= self.clock.now() {
                stored.expires_at = expires_at;
            }
            if stored.event == event {
                return WriteOutcome::Unchanged;
            }
            if self.has(Fault::KeepsTheLast) {
                *stored = StoredEvent { event, place, archived_at, expires_at };
                return WriteOutcome::Stored;
            }
            return WriteOutcome::Conflict(format!("event {}: another is in", event.id()));
        }
        let is_late = |stored: &StoredEvent| {
            stored.event.truck_id == event.truck_id && stored.event.seq > event.seq
        };
        if self.has(Fault::RefusesLate) && state.events.iter().any(is_late) {
            return WriteOutcome::Unchanged;
        }
        state.events.push(StoredEvent { event, place, archived_at, expires_at });
        if self.has(Fault::ForgetsTheOlder) {
            state.events.sort_by_key(|stored| stored.event.event_time);
        }
        WriteOutcome::Stored
    }

    fn put_trip(&self, state: &mut State, write: TripWrite) -> WriteOutcome {
        let TripWrite { trip, place, archived_at } = write;
        let stored = state.trips.get(&trip.trip_id).map_or(0, |stored| stored.trip.revision);
        if trip.revision <= stored && !self.has(Fault::LastTripWins) {
            return WriteOutcome::Unchanged;
        }
        state.trips.insert(trip.trip_id.clone(), StoredTrip { trip, place, archived_at });
        WriteOutcome::Stored
    }

    fn newest(&self, state: &State, truck_id: &TruckId) -> Option<StoredEvent> {
        let of_truck = |stored: &&StoredEvent| stored.event.truck_id == *truck_id;
        let time = |stored: &&StoredEvent| (stored.event.event_time, stored.event.seq);
        if self.has(Fault::ForgetsTheOlder) {
            let newest = state.events.iter().filter(of_truck).max_by_key(time);
            return newest.filter(|stored| self.is_alive(stored)).cloned();
        }
        let alive = |stored: &&StoredEvent| of_truck(stored) && self.is_alive(stored);
        state.events.iter().filter(alive).max_by_key(time).cloned()
    }

    fn page(&self, from: &Watermarks, max: usize) -> Result<FeedPage> {
        let state = self.state();
        let is_gone = |(partition, place)| from.get(partition).is_some_and(|from| from < place);
        if state.swept.iter().any(is_gone) && !self.has(Fault::SkipsWhatWasSwept) {
            return Err(Error::not_found("cursor: what came after it has expired"));
        }
        let alive = state.events.iter().filter(|stored| self.is_alive(stored));
        let events = alive.map(|stored| FeedItem::Telemetry(Box::new(stored.clone())));
        let trips = state.trips.values().map(|stored| FeedItem::Trip(Box::new(stored.clone())));
        let mut items: Vec<FeedItem> = events.chain(trips).collect();
        items.retain(|item| {
            let place = item.place();
            let start = from.get(&place.partition).copied().unwrap_or(0); // nothing is before `swept`
            let mark = state.marks.get(&place.partition).copied().unwrap_or(0);
            let end = if self.has(Fault::ServesBeyondTheWatermark) { u64::MAX } else { mark };
            (start..end).contains(&place.offset)
        });
        if self.has(Fault::StarvesPartitions) {
            items.sort_by_key(|item| item.place().clone());
        } else {
            // By rank within the partition, so that all are served in turn.
            items.sort_by_key(|item| item.place().offset);
            let mut ranks = BTreeMap::new();
            items.sort_by_cached_key(|item| {
                let rank = ranks.entry(item.place().partition.clone()).or_insert(0);
                *rank += 1;
                *rank
            });
        }
        let rest = items.split_off(max.min(items.len()));
        let mut next = from.clone();
        for (partition, mark) in &state.marks {
            let of_partition = |item: &&FeedItem| item.place().partition == *partition;
            let swept = state.swept.get(partition).copied().unwrap_or(0);
            let start = from.get(partition).copied().unwrap_or(swept);
            let last = items.iter().filter(of_partition).map(|item| item.place().offset + 1).max();
            let is_cut =
                rest.iter().any(|item| of_partition(&item)) || self.has(Fault::StopsAtHoles);
            let end = if is_cut { last.unwrap_or(start) } else { start.max(*mark) };
            next.insert(partition.clone(), end);
        }
        Ok(FeedPage { items, next, has_more: !rest.is_empty() })
    }
}

fn is_wanted(query: &TripQuery, stored: &StoredTrip) -> bool {
    let trip = &stored.trip;
    let on_time = trip.sla.map(|sla| matches!(sla, Sla::OnTime));
    let key = (trip.started_at, trip.trip_id.clone());
    query.truck_id.as_ref().is_none_or(|id| *id == trip.truck_id)
        && query.status.is_none_or(|status| status == trip.status)
        && query.on_time.is_none_or(|wanted| Some(wanted) == on_time)
        && query.from.is_none_or(|from| trip.started_at >= from)
        && query.to.is_none_or(|to| trip.started_at < to)
        && query.after.as_ref().is_none_or(|after| key < *after)
}

#[async_trait]
impl FleetStore for NaiveStore {
    async fn write(&self, writes: Vec<Write>, watermarks: Watermarks) -> Result<Vec<WriteOutcome>> {
        let is_large =
            |write: &Write| matches!(write, Write::Document(d) if d.body.len() > 64 << 10);
        let is_refused = writes.iter().any(is_large);
        if is_refused && !self.has(Fault::WritesHalfABatch) {
            return Err(Error::invalid("document: above 64 KiB"));
        }
        let mut state = self.state();
        let outcomes = writes.into_iter().map(|write| self.put(&mut state, write)).collect();
        for (partition, next) in watermarks {
            let mark = state.marks.entry(partition).or_insert(next);
            *mark = if self.has(Fault::LowersWatermarks) { next } else { next.max(*mark) };
        }
        drop(state);
        self.changes.send_modify(|count| *count += 1);
        if is_refused { Err(Error::invalid("document: above 64 KiB")) } else { Ok(outcomes) }
    }

    async fn contradiction(&self, event: &TelemetryEvent) -> Result<Option<String>> {
        let state = self.state();
        let kept = state.events.iter().find(|stored| stored.event.id() == event.id());
        let differs = kept.filter(|stored| stored.event != *event);
        Ok(differs.map(|_| format!("event {} was archived before, otherwise", event.id())))
    }

    async fn telemetry(&self, query: &TelemetryQuery) -> Result<Vec<StoredEvent>> {
        self.check_limit(query.limit)?;
        let key = |stored: &StoredEvent| {
            let source_id = stored.event.source_id.clone();
            (stored.event.event_time, stored.event.seq, source_id)
        };
        let state = self.state();
        let window = query.from..query.to;
        let wanted = |stored: &&StoredEvent| {
            stored.event.truck_id == query.truck_id
                && window.contains(&stored.event.event_time)
                && self.is_alive(stored)
        };
        let mut found: Vec<_> = state.events.iter().filter(wanted).cloned().collect();
        drop(state);
        found.sort_by_key(key);
        if query.newest_first {
            found.reverse();
        }
        if let Some((time, id)) = &query.after {
            let is_passed = |stored: &StoredEvent| match stored.event.event_time.cmp(time) {
                order if query.newest_first => order.is_gt(),
                order => order.is_lt(),
            };
            // The place of the last one: itself if it is still there, else after its time.
            let last = found.iter().position(|stored| stored.event.id() == *id);
            let skip = match last {
                Some(last) if !self.has(Fault::PagesByTimeAlone) => last + 1,
                _ => found
                    .iter()
                    .take_while(|stored| is_passed(stored) || stored.event.event_time == *time)
                    .count(),
            };
            found.drain(..skip);
        }
        found.truncate(query.limit);
        Ok(found)
    }

    async fn latest(&self, truck_id: Option<&TruckId>) -> Result<Vec<StoredEvent>> {
        let state = self.state();
        let mut trucks: Vec<_> =
            state.events.iter().map(|stored| stored.event.truck_id.clone()).collect();
        trucks.sort();
        trucks.dedup();
        let is_wanted = |id: &&TruckId| truck_id.is_none_or(|wanted| wanted == *id);
        Ok(trucks.iter().filter(is_wanted).filter_map(|id| self.newest(&state, id)).collect())
    }

    async fn trips(&self, query: &TripQuery) -> Result<Vec<StoredTrip>> {
        self.check_limit(query.limit)?;
        let state = self.state();
        let mut found: Vec<_> =
            state.trips.values().filter(|stored| is_wanted(query, stored)).cloned().collect();
        drop(state);
        found.sort_by_key(|stored| (stored.trip.started_at, stored.trip.trip_id.clone()));
        found.reverse();
        found.truncate(query.limit);
        Ok(found)
    }

    async fn trip(&self, trip_id: &TripId) -> Result<StoredTrip> {
        let absent = || Error::not_found(format!("trip {trip_id}: not in the store"));
        self.state().trips.get(trip_id).cloned().ok_or_else(absent)
    }

    async fn feed(&self, from: &Watermarks, max: usize, wait: Duration) -> Result<FeedPage> {
        self.check_limit(max)?;
        let mut changes = self.changes.subscribe();
        let looking = async {
            loop {
                changes.mark_unchanged();
                let page = self.page(from, max)?;
                if !page.items.is_empty() || changes.changed().await.is_err() {
                    return Ok(page);
                }
            }
        };
        if wait.is_zero() || self.has(Fault::NeverWakes) {
            return self.page(from, max);
        }
        tokio::time::timeout(wait, looking).await.unwrap_or_else(|_| self.page(from, max))
    }

    async fn watermarks(&self) -> Result<Watermarks> {
        Ok(self.state().marks.clone())
    }

    async fn documents(
        &self,
        kind: &str,
        id: Option<&str>,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>> {
        let state = self.state();
        let all = state.documents.iter().map(|((kind, id), body)| Document {
            kind: kind.clone(),
            id: id.clone(),
            body: body.clone(),
        });
        let of_kind = all.filter(|document| document.kind == kind);
        let wanted = of_kind.filter(|document| {
            id.is_none_or(|id| document.id == id)
                && after.is_none_or(|after| document.id.as_str() > after)
        });
        Ok(wanted.take(max).collect())
    }

    async fn expire(&self, now: Time) -> Result<u64> {
        let mut state = self.state();
        let (expired, alive): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.events).into_iter().partition(|s| s.expires_at <= now);
        state.events = alive;
        for StoredEvent { place, .. } in &expired {
            let of_partition = |stored: &&StoredEvent| stored.place.partition == place.partition;
            let first = state.events.iter().filter(of_partition).map(|s| s.place.offset).min();
            let swept = first.unwrap_or(u64::MAX).min(place.offset + 1);
            let known = state.swept.entry(place.partition.clone()).or_insert(0);
            *known = swept.max(*known);
        }
        Ok(expired.len() as u64)
    }
}
