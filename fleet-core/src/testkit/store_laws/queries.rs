//! Laws of asking: whatever was written, the answers are those of the naive model.

use super::{
    LIFE_MS, NOW, NaiveStore, Subject, Topic, Watermarks, again, drain, event, partition, seen_in,
    sourced, trip, trip_seen, truck, write,
};
use crate::{
    ErrorKind,
    domain::{LateReason, Sla, TripStatus},
    random::Stream,
    store::{
        FeedItem, FleetStore, StoredEvent, StoredTrip, TelemetryQuery, TripQuery, Write,
        WriteOutcome,
    },
    time::{Clock, Time},
};

/// A page has 1 to 5,000 entries; anything else is refused.
pub async fn limits_out_of_range_are_invalid(Subject { store, .. }: Subject) {
    for limit in [0, 5_001, usize::MAX] {
        let query = TelemetryQuery { limit, ..everything(1) };
        let telemetry = store.telemetry(&query).await.err();
        let trips = store.trips(&TripQuery { limit, ..TripQuery::default() }).await.err();
        let feed = store.feed(&Watermarks::new(), limit, std::time::Duration::ZERO).await.err();
        for error in [telemetry, trips, feed] {
            let kind = error.map(|error| error.kind());
            assert_eq!(kind, Some(ErrorKind::Invalid), "limit {limit}");
        }
    }
}

/// Outcomes, histories, trips and feed agree with a naive model after random writes: in windows,
/// in pages, in both directions; before anything expires, when some has, and after the sweep.
pub async fn queries_agree_with_a_naive_model(subject: Subject) {
    let stream = Stream::new(1, "store", "laws");
    let words: Vec<u64> = (0..300).map(|ix| stream.bits(ix)).collect();
    agree_on(&subject, &words).await;
}

/// As [`queries_agree_with_a_naive_model`], on the writes that `words` stand for: one each, of any
/// value, so that a property test can draw and shrink them. The subject must be new.
pub async fn agree_on(subject: &Subject, words: &[u64]) {
    let store = &*subject.store;
    let naive =
        NaiveStore::new(std::sync::Arc::<crate::testkit::ManualClock>::clone(&subject.clock));
    let mut batch = Vec::new();
    let mut marks = Watermarks::new();
    for (write, ends_batch) in log(words) {
        if let Write::Telemetry(write) = &write {
            marks.insert(write.place.partition.clone(), write.place.offset.saturating_sub(2));
        }
        batch.push(write);
        if ends_batch {
            play(store, &naive, std::mem::take(&mut batch), &marks).await;
        }
    }
    marks.insert(partition(&Topic::TRIPS, 0), words.len() as u64);
    play(store, &naive, batch, &marks).await;

    compare(store, &naive).await;
    subject.clock.advance_ms(SHORT_LIFE_MS);
    compare(store, &naive).await;
    let now = subject.clock.now();
    let swept = store.expire(now).await.expect("the store is there");
    assert_eq!(swept, naive.expire(now).await.expect("it is in memory"));
    compare(store, &naive).await;
}

/// How long some telemetry of the random writes lives, ms.
const SHORT_LIFE_MS: i64 = 60_000;

/// Small numbers drawn from one word, digit by digit.
struct Digits(u64);

impl Digits {
    fn below(&mut self, n: u64) -> u64 {
        let digit = self.0 % n;
        self.0 /= n;
        digit
    }

    fn small(&mut self, n: u32) -> u32 {
        u32::try_from(self.below(u64::from(n))).expect("below a u32")
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.small(u32::try_from(choices.len()).expect("a short list")) as usize]
    }
}

