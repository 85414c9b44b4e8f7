//! When trucks come, stay and go; and that the order of arrival does not matter.

use proptest::prelude::*;

use super::{
    super::{
        Evidence, Expectation, Fence, FenceEvent, FenceEventKind, FenceSet, Presence, Rules,
        Settings, Shape, Tracker, presence_at,
    },
    at, fence, set,
};
use crate::{domain::Fix, geo::Position, random::Stream, time::Time};

/// Where the examples lie; a degree of longitude is 100,117.7 m long here.
const LAT: f64 = 26.0;
const START_S: i64 = 1_767_571_200;

fn east_m(metres: f64) -> Position {
    at(LAT, 92.0 + metres / 100_117.7)
}

/// A fix `secs` after the start, `metres` east of the middle.
fn fix(secs: i64, metres: f64) -> Fix {
    Fix::new(Time::from_secs(START_S + secs), 1, east_m(metres)).unwrap()
}

/// A circle of 500 m around the middle.
fn depot() -> Fence {
    fence("depot", Shape::circle(east_m(0.0), 500.0).unwrap())
}

fn told(settings: Settings, fences: &FenceSet, fixes: &[Fix]) -> Vec<FenceEvent> {
    Tracker::rebuild(settings, fences, fixes.to_vec()).unwrap().1
}

/// What was told, in words: `enter depot 12.5 Crossed`, in seconds after the start.
fn words(events: &[FenceEvent]) -> Vec<String> {
    let word = |event: &FenceEvent| {
        let secs = event.at.ms_since(Time::from_secs(START_S)) as f64 / 1e3;
        format!("{:?} {} {secs:.1} {:?}", event.kind, event.fence_id, event.evidence)
    };
    events.iter().map(word).collect()
}

#[track_caller]
fn check(fences: &FenceSet, fixes: &[Fix], expected: &[&str]) {
    assert_eq!(words(&told(Settings::default(), fences, fixes)), expected);
}

#[test]
fn entry_and_exit_have_the_time_of_the_crossing() {
    let fixes = [fix(0, -1_000.0), fix(100, 0.0), fix(200, 1_000.0), fix(230, 1_300.0)];
    check(&set([depot()]), &fixes, &["Enter depot 50.0 Crossed", "Exit depot 150.0 Crossed"]);
}

#[test]
fn what_is_passed_between_two_fixes_is_told() {
    let fixes = [fix(0, -1_000.0), fix(100, 1_000.0), fix(130, 1_400.0)];
    check(&set([depot()]), &fixes, &["Enter depot 25.0 Passed", "Exit depot 75.0 Passed"]);
    let gone_by = |fix: Fix| Fix { position: at(LAT + 0.006, fix.position.lon), ..fix };
    check(&set([depot()]), &fixes.map(gone_by), &[]);
}

#[test]
fn noise_at_the_edge_makes_no_events() {
    let noise = Stream::new(7, "noise", "edge");
    for middle_m in [480.0, 490.0, 500.0, 505.0, 510.0] {
        // 12 m of noise around a place at the edge: within the 30 m of hysteresis, all but always.
        let stands =
            |ix: u32| fix(60 + i64::from(ix) * 30, middle_m + noise.normal(ix.into()) * 6.0);
        let fixes: Vec<_> =
            [fix(0, 0.0), fix(30, 300.0)].into_iter().chain((0..500).map(stands)).collect();
        check(&set([depot()]), &fixes, &["Enter depot 0.0 FirstSeen"]);
    }
    // From outside it may come in once, and then stays.
    for middle_m in [515.0, 530.0] {
        let stands =
            |ix: u32| fix(60 + i64::from(ix) * 30, middle_m + noise.normal(ix.into()) * 6.0);
        let fixes: Vec<_> = [fix(0, 1_000.0)].into_iter().chain((0..500).map(stands)).collect();
        assert!(told(Settings::default(), &set([depot()]), &fixes).len() <= 1);
    }
}

#[test]
fn a_single_fix_outside_is_no_exit_and_one_graze_no_entry() {
    let fixes = [fix(0, 0.0), fix(30, 0.0), fix(60, 700.0), fix(90, 0.0), fix(120, 0.0)];
    check(&set([depot()]), &fixes, &["Enter depot 0.0 FirstSeen"]);
    let grazing = [fix(0, 700.0), fix(30, 495.0), fix(60, 560.0), fix(90, 700.0)];
    check(&set([depot()]), &grazing, &[]);
    let once = Settings { confirm_fixes: 1, ..Settings::default() };
    let events = told(once, &set([depot()]), &fixes);
    assert_eq!(words(&events)[1..], ["Exit depot 51.4 Crossed", "Enter depot 68.6 Crossed"]);
}

