//! The use cases: one method for each question, whoever asks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use fleet_core::{
    Error, ErrorKind, Result,
    domain::{
        Counters, EventId, RegisteredTruck, Status, TelemetryEvent, TripId, TripSummary, TruckId,
    },
    store::{FeedItem, FeedPage, TelemetryQuery, TripQuery, Watermarks},
    stream::{
        PartitionLag, Topic,
        dead_letter::{self, DeadLetter, Redriven},
    },
    time::Time,
};
use serde::Serialize;

use crate::{
    Components, Settings, cursor,
    ingest::Ingest,
    keys::Keys,
    limits::Limiter,
    live::Closing,
    messages::{
        Entry, Feed, FleetSummary, Group, GroupPartition, HistoryQuestion, Letter, Order, Page,
        RedriveResult, TripsQuestion, Truck, TruckPosition,
    },
    metrics::{ApiMetrics, SloMetrics},
    page,
    slo::{Level, Watch},
};

/// The use cases over log, store and state.
#[derive(Debug)]
pub struct Service {
    pub(crate) settings: Settings,
    pub(crate) parts: Components,
    pub(crate) metrics: ApiMetrics,
    pub(crate) keys: Keys,
    pub(crate) limiter: Limiter,
    pub(crate) watch: Watch,
    pub(crate) closing: Closing,
    pub(crate) ingest: Ingest,
}

const TRUCK: &str = "truck";
const REGISTER_PAGE: usize = 5_000;
const REDRIVES_MAX: usize = 1_000;
/// Dead letters read at once: each may hold a payload of 1 MiB.
const LETTERS_STEP: usize = 16;
/// What the letters of one page come to, bytes: an answer of gRPC holds twice that.
const LETTERS_BYTES_MAX: usize = 2 << 20;

impl Service {
    pub(crate) fn new(settings: Settings, parts: Components) -> Result<Self> {
        let metrics = ApiMetrics::register(&parts.registry)?;
        let (store, clock) = (Arc::clone(&parts.store), Arc::clone(&parts.clock));
        let keys = Keys::new(store, Arc::clone(&clock), parts.entropy);
        let (first, told) = (Arc::clone(&parts.limiter), metrics.clone());
        let limiter = Limiter::new(first, settings.on_unavailable, &clock, told);
        let own = Watch::OWN.map(Level::as_str);
        let (slo, now) = (SloMetrics::register(&parts.registry, &own)?, parts.clock.now());
        let source = parts.slo_source.clone();
        let watch = Watch::new(settings.slo.clone(), &parts.tallies, source, slo, now);
        let (closing, ingest) = (Closing::default(), Ingest::default());
        Ok(Self { settings, parts, metrics, keys, limiter, watch, closing, ingest })
    }

