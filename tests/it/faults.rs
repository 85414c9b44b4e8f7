//! What a user meets when something is wrong: a sentence that says what to do.

use std::{fs, io::ErrorKind, net::TcpListener, path::Path, sync::Arc};

use bytes::Bytes;
use fleet_core::{
    domain::TripSummary,
    stream::{
        EventLog, NewRecord, Partition, Place, Topic,
        sqlite::{SqliteLog, SqliteLogSettings},
    },
    time::{Clock, SystemClock},
};
use fleet_proto::encode_trip;

use crate::program::{Platform, START, Scratch, fail, run_flags, run_on, succeed, text};

fn start(dir: &Path) -> Platform {
    Platform::start(&run_on(dir, &["--speed", "60", "--start", START]))
}

#[test]
fn a_second_process_is_refused_and_dump_works_beside_the_first() {
    let scratch = Scratch::new();
    let dir = scratch.path("data");
    let platform = start(&dir);
    let said = fail(&run_on(&dir, &[]));
    assert!(said.contains("another data-fleet"), "{said}");
    succeed(&["dump", "telemetry", "--data-dir", text(&dir)]);
    succeed(&["dead-letters", "list", "--data-dir", text(&dir)]);
    platform.kill();
}

#[test]
fn a_port_in_use_a_bad_directory_and_damaged_files_say_what_to_do() {
    let scratch = Scratch::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let dir = scratch.path("data");
    for flag in ["--listen", "--grpc-listen"] {
        let other = if flag == "--listen" { "--grpc-listen" } else { "--listen" };
        let flags = ["run", "--data-dir", text(&dir), flag, &address, other, "127.0.0.1:0"];
        let said = fail(&flags);
        assert!(said.contains(&format!(" {flag} ")) && said.contains("in use"), "{said}");
    }

    let file = scratch.path("file");
    fs::write(&file, "not a directory").unwrap();
    let said = fail(&run_on(&file, &[]));
    assert!(said.contains("data directory"), "{said}");

    for name in ["log.db", "store.db", "state.db"] {
        let dir = scratch.path(&format!("damaged-{name}"));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("state.db"), "").unwrap();
        fs::write(dir.join(name), "garbage ".repeat(2_000)).unwrap();
        let said = fail(&run_on(&dir, &[]));
        assert!(said.contains(name) && said.contains("backup"), "{said}");
    }
    let nowhere = scratch.path("nowhere");
    for command in [&["dump", "trips"][..], &["dead-letters", "redrive", "fleet.trips.v1.dlq:0:0"]]
    {
        let said = fail(&[command, &["--data-dir", text(&nowhere)]].concat());
        assert!(said.contains("no fleet"), "{said}");
    }
    assert!(fs::read_dir(&nowhere).is_err_and(|e| e.kind() == ErrorKind::NotFound), "none is made");
}

#[test]
fn a_fleet_without_its_log_or_its_state_is_not_begun_anew() {
    for name in ["log.db", "state.db"] {
        let scratch = Scratch::new();
        let dir = scratch.path("data");
        succeed(&run_flags(&dir, "2026-01-05T00:01:00Z", &[]));
        fs::remove_file(dir.join(name)).unwrap();
        let said = fail(&run_on(&dir, &[]));
        assert!(said.contains(name) && said.contains("restore"), "{said}");
        assert!(!dir.join(name).exists());
    }
}

#[test]
fn every_bad_setting_is_reported_at_once() {
    let said = fail(&["run", "--trucks", "none", "--speed=-1", "--until", "tomorrow"]);
    for name in ["trucks", "speed", "until"] {
        assert!(said.contains(name), "{said}");
    }
    let printed = succeed(&["run", "--seed", "3", "--check-config"]);
    for line in ["seed = \"3\"", "grpc_listen = \"127.0.0.1:50051\""] {
        assert!(printed.contains(line), "{printed}");
    }
    let printed = succeed(&["run", "--grpc-listen", "off", "--check-config"]);
    assert!(printed.contains("grpc_listen = \"off\""), "{printed}");
}

/// Puts records into the log of a platform that does not run.
fn publish(dir: &Path, records: Vec<NewRecord>) -> Vec<Place> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let log = SqliteLog::open(&dir.join("log.db"), SqliteLogSettings::default(), clock).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(log.publish(records)).unwrap()
}

#[test]
fn a_dead_letter_is_put_back_beside_the_running_platform_or_without_it() {
    let scratch = Scratch::new();
    let dir = scratch.path("data");
    succeed(&run_flags(&dir, "2026-01-05T00:10:00Z", &[]));
    let letter = |payload: &'static [u8]| NewRecord {
        topic: Topic::TRIPS.dead_letters(),
        key: Bytes::from_static(b"TRK-000001"),
        headers: Vec::new(),
        payload: Bytes::from_static(payload),
    };
    // What somebody else left there, without our headers: a letter all the same.
    let trip = encode_trip(&any_trip(&dir));
    let good = NewRecord { payload: trip, ..letter(b"") };
    let ids: Vec<String> = publish(&dir, vec![good, letter(b"garbage")])
        .iter()
        .map(|Place { partition: Partition { topic, number }, offset }| {
            format!("{topic}:{number}:{offset}")
        })
        .collect();
    let redrive = |more: &[&str]| {
        let mut args = vec!["dead-letters", "redrive", &ids[0], "--data-dir", text(&dir)];
        args.extend(more);
        succeed(&args)
    };
    assert!(redrive(&["--dry-run"]).contains("would redrive"));
    let platform = start(&dir);
    assert!(redrive(&["--dry-run"]).contains("would redrive"));
    assert!(redrive(&[]).contains(": redriven"));
    assert!(redrive(&[]).contains("already redriven"));
    let said = fail(&["dead-letters", "redrive", &ids[1], "x", "--data-dir", text(&dir)]);
    assert!(said.contains("2 of 2 were not put back"), "{said}");
    platform.kill();
    assert!(redrive(&[]).contains("already redriven"));
    let shown = succeed(&["dead-letters", "show", &ids[0], "--data-dir", text(&dir)]);
    assert!(shown.contains("redriven: true") && shown.contains("reason: unknown"), "{shown}");
}

fn any_trip(dir: &Path) -> TripSummary {
    let trips = succeed(&["dump", "trips", "--data-dir", text(dir)]);
    serde_json::from_str(trips.lines().next().unwrap()).unwrap()
}