#[test]
fn an_inaccurate_fix_must_be_as_far_outside_as_it_is_inaccurate() {
    let blurred = |fix: Fix, accuracy_m| Fix { accuracy_m: Some(accuracy_m), ..fix };
    let out = [fix(60, 570.0), fix(90, 580.0), fix(120, 575.0)];
    let fixes = |accuracy_m| {
        let out = out.map(|fix| blurred(fix, accuracy_m));
        [fix(0, 0.0), fix(30, 0.0)].into_iter().chain(out).collect::<Vec<_>>()
    };
    assert_eq!(told(Settings::default(), &set([depot()]), &fixes(10.0)).len(), 2);
    assert_eq!(told(Settings::default(), &set([depot()]), &fixes(90.0)).len(), 1);
    let (tracker, _) =
        Tracker::rebuild(Settings::default(), &set([depot()]), fixes(150.0)).unwrap();
    assert_eq!(tracker.left_out(), 3, "too inaccurate to be used at all");
}

#[test]
fn dwelling_is_told_once_and_after_its_time() {
    let rules = Rules { dwell_s: Some(300), ..Rules::default() };
    let fences = set([Fence { rules, ..depot() }]);
    let mut fixes: Vec<_> = (0..40).map(|ix| fix(100 + 30 * ix, 0.0)).collect();
    fixes.insert(0, fix(0, -1_000.0));
    check(&fences, &fixes, &["Enter depot 50.0 Crossed", "Dwell depot 350.0 Elapsed"]);
    fixes.truncate(5);
    fixes.extend([fix(250, 1_000.0), fix(280, 1_500.0)]);
    check(&fences, &fixes, &["Enter depot 50.0 Crossed", "Exit depot 220.0 Crossed"]);
}

#[test]
fn dwelling_is_told_also_if_no_fix_lies_after_its_time() {
    let rules = Rules { dwell_s: Some(120), ..Rules::default() };
    let fences = set([Fence { rules, ..depot() }]);
    let fixes = [fix(0, -600.0), fix(100, 0.0), fix(500, 1_000.0), fix(530, 1_300.0)];
    let expected =
        ["Enter depot 16.7 Crossed", "Dwell depot 136.7 Elapsed", "Exit depot 300.0 Crossed"];
    check(&fences, &fixes, &expected);
}

#[test]
fn at_one_instant_a_truck_leaves_before_it_enters() {
    let square = |west: f64, east: f64| {
        let (west, east) = (east_m(west).lon, east_m(east).lon);
        Shape::polygon(&[at(25.9, west), at(25.9, east), at(26.1, east), at(26.1, west)]).unwrap()
    };
    // By name the entered one comes first; they share an edge at 0.
    let fences = set([fence("b", square(-2_000.0, 0.0)), fence("a", square(0.0, 2_000.0))]);
    let fixes = [fix(0, -500.0), fix(30, -500.0), fix(90, 500.0), fix(120, 600.0)];
    let expected = ["Enter b 0.0 FirstSeen", "Exit b 60.0 Crossed", "Enter a 60.0 Crossed"];
    check(&fences, &fixes, &expected);
    // Seen only after a silence, both are at the time of the later fix.
    let fixes = [fix(0, -500.0), fix(30, -500.0), fix(9_000, 500.0), fix(9_030, 600.0)];
    let expected = ["Enter b 0.0 FirstSeen", "Exit b 9000.0 AfterGap", "Enter a 9000.0 AfterGap"];
    check(&fences, &fixes, &expected);
}

#[test]
fn after_a_silence_nothing_is_said_to_have_been_passed() {
    let fixes = [fix(0, -1_000.0), fix(700, 1_000.0), fix(730, 1_000.0)];
    check(&set([depot()]), &fixes, &[]);
}

#[test]
fn an_impossible_jump_is_left_out_unless_the_next_fix_agrees() {
    let fixes = [fix(0, -9_000.0), fix(30, 0.0), fix(60, -8_500.0), fix(90, -8_000.0)];
    let (tracker, events) =
        Tracker::rebuild(Settings::default(), &set([depot()]), fixes.to_vec()).unwrap();
    assert_eq!((words(&events), tracker.left_out()), (vec![], 1));
    let agreed = [fix(0, -9_000.0), fix(30, 0.0), fix(60, 10.0), fix(90, 20.0)];
    check(&set([depot()]), &agreed, &["Enter depot 30.0 AfterGap"]);
}

