//! Laws of the feed and its watermarks, and of expiry, which the feed must step over.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    FeedItem, LIFE_MS, Partition, Subject, Topic, Watermarks, WriteOutcome, again, below, drain,
    event, history, partition, seen, seen_in, trip, trip_seen, truck, write,
};
use crate::{
    ErrorKind,
    store::{FeedPage, FleetStore},
};

/// Long enough for a busy machine; only a broken store waits so long.
const DEADLINE: Duration = Duration::from_secs(20);

fn offsets(items: &[FeedItem]) -> BTreeMap<Partition, Vec<u64>> {
    let mut offsets: BTreeMap<Partition, Vec<u64>> = BTreeMap::new();
    for place in items.iter().map(FeedItem::place) {
        offsets.entry(place.partition.clone()).or_default().push(place.offset);
    }
    offsets
}

async fn page(store: &dyn FleetStore, from: &Watermarks, max: usize) -> FeedPage {
    store.feed(from, max, Duration::ZERO).await.expect("the store is there")
}

/// A watermark is raised by a write and never lowered by one, not even by a replay.
pub async fn watermarks_never_go_back(Subject { store, .. }: Subject) {
    let store = &*store;
    let trips = partition(&Topic::TRIPS, 2);
    let marks = || async { store.watermarks().await.expect("the store is there") };
    assert_eq!(marks().await, Watermarks::new());
    write(store, vec![seen_in(3, event(2, 1, 0), 4)], &Watermarks::new()).await;
    assert_eq!(marks().await, Watermarks::new(), "a write alone raises none");
    write(store, vec![seen(event(1, 1, 0), 4)], &below(5)).await;
    write(store, vec![], &Watermarks::from([(trips.clone(), 7)])).await;
    let mut both = below(5);
    both.insert(trips.clone(), 7);
    assert_eq!(marks().await, both, "a batch without writes raises too");
    write(store, vec![], &below(3)).await;
    write(store, vec![seen(event(1, 2, 0), 6)], &Watermarks::from([(trips, 0)])).await;
    assert_eq!(marks().await, both);
}

/// In pages of any size, each item below the watermark comes once, in order per partition; what
/// is above waits for its watermark, and comes then.
pub async fn the_feed_yields_each_item_once_up_to_the_watermark(Subject { store, .. }: Subject) {
    let store = &*store;
    let (telemetry, trips) = (partition(&Topic::TELEMETRY, 1), partition(&Topic::TRIPS, 0));
    let mut writes = Vec::new();
    for offset in 0..20 {
        let at_s = 400 * i64::try_from(offset * 7 % 20).expect("small");
        writes.push(seen(event(1, offset + 1, at_s), offset));
        writes.push(seen_in(1, event(2, offset + 1, at_s), 100 + 3 * offset));
    }
    // A trip stands at the place of its newest revision only.
    for (offset, number) in (0..).zip([1, 2, 1, 3]) {
        let revision = u32::try_from(offset + 1).expect("small");
        writes.push(trip_seen(trip(1, number, revision, false), offset));
    }
    let marks = Watermarks::from([
        (partition(&Topic::TELEMETRY, 0), 13),
        (telemetry.clone(), 131),
        (trips.clone(), 3),
    ]);
    write(store, writes, &marks).await;

    for max in [1, 2, 3, 7, 1_000] {
        let (items, next) = drain(store, Watermarks::new(), max).await;
        let expected = BTreeMap::from([
            (partition(&Topic::TELEMETRY, 0), (0..13).collect()),
            (telemetry.clone(), (0..11).map(|ix| 100 + 3 * ix).collect::<Vec<u64>>()),
            (trips.clone(), vec![1, 2]),
        ]);
        assert_eq!(offsets(&items), expected, "pages of {max}");
        assert_eq!(next, marks, "pages of {max}");
        let (items, again) = drain(store, next, max).await;
        assert!(items.is_empty() && again == marks, "pages of {max}: {items:?}");
    }
    let raised = Watermarks::from([(telemetry.clone(), 200), (trips.clone(), 4)]);
    write(store, vec![], &raised).await;
    let (items, _) = drain(store, marks, 4).await;
    let rest = (11..20).map(|ix| 100 + 3 * ix).collect();
    assert_eq!(offsets(&items), BTreeMap::from([(telemetry, rest), (trips, vec![3])]));
}

