//! The questions by hand, and beside a model that scans all reports for every answer.

use proptest::prelude::*;

use super::*;
use crate::{
    domain::{Signals, Status, TelemetryEvent, TruckId},
    geo::Position,
};

/// 2026-01-05T00:00:00+05:30, the beginning of a local day.
const START: Time = Time::from_ms(1_767_551_400_000);

fn report(at_ms: i64, speed_kmh: Option<f64>) -> TelemetryEvent {
    TelemetryEvent {
        truck_id: TruckId::simulated(1),
        seq: 1,
        source_id: None,
        event_time: START.plus_ms(at_ms),
        position: Position { lat: 26.18, lon: 91.75 },
        status: Status::EnRoute,
        signals: Signals { speed_kmh, ..Signals::default() },
        trip_id: None,
        driver_id: None,
        road_class: None,
        zone: None,
        refuelling: None,
    }
}

fn window(buckets: i64) -> Window {
    Window::new(START, START.plus_ms(buckets * BUCKET_MS)).expect("a window")
}

/// One report in each bucket, at these speeds; below zero none.
fn driven(speeds: &[f64]) -> Activity {
    let count = i64::try_from(speeds.len()).expect("few");
    let mut activity = Activity::new(window(count));
    for (bucket, speed) in (0..).zip(speeds).filter(|(_, speed)| **speed >= 0.0) {
        activity.take(&report(bucket * BUCKET_MS, Some(*speed)));
    }
    activity
}

#[test]
fn thresholds_are_strict() {
    assert!(is_low_fuel(9.999) && !is_low_fuel(10.0));
    assert!(is_high_load(0.9001) && !is_high_load(0.9));
    assert_eq!((load_share(9.0, 10.0), load_share(9.0, 0.0)), (Some(0.9), None));
    assert_eq!((range_km(30.0, 25.0), range_km(30.0, 0.0)), (Some(120.0), None));
    assert_eq!(driven(&[1.0]).is_stationary(), Some(false));
    assert_eq!(driven(&[0.999]).is_stationary(), Some(true));
    assert_eq!(driven(&[-1.0]).is_stationary(), None, "silent is not standing");
    assert_eq!((driven(&[1.0]).driving_buckets(), driven(&[1.001]).driving_buckets()), (0, 1));
    let long = |driving: usize, all: usize| {
        driven(&[vec![40.0; driving], vec![0.0; all - driving]].concat())
    };
    assert!(!long(22, 24).is_long_driving() && long(23, 24).is_long_driving());
    assert!(!long(60, 144).is_long_daily_driving() && long(61, 144).is_long_daily_driving());
}

#[test]
fn windows_are_half_open_and_bounded() {
    let mut activity = Activity::new(window(2));
    for at_ms in [-1, 2 * BUCKET_MS] {
        activity.take(&report(at_ms, Some(40.0)));
    }
    assert_eq!((activity.reports(), activity.silent_buckets()), (0, 2));
    for at_ms in [0, 2 * BUCKET_MS - 1] {
        activity.take(&report(at_ms, Some(40.0)));
    }
    assert_eq!((activity.reports(), activity.silent_buckets()), (2, 0));
    assert!((activity.coverage() - 1.0).abs() < 1e-12);
    assert!(Window::new(START, START).is_err());
    let days = |days: i64| Window::new(START, START.plus_ms(days * 86_400_000));
    assert!(days(31).is_ok() && days(32).is_err());
}

#[test]
fn days_are_local() {
    // 20:00 to 04:00 at home: four hours on either side of midnight, one day only in UTC.
    let evening = Window::new(START.plus_ms(-14_400_000), START.plus_ms(14_400_000));
    let mut activity = Activity::new(evening.expect("a window"));
    for bucket in -24..24 {
        activity.take(&report(bucket * BUCKET_MS, Some(40.0)));
    }
    let hours: Vec<f64> = activity.driving_h_by_day(Zone::KOLKATA).into_values().collect();
    assert_eq!(hours, [4.0, 4.0]);
    assert_eq!(activity.driving_h_by_day(Zone::UTC).len(), 1);
    assert_eq!(activity.mean_driving_h(Zone::KOLKATA), Some(4.0));
    let day = Zone::KOLKATA.day(START);
    assert_eq!(Zone::KOLKATA.start_of(day), START);
    assert_eq!(Zone::KOLKATA.day(START.plus_ms(-1)), day - 1);
    assert_eq!(Zone::ahead(330).expect("India"), Zone::KOLKATA);
    assert!(Zone::ahead(841).is_err() && Zone::ahead(-721).is_err());
}

#[test]
fn runs_end_where_it_is_slow_or_silent_and_say_whether_they_were_cut() {
    let activity = driven(&[40.0, 6.0, 5.0, 40.0, -1.0, 40.0, 40.0, 40.0]);
    let runs = activity.driving_runs();
    let told: Vec<_> =
        runs.iter().map(|run| (run.length_ms / BUCKET_MS, run.is_first, run.is_open)).collect();
    assert_eq!(told, [(2, true, false), (1, false, false), (3, false, true)]);
    let means: Vec<f64> = activity.mean_run_ms_by_day(Zone::KOLKATA).into_values().collect();
    assert_eq!(means, [1_200_000.0]);
}