#[test]
fn a_standing_truck_passes_nothing() {
    let stands = |fix: Fix| Fix { speed_kmh: Some(0.0), ..fix };
    let thin =
        fence("thin", Shape::corridor(&[vec![at(25.9, 92.0), at(26.1, 92.0)]], 40.0).unwrap());
    let fixes = [fix(0, -80.0), fix(30, 90.0), fix(60, -85.0), fix(90, 80.0), fix(120, 90.0)];
    let fences = set([thin]);
    check(&fences, &fixes, &["Enter thin 10.6 Passed", "Exit thin 79.1 Passed"]);
    check(&fences, &fixes.map(stands), &[]);
}

#[test]
fn where_a_truck_was_at_a_time_is_known_or_said_to_be_unknown() {
    let fixes =
        [fix(0, -1_000.0), fix(100, 0.0), fix(130, 0.0), fix(9_000, 1_000.0), fix(9_030, 1_300.0)];
    let events = told(Settings::default(), &set([depot()]), &fixes);
    let known = (fixes[0].key.at, fixes[4].key.at);
    let id = depot().id;
    let presence = |secs| presence_at(&events, &id, known, Time::from_secs(START_S + secs));
    for (secs, expected) in [
        (-1, Presence::Unknown),
        (40, Presence::Outside),
        (60, Presence::Inside),
        (130, Presence::Inside),
        (5_000, Presence::Unknown),
        (9_010, Presence::Outside),
        (9_031, Presence::Unknown),
    ] {
        assert_eq!(presence(secs), expected, "{secs} s");
    }
    // The start is 05:30 in the morning there.
    let expected = Expectation { fence_id: id, second_of_day_ist: 19_800 + 90, inside: true };
    let findings = expected.findings(&events, known);
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].presence, findings[0].as_expected), (Presence::Inside, Some(true)));
}

/// A day of a truck among fences: to and fro, halts, silences, jumps, noise.
fn walk(seed: u64, count: usize) -> Vec<Fix> {
    let random = Stream::new(seed, "walk", "fence");
    let (mut metres, mut secs, mut speed) = (-2_000.0, 0, 15.0);
    let step = |ix: usize| {
        let draw = |what: u64| random.uniform(ix as u64 * 10 + what);
        if draw(0) < 0.2 {
            speed = [0.0, 8.0, 20.0, -15.0, -25.0][random.below(ix as u64, 5) as usize];
        }
        let dt = match draw(1) {
            p if p < 0.02 => 900,
            p if p < 0.1 => 0,
            p if p < 0.3 => 5,
            _ => 30,
        };
        secs += dt;
        metres += speed * dt as f64;
        let jump = if draw(2) < 0.03 { 9_000.0 } else { 0.0 };
        let at_m = metres + jump + random.normal(ix as u64) * 10.0;
        Fix {
            key: crate::domain::FixKey { at: Time::from_secs(START_S + secs), seq: ix as u64 },
            accuracy_m: (draw(3) < 0.3).then(|| draw(4) * 120.0),
            speed_kmh: (draw(5) < 0.5).then(|| f64::abs(speed) * 3.6),
            ..fix(0, at_m)
        }
    };
    (0..count).map(step).collect()
}

fn fences() -> FenceSet {
    let rules = Rules { dwell_s: Some(120), confirm_fixes: Some(1), ..Rules::default() };
    let circle = |id: &str, middle_m, radius_m| {
        fence(id, Shape::circle(east_m(middle_m), radius_m).unwrap())
    };
    let small = (-20..20).map(|ix| circle(&format!("c{ix}"), f64::from(ix) * 400.0, 120.0));
    set(small.chain([
        Fence { rules, ..depot() },
        circle("wide", 1_000.0, 2_500.0),
        fence("road", Shape::corridor(&[vec![east_m(-900.0), east_m(2_200.0)]], 30.0).unwrap()),
    ]))
}

