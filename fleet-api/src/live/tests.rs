use std::pin::pin;

use fleet_core::{
    geo::Position,
    store::{Document, Write},
    stream::{Partition, Topic},
    time::Time,
};

use super::*;
use crate::testing::{report, service};

/// Truck and minute of a report; its place in the log is counted by the caller.
async fn hear(service: &Service, offset: u64, truck_id: &str, minute: u32) {
    let mut write = report(truck_id, offset);
    if let Write::Telemetry(telemetry) = &mut write {
        let event = &mut telemetry.event;
        event.seq = u64::from(minute) + 1;
        event.event_time = Time::MIN.plus_ms(i64::from(minute) * 60_000);
        event.position = Position::new(26.0, 90.0 + f64::from(minute % 60)).expect("a place");
    }
    let partition = Partition { topic: Topic::TELEMETRY, number: 0 };
    let marks: Watermarks = [(partition, offset + 1)].into();
    service.parts.store.write(vec![write], marks).await.expect("written");
}

async fn register(service: &Service, id: &str, depot: &str) {
    let body = format!(
        r#"{{"truck_id":"{id}","model":"m","model_name":"a truck","depot":"{depot}",
           "kerb_kg":9000.0,"payload_max_kg":22000.0,"fuel_tank_l":400.0}}"#
    );
    let document = Document { kind: "truck".into(), id: id.into(), body };
    let written = service.parts.store.write(vec![Write::Document(document)], Watermarks::new());
    written.await.expect("written");
}

fn shown(moved: &positions::Moved) -> Vec<(String, f64)> {
    let shown = |at: &crate::messages::TruckPosition| (at.truck_id.to_string(), at.position.lon);
    moved.positions.iter().map(shown).collect()
}

#[tokio::test]
async fn a_slow_reader_of_positions_finds_the_newest_of_each_truck_and_none_between() {
    let (service, _dir) = service();
    hear(&service, 0, "A", 0).await;
    hear(&service, 1, "B", 0).await;
    let subscription = Subscription::open(&service).expect("a place");
    let every = Duration::from_millis(1);
    let mut moves = pin!(positions(subscription, Filter::default(), every));
    let first = moves.next().await.expect("a snapshot").expect("readable");
    assert!(first.is_snapshot);
    assert_eq!(shown(&first), [("A".to_owned(), 90.0), ("B".to_owned(), 90.0)]);
    // Late reports come after newer ones, too; nobody reads meanwhile.
    for (n, minute) in [7, 3, 9, 5].into_iter().enumerate() {
        hear(&service, 2 + n as u64, "A", minute).await;
    }
    let next = moves.next().await.expect("a change").expect("readable");
    assert!(!next.is_snapshot);
    assert_eq!(shown(&next), [("A".to_owned(), 99.0)]);
}

#[tokio::test]
async fn the_feed_drops_nothing_however_slow_its_reader_and_a_filter_moves_its_place_on() {
    let (service, _dir) = service();
    register(&service, "A", "guwahati").await;
    register(&service, "B", "silchar").await;
    let subscription = || Subscription::open(&service).expect("a place");
    let of = |depot: &str, kind| Filter { depot: Some(depot.into()), kind, truck_id: None };
    let begin = Watermarks::new;
    let mut all = pin!(entries(subscription(), begin(), Filter::default()));
    let mut one = pin!(entries(subscription(), begin(), of("silchar", None)));
    let mut trips = pin!(entries(subscription(), begin(), of("silchar", Some(EntryKind::Trip))));
    for n in 0..501_u32 {
        hear(&service, n.into(), ["A", "B", "A"][n as usize % 3], n).await;
    }
    let mut cursors = Vec::new();
    for n in 0..501_u64 {
        let Ok(Step::Entry(placed)) = all.next().await.expect("more") else { panic!("{n}") };
        let Entry::Telemetry { event } = &placed.entry else { panic!("{n}") };
        assert_eq!(event.seq, n + 1);
        cursors.push(placed.cursor);
    }
    let (mut of_one, mut passed) = (0, String::new());
    while passed != cursors[500] {
        match one.next().await.expect("more").expect("readable") {
            Step::Entry(placed) => {
                assert_eq!(placed.truck_id().as_str(), "B");
                of_one += 1;
            }
            Step::Passed(cursor) => passed = cursor,
        }
    }
    assert_eq!(of_one, 167);
    let Ok(Step::Passed(cursor)) = trips.next().await.expect("more") else { panic!("no trip") };
    assert!(cursors.contains(&cursor), "the place moves on where nothing is shown");
}

#[tokio::test]
async fn a_reader_whose_place_has_expired_is_told_so() {
    let (service, _dir) = service();
    hear(&service, 0, "A", 0).await;
    let subscription = Subscription::open(&service).expect("a place");
    let place = Partition { topic: Topic::TELEMETRY, number: 0 };
    let mut entries = pin!(entries(subscription, [(place, 0)].into(), Filter::default()));
    hear(&service, 1, "A", 1).await;
    service.parts.store.expire(Time::MAX).await.expect("expired");
    let Err(error) = entries.next().await.expect("an end") else { panic!("skipped in silence") };
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(entries.next().await.is_none(), "it comes back with its cursor, and is resynced");
}