/// Records that are no rows (dead letters, duplicates, what has expired) do not hold the feed up:
/// `next` reaches the watermark, never goes beyond it, and never back.
pub async fn the_feed_steps_over_what_is_not_there(Subject { store, clock, .. }: Subject) {
    let store = &*store;
    write(store, vec![seen(event(1, 1, 0), 2)], &below(50)).await;
    let first = page(store, &Watermarks::new(), 9).await;
    assert_eq!((first.items.len(), first.has_more, first.next.clone()), (1, false, below(50)));
    let replay = vec![seen(event(1, 1, 0), 60)];
    assert_eq!(write(store, replay, &below(70)).await, [WriteOutcome::Unchanged]);
    let second = page(store, &first.next, 9).await;
    assert_eq!((second.items.len(), second.next), (0, below(70)));

    let ahead = page(store, &below(90), 9).await;
    assert_eq!((ahead.items.len(), ahead.next), (0, below(90)), "a reader never goes back");

    let late = again(&seen(event(1, 2, 1), 75), LIFE_MS);
    let writes = (0..30).map(|ix| seen(event(2, ix + 1, 0), 80 + ix)).chain([late]).collect();
    write(store, writes, &below(110)).await;
    clock.advance_ms(LIFE_MS);
    let (items, next) = drain(store, Watermarks::new(), 4).await;
    assert_eq!(offsets(&items).into_values().collect::<Vec<_>>(), [[75]]);
    assert_eq!(next, below(110));
}

/// Where there is room for every partition, each that has something is served in every page.
pub async fn the_feed_is_fair_to_partitions(Subject { store, .. }: Subject) {
    let store = &*store;
    let mut writes = Vec::new();
    let mut marks = Watermarks::new();
    for (number, count) in [(0, 300), (1, 40), (2, 0), (3, 3)] {
        for offset in 0..count {
            writes.push(seen_in(number, event(number + 1, offset + 1, 0), offset));
        }
        marks.insert(partition(&Topic::TELEMETRY, number), 1_000);
    }
    write(store, writes, &marks).await;
    let first = page(store, &Watermarks::new(), 40).await;
    let served = offsets(&first.items);
    assert!(first.has_more && first.items.len() == 40, "room is left unused: {served:?}");
    assert_eq!(served.len(), 3, "someone starves: {served:?}");
    assert_eq!(offsets(&drain(store, Watermarks::new(), 4).await.0).len(), 3);
}

/// A reader that waits is woken by the write that brings something, and by a watermark that
/// uncovers something; with nothing to see it returns empty when its time is up.
pub async fn a_waiting_feed_is_woken_by_a_write(Subject { store, .. }: Subject) {
    let empty = store.feed(&below(0), 9, Duration::from_millis(5)).await;
    assert!(empty.expect("the store is there").items.is_empty());
    for round in 0..20 {
        let reader = {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.feed(&below(2 * round), 9, DEADLINE).await })
        };
        if round % 2 == 0 {
            tokio::task::yield_now().await; // now and then the reader is there first
        }
        let at_s = i64::try_from(round).expect("small");
        let item = seen(event(1, round + 1, at_s), 2 * round);
        write(&*store, vec![item], &Watermarks::new()).await; // not yet to be seen
        write(&*store, vec![], &below(2 * round + 2)).await;
        let page = tokio::time::timeout(DEADLINE, reader).await.expect("nobody woke the reader");
        let page = page.expect("no panic").expect("the store is there");
        assert_eq!(page.items.len(), 1, "round {round}");
        assert_eq!(page.next, below(2 * round + 2));
    }
}

/// From its expiry on, telemetry is in no answer, swept or not; a sweep tells how much went and
/// takes nothing else.
pub async fn expired_telemetry_is_gone_before_and_after_the_sweep(
    Subject { store, clock, .. }: Subject,
) {
    let store = &*store;
    let short: Vec<_> = (1..=30).map(|seq| seen(event(1, seq, 60), seq)).collect();
    let long: Vec<_> =
        (1..=5).map(|seq| again(&seen(event(2, seq, 60), 40 + seq), 1_000)).collect();
    // The one that lives longer lies before those that live shorter, too.
    let mixed = vec![again(&seen(event(2, 6, 70), 0), 1_000)];
    write(store, [mixed, short, long].concat(), &below(50)).await;
    clock.advance_ms(LIFE_MS - 1);
    assert_eq!(history(store, 1).await.len(), 30, "a moment before");
    assert_eq!(
        store.expire(crate::time::Clock::now(&*clock)).await.expect("the store is there"),
        0
    );
    clock.advance_ms(1);
    for swept in [30, 0] {
        assert!(history(store, 1).await.is_empty());
        assert_eq!(history(store, 2).await.len(), 6);
        assert!(store.latest(Some(&truck(1))).await.expect("the store is there").is_empty());
        assert_eq!(store.latest(None).await.expect("the store is there").len(), 1);
        assert_eq!(drain(store, Watermarks::new(), 8).await.0.len(), 6);
        let now = crate::time::Clock::now(&*clock);
        assert_eq!(store.expire(now).await.expect("the store is there"), swept);
    }
    clock.advance_ms(1_000);
    let now = crate::time::Clock::now(&*clock);
    assert_eq!(store.expire(now).await.expect("the store is there"), 6);
    assert!(store.latest(None).await.expect("the store is there").is_empty());
    let next = write(store, vec![seen(event(1, 31, 61), 60)], &below(61)).await;
    assert_eq!(next, [WriteOutcome::Stored], "an empty store goes on");
}

