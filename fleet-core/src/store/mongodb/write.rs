//! Writing a batch: records first, each idempotent; watermarks last.

use std::collections::{HashMap, hash_map::Entry};

use ::mongodb::{
    bson::{Document as Bson, doc},
    error::{Error as Cause, ErrorKind as CauseKind, WriteFailure},
};
use futures::{StreamExt, TryStreamExt, stream};

use super::{KNOWN_TRUCKS_MAX, MongoStore, SWEEP_CHUNK, rows};
use crate::{
    Error, Result,
    domain::{TelemetryEvent, TruckId},
    store::{
        Document, StoredEvent, TelemetryWrite, TripWrite, Watermarks, Write, WriteOutcome, compare,
    },
    stream::{Partition, Place},
    time::Time,
};

/// The server's word for "there is one with this `_id`".
const DUPLICATE: i32 = 11_000;
/// Updates that are under way at once.
const CONCURRENT: usize = 16;
/// Ids asked for at once.
const LOOK_UP_CHUNK: usize = 1_000;

impl MongoStore {
    /// One outcome per write, in order. Of several writes of one thing the first comes first.
    pub(super) async fn write_batch(&self, writes: &[Write]) -> Result<Vec<WriteOutcome>> {
        let mut outcomes = vec![WriteOutcome::Unchanged; writes.len()];
        let mut telemetry = Vec::new();
        let mut others: HashMap<String, Vec<usize>> = HashMap::new();
        for (ix, write) in writes.iter().enumerate() {
            match write {
                Write::Telemetry(write) => telemetry.push((ix, &**write)),
                Write::Trip(write) => {
                    others.entry(format!("trip {}", write.trip.trip_id)).or_default().push(ix);
                }
                Write::Document(document) => {
                    let key = format!("document {}", document_id(document));
                    others.entry(key).or_default().push(ix);
                }
            }
        }
        for (ix, outcome) in self.put_telemetry(&telemetry).await? {
            outcomes[ix] = outcome;
        }
        // Those of one trip or document one after another, different ones side by side.
        let put: Vec<_> =
            others.into_values().map(|indices| self.put_in_turn(writes, indices)).collect();
        let done: Vec<Vec<(usize, WriteOutcome)>> =
            stream::iter(put).buffer_unordered(CONCURRENT).try_collect().await?;
        for (ix, outcome) in done.into_iter().flatten() {
            outcomes[ix] = outcome;
        }
        Ok(outcomes)
    }

    async fn put_in_turn(
        &self,
        writes: &[Write],
        indices: Vec<usize>,
    ) -> Result<Vec<(usize, WriteOutcome)>> {
        let mut outcomes = Vec::with_capacity(indices.len());
        for ix in indices {
            let outcome = match &writes[ix] {
                Write::Trip(write) => self.put_trip(write).await?,
                Write::Document(document) => self.put_document(document).await?,
                Write::Telemetry(_) => continue,
            };
            outcomes.push((ix, outcome));
        }
        Ok(outcomes)
    }

