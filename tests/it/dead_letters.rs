//! The commands of dead letters: found by what they are, exported whole, put back once.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    sync::Arc,
};

use bytes::Bytes;
use fleet_core::{
    stream::{
        EventLog, NewRecord, Topic,
        sqlite::{SqliteLog, SqliteLogSettings},
    },
    time::SystemClock,
};
use serde_json::Value;

use crate::{
    faults::any_trip,
    program::{Scratch, command, fail, run_flags, succeed, text},
};

fn open(dir: &Path) -> SqliteLog {
    let clock = Arc::new(SystemClock::new());
    SqliteLog::open(&dir.join("log.db"), SqliteLogSettings::default(), clock).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A fleet's data with 40 letters of trips, ten of which are garbage.
fn set_aside(scratch: &Scratch) -> std::path::PathBuf {
    let dir = scratch.path("data");
    succeed(&run_flags(&dir, "2026-01-05T00:10:00Z", &[]));
    let trip = fleet_proto::encode_trip(&any_trip(&dir));
    let letter = |number: u32| NewRecord {
        topic: Topic::TRIPS.dead_letters(),
        key: format!("TRK-00000{}", number % 5).into(),
        headers: vec![("number".to_owned(), number.to_string().into())],
        payload: if number.is_multiple_of(4) {
            Bytes::from_static(b"garbage")
        } else {
            trip.clone()
        },
    };
    runtime().block_on(open(&dir).publish((0..40).map(letter).collect())).unwrap();
    dir
}

/// The letters that records in the topic of trips say that they were, by number.
fn delivered(dir: &Path) -> Vec<String> {
    let log = open(dir);
    runtime().block_on(async {
        let mut from = Vec::new();
        for extent in log.extents(&Topic::TRIPS).await.unwrap() {
            let records = log.read(&extent.partition, 0, 5_000).await.unwrap();
            let told = records.iter().filter_map(|record| record.header("fleet-redriven-from"));
            from.extend(told.map(str::to_owned));
        }
        from
    })
}

#[test]
fn a_redrive_that_is_killed_goes_on_and_no_letter_goes_back_twice() {
    let scratch = Scratch::new();
    let dir = set_aside(&scratch);
    let at = ["--data-dir", text(&dir)];
    let dry = fail(&[&["dead-letters", "redrive", "--all", "--dry-run"][..], &at].concat());
    assert!(dry.contains("10 of 40 were not put back"), "{dry}");
    assert!(delivered(&dir).is_empty(), "a dry run puts nothing back");

    let slowly = [&["dead-letters", "redrive", "--all", "--rate", "3"][..], &at].concat();
    let mut child = command(&slowly).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let seen = lines.by_ref().map(Result::unwrap).filter(|line| line.ends_with(": redriven"));
    assert_eq!(seen.take(4).count(), 4);
    child.kill().unwrap();
    child.wait().unwrap();
    let first = delivered(&dir).len();
    assert!((4..30).contains(&first), "cut off in the middle, after {first}");

    fail(&[&["dead-letters", "redrive", "--all"][..], &at].concat());
    for _ in 0..2 {
        let all = delivered(&dir);
        assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (30, 30));
        let again = [&["dead-letters", "redrive", "--topic", "fleet.trips.v1"][..], &at].concat();
        fail(&again); // garbage stays garbage
    }
    // Where they went back to, they are handled: the same trip, which is there.
    succeed(&run_flags(&dir, "2026-01-05T00:20:00Z", &[]));
    let exported = succeed(&[&["dead-letters", "export"][..], &at].concat());
    assert_eq!(exported.lines().count(), 40);
}

#[test]
fn letters_are_counted_selected_and_exported_whole() {
    let scratch = Scratch::new();
    let dir = set_aside(&scratch);
    let at = ["--data-dir", text(&dir)];
    let ask = |words: &[&str]| succeed(&[&["dead-letters"], words, &at].concat());
    let listed = ask(&["list", "--limit", "7"]);
    let mut lines = listed.lines();
    let counted = lines.next().unwrap();
    assert!(counted.trim_start().starts_with("40  unknown"), "{counted}");
    assert_eq!(lines.filter(|line| line.starts_with("fleet.trips.v1.dlq:")).count(), 7);
    assert!(ask(&["list", "--reason", "conflict"]).is_empty());
    assert!(ask(&["list", "--until", "2026-01-01T00:00:00Z"]).is_empty());
    let said = fail(&[&["dead-letters", "list", "--reason", "bad"][..], &at].concat());
    assert!(said.contains("undecodable"), "{said}");
    let said = fail(&[&["dead-letters", "redrive"][..], &at].concat());
    assert!(said.contains("--all"), "{said}");

    let (first, again) = (ask(&["export"]), ask(&["export"]));
    assert_eq!(first, again, "equal letters give equal bytes");
    let mut numbers = BTreeSet::new();
    for line in first.lines() {
        let letter: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&letter["topic"], &letter["reason"]),
            (&"fleet.trips.v1".into(), &"unknown".into())
        );
        assert_eq!(letter["headers"][0][0], "number");
        numbers.insert(letter["headers"][0][1].as_str().unwrap().to_owned());
        assert!(letter["key_hex"].as_str().unwrap().starts_with("54524b2d")); // TRK-
        assert!(!letter["payload_hex"].as_str().unwrap().is_empty());
    }
    assert_eq!(numbers.len(), 40);
    assert_eq!(ask(&["export", "--limit", "3"]).lines().count(), 3);
}
