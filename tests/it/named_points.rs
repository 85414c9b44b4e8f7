//! The real process, killed from inside at each named point of driver and groups.
//!
//! The program that is shipped knows no way to do that: the victim is this test binary, started
//! again, which composes the same platform with a hook that aborts the process.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use clap::Parser;
use fleet_core::hook::Hook;

use crate::program::{Scratch, dump, run_flags, succeed};

/// `POINT NTH FLAG...`, lines of: tells this binary to be a victim.
const VICTIM: &str = "DATA_FLEET_TEST_VICTIM";
const UNTIL: &str = "2026-01-05T04:00:00Z";

/// The victim's side. Without its order there is nothing to do, and nothing is claimed.
#[test]
#[expect(clippy::disallowed_methods, reason = "the order of the test that started this process")]
fn victim() {
    let Ok(order) = std::env::var(VICTIM) else { return };
    let mut lines = order.lines();
    let point = lines.next().unwrap().to_owned();
    let nth: u64 = lines.next().unwrap().parse().unwrap();
    let passes = AtomicU64::new(0);
    let hook = Hook::new(move |passed| {
        if passed == point && passes.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            std::process::abort(); // as SIGKILL: no destructor runs, no buffer is written
        }
    });
    let cli = data_fleet::Cli::parse_from(["data-fleet"].into_iter().chain(lines));
    data_fleet::execute_with(cli, hook);
}

/// Runs the platform and kills it at the n-th pass of `point`; false if it came to its end before.
fn killed_at(point: &str, nth: u64, dir: &Path) -> bool {
    let order = format!("{point}\n{nth}\n{}", run_flags(dir, UNTIL, &[]).join("\n"));
    let victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "named_points::victim", "--nocapture"])
        .env(VICTIM, order)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    // 6 is SIGABRT: our own, not a failure of the test's harness.
    let signal = std::os::unix::process::ExitStatusExt::signal(&victim.status);
    let said = String::from_utf8_lossy(&victim.stderr);
    assert!(victim.status.success() || signal == Some(6), "{:?}: {said}", victim.status);
    assert!(!said.contains("panicked"), "{said}");
    !victim.status.success()
}

#[test]
fn the_process_killed_at_any_named_point_leaves_what_an_undisturbed_one_leaves() {
    let scratch = Scratch::new();
    let calm = scratch.path("calm");
    succeed(&run_flags(&calm, UNTIL, &[]));
    let calm = dump(&calm);
    for point in crate::exact::POINTS {
        let rough = scratch.path(point);
        let kills = [1, 2, 5].map(|nth| u32::from(killed_at(point, nth, &rough)));
        assert!(kills[0] + kills[1] + kills[2] >= 2, "{point}: killed {kills:?}");
        succeed(&run_flags(&rough, UNTIL, &[]));
        assert!(dump(&rough) == calm, "{point}: the crash can be seen in the data");
    }
}