/// A log of new, late, repeated and contradicting writes, and whether a batch ends after each.
fn log(words: &[u64]) -> Vec<(Write, bool)> {
    let mut log: Vec<(Write, bool)> = Vec::new();
    for (offset, word) in (0..).zip(words) {
        let mut digits = Digits(*word);
        let ends_batch = digits.below(4) == 0;
        let write = match digits.below(8) {
            0..=3 => counted(&mut digits, offset),
            4 => uncounted(&mut digits, offset),
            5 | 6 => revision(&mut digits, offset),
            _ => match log.get(usize::try_from(digits.below(offset.max(1))).expect("small")) {
                Some((write, _)) => again(write, 1_000),
                None => counted(&mut digits, offset),
            },
        };
        log.push((write, ends_batch));
    }
    log
}

fn counted(digits: &mut Digits, offset: u64) -> Write {
    let (number, seq) = (1 + digits.small(3), 1 + digits.below(24));
    let usual_s = 230 * i64::try_from(seq).expect("small");
    let at_s = usual_s + digits.of(&[0, 0, 0, 0, 1, -230, 400_000]);
    let mut event = event(number, seq, at_s);
    event.zone = (digits.below(8) == 0).then(|| "fog-7".into());
    let write = seen_in(number % 2, event, offset);
    again(&write, digits.of(&[0, 0, SHORT_LIFE_MS - LIFE_MS]))
}

fn uncounted(digits: &mut Digits, offset: u64) -> Write {
    let (number, source_id) = (1 + digits.small(3), digits.of(&["a", "b", "c"]));
    let event = sourced(number, source_id, 230 * i64::from(digits.small(6)));
    seen_in(number % 2, event, offset)
}

fn revision(digits: &mut Digits, offset: u64) -> Write {
    let number = 1 + digits.small(3);
    let mut trip = trip(number, digits.below(6), 1 + digits.small(3), digits.below(2) == 0);
    if trip.sla.is_some() && digits.below(2) == 0 {
        trip.sla = Some(Sla::Late { late_min: 9, reason: LateReason::Rest });
    }
    trip_seen(trip, offset)
}

async fn play(store: &dyn FleetStore, naive: &NaiveStore, batch: Vec<Write>, marks: &Watermarks) {
    let ours = write(store, batch.clone(), marks).await;
    let model = write(naive, batch.clone(), marks).await;
    let kind = |outcome: &WriteOutcome| std::mem::discriminant(outcome);
    for ((ours, model), write) in ours.iter().zip(&model).zip(&batch) {
        assert_eq!(kind(ours), kind(model), "{write:?}: {ours:?}, and not {model:?}");
    }
}

async fn compare(store: &dyn FleetStore, naive: &NaiveStore) {
    let start_s = |s: i64| NOW.plus_ms(s * 1_000);
    let windows = [
        (Time::MIN, Time::MAX),
        (start_s(230), start_s(460)),
        (start_s(460), start_s(400_461)),
        (start_s(2_000), start_s(1_000)),
    ];
    for number in 1..=4 {
        for (from, to) in windows {
            compare_histories(store, naive, &TelemetryQuery { from, to, ..everything(number) })
                .await;
        }
    }
    compare_latest(store, naive).await;
    for query in trip_queries() {
        compare_trips(store, naive, &query).await;
    }
    let marks = store.watermarks().await.expect("the store is there");
    assert_eq!(marks, naive.watermarks().await.expect("it is in memory"));
    for max in [3, 1_000] {
        let (mut ours, ours_end) = drain(store, Watermarks::new(), max).await;
        let (mut model, model_end) = drain(naive, Watermarks::new(), max).await;
        ours.sort_by_key(|item| item.place().partition.clone()); // stable: order per partition
        model.sort_by_key(|item| item.place().partition.clone());
        let places =
            |items: &[FeedItem]| items.iter().map(|i| i.place().clone()).collect::<Vec<_>>();
        assert_eq!(places(&ours), places(&model), "feed in pages of {max}");
        assert!(ours == model && ours_end == model_end, "feed in pages of {max}");
    }
}

fn everything(number: u32) -> TelemetryQuery {
    TelemetryQuery {
        truck_id: truck(number),
        from: Time::MIN,
        to: Time::MAX,
        after: None,
        newest_first: false,
        limit: 5_000,
    }
}

