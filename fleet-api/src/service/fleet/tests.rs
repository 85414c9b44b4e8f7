use fleet_core::{
    domain::Status,
    store::{Document, Watermarks, Write},
    stream::{Partition, Topic},
    time::Time,
};

use std::sync::Arc;

use super::*;
use crate::{
    Settings,
    testing::{expiring, report, service, service_with},
};

#[tokio::test]
async fn devices_that_are_not_registered_make_no_registered_truck_heard_of() {
    let (service, _dir) = service();
    let registered = |id: &str| {
        let body = format!(
            r#"{{"truck_id":"{id}","model":"m","model_name":"a truck","depot":"guwahati",
               "kerb_kg":9000.0,"payload_max_kg":22000.0,"fuel_tank_l":400.0}}"#
        );
        Write::Document(Document { kind: TRUCK.into(), id: id.into(), body })
    };
    let mut writes: Vec<_> = ["A", "B", "C"].map(registered).to_vec();
    writes.extend([report("A", 0), report("PHONE-1", 1), report("PHONE-2", 2)]);
    service.parts.store.write(writes, Watermarks::new()).await.expect("written");
    let summary = service.summary().await.expect("a summary");
    assert_eq!((summary.trucks, summary.trucks_silent), (5, 2));
    assert_eq!(summary.trucks_by_status[&Status::Idle], 3);
    let trucks = service.trucks(&TrucksQuestion::default()).await.expect("trucks").items;
    assert_eq!(trucks.len(), 5);
    assert_eq!(trucks.iter().filter(|truck| truck.registered.is_none()).count(), 2);
}

#[tokio::test]
async fn positions_are_read_again_when_something_is_written_or_expires_and_only_then() {
    let (service, clock, _dir) = service_with(Settings::open());
    let marks = |next| Watermarks::from([(Partition { topic: Topic::TELEMETRY, number: 0 }, next)]);
    let write = async |writes: Vec<Write>, next| {
        service.parts.store.write(writes, marks(next)).await.expect("written")
    };
    let soon = Time::MIN.plus_ms(60_000);
    write(vec![report("A", 0), expiring("B", 1, soon)], 2).await;
    let first = service.snapshot().await.expect("a snapshot");
    let same = service.snapshot().await.expect("a snapshot");
    assert!(first.positions.items.len() == 2 && Arc::ptr_eq(&first, &same));
    write(vec![report("C", 2)], 3).await;
    let second = service.snapshot().await.expect("a snapshot");
    assert!(second.positions.items.len() == 3 && second.revision != first.revision);
    clock.advance_ms(60_000);
    let third = service.snapshot().await.expect("a snapshot");
    let left: Vec<_> = third.positions.items.iter().map(|truck| truck.truck_id.as_str()).collect();
    assert_eq!(left, ["A", "C"]);
    assert!(third.revision != second.revision);
}
