//! Devices beside the simulated fleet: what they send in is archived, streamed and served like its.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::program::{Platform, Rest, START, Scratch, run_flags, run_on, succeed};

fn platform(scratch: &Scratch) -> Platform {
    // Where `data-fleet keys` looks for it unless told otherwise.
    let dir = scratch.path("data");
    Platform::start(&run_on(&dir, &["--trucks", "3", "--seed", "7", "--start", START]))
}

/// The same after an hour of history.
fn old_platform(scratch: &Scratch) -> Platform {
    succeed(&run_flags(&scratch.path("data"), "2026-01-05T01:00:00Z", &["--trucks", "3"]));
    platform(scratch)
}

/// The place where the feed ends now.
fn end(rest: &Rest) -> String {
    let mut cursor = String::new();
    loop {
        let page = rest.json(&format!("/v1/feed?page_size=500&cursor={cursor}"));
        page["next_cursor"].as_str().unwrap().clone_into(&mut cursor);
        if page["has_more"] == false {
            return cursor;
        }
    }
}

/// The first event of this truck that a live stream shows.
fn shown(rest: &Rest, cursor: &str, truck_id: &str) -> Value {
    let entries = rest.live("/v1/stream/events", cursor);
    let mut entries = entries.map(|(_, data)| serde_json::from_str::<Value>(&data).unwrap());
    entries.find(|entry| entry["event"]["truck_id"] == truck_id).unwrap()
}

/// Runs a piece of the docs, with the platform's address in it; returns what it printed.
fn sh(rest: &Rest, dir: &Path, script: &str) -> String {
    let script = script.replace("127.0.0.1:8080", &rest.address);
    let bin = Path::new(env!("CARGO_BIN_EXE_data-fleet")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env!("PATH"));
    let output = Command::new("sh")
        .args([
            "-euc",
            &format!("curl() {{ command curl -sS --fail-with-body \"$@\"; }}\n{script}"),
        ])
        .current_dir(dir)
        .env("PATH", path)
        .output()
        .unwrap();
    let (out, err) = (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned());
    let out = String::from_utf8(out).unwrap();
    assert!(output.status.success(), "{script}\n{out}\n{err}");
    out
}

/// The shell lines of docs/devices.md, block by block.
fn blocks() -> Vec<String> {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/devices.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    docs.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
#[expect(clippy::print_stderr, reason = "a skip is never silent")]
fn the_curl_lines_of_the_docs_do_what_they_say() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(!fleet_core::testkit::required(), "curl is missing");
        eprintln!("skipped: curl is missing");
        return;
    }
    let scratch = Scratch::new();
    let platform = platform(&scratch);
    let dir = scratch.path("data");
    let dir = dir.parent().unwrap();
    let cursor = end(&platform);
    let blocks = blocks();
    assert_eq!(blocks.len(), 4);
    assert_eq!(sh(&platform, dir, &blocks[0]), "", "a phone is answered with nothing");
    let event = shown(&platform, &cursor, "PHONE-7");
    assert_eq!(event["event"]["position"], json!({"lat": 26.1844, "lon": 91.7458}));
    let kmh = event["event"]["signals"]["speed_kmh"].as_f64().unwrap();
    assert!((kmh - 40.003_2).abs() < 1e-9, "{kmh}");
    let truck: Value = serde_json::from_str(&sh(&platform, dir, &blocks[1])).unwrap();
    assert_eq!((&truck["truck_id"], &truck["registered"]), (&json!("PHONE-7"), &Value::Null));
    let answer: Value = serde_json::from_str(&sh(&platform, dir, &blocks[2])).unwrap();
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/devices.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let (_, told) = docs.split_once("```json\n").unwrap();
    let told: Value = serde_json::from_str(told.split("```").next().unwrap()).unwrap();
    assert_eq!(answer, told);
    let answer: Value = serde_json::from_str(&sh(&platform, dir, &blocks[3])).unwrap();
    assert_eq!(answer["accepted"], 1);
}

