//! A crash cannot be seen in the data.

use std::path::Path;

use crate::program::{Scratch, command, dump, fail, run_flags, run_on, store_bytes, succeed};

const UNTIL: &str = "2026-01-05T12:00:00Z";

/// Runs to `UNTIL`, killed with SIGKILL each time the store has grown by another random step.
fn run_with_kills(dir: &Path, kills: u32) -> u32 {
    let stream = fleet_core::random::Stream::new(11, "crash test", "kills");
    let mut killed = 0;
    for kill in 0..u64::from(kills) {
        let before = store_bytes(dir);
        let step = 50_000 + stream.below(kill, 400_000);
        let mut child = command(&run_flags(dir, UNTIL, &[]))
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Waits for an event, not for a time: the store grows, or the run ends by itself.
        while store_bytes(dir) < before + step && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            killed += 1;
        }
        child.wait().unwrap();
    }
    succeed(&run_flags(dir, UNTIL, &[]));
    killed
}

#[test]
fn killed_at_random_moments_the_data_is_byte_for_byte_that_of_an_undisturbed_run() {
    let scratch = Scratch::new();
    let (calm, rough) = (scratch.path("calm"), scratch.path("rough"));
    succeed(&run_flags(&calm, UNTIL, &[]));
    let killed = run_with_kills(&rough, 6);
    assert!(killed >= 2, "only {killed} kills hit a run under way");
    let (calm, rough) = (dump(&calm), dump(&rough));
    assert!(calm[0].lines().count() > 40_000, "{} events", calm[0].lines().count());
    for (calm, rough) in calm.iter().zip(&rough) {
        let other = calm.lines().zip(rough.lines()).find(|(a, b)| a != b);
        assert!(calm == rough, "first difference: {other:?}");
    }
}

#[test]
fn two_runs_are_equal_and_a_longer_one_goes_on_from_a_shorter() {
    let scratch = Scratch::new();
    let (whole, parts) = (scratch.path("whole"), scratch.path("parts"));
    succeed(&run_flags(&whole, UNTIL, &[]));
    for until in ["2026-01-05T03:00:00Z", "2026-01-05T03:00:01Z", UNTIL, UNTIL] {
        succeed(&run_flags(&parts, until, &[]));
    }
    assert_eq!(dump(&whole), dump(&parts));
}

#[test]
fn ten_trucks_are_the_first_ten_of_thirty_and_may_grow() {
    let scratch = Scratch::new();
    let (ten, thirty) = (scratch.path("ten"), scratch.path("thirty"));
    let until = "2026-01-05T02:00:00Z";
    succeed(&run_flags(&ten, until, &["--trucks", "10"]));
    succeed(&run_flags(&thirty, until, &["--trucks", "30"]));
    let is_of_ten = |line: &&str| {
        let (_, rest) = line.split_once("TRK-0000").unwrap();
        rest[..2].parse::<u32>().unwrap() <= 10
    };
    let (few, all) = (dump(&ten), dump(&thirty));
    for (few, all) in few.iter().zip(&all) {
        assert!(few.lines().eq(all.lines().filter(is_of_ten)));
    }
    succeed(&run_flags(&ten, until, &["--trucks", "30"]));
    assert_eq!(dump(&ten), all, "trucks that were added later lived from the start");
}

#[test]
fn what_contradicts_old_data_is_refused_by_name() {
    let scratch = Scratch::new();
    let dir = scratch.path("data");
    let until = "2026-01-05T00:10:00Z";
    succeed(&run_flags(&dir, until, &["--trucks", "5"]));
    let base = run_on(&dir, &["--speed", "max"]);
    for (flag, value) in [("--seed", "8"), ("--start", "2026-02-01T00:00:00Z"), ("--trucks", "4")] {
        let mut flags = base.clone();
        flags.extend([flag, value, "--until", until]);
        let said = fail(&flags);
        assert!(said.contains(flag), "{said}");
    }
    let mut flags = base.clone();
    flags.extend(["--until", "2026-01-05T00:20:00Z"]);
    succeed(&flags); // absent flags take the values of genesis
    std::fs::remove_file(dir.join("state.db")).unwrap();
    let said = fail(&flags);
    assert!(said.contains("state.db") && said.contains("backup"), "{said}");
}
