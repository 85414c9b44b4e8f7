//! What a user meets when something is wrong: a sentence that says what to do.

use std::{fs, net::TcpListener};

use crate::program::{Platform, START, Scratch, fail, run_on, succeed, text};

fn start(dir: &std::path::Path) -> Platform {
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
    let said = fail(&["dump", "trips", "--data-dir", text(&scratch.path("nowhere"))]);
    assert!(said.contains("no fleet"), "{said}");
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
