//! The laws of the store: one suite that every backend passes.
//!
//! A backend earns its name with one macro call and a function that makes its [`Subject`]. Laws
//! speak only through the port. Beside them stands a [`NaiveStore`], too simple to be wrong: it
//! passes the suite, random writes and queries are compared with it, and broken in one way at a
//! time it shows that each law bites.
//!
//! ```
//! # use std::sync::Arc;
//! # use fleet_core::{testkit::{ManualClock, store_laws::{self, NaiveStore, Subject}}, time::Time};
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let clock = Arc::new(ManualClock::new(store_laws::NOW));
//! let store = Arc::new(NaiveStore::new(clock.clone()));
//! let after_crash = { let store = store.clone(); move || store.clone() as _ };
//! let subject = Subject { store, clock, after_crash: Box::new(after_crash) };
//! store_laws::a_conflict_keeps_the_first(subject).await;
//! # });
//! ```
#![allow(clippy::missing_panics_doc, reason = "a panic is how a law fails")]

mod feed;
mod model;
mod queries;
mod writes;

use std::{fmt, sync::Arc, time::Duration};

pub use feed::*;
pub use model::NaiveStore;
pub use queries::*;
pub use writes::*;

#[cfg(all(test, any(feature = "sqlite", feature = "mongodb")))]
use crate::{domain::Refuelling, route::RoadClass};
use crate::{
    domain::{
        Delays, FuelLedger, Signals, Sla, Status, TelemetryEvent, TripEnd, TripId, TripStatus,
        TripSummary, TruckId,
    },
    geo::Position,
    store::{
        FeedItem, FleetStore, StoredEvent, StoredTrip, TelemetryQuery, TelemetryWrite, TripQuery,
        TripWrite, Watermarks, Write, WriteOutcome,
    },
    stream::{Partition, Place, Topic},
    testkit::ManualClock,
    time::Time,
};

/// Makes a store on what a crash at this moment would leave of the one under test.
pub type AfterCrash = Box<dyn Fn() -> Arc<dyn FleetStore> + Send + Sync>;

