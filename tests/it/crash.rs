//! A crash cannot be seen in the data.

use std::{
    io::Read,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::{RecvTimeoutError, sync_channel},
    time::{Duration, Instant},
};

use fleet_core::{random::Stream, time::Time};

use crate::program::{
    START, Scratch, command, dump, fail, run_flags, run_on, store_bytes, succeed, text,
};

const UNTIL: &str = "2026-01-05T12:00:00Z";

/// How hard: a little by itself; `scripts/torture` asks for more.
struct Torture {
    kills: u64,
    /// Of the world and of the moments.
    seed: String,
    until: String,
}

impl Torture {
    #[expect(clippy::disallowed_methods, reason = "scripts/torture says it so")]
    fn asked_for() -> Self {
        let number = |name: &str, default| {
            let asked = std::env::var(name).ok();
            asked.map_or(default, |text| text.parse().expect("a whole number"))
        };
        let start: Time = START.parse().unwrap();
        let until = start.plus(Duration::from_secs(3_600 * number("TORTURE_HOURS", 12)));
        Self {
            kills: number("TORTURE_KILLS", 6),
            seed: number("TORTURE_SEED", 7).to_string(),
            until: until.to_string(),
        }
    }

    fn flags<'a>(&'a self, dir: &'a Path) -> Vec<&'a str> {
        let mut flags = run_flags(dir, &self.until, &[]);
        let at = flags.iter().position(|flag| *flag == "--seed").unwrap();
        flags[at + 1] = &self.seed;
        flags
    }

    /// Runs to the end; how long that took.
    #[expect(clippy::disallowed_methods, reason = "how fast it is here sets the moments of kills")]
    fn run(&self, dir: &Path) -> Duration {
        let started = Instant::now();
        succeed(&self.flags(dir));
        started.elapsed()
    }
}

/// Starts the program and sends it `signal` after `delay`; false if it was done before.
fn is_hit_after(flags: &[&str], delay: Duration, signal: &str) -> bool {
    let mut child = command(flags).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let (ended, end) = sync_channel(1);
    let listener = std::thread::spawn(move || {
        let mut said = String::new();
        stderr.read_to_string(&mut said).unwrap();
        ended.send(()).ok();
        said
    });
    let is_under_way = end.recv_timeout(delay) == Err(RecvTimeoutError::Timeout);
    if is_under_way {
        let pid = child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
    let status = child.wait().unwrap();
    let said = listener.join().unwrap();
    assert!(!said.contains("panicked"), "{said}");
    let was_killed = std::os::unix::process::ExitStatusExt::signal(&status).is_some();
    assert!(status.success() || (was_killed && is_under_way), "{status}: {said}");
    is_under_way && (was_killed || !said.contains("complete=true"))
}

#[track_caller]
#[expect(clippy::print_stdout, reason = "scripts/torture shows it")]
fn assert_equal(calm: &[String; 3], other: &[String; 3]) {
    for ((what, calm), other) in ["telemetry", "trips", "counters"].iter().zip(calm).zip(other) {
        let lines = calm.lines().count();
        let differs = calm.lines().zip(other.lines()).find(|(a, b)| a != b);
        assert!(
            calm == other,
            "{what}: {lines} lines against {}, first difference: {differs:?}",
            other.lines().count()
        );
        println!("  {what}: {lines} lines, {} bytes, equal", calm.len());
    }
}

/// Kills fall at random moments of the whole run, the start of the process included. A run that is
/// done before all kills have struck is compared, and another begins.
#[test]
#[expect(clippy::print_stdout, reason = "scripts/torture shows it")]
fn killed_at_random_moments_the_data_is_byte_for_byte_that_of_an_undisturbed_run() {
    let torture = Torture::asked_for();
    let scratch = Scratch::new();
    let (calm, again) = (scratch.path("calm"), scratch.path("again"));
    let (whole, idle) = (torture.run(&calm), torture.run(&calm));
    let calm = dump(&calm);
    assert!(calm[0].lines().count() > 1_000, "too little to lose");
    println!("undisturbed to {} in {:.2} s; again:", torture.until, whole.as_secs_f64());
    torture.run(&again);
    assert_equal(&calm, &dump(&again));

    let stream = Stream::new(11, "crash test", &torture.seed);
    // On average a life makes its share of the whole run, besides starting.
    let longest = 2 * (idle + whole / u32::try_from(torture.kills).unwrap());
    let longest_us = u64::try_from(longest.as_micros()).unwrap();
    let mut delays = (0..).map(|life| Duration::from_micros(stream.below(life, longest_us)));
    let mut killed = 0;
    for round in 1_u64.. {
        println!("round {round}:");
        let dir = scratch.path(&format!("rough {round}"));
        while killed < torture.kills {
            let delay = delays.next().unwrap();
            if !is_hit_after(&torture.flags(&dir), delay, "-KILL") {
                break; // it came to its end
            }
            killed += 1;
            let (ms, kib) = (delay.as_micros() as f64 / 1e3, store_bytes(&dir) / 1_024);
            println!("  kill {killed}: after {ms:.1} ms, {kib} KiB in the store");
        }
        torture.run(&dir);
        assert_equal(&calm, &dump(&dir));
        let letters = succeed(&["dump", "dead-letters", "--data-dir", text(&dir)]);
        assert!(letters.is_empty(), "{letters}");
        if killed == torture.kills {
            println!("equal after {killed} kills in {round} runs");
            return;
        }
        assert!(round < 10 + torture.kills, "only {killed} kills struck");
    }
}

#[test]
fn stopped_or_killed_while_it_begins_or_runs_it_goes_on_as_if_nothing_had_been() {
    const UNTIL: &str = "2026-01-05T04:00:00Z";
    let scratch = Scratch::new();
    let calm = scratch.path("calm");
    succeed(&run_flags(&calm, UNTIL, &[]));
    let calm = dump(&calm);
    let stream = Stream::new(4, "crash test", "beginnings");
    let delay = |draw, below_us| Duration::from_micros(stream.below(draw, below_us));
    for round in 0..3_u64 {
        let dir = scratch.path(&format!("rough {round}"));
        let flags = run_flags(&dir, UNTIL, &[]);
        // While it makes its files, again and again, and then somewhere.
        for life in 0..6 {
            is_hit_after(&flags, delay(100 * round + life, 20_000), "-KILL");
        }
        for life in 6..10 {
            is_hit_after(&flags, delay(100 * round + life, 300_000), "-TERM");
        }
        succeed(&flags);
        assert_equal(&calm, &dump(&dir));
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
    for (flag, value) in [("--seed", "8"), ("--start", "2026-01-04T00:00:00Z"), ("--trucks", "4")] {
        let mut flags = base.clone();
        flags.extend([flag, value, "--until", until]);
        let said = fail(&flags);
        assert!(said.contains(flag), "{said}");
    }
    let said = fail(&run_on(&dir, &["--seed", "8", "--start", "2026-01-04T00:00:00Z"]));
    assert!(said.contains("--seed 8") && said.contains("--start"), "both at once: {said}");
    let mut flags = base.clone();
    flags.extend(["--until", "2026-01-05T00:20:00Z"]);
    succeed(&flags); // absent flags take the values of genesis
    std::fs::remove_file(dir.join("state.db")).unwrap();
    let said = fail(&flags);
    assert!(said.contains("state.db") && said.contains("backup"), "{said}");
}
