//! What a truck does is a function of (seed, truck, time).

use std::collections::BTreeMap;

use fleet_core::{
    domain::{Genesis, Status, TelemetryEvent, TripStatus, TripSummary},
    time::Time,
};
use fleet_sim::{Output, World};
use proptest::prelude::*;

const HOUR_MS: i64 = 3_600_000;

fn genesis(seed: u64) -> Genesis {
    let start = "2026-01-05T00:00:00Z".parse().unwrap();
    World::beginning(seed, start)
}

fn world(seed: u64, trucks: u32) -> (World, Time) {
    let genesis = genesis(seed);
    let start = genesis.start;
    (World::new(genesis, trucks).unwrap(), start)
}

fn events(outputs: &[Output]) -> impl Iterator<Item = &TelemetryEvent> {
    outputs.iter().filter_map(|output| match output {
        Output::Telemetry(event) => Some(&**event),
        Output::Trip(_) => None,
    })
}

fn trips(outputs: &[Output]) -> impl Iterator<Item = &TripSummary> {
    outputs.iter().filter_map(|output| match output {
        Output::Trip(trip) => Some(&**trip),
        Output::Telemetry(_) => None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Cut at any moments, on the grid or off it, forward or (which does nothing) back.
    #[test]
    fn one_advance_or_many_and_any_number_of_restarts_give_equal_bits(
        seed in 0..1_000_u64,
        trucks in 1..5_u32,
        cuts in prop::collection::vec((0..72_000_000_i64, any::<bool>(), any::<bool>()), 1..40),
    ) {
        let (mut whole, start) = world(seed, trucks);
        let end = start.plus_ms(20 * HOUR_MS);
        let expected = whole.advance(end);
        let (mut parts, _) = world(seed, trucks);
        let mut outputs = Vec::new();
        let mut at_ms = 0;
        for (cut_ms, is_small, is_restart) in cuts {
            // Small steps besides large ones: the next few seconds, or anywhere.
            at_ms = if is_small { at_ms + cut_ms % 40_000 } else { cut_ms };
            outputs.extend(parts.advance(start.plus_ms(at_ms.min(20 * HOUR_MS))));
            if is_restart {
                parts = World::restore(genesis(seed), &parts.snapshot(), None).unwrap();
            }
        }
        outputs.extend(parts.advance(end));
        prop_assert_eq!(outputs, expected);
        prop_assert_eq!(parts.snapshot(), whole.snapshot());
        prop_assert_eq!(parts.counters(), whole.counters());
    }
}

#[test]
fn more_trucks_change_no_other_truck_whether_from_the_start_or_added_later() {
    let (mut ten, start) = world(7, 10);
    let (mut thirty, _) = world(7, 30);
    let (middle, end) = (start.plus_ms(5 * HOUR_MS), start.plus_ms(10 * HOUR_MS));
    let mut few = ten.advance(middle);
    let mut grown = World::restore(genesis(7), &ten.snapshot(), Some(30)).unwrap();
    few.extend(ten.advance(end));
    let all = thirty.advance(end);
    let of_ten = |event: &&TelemetryEvent| event.truck_id.as_str() <= "TRK-000010";
    assert!(events(&few).eq(events(&all).filter(of_ten)));
    grown.advance(end);
    assert_eq!(grown.snapshot(), thirty.snapshot(), "added trucks lived from the start");
    assert!(World::restore(genesis(7), &thirty.snapshot(), Some(29)).is_err(), "never fewer");
}

#[test]
fn threads_change_nothing() {
    let run = |threads| {
        let (world, start) = world(3, 3_000);
        let mut world = world.with_threads(threads);
        let sent = world.advance(start.plus_ms(HOUR_MS / 6));
        (sent, world.snapshot())
    };
    let one = run(1);
    for threads in [2, 3, 64] {
        assert!(run(threads) == one, "{threads} threads");
    }
}

#[test]
fn four_days_of_thirty_trucks_are_gapless_valid_and_alive() {
    let (mut world, start) = world(1, 30);
    let outputs = world.advance(start.plus_ms(96 * HOUR_MS));
    let mut last: BTreeMap<&str, &TelemetryEvent> = BTreeMap::new();
    let mut statuses: BTreeMap<Status, u64> = BTreeMap::new();
    for event in events(&outputs) {
        event.validate().unwrap();
        let s = &event.signals;
        let within = |value: Option<f64>, least, most| (least..=most).contains(&value.unwrap());
        assert!(within(s.speed_kmh, 0.0, 95.0), "{event:?}");
        assert!(within(s.coolant_c, -25.0, 115.0), "{event:?}");
        assert!(within(s.engine_rpm, 0.0, 3_000.0), "{event:?}");
        assert!(within(s.vibration_rms_mps2, 0.0, 10.0), "{event:?}");
        assert!(within(s.altitude_m, -10.0, 5_500.0), "{event:?}");
        *statuses.entry(event.status).or_default() += 1;
        if let Some(before) = last.insert(event.truck_id.as_str(), event) {
            assert_eq!(event.seq, before.seq + 1, "{event:?}");
            let gap_ms = event.event_time.ms_since(before.event_time);
            assert!((25_000..=35_000).contains(&gap_ms), "{gap_ms} ms before {event:?}");
            assert!(event.signals.odometer_km >= before.signals.odometer_km);
            assert!(event.signals.fuel_burned_ml >= before.signals.fuel_burned_ml);
            let hop_m = fleet_core::geo::great_circle_m(before.position, event.position);
            assert!(hop_m < 35.0 * 95.0 / 3.6, "{hop_m} m in {gap_ms} ms at {event:?}");
        } else {
            assert_eq!(event.seq, 1);
        }
    }
    assert_eq!(last.len(), 30);
    for status in [Status::Loading, Status::EnRoute, Status::Refuelling, Status::Resting] {
        assert!(statuses.contains_key(&status), "nobody was {status:?}: {statuses:?}");
    }
    assert!(!statuses.contains_key(&Status::Breakdown), "nobody runs dry: {statuses:?}");
    assert!(events(&outputs).any(|event| event.refuelling.is_some()));
}

#[test]
fn trips_depart_once_arrive_once_and_their_books_close() {
    let (mut world, start) = world(1, 30);
    let outputs = world.advance(start.plus_ms(96 * HOUR_MS));
    let mut running = BTreeMap::new();
    let (mut done, mut on_time) = (0, 0);
    for trip in trips(&outputs) {
        trip.validate().unwrap();
        assert_eq!(fleet_proto::decode_trip(&fleet_proto::encode_trip(trip)).unwrap(), *trip);
        match trip.status {
            TripStatus::Running => {
                let before = running.insert(&trip.trip_id, trip);
                assert_eq!(before.map_or(0, |before| before.revision) + 1, trip.revision);
                assert!(trip.eta.is_some() && trip.eta_at_departure.is_some(), "{trip:?}");
            }
            TripStatus::Done => {
                let before = running.remove(&trip.trip_id).expect("departed before");
                assert_eq!(trip.revision, before.revision + 1);
                assert_eq!((trip.eta, trip.eta_at_departure), (None, before.eta_at_departure));
                let lost = &trip.delays;
                let delays_s = lost.traffic_s + lost.weather_s + lost.refuelling_s + trip.rest_s;
                let all_s = trip.arrived_at.unwrap().ms_since(trip.started_at) / 1_000;
                let within = i64::try_from(delays_s + lost.closure_s + lost.breakdown_s).unwrap();
                assert!(within <= all_s + 5, "{within} s lost of {all_s}: {trip:?}");
                done += 1;
                on_time += u64::from(trip.sla == Some(fleet_core::domain::Sla::OnTime));
                let off_m = trip.distance_m.abs_diff(trip.planned_distance_m);
                assert!(off_m < 50, "{off_m} m off the plan: {trip:?}");
                let l_per_100km = trip.fuel.burned_ml as f64 / trip.distance_m as f64 * 100.0;
                assert!((1.0..90.0).contains(&l_per_100km), "{l_per_100km} l/100 km: {trip:?}");
                let km_a_day = trip.distance_m as f64
                    / 1e3
                    / (trip.arrived_at.unwrap().ms_since(trip.started_at) as f64 / 86_400e3);
                assert!((100.0..1_500.0).contains(&km_a_day), "{km_a_day} km a day: {trip:?}");
            }
        }
    }
    assert!(done > 60, "only {done} trips in four days");
    assert!(on_time * 10 > done * 3, "{on_time} of {done} on time");
    let totals =
        world.counters().into_values().fold((0, 0), |(t, o), c| (t + c.trips, o + c.trips_on_time));
    assert_eq!(totals, (done, on_time));
}