/// Who comes back to a place after which something has expired and was swept is told so, not led past
/// the gap; a beginning without places always works, in pages of any size, and so do its cursors.
pub async fn a_place_before_what_was_swept_is_gone(Subject { store, clock, .. }: Subject) {
    let store = &*store;
    let expire = || async {
        let now = crate::time::Clock::now(&*clock);
        store.expire(now).await.expect("the store is there")
    };
    let short = (0..20).map(|place| seen(event(1, place + 1, 0), place));
    let long = (30..35).map(|place| again(&seen(event(2, place, 0), place), LIFE_MS));
    let marks = [below(50), Watermarks::from([(partition(&Topic::TRIPS, 0), 9)])];
    let marks: Watermarks = marks.into_iter().flatten().collect();
    write(store, short.chain(long).collect(), &marks).await;
    assert_eq!(page(store, &below(0), 9).await.items.len(), 9, "while all live");
    clock.advance_ms(LIFE_MS);
    assert_eq!(expire().await, 20);
    for gone in [0, 7, 19] {
        let error = store.feed(&below(gone), 9, Duration::ZERO).await.expect_err("a gap");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{gone}: {error}");
    }
    for kept in [20, 30, 33] {
        let left = 35 - u64::max(kept, 30);
        assert_eq!(page(store, &below(kept), 9).await.items.len() as u64, left, "{kept}");
    }
    for max in [1, 2, 9] {
        assert_eq!(drain(store, Watermarks::new(), max).await.0.len(), 5, "pages of {max}");
    }
    clock.advance_ms(LIFE_MS);
    assert_eq!(expire().await, 5);
    let (items, end) = drain(store, Watermarks::new(), 1).await;
    assert!(items.is_empty() && end == marks, "{end:?}");
    assert!(
        page(store, &marks, 9).await.items.is_empty(),
        "who has read everything misses nothing"
    );
}

/// An event that comes again after its expiry, before the sweep, does not begin a second life.
pub async fn a_replay_does_not_prolong_a_life(Subject { store, clock, .. }: Subject) {
    let store = &*store;
    let first = seen(event(1, 1, 0), 0);
    write(store, vec![first.clone(), seen(event(1, 2, 1), 1)], &below(2)).await;
    clock.advance_ms(LIFE_MS / 2);
    let outcomes = write(store, vec![again(&first, LIFE_MS / 2)], &below(2)).await;
    assert_eq!(outcomes, [WriteOutcome::Unchanged], "while it lives");
    clock.advance_ms(LIFE_MS / 2);
    let outcomes = write(store, vec![again(&first, LIFE_MS)], &below(2)).await;
    assert_eq!(outcomes, [WriteOutcome::Unchanged], "after its expiry");
    assert!(history(store, 1).await.is_empty(), "it lives again");
    assert!(store.latest(None).await.expect("the store is there").is_empty());
}

/// When the newest event has expired and one that came late has not, that one is the latest.
pub async fn latest_is_the_newest_still_alive(Subject { store, clock, .. }: Subject) {
    let store = &*store;
    let late = |seq, at_s, offset| again(&seen(event(1, seq, at_s), offset), 1_000);
    let writes = vec![seen(event(1, 9, 90_000), 0), late(3, 30_000, 1), late(4, 40_000, 2)];
    write(store, writes, &below(3)).await;
    clock.advance_ms(LIFE_MS);
    for _ in 0..2 {
        for truck_id in [None, Some(truck(1))] {
            let latest = store.latest(truck_id.as_ref()).await.expect("the store is there");
            assert_eq!(latest.iter().map(|stored| stored.event.seq).collect::<Vec<_>>(), [4]);
        }
        let now = crate::time::Clock::now(&*clock);
        store.expire(now).await.expect("the store is there");
    }
}