/// A store under test, empty at first.
pub struct Subject {
    /// The store.
    pub store: Arc<dyn FleetStore>,
    /// The clock that it asks, standing at [`NOW`].
    pub clock: Arc<ManualClock>,
    /// What would be left of it after a crash.
    pub after_crash: AfterCrash,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Where the clock of a [`Subject`] stands at first: 2026-01-05T00:00:00Z.
pub const NOW: Time = Time::from_ms(1_767_571_200_000);

/// How long the laws' telemetry lives, ms: a day.
const LIFE_MS: i64 = 86_400_000;

fn partition(topic: &Topic, number: u32) -> Partition {
    Partition { topic: topic.clone(), number }
}

/// The watermark of the first partition of telemetry.
fn below(offset: u64) -> Watermarks {
    Watermarks::from([(partition(&Topic::TELEMETRY, 0), offset)])
}

fn truck(number: u32) -> TruckId {
    TruckId::simulated(number)
}

/// A counted event of a truck, `at_s` seconds after [`NOW`].
fn event(number: u32, seq: u64, at_s: i64) -> TelemetryEvent {
    TelemetryEvent {
        truck_id: truck(number),
        seq,
        source_id: None,
        event_time: NOW.plus_ms(at_s * 1_000),
        position: Position { lat: 26.144_5, lon: 91.736_2 },
        status: Status::EnRoute,
        signals: Signals { speed_kmh: Some(48.25), gear: Some(7), ..Signals::default() },
        trip_id: None,
        driver_id: None,
        road_class: None,
        zone: None,
        refuelling: None,
    }
}

/// The same with a value in every field, none of them round; a second after its predecessor.
#[cfg(all(test, any(feature = "sqlite", feature = "mongodb")))]
pub(crate) fn full_event(number: u32, seq: u64) -> TelemetryEvent {
    let event = event(number, seq, i64::try_from(seq).expect("small"));
    let (trip_id, refuelled_at) = (event.truck_id.trip(3), event.event_time.plus_ms(-1));
    TelemetryEvent {
        signals: Signals {
            altitude_m: Some(54.1),
            heading_deg: Some(359.9),
            speed_kmh: Some(61.2),
            fuel_l: Some(210.7),
            fuel_pct: Some(52.675),
            coolant_c: Some(87.3),
            engine_rpm: Some(1_421.5),
            gear: Some(11),
            vibration_rms_mps2: Some(0.71),
            odometer_km: Some(123_456.789),
            payload_kg: Some(15_999.5),
            fuel_burned_ml: Some(i64::MAX.cast_unsigned()),
            diesel_cost_paise: Some(1),
        },
        trip_id: Some(trip_id),
        driver_id: Some("DRV-000007".parse().expect("an id")),
        road_class: Some(RoadClass::ALL[0]),
        zone: Some("fog-7".into()),
        refuelling: Some(Refuelling {
            refuelled_ml: 123_456,
            price_paise_per_l: 9_212,
            station: "Jorabat".into(),
            refuelled_at,
        }),
        ..event
    }
}

/// The same from a source that does not count.
fn sourced(number: u32, source_id: &str, at_s: i64) -> TelemetryEvent {
    TelemetryEvent { source_id: Some(source_id.into()), ..event(number, 0, at_s) }
}

/// `event` seen at `offset` of the first partition, archived now, to live for a day.
fn seen(event: TelemetryEvent, offset: u64) -> Write {
    seen_in(0, event, offset)
}

/// A write of the first event of a truck.
#[cfg(test)]
pub(super) fn sample(number: u32) -> Write {
    seen(event(number, 1, 0), u64::from(number))
}

fn seen_in(number: u32, event: TelemetryEvent, offset: u64) -> Write {
    Write::Telemetry(Box::new(TelemetryWrite {
        event,
        place: Place { partition: partition(&Topic::TELEMETRY, number), offset },
        archived_at: NOW,
        expires_at: NOW.plus_ms(LIFE_MS),
    }))
}

/// The same write as it would come again `ms` later.
fn again(write: &Write, ms: i64) -> Write {
    let mut write = write.clone();
    match &mut write {
        Write::Telemetry(write) => {
            write.archived_at = write.archived_at.plus_ms(ms);
            write.expires_at = write.expires_at.plus_ms(ms);
        }
        Write::Trip(write) => write.archived_at = write.archived_at.plus_ms(ms),
        Write::Document(_) => {}
    }
    write
}

/// Revision `revision` of a truck's trip; done, and on time, if `is_done`.
fn trip(number: u32, trip: u64, revision: u32, is_done: bool) -> TripSummary {
    let end = |place: &str| TripEnd {
        place: place.into(),
        name: place.to_uppercase(),
        position: Position { lat: 26.0, lon: 92.0 },
    };
    let hour = i64::try_from(trip).expect("the laws drive few trips");
    let started_at = NOW.plus_ms(hour * 3_600_000);
    TripSummary {
        trip_id: truck(number).trip(trip),
        revision,
        truck_id: truck(number),
        driver_id: None,
        status: if is_done { TripStatus::Done } else { TripStatus::Running },
        origin: end("guwahati"),
        destination: end("shillong"),
        commodity: "tea".into(),
        payload_kg: 12_000.5,
        planned_distance_m: 98_000,
        started_at,
        promised_at: started_at.plus_ms(4 * 3_600_000),
        arrived_at: is_done.then(|| started_at.plus_ms(3 * 3_600_000)),
        distance_m: 1_000 * u64::from(revision),
        fuel: FuelLedger::default(),
        diesel_cost_paise: 0,
        co2_g: 0,
        average_speed_kmh: 32.1,
        max_speed_kmh: 61.0,
        idle_s: 0,
        rest_s: 0,
        refuellings: Vec::new(),
        sla: is_done.then_some(Sla::OnTime),
        eta_at_departure: None,
        eta: None,
        delays: Delays::default(),
    }
}

fn trip_seen(trip: TripSummary, offset: u64) -> Write {
    let place = Place { partition: partition(&Topic::TRIPS, 0), offset };
    Write::Trip(Box::new(TripWrite { trip, place, archived_at: NOW }))
}

async fn write(
    store: &dyn FleetStore,
    writes: Vec<Write>,
    marks: &Watermarks,
) -> Vec<WriteOutcome> {
    let count = writes.len();
    let outcomes = store.write(writes, marks.clone()).await.expect("the store is there");
    assert_eq!(outcomes.len(), count, "one outcome per write");
    outcomes
}

/// All telemetry of a truck, oldest first.
async fn history(store: &dyn FleetStore, number: u32) -> Vec<StoredEvent> {
    let query = TelemetryQuery {
        truck_id: truck(number),
        from: Time::MIN,
        to: Time::MAX,
        after: None,
        newest_first: false,
        limit: 5_000,
    };
    store.telemetry(&query).await.expect("the store is there")
}

/// All trips.
async fn trips(store: &dyn FleetStore) -> Vec<StoredTrip> {
    let query = TripQuery { limit: 5_000, ..TripQuery::default() };
    store.trips(&query).await.expect("the store is there")
}

/// The feed from `from` to its end in pages of `max`, and where it ends.
async fn drain(
    store: &dyn FleetStore,
    mut from: Watermarks,
    max: usize,
) -> (Vec<FeedItem>, Watermarks) {
    let mut items = Vec::new();
    for _ in 0..10_000 {
        let page = store.feed(&from, max, Duration::ZERO).await.expect("the store is there");
        assert!(page.items.len() <= max, "{} items, {max} were asked for", page.items.len());
        for (partition, start) in &from {
            assert!(page.next.get(partition) >= Some(start), "{partition:?} goes back");
        }
        let stands_still = page.items.is_empty() && page.next == from;
        assert!(!(page.has_more && stands_still), "more, and no way to it: {from:?}");
        items.extend(page.items);
        from = page.next;
        if !page.has_more {
            return (items, from);
        }
    }
    panic!("a feed without an end: {} items", items.len());
}

/// Everything a reader can see, to be compared.
async fn snapshot(
    store: &dyn FleetStore,
) -> (Vec<Vec<StoredEvent>>, Vec<StoredEvent>, Vec<StoredTrip>, Vec<FeedItem>, Watermarks) {
    let mut histories = Vec::new();
    for number in 1..=4 {
        histories.push(history(store, number).await);
    }
    let latest = store.latest(None).await.expect("the store is there");
    let (items, marks) = drain(store, Watermarks::new(), 7).await;
    (histories, latest, trips(store).await, items, marks)
}

/// Makes every law a test of its own, under the law's name. `$subject` is an `Option<Subject>`:
/// `None` says that the server is absent: the law is skipped, or with `FLEET_TEST_REQUIRE=1`
/// broken.
#[macro_export]
macro_rules! store_laws {
    ($subject:expr) => {
        $crate::store_laws!(
            $subject,
            an_event_written_twice_is_there_once,
            a_replayed_part_of_the_log_changes_nothing,
            a_conflict_keeps_the_first,
            reports_of_one_millisecond_stay_apart,
            late_events_are_stored_and_latest_stays_newest,
            trips_keep_their_newest_revision_in_any_order,
            documents_are_inserted_or_replaced,
            a_refused_batch_leaves_nothing,
            what_was_answered_survives_a_crash,
            watermarks_never_go_back,
            the_feed_yields_each_item_once_up_to_the_watermark,
            the_feed_steps_over_what_is_not_there,
            the_feed_is_fair_to_partitions,
            a_waiting_feed_is_woken_by_a_write,
            expired_telemetry_is_gone_before_and_after_the_sweep,
            a_place_before_what_was_swept_is_gone,
            a_replay_does_not_prolong_a_life,
            latest_is_the_newest_still_alive,
            limits_out_of_range_are_invalid,
            queries_agree_with_a_naive_model
        );
    };
    ($subject:expr, $($law:ident),+) => {$(
        #[tokio::test]
        async fn $law() {
            match $subject {
                Some(subject) => $crate::testkit::store_laws::$law(subject).await,
                None => assert!(!$crate::testkit::required(), "no server, and it is required"),
            }
        }
    )+};
}

#[cfg(test)]
mod tests;
