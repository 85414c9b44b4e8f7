//! The real server, killed while it is asked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use fleet_core::{
    ErrorKind,
    route::osrm::{Circuit, OsrmSettings, RouteQuery},
};
use tokio::{sync::Notify, task::JoinSet};

use crate::{bundled, client, own, town};

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_mid_flight_and_started_again_it_is_asked_on() {
    let folder = tempfile::tempdir().unwrap();
    let extract = folder.path().join("ne.osm");
    bundled(&extract);
    let Some(server) = own(&extract) else { return };
    let client = Arc::new(client(OsrmSettings::new(server.url())));
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let some = Arc::new(Notify::new());
    let mut askers = JoinSet::new();
    for _ in 0..4 {
        let (client, stop) = (Arc::clone(&client), Arc::clone(&stop));
        let (answered, some) = (Arc::clone(&answered), Arc::clone(&some));
        askers.spawn(async move {
            let query = RouteQuery::between(town("guwahati"), town("shillong"));
            let mut failed = 0;
            while !stop.load(SeqCst) {
                match client.route(&query).await {
                    Ok(answer) => {
                        assert!((answer.routes[0].distance_m - 100_001.5).abs() < 1.0);
                        answered.fetch_add(1, SeqCst);
                        some.notify_one();
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                        failed += 1;
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
            failed
        });
    }
    let more = async |count: u64| {
        let enough = answered.load(SeqCst) + count;
        while answered.load(SeqCst) < enough {
            some.notified().await;
        }
    };
    let soon = Duration::from_secs(60);
    tokio::time::timeout(soon, more(20)).await.expect("it answers");
    for _ in 0..3 {
        server.kill();
        while client.stats().circuit != Circuit::Open {
            tokio::task::yield_now().await;
        }
        server.start_again();
        tokio::time::timeout(soon, more(20)).await.expect("it answers again");
    }
    stop.store(true, SeqCst);
    let failed: u64 = askers.join_all().await.into_iter().sum();
    let outcomes = client.stats().outcomes;
    assert!(failed > 0 && outcomes.contains_key("circuit_open"), "{outcomes:?}");
    let known = ["ok", "unreachable", "circuit_open", "timed_out"];
    assert!(outcomes.keys().all(|word| known.contains(word)), "{outcomes:?}");
}
