//! Laws of writing: what is in, once, which of two, and for how long.

use super::{
    LIFE_MS, NOW, Subject, TripId, Watermarks, Write, WriteOutcome, again, below, event, history,
    seen, snapshot, sourced, trip, trip_seen, trips, truck, write,
};
use crate::{
    ErrorKind,
    domain::TelemetryEvent,
    store::{Document, FleetStore},
};

fn is_conflict(outcome: &WriteOutcome) -> bool {
    matches!(outcome, WriteOutcome::Conflict(_))
}

async fn events(store: &dyn FleetStore, number: u32) -> Vec<TelemetryEvent> {
    history(store, number).await.into_iter().map(|stored| stored.event).collect()
}

/// An event written twice, in one batch or in two, is there once: at the place first seen.
pub async fn an_event_written_twice_is_there_once(Subject { store, .. }: Subject) {
    let store = &*store;
    let outcomes =
        write(store, vec![seen(event(1, 1, 0), 3), seen(event(1, 1, 0), 4)], &below(5)).await;
    assert_eq!(outcomes, [WriteOutcome::Stored, WriteOutcome::Unchanged]);
    let outcomes = write(store, vec![again(&seen(event(1, 1, 0), 9), 60_000)], &below(10)).await;
    assert_eq!(outcomes, [WriteOutcome::Unchanged]);

    let stored = history(store, 1).await;
    assert_eq!(stored.len(), 1, "{stored:?}");
    assert_eq!(stored[0].event, event(1, 1, 0), "each field comes back as it went in");
    assert_eq!(stored[0].place.offset, 3);
    assert_eq!((stored[0].archived_at, stored[0].expires_at), (NOW, NOW.plus_ms(LIFE_MS)));
}

/// Any part of the log written again, later, changes neither the store nor the feed.
pub async fn a_replayed_part_of_the_log_changes_nothing(Subject { store, .. }: Subject) {
    let store = &*store;
    let mut log: Vec<Write> = Vec::new();
    for seq in 1..=40 {
        let number = u32::try_from(seq % 3 + 1).expect("small");
        let at_s = 97 * i64::try_from(seq).expect("small");
        log.push(seen(event(number, seq, at_s), 3 * seq));
        log.push(seen(sourced(4, &format!("r{seq}"), at_s), 3 * seq + 1));
        log.push(trip_seen(trip(number, seq % 5, u32::try_from(seq).expect("small"), false), seq));
    }
    let marks = below(200);
    write(store, log.clone(), &marks).await;
    let before = snapshot(store).await;
    for start in [0, 61, 119] {
        let replay = log[start..].iter().map(|write| again(write, 5_000)).collect();
        let outcomes = write(store, replay, &below(100)).await;
        let changed = outcomes.iter().position(|outcome| *outcome != WriteOutcome::Unchanged);
        assert_eq!(changed, None, "replayed from {start}: {outcomes:?}");
        assert_eq!(snapshot(store).await, before, "replayed from {start}");
    }
}

/// Of two events with one number the first is kept, whether time or content differ, and whether
/// they come together or not; the answer names the id.
pub async fn a_conflict_keeps_the_first(Subject { store, .. }: Subject) {
    let store = &*store;
    let first = event(1, 5, 7_200);
    let other_time = event(1, 5, 7_201);
    let far_time = event(1, 5, 700_000);
    let other_content = TelemetryEvent { zone: Some("fog-7".into()), ..first.clone() };
    let outcomes = write(
        store,
        vec![seen(event(1, 4, 0), 0), seen(first.clone(), 1), seen(other_time.clone(), 2)],
        &below(3),
    )
    .await;
    assert_eq!(outcomes[..2], [WriteOutcome::Stored, WriteOutcome::Stored]);
    assert!(is_conflict(&outcomes[2]), "{outcomes:?}");
    write(store, vec![seen(event(1, 6, 9_000), 3)], &below(4)).await;
    for (offset, other) in (4..).zip([other_time, far_time, other_content]) {
        let foreseen = store.contradiction(&other).await.expect("answers");
        assert!(foreseen.is_some_and(|text| text.contains("000001:5")), "not foreseen: {other:?}");
        let outcomes = write(store, vec![seen(other.clone(), offset)], &below(offset + 1)).await;
        let named =
            matches!(&outcomes[0], WriteOutcome::Conflict(text) if text.contains("000001:5"));
        assert!(named, "{other:?}: {outcomes:?}");
    }
    for harmless in [first.clone(), event(1, 7, 7_200), event(2, 5, 7_201)] {
        assert_eq!(store.contradiction(&harmless).await.expect("answers"), None, "{harmless:?}");
    }
    assert_eq!(events(store, 1).await, [event(1, 4, 0), first, event(1, 6, 9_000)]);
}

