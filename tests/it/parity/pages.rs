//! Lists, page by page: the same by either face, and by both in turn.

use std::collections::BTreeSet;

use fleet_core::{stream::Topic, time::SystemClock};
use fleet_proto::v1;
use serde_json::Value;

use super::{Still, letter, shown};

/// Ids of a whole list, asked for page by page with the faces taking turns.
async fn walk(still: &mut Still, what: &str, faces: [&str; 2]) -> Vec<String> {
    let (mut ids, mut next) = (Vec::new(), String::new());
    for turn in 0.. {
        let page_token = std::mem::take(&mut next);
        let page = match (what, faces[turn % 2]) {
            (_, "rest") => still.rest.json(&format!("{what}page_token={page_token}")),
            ("/v1/trucks?page_size=7&", _) => {
                let request =
                    v1::ListTrucksRequest { page_size: 7, page_token, ..Default::default() };
                shown::trucks(still.fleet.list_trucks(request).await.unwrap().into_inner())
            }
            ("/v1/trips?page_size=7&", _) => {
                let page_size = 7;
                let request = v1::ListTripsRequest { page_size, page_token, ..Default::default() };
                shown::trips(still.trips.list_trips(request).await.unwrap().into_inner())
            }
            ("/v1/trucks/TRK-000004/telemetry?page_size=70&", _) => {
                let request = v1::ListTelemetryRequest {
                    truck_id: "TRK-000004".into(),
                    page_size: 70,
                    page_token,
                    ..Default::default()
                };
                let page = still.telemetry.list_telemetry(request).await;
                shown::events(page.unwrap().into_inner())
            }
            _ => {
                let request =
                    v1::ListDeadLettersRequest { page_size: 1, page_token, ..Default::default() };
                let page = still.pipeline.list_dead_letters(request).await;
                shown::letters(page.unwrap().into_inner())
            }
        };
        ids.extend(page["items"].as_array().unwrap().iter().map(Value::to_string));
        page["next_page_token"].as_str().unwrap().clone_into(&mut next);
        if next.is_empty() {
            break;
        }
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_the_same_by_either_face_and_by_both_in_turn() {
    let mut still = Still::start().await;
    for (what, least) in [
        ("/v1/trucks?page_size=7&", 30),
        ("/v1/trips?page_size=7&", 20),
        ("/v1/trucks/TRK-000004/telemetry?page_size=70&", 300),
        ("/v1/pipeline/dead-letters?page_size=1&", 4),
    ] {
        let rest = walk(&mut still, what, ["rest", "rest"]).await;
        assert!(rest.len() >= least, "{what}: {}", rest.len());
        assert_eq!(rest.iter().collect::<BTreeSet<_>>().len(), rest.len(), "{what}: no doubles");
        for faces in [["grpc", "grpc"], ["rest", "grpc"], ["grpc", "rest"]] {
            assert_eq!(walk(&mut still, what, faces).await, rest, "{what} by {faces:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_large_letters_ends_early_and_loses_none() {
    let mut still = Still::start().await;
    let clock = SystemClock::new();
    for offset in 0..5 {
        let record = letter(&clock, Topic::TELEMETRY, offset, vec![7; 900 << 10]);
        still.log.publish(vec![record]).await.unwrap();
    }
    let what = "/v1/pipeline/dead-letters?page_size=500&";
    let page = still.rest.json(what);
    assert!((1..4).contains(&page["items"].as_array().unwrap().len()));
    let (rest, grpc) =
        (walk(&mut still, what, ["rest"; 2]).await, walk(&mut still, what, ["grpc"; 2]).await);
    assert!(rest.len() == 9 && rest == grpc, "{} and {}", rest.len(), grpc.len());
}