    async fn put_telemetry(
        &self,
        writes: &[(usize, &TelemetryWrite)],
    ) -> Result<Vec<(usize, WriteOutcome)>> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        self.know_trucks(writes).await?;
        // What comes twice in one batch is sent once, and compared with its first afterwards.
        let mut firsts: HashMap<String, &TelemetryEvent> = HashMap::new();
        let (mut sent, mut rows) = (Vec::new(), Vec::new());
        let mut repeated = Vec::new();
        for (ix, write) in writes {
            match firsts.entry(write.event.id().to_string()) {
                Entry::Occupied(_) => repeated.push((*ix, &write.event)),
                Entry::Vacant(place) => {
                    place.insert(&write.event);
                    sent.push((*ix, &write.event));
                    rows.push(rows::telemetry(write)?);
                }
            }
        }
        let known = self.insert_new(rows).await?;
        let mut outcomes: Vec<(usize, WriteOutcome)> = Vec::with_capacity(writes.len());
        let mut open: Vec<(usize, &TelemetryEvent)> = Vec::new();
        for (at, (ix, event)) in sent.into_iter().enumerate() {
            if known.contains(&at) {
                open.push((ix, event));
            } else {
                outcomes.push((ix, WriteOutcome::Stored));
            }
        }
        open.extend(repeated);
        let stored = self.look_up(&open).await?;
        for (ix, event) in open {
            let outcome = match stored.get(&event.id().to_string()) {
                Some(stored) => compare(&stored.event, event),
                // Swept between the insert and the look: it has had its life.
                None => WriteOutcome::Unchanged,
            };
            outcomes.push((ix, outcome));
        }
        Ok(outcomes)
    }

    /// Inserts all that are new; returns the places in `rows` of those that were there.
    async fn insert_new(&self, rows: Vec<Bson>) -> Result<Vec<usize>> {
        match self.collections.telemetry.insert_many(rows).ordered(false).await {
            Ok(_) => Ok(Vec::new()),
            Err(cause) => match duplicates(&cause) {
                Some(known) => Ok(known),
                None => Err(self.error(cause)),
            },
        }
    }

    pub(super) async fn look_up(
        &self,
        events: &[(usize, &TelemetryEvent)],
    ) -> Result<HashMap<String, StoredEvent>> {
        let mut found = HashMap::new();
        for chunk in events.chunks(LOOK_UP_CHUNK) {
            let ids: Vec<String> = chunk.iter().map(|(_, event)| event.id().to_string()).collect();
            let rows = self.collections.telemetry.find(doc! { "_id": { "$in": ids } }).await;
            let rows: Vec<Bson> = self.told(self.told(rows)?.try_collect().await)?;
            for row in rows {
                let stored = rows::stored_event(row)?;
                found.insert(stored.event.id().to_string(), stored);
            }
        }
        Ok(found)
    }

    /// Sees to it that the server knows every truck of these writes.
    async fn know_trucks(&self, writes: &[(usize, &TelemetryWrite)]) -> Result<()> {
        let mut new: Vec<TruckId> = {
            let known = self.known_trucks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let ids = writes.iter().map(|(_, write)| &write.event.truck_id);
            ids.filter(|id| !known.contains(*id)).cloned().collect()
        };
        if new.is_empty() {
            return Ok(());
        }
        new.sort_unstable();
        new.dedup();
        let rows: Vec<Bson> = new.iter().map(|id| doc! { "_id": id.as_str() }).collect();
        if let Err(cause) = self.collections.trucks.insert_many(rows).ordered(false).await
            && duplicates(&cause).is_none()
        {
            return Err(self.error(cause));
        }
        let mut known = self.known_trucks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.len() + new.len() > KNOWN_TRUCKS_MAX {
            known.clear();
        }
        known.extend(new);
        Ok(())
    }

    async fn put_trip(&self, write: &TripWrite) -> Result<WriteOutcome> {
        let id = write.trip.trip_id.as_str();
        let older = doc! { "_id": id, "revision": { "$lt": i64::from(write.trip.revision) } };
        let set = doc! { "$set": rows::trip(write)? };
        for is_last in [false, true] {
            let done = self.collections.trips.update_one(older.clone(), set.clone()).upsert(true);
            match done.await {
                Ok(_) => return Ok(WriteOutcome::Stored),
                // Two first writes of one trip can race: only the second time it says "not newer".
                Err(cause) if is_duplicate(&cause) && !is_last => {}
                Err(cause) if is_duplicate(&cause) => break,
                Err(cause) => return Err(self.error(cause)),
            }
        }
        Ok(WriteOutcome::Unchanged)
    }

    async fn put_document(&self, document: &Document) -> Result<WriteOutcome> {
        let Document { kind, id, body } = document;
        let filter = doc! { "_id": document_id(document) };
        let set = doc! { "$set": { "kind": kind, "id": id, "body": body } };
        for _ in 0..2 {
            let update = self.collections.documents.update_one(filter.clone(), set.clone());
            match update.upsert(true).await {
                Ok(done) if done.upserted_id.is_none() && done.modified_count == 0 => {
                    return Ok(WriteOutcome::Unchanged);
                }
                Ok(_) => return Ok(WriteOutcome::Stored),
                Err(cause) if is_duplicate(&cause) => {} // two first writes raced
                Err(cause) => return Err(self.error(cause)),
            }
        }
        Err(Error::unavailable(format!(
            "document {kind}/{id}: written by another at the same time"
        )))
    }

    /// Raises the watermarks: only once what lies below them is acknowledged.
    pub(super) async fn raise(&self, writes: &[Write], watermarks: &Watermarks) -> Result<()> {
        let mut firsts: HashMap<&Partition, u64> = HashMap::new();
        for write in writes {
            if let Write::Telemetry(write) = write {
                let offset = write.place.offset;
                let first = firsts.entry(&write.place.partition).or_insert(offset);
                *first = offset.min(*first);
            }
        }
        let raises: Vec<_> = watermarks
            .iter()
            .map(|(partition, next)| {
                let mut update = doc! { "$max": { "next": rows::signed(*next) } };
                if let Some(first) = firsts.get(partition) {
                    update.insert("$min", doc! { "first": rows::signed(*first) });
                }
                self.mark(partition, update)
            })
            .collect();
        stream::iter(raises).buffer_unordered(CONCURRENT).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    /// Updates what is kept of a partition.
    async fn mark(&self, partition: &Partition, update: Bson) -> Result<()> {
        let filter = doc! { "_id": rows::partition_id(partition) };
        for _ in 0..2 {
            let done = self.collections.watermarks.update_one(filter.clone(), update.clone());
            match done.upsert(true).await {
                Err(cause) if is_duplicate(&cause) => {} // two first writes raced
                outcome => return self.told(outcome).map(drop),
            }
        }
        Err(Error::unavailable(format!("watermark of {partition}: raised by another just now")))
    }

    /// Deletes what has expired, a chunk at a time, and marks how far partitions are emptied.
    pub(super) async fn sweep_expired(&self, now: Time) -> Result<u64> {
        let expired = doc! { "expires_at": { "$lte": rows::date(now) } };
        let fields = doc! { "topic": 1, "partition": 1, "offset": 1 };
        let mut swept = 0;
        loop {
            let found = self.collections.telemetry.find(expired.clone());
            let found = found.projection(fields.clone()).limit(SWEEP_CHUNK).await;
            let found: Vec<Bson> = self.told(self.told(found)?.try_collect().await)?;
            if found.is_empty() {
                return Ok(swept);
            }
            let ids: Vec<_> = found.iter().filter_map(|row| row.get("_id").cloned()).collect();
            let gone = doc! { "_id": { "$in": ids }, "expires_at": { "$lte": rows::date(now) } };
            swept += self.told(self.collections.telemetry.delete_many(gone).await)?.deleted_count;
            let mut lasts: HashMap<Partition, u64> = HashMap::new();
            for Place { partition, offset } in found.iter().filter_map(rows::take_place) {
                let last = lasts.entry(partition).or_insert(offset);
                *last = offset.max(*last);
            }
            for (partition, last) in lasts {
                // Up to the first row that lives longer than what lay behind it.
                let oldest = self.oldest(&partition).await?.unwrap_or(u64::MAX);
                let upto = rows::signed(oldest.min(last + 1));
                self.mark(&partition, doc! { "$max": { "swept": upto } }).await?;
            }
        }
    }
}

fn document_id(document: &Document) -> String {
    format!("{}/{}", document.kind, document.id)
}

fn is_duplicate(cause: &Cause) -> bool {
    match &*cause.kind {
        CauseKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE,
        CauseKind::Command(error) => error.code == DUPLICATE,
        _ => false,
    }
}

/// The places of the duplicates if they are all that went wrong; `None` for any other failure. A
/// write concern that was not met says that nothing is known to be durable.
fn duplicates(cause: &Cause) -> Option<Vec<usize>> {
    let CauseKind::InsertMany(error) = &*cause.kind else { return None };
    let errors = error.write_errors.as_deref().filter(|errors| !errors.is_empty())?;
    let is_all = error.write_concern_error.is_none() && errors.iter().all(|e| e.code == DUPLICATE);
    is_all.then(|| errors.iter().map(|error| error.index).collect())
}