/// Equal times without numbers have no order of their own: sorted so that two stores compare.
fn sorted(mut events: Vec<StoredEvent>) -> Vec<StoredEvent> {
    let key = |event: &StoredEvent| (event.event.event_time, event.event.seq);
    assert!(events.is_sorted_by_key(key), "not by time and number: {events:#?}");
    events.sort_by_key(|stored| (key(stored), stored.event.source_id.clone()));
    events
}

async fn compare_histories(store: &dyn FleetStore, naive: &NaiveStore, query: &TelemetryQuery) {
    let ours = store.telemetry(query).await.expect("the store is there");
    let model = naive.telemetry(query).await.expect("it is in memory");
    assert_eq!(sorted(ours.clone()), sorted(model), "{query:?}");
    for newest_first in [false, true] {
        let mut expected = ours.clone();
        if newest_first {
            expected.reverse();
        }
        for limit in [1, 3] {
            let mut query = TelemetryQuery { newest_first, limit, ..query.clone() };
            let mut pages = Vec::new();
            while pages.len() <= expected.len() {
                let page = store.telemetry(&query).await.expect("the store is there");
                assert!(page.len() <= limit, "{query:?}: {} rows", page.len());
                let Some(last) = page.last() else { break };
                query.after = Some((last.event.event_time, last.event.id()));
                pages.extend(page);
            }
            assert_eq!(pages, expected, "pages of {query:?}");
        }
    }
}

async fn compare_latest(store: &dyn FleetStore, naive: &NaiveStore) {
    let key = |stored: &StoredEvent| {
        (stored.event.truck_id.clone(), stored.event.event_time, stored.event.seq)
    };
    let latest = store.latest(None).await.expect("the store is there");
    let ours: Vec<_> = latest.iter().map(key).collect();
    let model = naive.latest(None).await.expect("it is in memory");
    assert_eq!(ours, model.iter().map(key).collect::<Vec<_>>());
    for stored in latest {
        let number = stored.event.truck_id.clone();
        let one = store.latest(Some(&number)).await.expect("the store is there");
        assert_eq!(one, [stored], "asked for {number} alone");
    }
}

/// Every combination of filters.
fn trip_queries() -> Vec<TripQuery> {
    let hours = |hours: i64| Some(NOW.plus_ms(hours * 3_600_000));
    let mut queries = Vec::new();
    for truck_id in [None, Some(truck(2)), Some(truck(9))] {
        for status in [None, Some(TripStatus::Running), Some(TripStatus::Done)] {
            for on_time in [None, Some(true), Some(false)] {
                for (from, to) in [(None, None), (hours(1), hours(4)), (hours(2), None)] {
                    let truck_id = truck_id.clone();
                    queries.push(TripQuery {
                        truck_id,
                        status,
                        on_time,
                        from,
                        to,
                        after: None,
                        limit: 5_000,
                    });
                }
            }
        }
    }
    queries
}

async fn compare_trips(store: &dyn FleetStore, naive: &NaiveStore, query: &TripQuery) {
    let ours = store.trips(query).await.expect("the store is there");
    let model = naive.trips(query).await.expect("it is in memory");
    assert_eq!(ours, model, "{query:?}");
    for stored in &ours {
        let one = store.trip(&stored.trip.trip_id).await.expect("the store is there");
        assert_eq!(one, *stored);
    }
    let mut pages: Vec<StoredTrip> = Vec::new();
    let mut query = TripQuery { limit: 2, ..query.clone() };
    while pages.len() <= ours.len() {
        let page = store.trips(&query).await.expect("the store is there");
        assert!(page.len() <= 2, "{query:?}: {} rows", page.len());
        let Some(last) = page.last() else { break };
        query.after = Some((last.trip.started_at, last.trip.trip_id.clone()));
        pages.extend(page);
    }
    assert_eq!(pages, ours, "pages of {query:?}");
}
