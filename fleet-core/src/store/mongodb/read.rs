//! Answers to queries, by index, from what has not expired.

use ::mongodb::{
    Collection,
    bson::{Document as Bson, doc},
    options::FindOptions,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::{
    MongoStore, Sweep,
    rows::{self, Marked},
};
use crate::{
    Error, Result,
    domain::{EventId, TruckId},
    store::{
        Document, FeedItem, FeedPage, StoredEvent, StoredTrip, TelemetryQuery, TripQuery,
        Watermarks, ord,
    },
    stream::Partition,
    time::{Clock, Time},
};

/// Queries under way at once for the newest events of many trucks.
const CONCURRENT: usize = 16;

fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

impl MongoStore {
    fn now(&self) -> Time {
        Clock::now(&*self.clock)
    }

    pub(super) async fn read_telemetry(&self, query: &TelemetryQuery) -> Result<Vec<StoredEvent>> {
        let direction = if query.newest_first { -1 } else { 1 };
        let mut filter = doc! {
            "truck_id": query.truck_id.as_str(),
            "event_time": { "$gte": rows::date(query.from), "$lt": rows::date(query.to) },
            "expires_at": { "$gt": rows::date(self.now()) },
        };
        if let Some((time, id)) = &query.after {
            let ord = match id {
                EventId::Counted { seq, .. } => ord(*seq, None),
                EventId::Sourced { source_id, .. } => ord(0, Some(source_id)),
            };
            let beyond = if query.newest_first { "$lt" } else { "$gt" };
            let time = rows::date(*time);
            filter.insert(
                "$or",
                vec![
                    doc! { "event_time": { beyond: time } },
                    doc! { "event_time": time, "ord": { beyond: ord } },
                ],
            );
        }
        let order = doc! { "event_time": direction, "ord": direction };
        let rows = self.collections.telemetry.find(filter).sort(order).limit(limit(query.limit));
        let rows: Vec<Bson> = self.told(self.told(rows.await)?.try_collect().await)?;
        rows.into_iter().map(rows::stored_event).collect()
    }

    pub(super) async fn read_latest(&self, truck_id: Option<&TruckId>) -> Result<Vec<StoredEvent>> {
        let trucks = match truck_id {
            Some(truck_id) => vec![truck_id.clone()],
            None => self.trucks().await?,
        };
        let newest: Vec<_> = trucks.into_iter().map(|truck_id| self.newest(truck_id)).collect();
        let found: Vec<Option<StoredEvent>> =
            stream::iter(newest).buffered(CONCURRENT).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn newest(&self, truck_id: TruckId) -> Result<Option<StoredEvent>> {
        let (from, to, after) = (Time::MIN, Time::MAX, None);
        let query = TelemetryQuery { truck_id, from, to, after, newest_first: true, limit: 1 };
        Ok(self.read_telemetry(&query).await?.pop())
    }

    async fn trucks(&self) -> Result<Vec<TruckId>> {
        let rows = self.collections.trucks.find(doc! {}).sort(doc! { "_id": 1 }).await;
        let rows: Vec<Bson> = self.told(self.told(rows)?.try_collect().await)?;
        rows.iter().map(|row| row.get_str("_id").unwrap_or_default().parse()).collect()
    }

    pub(super) async fn read_trips(&self, query: &TripQuery) -> Result<Vec<StoredTrip>> {
        let mut filter = doc! {};
        if let Some(truck_id) = &query.truck_id {
            filter.insert("truck_id", truck_id.as_str());
        }
        if let Some(status) = query.status {
            filter.insert("status", rows::status(status));
        }
        if let Some(on_time) = query.on_time {
            filter.insert("on_time", on_time);
        }
        let mut started = doc! {};
        if let Some(from) = query.from {
            started.insert("$gte", rows::date(from));
        }
        if let Some(to) = query.to {
            started.insert("$lt", rows::date(to));
        }
        if !started.is_empty() {
            filter.insert("started_at", started);
        }
        if let Some((started_at, id)) = &query.after {
            let started_at = rows::date(*started_at);
            filter.insert(
                "$or",
                vec![
                    doc! { "started_at": { "$lt": started_at } },
                    doc! { "started_at": started_at, "_id": { "$lt": id.as_str() } },
                ],
            );
        }
        let order = doc! { "started_at": -1, "_id": -1 };
        let rows = self.collections.trips.find(filter).sort(order).limit(limit(query.limit));
        let rows: Vec<Bson> = self.told(self.told(rows.await)?.try_collect().await)?;
        rows.into_iter().map(rows::stored_trip).collect()
    }

    pub(super) async fn read_watermarks(&self) -> Result<Watermarks> {
        let marks = self.marked().await?;
        Ok(marks.into_iter().map(|marked| (marked.partition, marked.next)).collect())
    }

    async fn marked(&self) -> Result<Vec<Marked>> {
        let rows = self.collections.watermarks.find(doc! {}).await;
        let rows: Vec<Bson> = self.told(self.told(rows)?.try_collect().await)?;
        rows.iter().filter_map(|row| rows::marked(row).transpose()).collect()
    }

    /// The oldest place of a partition that still is a row.
    pub(super) async fn oldest(&self, partition: &Partition) -> Result<Option<u64>> {
        let filter = doc! {
            "topic": partition.topic.as_str(),
            "partition": i64::from(partition.number),
        };
        let row = self.collections.telemetry.find_one(filter).sort(doc! { "offset": 1 }).await;
        Ok(self.told(row)?.as_ref().and_then(rows::take_place).map(|place| place.offset))
    }

    /// The place before which a reader may have missed something. Where the server sweeps, nobody
    /// tells us how far: once anything is gone it is the oldest row, or the watermark if there is
    /// none. That may send a reader back to the beginning who missed nothing, never the reverse.
    async fn kept_from(&self, marked: &Marked) -> Result<u64> {
        let Some(first) = marked.first.filter(|_| self.sweep == Sweep::Server) else {
            return Ok(marked.swept);
        };
        Ok(match self.oldest(&marked.partition).await? {
            Some(oldest) if oldest > first => oldest.max(marked.swept),
            Some(_) => marked.swept,
            None => marked.next,
        })
    }

    pub(super) async fn read_documents(
        &self,
        kind: &str,
        id: Option<&str>,
        after: Option<&str>,
        max: usize,
    ) -> Result<Vec<Document>> {
        if max == 0 {
            return Ok(Vec::new()); // a limit of 0 would be none
        }
        let mut filter = doc! { "kind": kind };
        match (id, after) {
            (Some(id), Some(after)) if id <= after => return Ok(Vec::new()),
            (Some(id), _) => drop(filter.insert("id", id)),
            (None, Some(after)) => drop(filter.insert("id", doc! { "$gt": after })),
            (None, None) => {}
        }
        let rows = self.collections.documents.find(filter).sort(doc! { "id": 1 });
        let rows: Vec<Bson> =
            self.told(self.told(rows.limit(limit(max)).await)?.try_collect().await)?;
        let text = |row: &Bson, field| row.get_str(field).unwrap_or_default().to_owned();
        let document = |row: &Bson| Document {
            kind: kind.to_owned(),
            id: text(row, "id"),
            body: text(row, "body"),
        };
        Ok(rows.iter().map(document).collect())
    }

    /// A piece of the feed below the watermarks, which are read first: what they cover is there.
    /// The room is shared by the partitions, the least behind first, in rounds: what one leaves goes
    /// to those with more.
    pub(super) async fn read_feed(&self, from: &Watermarks, max: usize) -> Result<FeedPage> {
        let mut page = FeedPage { items: Vec::new(), next: from.clone(), has_more: false };
        let mut open: Vec<(Partition, u64, u64)> = Vec::new();
        for marked in self.marked().await? {
            let asked = from.get(&marked.partition).copied();
            let start = match asked {
                Some(start) if start >= marked.next => start, // nothing to miss
                _ => {
                    let kept_from = self.kept_from(&marked).await?;
                    if asked.is_some_and(|start| start < kept_from) {
                        return Err(Error::not_found("cursor: what came after it has expired"));
                    }
                    asked.unwrap_or(kept_from)
                }
            };
            let end = marked.next;
            page.next.insert(marked.partition.clone(), start.max(end)); // one ahead of it stays
            if start < end {
                open.push((marked.partition, start, end));
            }
        }
        let (mut room, now) = (max, self.now());
        while room > 0 && !open.is_empty() {
            open.sort_by_key(|(_, start, end)| end - start);
            let (mut left, mut cut) = (open.len(), Vec::new());
            for (partition, start, end) in open {
                let share = room.div_ceil(left);
                left -= 1;
                // A limit of 0 would be none.
                let items = match share {
                    0 => Vec::new(),
                    _ => self.items(&partition, (start, end), share).await?,
                };
                room -= items.len();
                if items.len() == share {
                    let next = items.last().map_or(start, |last| last.place().offset + 1);
                    cut.push((partition, next, end));
                }
                page.items.extend(items.into_iter().filter(|item| match item {
                    FeedItem::Telemetry(stored) => stored.expires_at > now,
                    FeedItem::Trip(_) => true,
                }));
            }
            open = cut;
        }
        for (partition, next, end) in open {
            page.has_more |= next < end;
            page.next.insert(partition, next);
        }
        Ok(page)
    }

    /// What was first seen in `partition` within [start, end), oldest first; a partition holds
    /// either telemetry or trips.
    async fn items(
        &self,
        partition: &Partition,
        (start, end): (u64, u64),
        max: usize,
    ) -> Result<Vec<FeedItem>> {
        let filter = doc! {
            "topic": partition.topic.as_str(),
            "partition": i64::from(partition.number),
            "offset": { "$gte": rows::signed(start), "$lt": rows::signed(end) },
        };
        let options = FindOptions::builder().sort(doc! { "offset": 1 }).limit(limit(max)).build();
        let find = async |collection: &Collection<Bson>| -> Result<Vec<Bson>> {
            let rows = collection.find(filter.clone()).with_options(options.clone()).await;
            self.told(self.told(rows)?.try_collect().await)
        };
        let telemetry = find(&self.collections.telemetry).await?;
        if telemetry.is_empty() {
            let trips = find(&self.collections.trips).await?.into_iter();
            return trips
                .map(|row| Ok(FeedItem::Trip(Box::new(rows::stored_trip(row)?))))
                .collect();
        }
        let events = telemetry.into_iter();
        events.map(|row| Ok(FeedItem::Telemetry(Box::new(rows::stored_event(row)?)))).collect()
    }
}