    pub(crate) async fn register(&self) -> Result<BTreeMap<TruckId, RegisteredTruck>> {
        let mut register = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let page =
                self.parts.store.documents(TRUCK, None, after.as_deref(), REGISTER_PAGE).await?;
            let is_last = page.len() < REGISTER_PAGE;
            after = page.last().map(|document| document.id.clone());
            for document in page {
                let truck = registered(&document.body)?;
                register.insert(truck.truck_id.clone(), truck);
            }
            if is_last {
                return Ok(register);
            }
        }
    }

    pub(crate) async fn summary(&self) -> Result<FleetSummary> {
        let register = self.register().await?;
        let latest = self.parts.store.latest(None).await?;
        let counters = self.parts.state.counters().await?;
        let mut trucks_by_status = BTreeMap::new();
        let mut silent: BTreeSet<&TruckId> = register.keys().collect();
        for stored in &latest {
            *trucks_by_status.entry(stored.event.status).or_default() += 1;
            silent.remove(&stored.event.truck_id);
        }
        let total = counters.iter().flat_map(|snapshot| snapshot.trucks.values());
        let total = total.fold(Counters::default(), |sum, counters| sum + *counters);
        Ok(FleetSummary {
            trucks: latest.len() + silent.len(),
            trucks_by_status,
            trucks_silent: silent.len(),
            distance_mm: total.distance_mm,
            fuel_burned_ul: total.fuel_burned_ul,
            diesel_cost_upaise: total.diesel_cost_upaise,
            co2_mg: total.co2_mg(),
            events: total.events,
            trips: total.trips,
            trips_on_time: total.trips_on_time,
            counters_at: counters.map(|snapshot| snapshot.world_time),
            newest_event_at: latest.iter().map(|stored| stored.event.event_time).max(),
        })
    }

    pub(crate) async fn trucks(
        &self,
        status: Option<Status>,
        page_size: Option<u32>,
        page_token: Option<&str>,
    ) -> Result<Page<Truck>> {
        let filter = format!("trucks {status:?}");
        let size = page::size(page_size)?;
        let after: Option<TruckId> = page::after(&filter, page_token)?;
        let mut trucks: BTreeMap<TruckId, Truck> = BTreeMap::new();
        for (truck_id, registered) in self.register().await? {
            let truck =
                Truck { truck_id: truck_id.clone(), registered: Some(registered), latest: None };
            trucks.insert(truck_id, truck);
        }
        for stored in self.parts.store.latest(None).await? {
            let truck_id = stored.event.truck_id.clone();
            let truck = trucks.entry(truck_id.clone());
            let new = || Truck { truck_id, registered: None, latest: None };
            truck.or_insert_with(new).latest = Some(stored.event);
        }
        let is_wanted = |truck: &Truck| {
            let is_of_status = status.is_none_or(|status| {
                truck.latest.as_ref().is_some_and(|latest| latest.status == status)
            });
            is_of_status && after.as_ref().is_none_or(|after| truck.truck_id > *after)
        };
        let mut items: Vec<Truck> = trucks.into_values().filter(is_wanted).take(size + 1).collect();
        let next_page_token = cut(&mut items, size, &filter, |truck| truck.truck_id.clone());
        Ok(Page { items, next_page_token })
    }

    pub(crate) async fn truck(&self, truck_id: &TruckId) -> Result<Truck> {
        let documents = self.parts.store.documents(TRUCK, Some(truck_id.as_str()), None, 1).await?;
        let registered = documents.first().map(|d| registered(&d.body)).transpose()?;
        let latest = self.parts.store.latest(Some(truck_id)).await?.pop();
        if registered.is_none() && latest.is_none() {
            return Err(Error::not_found(format!("truck {truck_id}: not known")));
        }
        let latest = latest.map(|stored| stored.event);
        Ok(Truck { truck_id: truck_id.clone(), registered, latest })
    }

    pub(crate) async fn positions(&self) -> Result<Vec<TruckPosition>> {
        let latest = self.parts.store.latest(None).await?;
        let position = |stored: fleet_core::store::StoredEvent| {
            let event = stored.event;
            TruckPosition {
                truck_id: event.truck_id,
                event_time: event.event_time,
                position: event.position,
                heading_deg: event.signals.heading_deg,
                speed_kmh: event.signals.speed_kmh,
                status: event.status,
            }
        };
        Ok(latest.into_iter().map(position).collect())
    }

    pub(crate) async fn telemetry(
        &self,
        truck_id: &TruckId,
        question: &HistoryQuestion,
    ) -> Result<Page<TelemetryEvent>> {
        let HistoryQuestion { from, to, order, page_size, page_token } = question;
        page::window(*from, *to)?;
        let newest_first = *order == Some(Order::NewestFirst);
        let filter = format!("telemetry {truck_id} {from:?} {to:?} {newest_first}");
        let size = page::size(*page_size)?;
        let after: Option<(Time, u64, Option<String>)> =
            page::after(&filter, page_token.as_deref())?;
        let query = TelemetryQuery {
            truck_id: truck_id.clone(),
            from: from.unwrap_or(Time::MIN),
            to: to.unwrap_or(Time::MAX),
            after: after.map(|(event_time, seq, source_id)| {
                let truck_id = truck_id.clone();
                let id = match source_id {
                    Some(source_id) => EventId::Sourced { truck_id, event_time, source_id },
                    None => EventId::Counted { truck_id, seq },
                };
                (event_time, id)
            }),
            newest_first,
            limit: size + 1,
        };
        let stored = self.parts.store.telemetry(&query).await?;
        if stored.is_empty() {
            self.truck(truck_id).await?; // of a truck that nobody knows there is no history
        }
        let mut items: Vec<TelemetryEvent> = stored.into_iter().map(|s| s.event).collect();
        let key = |event: &TelemetryEvent| (event.event_time, event.seq, event.source_id.clone());
        let next_page_token = cut(&mut items, size, &filter, key);
        Ok(Page { items, next_page_token })
    }

    pub(crate) async fn trips(&self, question: TripsQuestion) -> Result<Page<TripSummary>> {
        let TripsQuestion { truck_id, status, on_time, from, to, page_size, page_token } = question;
        page::window(from, to)?;
        let filter = format!("trips {truck_id:?} {status:?} {on_time:?} {from:?} {to:?}");
        let size = page::size(page_size)?;
        let after: Option<(Time, TripId)> = page::after(&filter, page_token.as_deref())?;
        let query = TripQuery { truck_id, status, on_time, from, to, after, limit: size + 1 };
        let stored = self.parts.store.trips(&query).await?;
        if let Some(truck_id) = query.truck_id.as_ref().filter(|_| stored.is_empty()) {
            self.truck(truck_id).await?;
        }
        let mut items: Vec<TripSummary> = stored.into_iter().map(|s| s.trip).collect();
        let key = |trip: &TripSummary| (trip.started_at, trip.trip_id.clone());
        let next_page_token = cut(&mut items, size, &filter, key);
        Ok(Page { items, next_page_token })
    }

    pub(crate) async fn trip(&self, trip_id: &TripId) -> Result<TripSummary> {
        Ok(self.parts.store.trip(trip_id).await?.trip)
    }

    /// The places in a cursor; an empty one is the oldest.
    pub(crate) fn places(&self, cursor: Option<&str>) -> Result<Watermarks> {
        match cursor.filter(|cursor| !cursor.is_empty()) {
            Some(cursor) => cursor::decode(self.parts.log.incarnation(), cursor),
            None => Ok(Watermarks::new()),
        }
    }

    /// The places in a cursor that a stream goes on from, if everything after them is still there;
    /// without a cursor, where the feed stands now.
    pub(crate) async fn resume(&self, cursor: Option<&str>) -> Result<Watermarks> {
        let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) else {
            return self.parts.store.watermarks().await;
        };
        let places = self.places(Some(cursor))?;
        self.parts.store.feed(&places, 1, Duration::ZERO).await?;
        Ok(places)
    }

    pub(crate) fn cursor(&self, places: &Watermarks) -> String {
        cursor::encode(self.parts.log.incarnation(), places)
    }

    /// A piece of the feed, and the places that it was read from.
    pub(crate) async fn feed_page(
        &self,
        cursor: Option<&str>,
        page_size: Option<u32>,
    ) -> Result<(Watermarks, FeedPage)> {
        let places = self.places(cursor)?;
        let size = page::size(page_size)?;
        let page = self.parts.store.feed(&places, size, Duration::ZERO).await?;
        Ok((places, page))
    }

    pub(crate) async fn feed(&self, cursor: Option<&str>, page_size: Option<u32>) -> Result<Feed> {
        let (_, FeedPage { items, next, has_more }) = self.feed_page(cursor, page_size).await?;
        let entries = items.into_iter().map(entry).collect();
        Ok(Feed { entries, next_cursor: self.cursor(&next), has_more })
    }

    pub(crate) async fn groups(&self) -> Result<Vec<Group>> {
        let now = self.parts.clock.now();
        let mut groups = Vec::new();
        for group in &self.parts.groups {
            let lag = self.parts.log.lag(group).await?;
            let oldest = lag.iter().filter_map(|partition| partition.oldest_appended_at).min();
            groups.push(Group {
                group: group.clone(),
                lag_records: lag.iter().map(|partition| partition.records).sum(),
                lag_seconds: oldest.map_or(0.0, |at| now.ms_since(at).max(0) as f64 / 1e3),
                partitions: lag.iter().map(group_partition).collect(),
            });
        }
        Ok(groups)
    }

    pub(crate) async fn dead_letters(
        &self,
        topic: Option<&str>,
        page_size: Option<u32>,
        page_token: Option<&str>,
    ) -> Result<Page<Letter>> {
        let filter = format!("dead letters {topic:?}");
        let size = page::size(page_size)?;
        let after: Option<String> = page::after(&filter, page_token)?;
        let is_wanted = |known: &Topic| topic.is_none_or(|topic| topic == known.as_str());
        let topics: Vec<Topic> = Topic::FLEET.into_iter().filter(is_wanted).collect();
        if topics.is_empty() {
            let known = Topic::FLEET.map(|topic| topic.to_string()).join(", ");
            return Err(Error::invalid(format!("topic: expected one of {known}")));
        }
        let (mut letters, size) = self.letters(&topics, after, size).await?;
        let next_page_token = cut(&mut letters, size, &filter, DeadLetter::id);
        let mut items = Vec::new();
        for letter in letters {
            items.push(self.letter(letter).await?);
        }
        Ok(Page { items, next_page_token })
    }

    /// Letters after the one called `after`, one more than a page has, and how many a page has:
    /// `size` or, if their bytes come to too much, fewer.
    async fn letters(
        &self,
        topics: &[Topic],
        mut after: Option<String>,
        size: usize,
    ) -> Result<(Vec<DeadLetter>, usize)> {
        let (mut letters, mut bytes) = (Vec::new(), 0);
        loop {
            let step = LETTERS_STEP.min(size + 1 - letters.len());
            let found = dead_letter::list(&*self.parts.log, topics, after.as_deref(), step).await?;
            let is_last = found.len() < step;
            for letter in found {
                bytes += letter.key.len() + letter.detail.len() + letter.payload.len();
                letters.push(letter);
                if bytes > LETTERS_BYTES_MAX {
                    let fitting = letters.len() - 1;
                    return Ok((letters, fitting.clamp(1, size)));
                }
            }
            if is_last || letters.len() > size {
                return Ok((letters, size));
            }
            after = letters.last().map(DeadLetter::id);
        }
    }

    pub(crate) async fn dead_letter(&self, id: &str) -> Result<Letter> {
        self.letter(dead_letter::get(&*self.parts.log, id).await?).await
    }

    async fn letter(&self, letter: DeadLetter) -> Result<Letter> {
        let id = letter.id();
        let redriven = dead_letter::is_redriven(&*self.parts.store, &id).await?;
        Ok(Letter {
            id,
            topic: letter.topic.to_string(),
            partition: letter.origin.as_ref().map(|origin| origin.partition.number),
            offset: letter.origin.as_ref().map(|origin| origin.offset),
            group: letter.group,
            reason: letter.reason,
            detail: letter.detail,
            attempts: letter.attempts,
            dead_lettered_at: letter.dead_lettered_at,
            key: letter.key,
            payload: letter.payload,
            redriven,
            redriven_from: letter.redriven_from,
        })
    }

    pub(crate) async fn redrive(
        &self,
        ids: &[String],
        dry_run: bool,
    ) -> Result<Vec<RedriveResult>> {
        if !(1..=REDRIVES_MAX).contains(&ids.len()) {
            return Err(Error::invalid("ids: expected 1 to 1000"));
        }
        let mut results: Vec<RedriveResult> = Vec::new();
        let mut is_away = false;
        for id in ids {
            let outcome = if is_away {
                Ok(("not_tried", String::new()))
            } else {
                self.put_back(id, dry_run).await
            };
            is_away |= outcome.is_err();
            results.push(match outcome {
                // What was put back before the failure stays told.
                Err(error) if results.is_empty() => return Err(error),
                Err(error) => {
                    RedriveResult { id: id.clone(), outcome: "failed", detail: error.to_string() }
                }
                Ok((outcome, detail)) => RedriveResult { id: id.clone(), outcome, detail },
            });
        }
        Ok(results)
    }

    /// One letter's outcome, in the contract's word, with its detail.
    async fn put_back(&self, id: &str, dry_run: bool) -> Result<(&'static str, String)> {
        let (log, store) = (&*self.parts.log, &*self.parts.store);
        let redriven = dead_letter::redrive(log, store, id, dry_run, &fleet_proto::validate).await;
        Ok(match redriven {
            Err(error) if error.kind() == ErrorKind::Invalid => ("invalid", error.to_string()),
            redriven => match redriven? {
                Redriven::Done => ("redriven", String::new()),
                Redriven::Already => ("already_redriven", String::new()),
                Redriven::Would => ("would_redrive", String::new()),
                Redriven::WouldFail(why) => ("would_fail", why),
                Redriven::NotFound => ("not_found", String::new()),
            },
        })
    }

    /// Whether log, store and state answer.
    pub(crate) async fn ready(&self) -> Result<()> {
        self.parts.store.watermarks().await?;
        self.parts.state.get("readiness").await?; // nothing is there: that it answers is enough
        self.parts.log.extents(&Topic::TELEMETRY).await?;
        Ok(())
    }
}

fn registered(body: &str) -> Result<RegisteredTruck> {
    serde_json::from_str(body).map_err(|e| Error::corrupt("register of trucks").with_source(e))
}

fn group_partition(lag: &PartitionLag) -> GroupPartition {
    GroupPartition {
        topic: lag.partition.topic.to_string(),
        partition: lag.partition.number,
        committed: lag.committed,
        end: lag.end,
        lag_records: lag.records,
    }
}

/// The entry that an item of the feed is.
pub(crate) fn entry(item: FeedItem) -> Entry {
    match item {
        FeedItem::Telemetry(stored) => Entry::Telemetry { event: Box::new(stored.event) },
        FeedItem::Trip(stored) => Entry::Trip { trip: Box::new(stored.trip) },
    }
}

/// Cuts a list that was read one too far, and makes the token for the rest.
pub(crate) fn cut<T, K: Serialize>(
    items: &mut Vec<T>,
    size: usize,
    filter: &str,
    key: impl Fn(&T) -> K,
) -> String {
    if items.len() <= size {
        return String::new();
    }
    items.truncate(size);
    items.last().map(|last| page::token(filter, &key(last))).unwrap_or_default()
}

#[cfg(test)]
mod tests;