/// Two reports of one truck in one millisecond are two if their sender calls them differently.
pub async fn reports_of_one_millisecond_stay_apart(Subject { store, .. }: Subject) {
    let store = &*store;
    let reports = [sourced(1, "a", 0), sourced(1, "b", 0), event(1, 1, 0), sourced(1, "a", 1)];
    let writes = (0..).zip(reports.clone()).map(|(offset, event)| seen(event, offset)).collect();
    let outcomes = write(store, writes, &below(4)).await;
    assert_eq!(outcomes, vec![WriteOutcome::Stored; 4]);
    let mut stored = events(store, 1).await;
    stored.sort_by_key(|event| (event.event_time, event.seq, event.source_id.clone()));
    let [a, b, counted, later] = reports;
    assert_eq!(stored, [a.clone(), b, counted, later]);

    let other = TelemetryEvent { zone: Some("fog-7".into()), ..a };
    let outcomes = write(store, vec![seen(other, 9)], &below(10)).await;
    assert!(is_conflict(&outcomes[0]), "one id, two contents: {outcomes:?}");
}

/// What arrives late is stored, and `latest` stays the newest by event time.
pub async fn late_events_are_stored_and_latest_stays_newest(Subject { store, .. }: Subject) {
    let store = &*store;
    let order = [1, 2, 90, 40, 41, 3, 89, 91, 39];
    for (offset, seq) in (0..).zip(order) {
        let at_s = 700 * i64::try_from(seq).expect("small");
        let outcomes = write(store, vec![seen(event(1, seq, at_s), offset)], &below(offset)).await;
        assert_eq!(outcomes, [WriteOutcome::Stored], "seq {seq}");
        let newest = *order[..=offset as usize].iter().max().expect("not empty");
        let latest = store.latest(Some(&truck(1))).await.expect("the store is there");
        assert_eq!(latest.iter().map(|stored| stored.event.seq).collect::<Vec<_>>(), [newest]);
    }
    // A clock that was set back: the higher number has the earlier time, and time decides.
    write(store, vec![seen(event(1, 92, 5), 20)], &below(21)).await;
    let latest = store.latest(None).await.expect("the store is there");
    assert_eq!(latest.iter().map(|stored| stored.event.seq).collect::<Vec<_>>(), [91]);
    let seqs: Vec<_> = events(store, 1).await.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [92, 1, 2, 3, 39, 40, 41, 89, 90, 91]);
}