/// The order in which a seed lets things arrive: mostly near their place, some much later.
fn arrivals(fixes: &[Fix], seed: u64, late: u64) -> Vec<Fix> {
    let random = Stream::new(seed, "arrivals", "fence");
    let mut keyed: Vec<(u64, Fix)> = Vec::new();
    for (ix, fix) in (0..).zip(fixes) {
        let delay = |what: u64| random.below(ix * 2 + what, late + 1);
        keyed.push((ix + delay(0), *fix));
        if random.uniform(ix + 1_000_000) < 0.2 {
            keyed.push((ix + delay(1), *fix));
        }
    }
    keyed.sort_by_key(|(turn, _)| *turn);
    keyed.into_iter().map(|(_, fix)| fix).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_order_of_arrival_ends_in_the_same_events_and_the_same_state(
        seed in any::<u64>(), order in any::<u64>(), batch in 1_usize..9, late in 0_u64..60,
    ) {
        let (fences, fixes) = (fences(), walk(seed, 160));
        let settings = Settings { recent_max: 80, late_s: 50_000.0, ..Settings::default() };
        let (in_order, expected) = Tracker::rebuild(settings, &fences, fixes.clone()).unwrap();
        let mut tracker = Tracker::new(settings).unwrap();
        let mut held: Vec<FenceEvent> = Vec::new();
        let mut arrived: Vec<Fix> = Vec::new();
        for batch in arrivals(&fixes, order, late).chunks(batch) {
            let known: Vec<_> = batch.iter().filter(|fix| arrived.contains(fix)).copied().collect();
            arrived.extend(batch);
            let revision = tracker.observe(&fences, batch);
            let is_late = |key: &crate::domain::FixKey| !known.iter().any(|fix| fix.key == *key);
            if revision.too_late.iter().any(is_late) {
                (tracker, held) = Tracker::rebuild(settings, &fences, arrived.clone()).unwrap();
                continue;
            }
            prop_assert!(revision.withdrawn.is_empty() || !revision.late.is_empty());
            for event in &revision.withdrawn {
                let ix = held.iter().position(|held| held == event);
                held.remove(ix.expect("only what was told is withdrawn"));
            }
            held.extend(revision.added);
            // A process that ends here goes on from its checkpoint.
            let saved = serde_json::to_string(&tracker).unwrap();
            tracker = serde_json::from_str(&saved).unwrap();
        }
        held.sort_by(|a, b| a.order().cmp(&b.order()));
        prop_assert_eq!(&held, &expected);
        prop_assert_eq!(&tracker, &in_order);
    }

    #[test]
    fn visits_alternate_and_tell_what_they_rest_on(seed in any::<u64>()) {
        let (fences, fixes) = (fences(), walk(seed, 300));
        let events = told(Settings::default(), &fences, &fixes);
        let ids: std::collections::BTreeSet<_> = events.iter().map(FenceEvent::id).collect();
        prop_assert_eq!(ids.len(), events.len(), "ids are unique");
        for fence in fences.fences() {
            let mut inside = None;
            for event in events.iter().filter(|event| event.fence_id == fence.id) {
                let (before, after) = event.between;
                prop_assert!(before.at <= event.at || event.evidence == Evidence::Elapsed);
                prop_assert!(event.at <= after.at && after <= event.confirmed_by);
                let is_placed = event.evidence != Evidence::AfterGap;
                prop_assert!(!is_placed || fence.shape.distance_m(event.position) < 60.0);
                match event.kind {
                    FenceEventKind::Enter => {
                        prop_assert!(inside.is_none() && event.entered_at == event.at);
                        inside = Some(event.at);
                    }
                    FenceEventKind::Dwell => prop_assert_eq!(inside, Some(event.entered_at)),
                    FenceEventKind::Exit => {
                        prop_assert_eq!(inside.take(), Some(event.entered_at));
                        prop_assert!(event.at >= event.entered_at);
                    }
                }
            }
        }
    }
}

#[test]
fn a_checkpoint_is_small() {
    let (tracker, _) = Tracker::rebuild(Settings::default(), &fences(), walk(1, 5_000)).unwrap();
    let bytes = serde_json::to_string(&tracker).unwrap().len();
    assert!(bytes < 60_000, "{bytes} bytes as JSON");
}

#[test]
fn a_fence_that_is_taken_away_ends_its_visits_without_a_word() {
    let mut tracker = Tracker::new(Settings::default()).unwrap();
    let first = tracker.observe(&set([depot()]), &[fix(0, 0.0), fix(30, 0.0)]);
    assert_eq!(first.added.len(), 1);
    assert!(tracker.observe(&set([]), &[fix(60, 0.0), fix(90, 5_000.0)]).added.is_empty());
}
