//! The laws of the store on a real server of MongoDB's protocol, and what is particular to it.

use std::collections::BTreeMap;

use tokio::sync::Semaphore;

use super::*;
use crate::{
    store::TelemetryWrite,
    stream::{Partition, Place, Topic},
    testkit::{
        self, ManualClock,
        store_laws::{self, NOW, Subject},
    },
    time::SystemClock,
};

/// SecantusDB, with some twenty writers at once on two cores, tells of duplicates that it made
/// itself; MongoDB keeps a retried write apart from a second one.
static WRITERS: Semaphore = Semaphore::const_new(4);

/// A store in a database of its own; a crash leaves what the server has.
async fn subject() -> Option<Subject> {
    let url = testkit::server("mongo")?;
    let writer = WRITERS.acquire().await.expect("never closed");
    let clock = Arc::new(ManualClock::new(NOW));
    let name = testkit::unique_name("store");
    let open = Arc::<ManualClock>::clone(&clock);
    // The laws' clock stands in the past: the server's own would delete all at once.
    let store = MongoStore::open(&url, &name, Sweep::Client, open).await.expect("it is there");
    let client = store.collections.telemetry.client().clone();
    let (address, own_clock) = (Arc::clone(&store.address), Arc::clone(&clock));
    let after_crash = move || -> Arc<dyn FleetStore> {
        let _held = &writer;
        let clock = Arc::<ManualClock>::clone(&own_clock);
        let database = client.database(&name);
        Arc::new(MongoStore::assemble(&database, Sweep::Client, clock, Arc::clone(&address)))
    };
    Some(Subject { store: Arc::new(store), clock, after_crash: Box::new(after_crash) })
}

crate::store_laws!(subject().await);

#[tokio::test]
async fn every_field_comes_back_as_it_went_in() {
    let Some(subject) = subject().await else { return };
    let event = store_laws::full_event(1, 1);
    let place = Place { partition: Partition { topic: Topic::TELEMETRY, number: 3 }, offset: 9 };
    let (archived_at, expires_at) = (NOW, NOW.plus_ms(9_000));
    let write = TelemetryWrite { event, place, archived_at, expires_at };
    let writes = vec![Write::Telemetry(Box::new(write.clone()))];
    subject.store.write(writes, BTreeMap::new()).await.expect("written");
    let found = subject.store.latest(None).await.expect("read").pop().expect("one");
    assert_eq!(found.event, write.event);
    assert_eq!(found.place, write.place);
}

#[tokio::test]
async fn the_server_deletes_what_has_expired() {
    let Some(url) = testkit::server("mongo") else { return };
    let (name, clock) = (testkit::unique_name("store"), Arc::new(SystemClock::new()));
    let now = clock.now();
    let store = MongoStore::open(&url, &name, Sweep::Server, clock).await.expect("it is there");
    let writes = [(1, -1_000), (2, 3_600_000)].map(|(seq, life_ms)| {
        let place =
            Place { partition: Partition { topic: Topic::TELEMETRY, number: 0 }, offset: seq };
        let (event, expires_at) = (store_laws::full_event(1, seq), now.plus_ms(life_ms));
        Write::Telemetry(Box::new(TelemetryWrite { event, place, archived_at: now, expires_at }))
    });
    store.write(writes.to_vec(), BTreeMap::new()).await.expect("written");
    let swept = async {
        while store.collections.telemetry.count_documents(doc! {}).await.expect("counted") != 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), swept).await.expect("the server sweeps");
    assert_eq!(store.latest(None).await.expect("read").len(), 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_its_password_is_not_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    drop(taken);
    let url = format!("mongodb://u:s3cret@127.0.0.1:{port}/?serverSelectionTimeoutMS=200");
    let clock = Arc::new(ManualClock::new(NOW));
    let error = MongoStore::open(&url, "x", Sweep::Client, clock).await.expect_err("not there");
    assert_eq!(error.kind(), crate::ErrorKind::Unavailable, "{error}");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains(&port.to_string()) && !shown.contains("s3cret"), "{shown}");
}
