//! What clients see of a running platform.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::program::{Platform, START, Scratch, run_on};

/// Hours of history are in the store before the questions begin; live trucks go on at 60 ×.
fn platform(scratch: &Scratch) -> Platform {
    let dir = scratch.path("data");
    crate::program::succeed(&crate::program::run_flags(&dir, "2026-01-05T04:00:00Z", &[]));
    Platform::start(&run_on(&dir, &["--speed", "60", "--start", START]))
}

fn items(value: &Value) -> &Vec<Value> {
    value["items"].as_array().unwrap()
}

#[test]
fn every_path_answers_and_every_refusal_is_a_problem() {
    let scratch = Scratch::new();
    let platform = platform(&scratch);
    let summary = platform.json("/v1/fleet/summary");
    assert_eq!(summary["trucks"], 30);
    assert!(summary["distance_mm"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(items(&platform.json("/v1/trucks?page_size=500")).len(), 30);
    let truck = platform.json("/v1/trucks/TRK-000002");
    assert_eq!(truck["latest"]["truck_id"], "TRK-000002");
    assert!(truck["registered"]["model_name"].is_string());
    assert_eq!(items(&platform.json("/v1/positions")).len(), 30);
    let trip = items(&platform.json("/v1/trips?page_size=1"))[0].clone();
    let id = trip["trip_id"].as_str().unwrap();
    assert_eq!(platform.json(&format!("/v1/trips/{id}"))["trip_id"], id);
    assert_eq!(items(&platform.json("/v1/pipeline/groups")).len(), 2);
    assert!(items(&platform.json("/v1/pipeline/dead-letters")).is_empty());
    for path in ["/healthz", "/readyz", "/", "/status.js", "/status.css"] {
        assert_eq!(platform.get(path).0, 200, "{path}");
    }
    let metrics = platform.get("/metrics").1;
    for name in ["fleet_http_requests_total", "fleet_pipeline_records_total", "fleet_sim_world"] {
        assert!(metrics.contains(name), "{name}");
    }
    let labels = r#"{code_class="4xx",method="GET",route="none"}"#;
    platform.get("/v1/nothing");
    assert!(platform.get("/metrics").1.contains(labels), "what asks for no path is counted, too");
    for (path, status) in [
        ("/v1/nothing", 404),
        ("/v1/trucks/TRK-999999", 404),
        ("/v1/trucks/TRK-000001?unknown=1", 400),
        ("/v1/trips/none?unknown=1", 400),
        ("/v1/trucks/a%20b", 400),
        ("/v1/trips/none", 404),
        ("/v1/trucks?pagesize=3", 400),
        ("/v1/trucks?page_token=x", 400),
        ("/v1/trucks?page_size=0", 400),
        ("/v1/trucks/TRK-000001/telemetry?from=yesterday", 400),
        ("/v1/feed?cursor=x", 400),
        ("/v1/pipeline/dead-letters/x", 400),
    ] {
        let (found, body) = platform.get(path);
        assert_eq!(found, status, "{path}: {body}");
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["status"], status, "{path}");
        assert!(problem["detail"].is_string() && problem["type"].is_string(), "{path}");
    }
    let (status, body) = platform.request("DELETE", "/v1/trucks", "");
    assert_eq!(status, 405, "{body}");
    let redrive = "/v1/pipeline/dead-letters/redrive";
    let (status, body) = platform.request("POST", redrive, r#"{"ids":["fleet.trips.v1.dlq:0:9"]}"#);
    assert!(status == 200 && body.contains("not_found"), "{status} {body}");
}

#[test]
fn pages_cover_a_history_once_in_order_both_ways() {
    let scratch = Scratch::new();
    let platform = platform(&scratch);
    for order in ["oldest_first", "newest_first"] {
        let (mut seqs, mut token) = (Vec::new(), String::new());
        loop {
            let page = platform.json(&format!(
                "/v1/trucks/TRK-000003/telemetry?to=2026-01-05T03:00:00Z&order={order}\
                 &page_size=100&page_token={token}"
            ));
            seqs.extend(items(&page).iter().map(|event| event["seq"].as_u64().unwrap()));
            page["next_page_token"].as_str().unwrap().clone_into(&mut token);
            if token.is_empty() {
                break;
            }
        }
        if order == "newest_first" {
            seqs.reverse();
        }
        let last = u64::try_from(seqs.len()).unwrap();
        assert!(last > 300 && seqs.into_iter().eq(1..=last), "{order}");
    }
}

/// The id of an entry of the feed.
fn id(entry: &Value) -> String {
    match entry["kind"].as_str().unwrap() {
        "telemetry" => format!("{}:{}", entry["event"]["truck_id"], entry["event"]["seq"]),
        _ => format!("{}:{}", entry["trip"]["trip_id"], entry["trip"]["revision"]),
    }
}

#[test]
fn one_cursor_serves_pages_and_streams_without_loss_or_double() {
    let scratch = Scratch::new();
    let platform = platform(&scratch);
    let mut ids = BTreeSet::new();
    let (mut cursor, mut doubles) = (String::new(), 0);
    for turn in 0..60 {
        if turn % 3 == 2 {
            for (event_id, data) in platform.events("/v1/stream/events", &cursor, 50) {
                doubles += u32::from(!ids.insert(id(&serde_json::from_str(&data).unwrap())));
                cursor = event_id;
            }
        } else {
            let feed = platform.json(&format!("/v1/feed?page_size=300&cursor={cursor}"));
            for entry in feed["entries"].as_array().unwrap() {
                doubles += u32::from(!ids.insert(id(entry)));
            }
            feed["next_cursor"].as_str().unwrap().clone_into(&mut cursor);
        }
    }
    assert_eq!(doubles, 0);
    // Telemetry of each truck is there from 1 on without a gap.
    let of_one = ids.iter().filter(|id| id.starts_with("\"TRK-000001\":")).count();
    for seq in 1..=of_one {
        assert!(ids.contains(&format!("\"TRK-000001\":{seq}")), "seq {seq} of {of_one} is missing");
    }
    assert!(ids.len() > 10_000, "{} entries", ids.len());
}

#[test]
fn a_cursor_of_another_log_is_gone_and_a_stream_resyncs() {
    let (one, two) = (Scratch::new(), Scratch::new());
    let (first, second) = (platform(&one), platform(&two));
    let foreign = second.json("/v1/feed?page_size=1")["next_cursor"].as_str().unwrap().to_owned();
    let (status, body) = first.get(&format!("/v1/feed?cursor={foreign}"));
    assert_eq!(status, 410, "{body}");
    let (_, data) = first.events("/v1/stream/events", &foreign, 1).remove(0);
    let snapshot: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(items(&snapshot).len(), 30, "a resync carries every truck's position");
}
