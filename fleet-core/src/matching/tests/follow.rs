//! What is settled piece by piece is what the whole trace would have given.

use proptest::prelude::*;

use super::{
    super::{Matched, Matching, Settled, Tracepoint},
    fix,
    laws::{aside, on_road, plain, shillong_road},
    ne_india,
};
use crate::domain::Fix;

/// All pieces, put together again.
fn followed(trace: &[Fix], lag: usize) -> Matched {
    let mut follower = ne_india().follow(lag).unwrap();
    let mut pieces: Vec<Settled> = Vec::new();
    for fix in trace {
        pieces.extend(follower.push(*fix).unwrap());
        assert!(follower.window.len() <= 2 * lag + 1, "memory has a bound");
    }
    pieces.push(follower.finish());
    let mut whole = Matched::default();
    for piece in pieces {
        whole.tracepoints.extend(piece.tracepoints);
        let mut matchings = piece.matchings.into_iter();
        if piece.continues {
            let (last, more) = (whole.matchings.last_mut().unwrap(), matchings.next().unwrap());
            last.fixes.1 = more.fixes.1;
            last.length_m += more.length_m;
            last.path.extend(more.path);
        }
        whole.matchings.extend(matchings);
    }
    whole
}

fn near(a: &Matching, b: &Matching) -> bool {
    a.fixes == b.fixes && (a.length_m - b.length_m).abs() < 1e-6 && a.broken_by == b.broken_by
}

/// A noisy truck on the road to Shillong, now and then far off, silent for twenty minutes once.
fn rough(count: u32) -> Vec<Fix> {
    let (route, random) = (shillong_road(), crate::random::Stream::new(1, "rough", "follow"));
    let noisy = |ix: u32| {
        let secs = i64::from(ix) * 15 + if ix > count / 2 { 1_200 } else { 0 };
        let wild_m = if ix % 37 == 36 { 600.0 } else { 0.0 };
        let place = on_road(&route, f64::from(ix) * 150.0);
        aside(fix(secs, place), random.normal(u64::from(ix)) * 15.0 + wild_m)
    };
    (0..count).map(noisy).collect()
}

#[test]
fn a_lag_beyond_the_trace_gives_what_the_whole_trace_gives() {
    let trace = rough(200);
    let (whole, followed) = (ne_india().match_trace(&trace).unwrap(), followed(&trace, 200));
    assert_eq!(followed, whole);
}

#[test]
fn a_lag_of_some_fixes_gives_the_same_way() {
    let trace = rough(600);
    let whole = ne_india().match_trace(&trace).unwrap();
    assert_eq!(whole.matchings.len(), 2);
    for lag in [20, 60] {
        let followed = followed(&trace, lag);
        assert_eq!(followed.tracepoints.len(), trace.len());
        assert_eq!(followed.matchings.len(), 2);
        for (followed, whole) in followed.matchings.iter().zip(&whole.matchings) {
            assert!(near(followed, whole), "lag {lag}: {followed:?}, {whole:?}");
        }
    }
}

#[test]
fn where_there_is_no_road_nothing_piles_up_and_the_trace_is_taken_up_again() {
    let off = |ix: i64| fix(30 * ix, crate::geo::Position { lat: 0.0, lon: 0.0 });
    let mut trace: Vec<Fix> = (0..300).map(off).collect();
    trace.extend(plain(30).iter().map(|fix| {
        let key = crate::domain::FixKey { at: fix.key.at.plus_ms(10_000_000), ..fix.key };
        Fix { key, ..*fix }
    }));
    let whole = ne_india().match_trace(&trace).unwrap();
    let followed = followed(&trace, 10);
    assert_eq!(followed.tracepoints[..300], whole.tracepoints[..300]);
    assert_eq!(followed.matchings.len(), 1);
    assert!(near(&followed.matchings[0], &whole.matchings[0]), "{followed:?}");
}

#[test]
fn a_fix_that_is_refused_is_left_out() {
    let trace = plain(30);
    let mut follower = ne_india().follow(5).unwrap();
    follower.push(trace[3]).unwrap();
    assert!(follower.push(trace[2]).is_err());
    let nowhere = crate::geo::Position { lat: 91.0, lon: 0.0 };
    assert!(follower.push(Fix { position: nowhere, ..trace[4] }).is_err());
    follower.push(trace[4]).unwrap();
    assert_eq!(follower.finish().tracepoints.len(), 2);
    assert!(ne_india().follow(0).is_err() && ne_india().follow(5_001).is_err());
    assert_eq!(ne_india().follow(1).unwrap().finish(), Settled::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_fix_is_told_once_and_matchings_count_on_whatever_the_trace(
        steps in prop::collection::vec((0_i64..700, -3_000.0..3_000.0, -800.0..800.0), 1..80),
        lag in 1_usize..12,
    ) {
        let route = shillong_road();
        let (mut secs, mut at_m) = (0, 50_000.0);
        let mut trace = Vec::new();
        for (dt, along_m, aside_m) in steps {
            secs += dt;
            at_m = f64::clamp(at_m + along_m, 0.0, 100_000.0);
            trace.push(aside(fix(secs, on_road(&route, at_m)), aside_m));
        }
        let followed = followed(&trace, lag);
        prop_assert_eq!(followed.tracepoints.len(), trace.len());
        let mut at = (0, 0.0_f64);
        for (ix, point) in followed.tracepoints.iter().enumerate() {
            let Tracepoint::Matched { matching, along_m, .. } = point else { continue };
            prop_assert!(*matching == at.0 || *matching == at.0 + 1, "{followed:?}");
            let before_m = if *matching == at.0 { at.1 } else { 0.0 };
            prop_assert!(*along_m >= before_m - 1e-6, "{ix}: {followed:?}");
            let whole = &followed.matchings[*matching];
            prop_assert!(*along_m <= whole.length_m + 1e-6, "{ix}: {followed:?}");
            prop_assert!((whole.fixes.0..=whole.fixes.1).contains(&ix), "{ix}: {followed:?}");
            at = (*matching, *along_m);
        }
    }
}