#[test]
fn a_breakdown_is_a_change_and_half_of_a_bucket_is_enough() {
    let mut activity = Activity::new(window(5));
    for (bucket, broken, sound) in [(0, 1, 2), (1, 1, 1), (2, 2, 0), (3, 0, 1), (4, 3, 1)] {
        for ix in 0..broken + sound {
            let odometer_km = Some(f64::from(bucket) * 250.0);
            let mut event = report(i64::from(bucket) * BUCKET_MS + i64::from(ix), None);
            event.signals.odometer_km = odometer_km;
            event.status = if ix < broken { Status::Breakdown } else { Status::Idle };
            activity.take(&event);
        }
    }
    assert_eq!(activity.breakdowns(), 2);
    assert_eq!(activity.breakdowns_per_10_000_km(), Some(20.0));
    let day = Zone::KOLKATA.day(START);
    let activity = daily_activity(&[activity, driven(&[-1.0])], Zone::KOLKATA, day);
    assert_eq!(activity, Some(2.0 / 144.0 / 2.0));
    assert_eq!(daily_activity(&[], Zone::UTC, day), None);
}

#[test]
fn consumption_counts_what_is_burned_while_moving() {
    let mut activity = Activity::new(window(6));
    let readings = [
        (0, 0.0, 1_000, 10.0),
        (60, 50.0, 1_500, 11.0),    // 500 ml, 1 km, 60 s
        (120, 0.0, 1_600, 11.0),    // standing
        (180, 30.0, 1_900, 11.5),   // 300 ml, 0.5 km, 60 s
        (1_200, 30.0, 9_000, 60.0), // silent for longer than a bucket
        (1_100, 30.0, 8_000, 50.0), // late
        (1_230, 30.0, 9_200, 60.5), // 200 ml, 0.5 km, 30 s
    ];
    for (at_s, speed, burned, odometer) in readings {
        let mut event = report(at_s * 1_000, Some(speed));
        event.signals.fuel_burned_ml = Some(burned);
        event.signals.odometer_km = Some(odometer);
        activity.take(&event);
    }
    let consumption = activity.consumption().expect("it moved");
    assert!((consumption.l_per_100km.expect("a distance") - 50.0).abs() < 1e-9);
    assert!((consumption.l_per_h - 24.0).abs() < 1e-9, "{consumption:?}");
    assert_eq!(driven(&[40.0]).consumption(), None);
}

/// Answers by scanning all reports once for each bucket.
fn scanned(events: &[TelemetryEvent], window: Window) -> (usize, usize, Option<f64>, Vec<i64>) {
    let (mut driving, mut silent, mut lengths, mut run) = (0, 0, Vec::new(), 0);
    let inside: Vec<_> = events.iter().filter(|e| window.contains(e.event_time)).collect();
    for number in window.buckets() {
        let here = inside.iter().filter(|e| e.event_time.as_ms().div_euclid(BUCKET_MS) == number);
        silent += usize::from(here.clone().count() == 0);
        let speeds: Vec<f64> = here.filter_map(|e| e.signals.speed_kmh).collect();
        let mean = speeds.iter().sum::<f64>() / speeds.len() as f64; // NaN of nothing
        driving += usize::from(mean > 1.0);
        if mean > 5.0 {
            run += 1;
        } else if run > 0 {
            lengths.push(run * BUCKET_MS);
            run = 0;
        }
    }
    lengths.extend((run > 0).then_some(run * BUCKET_MS));
    let loads: Vec<f64> = inside.iter().filter_map(|e| e.signals.payload_kg).collect();
    let load = (!loads.is_empty()).then(|| loads.iter().sum::<f64>() / loads.len() as f64);
    (driving, silent, load, lengths)
}

proptest! {
    #[test]
    fn answers_agree_with_a_scan_and_do_not_depend_on_the_order(
        reports in prop::collection::vec(
            (-20_i64..160, 0_i64..BUCKET_MS, prop::option::of(0_u32..12), prop::option::of(0_u32..30_000)),
            0..300,
        ),
        from in 0_i64..BUCKET_MS,
        length in 1_i64..144 * BUCKET_MS,
    ) {
        let events: Vec<TelemetryEvent> = reports
            .iter()
            .map(|(bucket, ms, speed, payload)| {
                let mut event = report(bucket * BUCKET_MS + ms, speed.map(f64::from));
                event.signals.payload_kg = payload.map(f64::from);
                event
            })
            .collect();
        let window = Window::new(START.plus_ms(from), START.plus_ms(from + length)).expect("a window");
        let fold = |events: &mut dyn Iterator<Item = &TelemetryEvent>| {
            let mut activity = Activity::new(window);
            events.for_each(|event| activity.take(event));
            let lengths = activity.driving_runs().iter().map(|run| run.length_ms).collect();
            let (driving, silent) = (activity.driving_buckets(), activity.silent_buckets());
            (driving, silent, activity.mean_payload_kg(), lengths)
        };
        // Whole numbers: their sums are exact in any order.
        prop_assert_eq!(&fold(&mut events.iter()), &scanned(&events, window));
        prop_assert_eq!(fold(&mut events.iter().rev()), fold(&mut events.iter()));
    }
}