/// In whatever order revisions come, the newest is kept, with its place.
pub async fn trips_keep_their_newest_revision_in_any_order(Subject { store, .. }: Subject) {
    let store = &*store;
    let orders = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
    for (number, order) in (1..).zip(orders) {
        let mut newest = 0;
        for revision in order {
            let place = u64::from(10 * number + revision);
            let summary = trip(1, u64::from(number), revision, revision == 3);
            let outcomes = write(store, vec![trip_seen(summary, place)], &Watermarks::new()).await;
            let expected =
                if revision > newest { WriteOutcome::Stored } else { WriteOutcome::Unchanged };
            assert_eq!(outcomes, [expected], "revision {revision} of {order:?}");
            newest = newest.max(revision);
        }
        let id = truck(1).trip(u64::from(number));
        let stored = store.trip(&id).await.expect("it was written");
        assert_eq!(stored.trip, trip(1, u64::from(number), 3, true), "{order:?}");
        assert_eq!(stored.place.offset, u64::from(10 * number + 3), "{order:?}");
    }
    assert_eq!(trips(store).await.len(), orders.len());
    let absent: TripId = truck(9).trip(1);
    let error = store.trip(&absent).await.expect_err("it was never written");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// Documents replace their namesakes of the same kind; they are listed by id, from after one on.
pub async fn documents_are_inserted_or_replaced(Subject { store, .. }: Subject) {
    let store = &*store;
    let document = |kind: &str, id: &str, body: &str| Document {
        kind: kind.into(),
        id: id.into(),
        body: body.into(),
    };
    let of = |documents: &[Document]| documents.iter().cloned().map(Write::Document).collect();
    let first =
        [document("truck", "a", "1"), document("truck", "c", "3"), document("fence", "a", "f")];
    write(store, of(&first), &Watermarks::new()).await;
    let second = [document("truck", "b", "2"), document("truck", "a", "{\"new\":1}")];
    let outcomes = write(store, of(&second), &Watermarks::new()).await;
    assert_eq!(outcomes, [WriteOutcome::Stored, WriteOutcome::Stored]);
    let outcomes = write(store, of(&second[..1]), &Watermarks::new()).await;
    assert_eq!(outcomes, [WriteOutcome::Unchanged]);

    let [.., c, fence] = first;
    let [b, a] = second;
    let cases = [
        ("truck", None, None, 9, vec![a.clone(), b.clone(), c.clone()]),
        ("truck", None, None, 2, vec![a, b.clone()]),
        ("truck", None, Some("a"), 9, vec![b.clone(), c.clone()]),
        ("truck", None, Some("bb"), 9, vec![c]),
        ("truck", Some("b"), None, 9, vec![b]),
        ("truck", Some("x"), None, 9, Vec::new()),
        ("fence", None, None, 9, vec![fence]),
    ];
    for (kind, id, after, max, expected) in cases {
        let found = store.documents(kind, id, after, max).await.expect("the store is there");
        assert_eq!(found, expected, "{kind} {id:?} after {after:?}, at most {max}");
    }
}

/// A batch with a document above its bound is refused whole: no write, no watermark.
pub async fn a_refused_batch_leaves_nothing(Subject { store, .. }: Subject) {
    let store = &*store;
    let body = "x".repeat((64 << 10) + 1);
    let large = Document { kind: "truck".into(), id: "a".into(), body };
    let writes = vec![seen(event(1, 1, 0), 0), Write::Document(large)];
    let error = store.write(writes, below(1)).await.expect_err("the document is too large");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(history(store, 1).await.is_empty(), "half a batch is in");
    assert_eq!(store.watermarks().await.expect("the store is there"), Watermarks::new());
    let outcomes = write(store, vec![seen(event(1, 1, 0), 0)], &below(1)).await;
    assert_eq!(outcomes, [WriteOutcome::Stored]);
}

/// What a write has answered is there after a crash at the next moment; so is what it replaced.
pub async fn what_was_answered_survives_a_crash(subject: Subject) {
    let store = &*subject.store;
    let document = Document { kind: "truck".into(), id: "a".into(), body: "1".into() };
    for round in 1..=3 {
        let writes = vec![
            seen(event(1, round, i64::try_from(round).expect("small")), round),
            trip_seen(trip(1, 1, u32::try_from(round).expect("small"), false), round),
            Write::Document(document.clone()),
        ];
        write(store, writes, &below(round + 1)).await;
        let left = (subject.after_crash)();
        assert_eq!(snapshot(&*left).await, snapshot(store).await, "round {round}");
        assert_eq!(history(&*left, 1).await.len(), usize::try_from(round).expect("small"));
        let documents = left.documents("truck", None, None, 9).await.expect("the store is there");
        assert_eq!(documents, std::slice::from_ref(&document));
        let outcomes = write(&*left, vec![seen(event(1, round, 99), 77)], &below(0)).await;
        assert!(is_conflict(&outcomes[0]), "what identifies events is lost: {outcomes:?}");
    }
}
