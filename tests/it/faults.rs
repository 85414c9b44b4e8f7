//! What a user meets when something is wrong: a sentence that says what to do.

use std::{fs, io::ErrorKind, net::TcpListener, path::Path, process::Stdio, sync::Arc};

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

use crate::program::{
    Platform, START, Scratch, command, dump, fail, run_flags, run_on, succeed, text,
};

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
        for sound in ["log.db", "state.db"] {
            fs::write(dir.join(sound), "").unwrap();
        }
        fs::write(dir.join(name), "garbage ".repeat(2_000)).unwrap();
        let said = fail(&run_on(&dir, &[]));
        assert!(said.contains(name) && said.contains("backup"), "{said}");
        assert_eq!(said.matches("file is not a database").count(), 1, "said twice: {said}");
    }
    let nowhere = scratch.path("nowhere");
    for command in [&["dump", "trips"][..], &["dead-letters", "redrive", "fleet.trips.v1.dlq:0:0"]]
    {
        let said = fail(&[command, &["--data-dir", text(&nowhere)]].concat());
        assert!(said.contains("no fleet"), "{said}");
    }
    assert!(fs::read_dir(&nowhere).is_err_and(|e| e.kind() == ErrorKind::NotFound), "none is made");
    fs::create_dir(&nowhere).unwrap();
    let redrive = ["dead-letters", "redrive", "fleet.trips.v1.dlq:0:0"];
    fail(&[&redrive[..], &["--data-dir", text(&nowhere)]].concat());
    assert!(fs::read_dir(&nowhere).unwrap().next().is_none(), "looking has made something");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_file_that_is_gone_emptied_or_restored_alone_is_named_and_the_fleet_does_not_go_on() {
    let scratch = Scratch::new();
    let (before, dir) = (scratch.path("before"), scratch.path("data"));
    let until = "2026-01-05T00:20:00Z";
    succeed(&run_flags(&before, "2026-01-05T00:10:00Z", &[]));
    copy(&before, &dir);
    succeed(&run_flags(&dir, until, &[]));
    for name in ["log.db", "store.db", "state.db"] {
        for way in ["gone", "emptied", "older"] {
            let broken = scratch.path(&format!("{name} {way}"));
            copy(&dir, &broken);
            for file in fs::read_dir(&broken).unwrap().map(|entry| entry.unwrap().path()) {
                if file.file_name().unwrap().to_str().unwrap().starts_with(name) {
                    fs::remove_file(file).unwrap();
                }
            }
            match way {
                "gone" => {}
                "emptied" => drop(fs::File::create(broken.join(name)).unwrap()),
                _ => drop(fs::copy(before.join(name), broken.join(name)).unwrap()),
            }
            if (name, way) == ("state.db", "older") {
                // What came after it is made again, with the same ids and bytes.
                succeed(&run_flags(&broken, until, &[]));
                assert_eq!(dump(&broken), dump(&dir));
                continue;
            }
            let said = fail(&run_on(&broken, &[]));
            assert!(said.contains(name) && said.contains("restore"), "{name} {way}: {said}");
            let again = fail(&run_on(&broken, &[]));
            assert!(again.contains(name), "{name} {way}: at the second start {again}");
        }
    }
}

#[test]
fn what_a_finished_run_leaves_is_in_the_three_files_alone() {
    let scratch = Scratch::new();
    let dir = scratch.path("data");
    for until in ["2026-01-05T00:10:00Z", "2026-01-05T00:10:00Z"] {
        succeed(&run_flags(&dir, until, &[]));
        let names = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["lock", "log.db", "state.db", "store.db"]);
    }
}

#[test]
fn nobody_has_to_listen() {
    let scratch = Scratch::new();
    let dir = scratch.path("data");
    let run = run_flags(&dir, "2026-01-05T00:10:00Z", &[]);
    let dump = ["dump", "telemetry", "--data-dir", text(&dir)];
    let report = ["report", "--days", "1", "--trucks", "1"];
    for args in [&run[..], &dump, &report, &["--check-config"], &["truck", "--list"]] {
        let mut child =
            command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Both ends are closed before anything can be said.
        drop((child.stdout.take(), child.stderr.take()));
        let status = child.wait().unwrap();
        assert!(status.success(), "{args:?}: {status}");
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
    let many: Vec<String> = (0..1_100).map(|n| format!("fleet.trips.v1.dlq:1:{n}")).collect();
    let mut flags = vec!["dead-letters", "redrive", "--data-dir", text(&dir)];
    flags.extend(many.iter().map(String::as_str));
    let said = fail(&flags);
    assert!(said.contains("1100 of 1100 were not put back"), "{said}");
    platform.kill();
    assert!(redrive(&[]).contains("already redriven"));
    let shown = succeed(&["dead-letters", "show", &ids[0], "--data-dir", text(&dir)]);
    assert!(shown.contains("redriven: true") && shown.contains("reason: unknown"), "{shown}");
}

pub(super) fn any_trip(dir: &Path) -> TripSummary {
    let trips = succeed(&["dump", "trips", "--data-dir", text(dir)]);
    serde_json::from_str(trips.lines().next().unwrap()).unwrap()
}