#[test]
fn what_a_device_sends_is_archived_once_and_served_and_spoils_no_number_of_the_fleet() {
    let scratch = Scratch::new();
    let platform = old_platform(&scratch);
    let cursor = end(&platform);
    let report = |seq: u32, minute: u32| {
        json!({"truck_id": "BOX-1", "seq": seq, "event_time": format!("2026-01-05T00:{minute:02}:00Z"),
            "position": {"lat": 26.0 + f64::from(seq) / 100.0, "lon": 91.75}})
    };
    // Late, out of order and twice.
    let reports = [report(3, 3), report(1, 1), report(2, 2), report(1, 1)];
    let batch = json!({"events": reports}).to_string();
    for _ in 0..2 {
        let (status, body) = platform.request("POST", "/v1/ingest/telemetry", &batch);
        assert!(status == 200 && body.contains("\"accepted\":4"), "{body}");
    }
    let marker = "/v1/ingest/osmand?id=BOX-1&lat=27&lon=91.75&timestamp=2026-01-05T00:09:00Z";
    assert_eq!(platform.get(marker), (200, String::new()));
    let entries = platform.live("/v1/stream/events", &cursor);
    let mut seqs = Vec::new();
    for (_, data) in entries {
        let entry: Value = serde_json::from_str(&data).unwrap();
        if entry["event"]["truck_id"] == "BOX-1" {
            seqs.push(entry["event"]["seq"].as_u64().unwrap());
            if seqs.last() == Some(&0) {
                break;
            }
        }
    }
    assert_eq!(seqs, [3, 1, 2, 0], "each once, in the order in which they came");
    let history = platform.json("/v1/trucks/BOX-1/telemetry");
    let history: Vec<_> = history["items"].as_array().unwrap().iter().map(|e| &e["seq"]).collect();
    assert_eq!(history, [1, 2, 3, 0]);
    let summary = platform.json("/v1/fleet/summary");
    assert_eq!((&summary["trucks"], &summary["trucks_silent"]), (&json!(4), &json!(0)));
    let positions = platform.json("/v1/positions");
    assert_eq!(positions["items"].as_array().unwrap().len(), 4);
    assert!(platform.json("/v1/pipeline/dead-letters")["items"].as_array().unwrap().is_empty());
    let clash = json!({"events": [report(2, 5)]}).to_string();
    assert_eq!(platform.request("POST", "/v1/ingest/telemetry", &clash).0, 200);
    let letter = (0..600).find_map(|_| {
        // Each question is a round trip, so this does not spin.
        let letters = platform.json("/v1/pipeline/dead-letters");
        letters["items"].as_array().unwrap().first().cloned()
    });
    assert_eq!(letter.unwrap()["reason"], "conflict");
    let metrics = platform.get("/metrics").1;
    let counted = r#"fleet_ingest_events_total{form="json",outcome="accepted"} 9"#;
    assert!(metrics.contains(counted), "{metrics}");
}

#[test]
fn what_was_accepted_outlives_a_kill() {
    let scratch = Scratch::new();
    let platform = platform(&scratch);
    for seq in 1..=20 {
        let report = json!({"events": [{"truck_id": "BOX-1", "seq": seq,
            "event_time": format!("2026-01-05T00:{seq:02}:00Z"),
            "position": {"lat": 26.0, "lon": 91.75}}]});
        let answer = platform.request("POST", "/v1/ingest/telemetry", &report.to_string());
        assert_eq!(answer.0, 200, "{}", answer.1);
    }
    platform.kill();
    let again = self::platform(&scratch);
    let first = shown_all(&again);
    assert_eq!(first, (1..=20).collect::<Vec<u64>>());
}

/// The numbers of the twenty reports, from the oldest of the feed on.
fn shown_all(rest: &Rest) -> Vec<u64> {
    let mut cursor = String::new();
    let mut seqs = Vec::new();
    while seqs.len() < 20 {
        let page = rest.json(&format!("/v1/feed?page_size=500&cursor={cursor}"));
        page["next_cursor"].as_str().unwrap().clone_into(&mut cursor);
        let entries = page["entries"].as_array().unwrap().iter();
        let own = entries.filter(|entry| entry["event"]["truck_id"] == "BOX-1");
        seqs.extend(own.map(|entry| entry["event"]["seq"].as_u64().unwrap()));
    }
    seqs
}
