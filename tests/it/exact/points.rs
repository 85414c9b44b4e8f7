//! Killed at each named point, several times over.

use super::{Killer, POINTS, UNTIL, dump, open, poison, run, undisturbed};
use crate::program::Scratch;

#[test]
fn killed_at_any_named_point_the_data_is_that_of_an_undisturbed_run() {
    let scratch = Scratch::new();
    let calm = scratch.path("calm");
    poison(&calm);
    let calm = undisturbed(&calm);
    assert!(calm.telemetry.len() > 1_500 && !calm.trips.is_empty(), "too little up to {UNTIL}");
    assert_eq!(calm.set_aside.len(), 3);
    let stream = fleet_core::random::Stream::new(5, "exactness", "kills");
    for (number, point) in (0..).zip(POINTS) {
        let rough = scratch.path(point);
        poison(&rough);
        let mut kills = 0;
        for kill in 0..3_u64 {
            // The first pass of all, then any: each start passes every point again.
            let nth = if kill == 0 { 1 } else { 1 + stream.below(number * 10 + kill, 60) };
            let is_complete = run(&open(&rough), &Killer::at(point, nth), std::future::pending());
            kills += u64::from(!is_complete);
        }
        assert!(kills >= 2, "{point}: only {kills} kills");
        assert!(run(&open(&rough), &Killer::default(), std::future::pending()));
        assert!(dump(&rough) == calm, "{point}: the crash can be seen in the data");
    }
}

#[test]
fn no_named_point_is_forgotten() {
    let scratch = Scratch::new();
    let killer = Killer::default();
    assert!(run(&open(&scratch.path("data")), &killer, std::future::pending()));
    assert!(killer.passed.lock().unwrap().iter().copied().eq({
        let mut points = POINTS;
        points.sort_unstable();
        points
    }));
}
