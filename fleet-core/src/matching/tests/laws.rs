//! What holds of every trace.

use proptest::prelude::*;

use super::{
    super::{Break, TRACE_MAX, Tracepoint},
    Matched, Settings, fix, ne_india,
};
use crate::{
    domain::Fix,
    geo::Position,
    route::{BuiltinRouter, Route},
};

pub(super) fn shillong_road() -> std::sync::Arc<Route> {
    let router = BuiltinRouter::ne_india();
    let node = |id| router.network().node(id).unwrap();
    router.route_nodes(node("guwahati"), node("shillong")).unwrap()
}

pub(super) fn on_road(route: &Route, at_m: f64) -> Position {
    route.position_at(at_m, route.piece_at(at_m, 0)).0
}

/// A fix every 30 s, 400 m apart.
pub(super) fn plain(count: i64) -> Vec<Fix> {
    let route = shillong_road();
    (0..count).map(|ix| fix(30 * ix, on_road(&route, 20_000.0 + 400.0 * ix as f64))).collect()
}

pub(super) fn aside(fix: Fix, metres: f64) -> Fix {
    Fix { position: crate::geo::destination(fix.position, 90.0, metres), ..fix }
}

#[test]
fn a_wild_fix_is_named_and_does_not_bend_the_way() {
    let mut trace = plain(30);
    trace[11] = aside(trace[11], 70.0);
    trace[15] = aside(trace[15], 900.0);
    let matched = ne_india().match_trace(&trace).unwrap();
    assert_eq!(matched.matchings.len(), 1, "{:?}", matched.matchings);
    assert!((matched.length_m() - 29.0 * 400.0).abs() < 20.0, "{}", matched.length_m());
    assert!(matches!(matched.tracepoints[15], Tracepoint::NoRoad | Tracepoint::Outlier));
    let others = matched.tracepoints.iter().enumerate().filter(|(ix, _)| *ix != 11 && *ix != 15);
    assert!(others.clone().all(|(_, point)| matches!(point, Tracepoint::Matched { .. })));
    let (clean, spoilt) =
        (ne_india().match_trace(&plain(30)).unwrap().quality(), matched.quality());
    assert!(spoilt < clean, "{spoilt:?} {clean:?}");
}

#[test]
fn a_jump_that_no_truck_makes_breaks_the_trace_and_has_no_quality() {
    let route = shillong_road();
    let mut trace = plain(20);
    // 40 km on within 30 s, and on from there.
    trace.extend((20..40).map(|ix| fix(30 * ix, on_road(&route, 60_000.0 + 400.0 * ix as f64))));
    let matched = ne_india().match_trace(&trace).unwrap();
    assert_eq!(matched.matchings.len(), 2);
    assert_eq!(matched.matchings[1].broken_by, Some(Break::TooFast));
    assert_eq!(matched.matchings[1].fixes, (20, 39));
    assert_eq!(matched.quality(), None);
}

#[test]
fn a_long_silence_begins_anew() {
    let mut trace = plain(20);
    trace.extend(plain(40)[20..].iter().map(|fix| {
        let key = crate::domain::FixKey { at: fix.key.at.plus_ms(3_600_000), ..fix.key };
        Fix { key, ..*fix }
    }));
    let matched = ne_india().match_trace(&trace).unwrap();
    assert_eq!(matched.matchings.len(), 2);
    assert_eq!(matched.matchings[1].broken_by, Some(Break::Silence));
    assert!(matched.quality().is_some());
}

#[test]
fn a_standing_truck_drives_nearly_nothing() {
    let route = shillong_road();
    let random = crate::random::Stream::new(1, "stands", "matching");
    let noisy = |ix: u32| {
        let place = on_road(&route, 30_000.0);
        let east_m = random.normal(u64::from(ix)) * 15.0;
        let fix = fix(i64::from(ix) * 10, crate::geo::destination(place, 90.0, east_m));
        aside(fix, random.normal(1_000 + u64::from(ix)) * 5.0)
    };
    let trace: Vec<_> = (0..200).map(noisy).collect();
    let matched = ne_india().match_trace(&trace).unwrap();
    assert!(matched.length_m() < 120.0, "{} m", matched.length_m());
}

#[test]
fn a_truck_that_turns_back_is_matched_there_and_back() {
    let there = plain(20);
    let back = (0..20).map(|ix: usize| {
        let secs = 600 + 30 * i64::try_from(ix).unwrap();
        fix(secs, there[18_usize.saturating_sub(ix)].position)
    });
    let trace: Vec<_> = there.iter().copied().chain(back).collect();
    let matched = ne_india().match_trace(&trace).unwrap();
    assert_eq!(matched.matchings.len(), 1);
    assert!((matched.length_m() - (19.0 + 19.0) * 400.0).abs() < 500.0, "{}", matched.length_m());
}

#[test]
fn traces_out_of_order_and_too_long_ones_are_refused() {
    let mut trace = plain(3);
    trace.swap(0, 2);
    let error = ne_india().match_trace(&trace).unwrap_err();
    assert!(error.to_string().starts_with("fix 1: older"), "{error}");
    let error = ne_india().match_trace(&vec![trace[0]; TRACE_MAX + 1]).unwrap_err();
    assert!(error.to_string().contains("the most is 10000"), "{error}");
    let nowhere = Fix { position: Position { lat: 91.0, lon: 0.0 }, ..trace[0] };
    assert!(ne_india().match_trace(&[nowhere]).is_err());
    assert_eq!(ne_india().match_trace(&[]).unwrap(), Matched::default());
    let far = fix(0, Position { lat: 0.0, lon: 0.0 });
    assert_eq!(ne_india().match_trace(&[far]).unwrap().tracepoints, [Tracepoint::NoRoad]);
    assert!(Settings { sigma_m: 0.0, ..Settings::default() }.check().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn quality_and_length_keep_their_bounds_whatever_the_trace(
        steps in prop::collection::vec((0_i64..200, -3_000.0..3_000.0, -800.0..800.0, 1.0..200.0), 1..60),
    ) {
        let route = shillong_road();
        let (mut secs, mut at_m) = (0, 50_000.0);
        let mut trace = Vec::new();
        for (dt, along_m, aside_m, accuracy_m) in steps {
            secs += dt;
            at_m = f64::clamp(at_m + along_m, 0.0, 100_000.0);
            let fix = aside(fix(secs, on_road(&route, at_m)), aside_m);
            trace.push(Fix { accuracy_m: Some(accuracy_m), ..fix });
        }
        let matched = ne_india().match_trace(&trace).unwrap();
        prop_assert_eq!(&matched, &ne_india().match_trace(&trace).unwrap());
        prop_assert_eq!(matched.tracepoints.len(), trace.len());
        for matching in &matched.matchings {
            prop_assert!(matching.quality.is_none_or(|q| (0.0..=1.0).contains(&q)), "{matching:?}");
            let sum: f64 = matching.path.iter().map(|s| (s.to_m - s.from_m).abs()).sum();
            prop_assert!((sum - matching.length_m).abs() < 1e-3, "{matching:?}");
        }
        let mut along = vec![0.0_f64; matched.matchings.len()];
        for point in &matched.tracepoints {
            if let Tracepoint::Matched { matching, along_m, .. } = point {
                prop_assert!(*along_m >= along[*matching]);
                prop_assert!(*along_m <= matched.matchings[*matching].length_m + 1e-6);
                along[*matching] = *along_m;
            }
        }
    }
}
