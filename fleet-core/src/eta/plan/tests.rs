use super::*;
use crate::{
    driver::Due,
    route::{BuiltinRouter, Ferries},
};

/// Monday, 5 January 2026.
fn at(hour: i64, minute: i64) -> Time {
    Time::from_ms(1_767_551_400_000 + (hour * 60 + minute) * 60_000)
}

fn planner(payload_t: f64) -> Planner<'static> {
    let model = TruckModel::find("rigid_6x2_25t5").unwrap();
    Planner::new(Network::ne_india(), model, payload_t * 1e3).unwrap()
}

fn way(ids: &[&str]) -> Route {
    let router = BuiltinRouter::ne_india().with_ferries(Ferries::Allowed);
    let node = |id: &str| router.network().node(id).unwrap();
    let parts: Vec<_> = ids
        .windows(2)
        .map(|pair| router.route_nodes(node(pair[0]), node(pair[1])).unwrap())
        .collect();
    Route::join(parts.iter().map(|part| &**part)).unwrap()
}

#[track_caller]
fn plan(planner: &Planner<'_>, route: &Route, time: Option<Time>) -> Timetable {
    planner.plan(route, &planner.departure(time)).unwrap()
}

fn waits(table: &Timetable) -> Vec<(Reason, f64)> {
    let halts = table.halts().iter().map(|halt| (halt.reason, halt.stands_s));
    halts
        .filter(|(reason, _)| matches!(reason, Reason::Barred { .. } | Reason::Shut { .. }))
        .collect()
}

#[test]
fn free_flow_is_the_router_s_own_time_and_halts_take_none() {
    let planner = planner(17.2).with_pacing(Pacing::FreeFlow);
    for ids in [["guwahati", "tawang"], ["siliguri", "imphal"], ["jorabat", "guwahati"]] {
        let route = way(&ids);
        let table = plan(&planner, &route, None);
        assert!((table.total_s() - route.duration_s).abs() < 0.1, "{ids:?}");
        assert!((table.driving_s() - route.duration_s).abs() < 0.1, "{ids:?}");
        assert!((table.distance_m() - route.length_m).abs() < 1e-6, "{ids:?}");
        assert_eq!(table.eta(), None);
    }
}

#[test]
fn what_is_left_falls_along_the_way_to_nothing_and_is_the_whole_at_the_start() {
    let planner = planner(16.0);
    for (ids, departs) in [
        (["guwahati", "tawang"], at(5, 0)),
        (["siliguri", "imphal"], at(24 * 186 + 5, 0)),
        (["agartala", "guwahati"], at(13, 17)),
        (["dhubri", "phulbari"], at(3, 30)),
    ] {
        let route = way(&ids);
        let whole = plan(&planner, &route, Some(departs));
        let mut before_s = f64::INFINITY;
        for part in 0..=40 {
            let progress = whole.progress_at(route.length_m * f64::from(part) / 40.0);
            let table = planner.plan(&route, &progress).unwrap();
            let (elapsed_ms, left_s) = (progress.time.unwrap().ms_since(departs), table.total_s());
            let expected_s = whole.total_s() - elapsed_ms as f64 * 1e-3;
            assert!((left_s - expected_s).abs() < 10.0, "{ids:?} {part}: {left_s} {expected_s}");
            assert!(left_s <= before_s, "{ids:?} {part}: {left_s} {before_s}");
            let distance_m = route.length_m - progress.at_m;
            assert!((table.distance_m() - distance_m).abs() < 1e-6);
            before_s = left_s;
        }
        assert!(before_s.abs() < 1e-9, "nothing is left at the end: {before_s}");
        let eta = whole.eta().unwrap();
        assert!(eta.earliest <= eta.arrival && eta.arrival <= eta.latest, "{eta:?}");
    }
}

#[test]
fn load_grade_and_hour_count() {
    let route = way(&["guwahati", "shillong"]);
    let (empty, laden) = (planner(0.0), planner(17.2));
    let drives = |planner: &Planner<'_>, time| plan(planner, &route, time).driving_s();
    let burns = |planner: &Planner<'_>| plan(planner, &route, None).fuel().burned_ml;
    assert!(drives(&laden, None) > 1.01 * drives(&empty, None), "uphill");
    assert!(burns(&laden) > burns(&empty) * 3 / 2);
    let down = way(&["shillong", "guwahati"]);
    assert!(plan(&laden, &down, None).fuel().burned_ml < burns(&laden) / 2);
    let (night, evening) = (Some(at(1, 0)), Some(at(16, 31)));
    assert!(drives(&laden, evening) > 1.05 * drives(&laden, night), "a town at its peak");
    let free = route.duration_s;
    assert!(drives(&laden, None) > free, "the road's own speed is the best there is");
}

#[test]
fn a_town_that_bars_trucks_is_entered_when_it_opens() {
    let route = way(&["nongpoh", "guwahati"]);
    let laden = planner(17.2);
    let table = plan(&laden, &route, Some(at(8, 0)));
    let [(Reason::Barred { zone }, _)] = waits(&table)[..] else { panic!("{:?}", table.halts()) };
    assert_eq!(Network::ne_india().zones()[zone.index()].id, "urban-guwahati");
    let halt = table.halts().iter().find(|halt| halt.stands_s > 0.0).unwrap();
    let goes_on_s = halt.arrives_s + halt.stands_s;
    assert!((goes_on_s - 3.0 * 3_600.0).abs() < 60.0, "{goes_on_s}");
    assert_eq!(waits(&plan(&laden, &route, None)), [], "without a clock nobody waits");
    assert_eq!(waits(&plan(&laden, &route, Some(at(12, 0)))), []);
    let out = way(&["guwahati", "nongpoh"]);
    assert_eq!(waits(&plan(&laden, &out, Some(at(9, 0)))), [], "it is in already");
    let light = TruckModel::find("light_4x2_7t5").unwrap();
    let light = Planner::new(Network::ne_india(), light, 0.0).unwrap();
    assert_eq!(waits(&plan(&light, &route, Some(at(8, 0)))), [], "cars and vans may enter");
}

#[test]
fn a_boat_sails_in_its_hours_burns_nothing_and_lets_the_driver_rest() {
    let (route, laden) = (way(&["dhubri", "phulbari"]), planner(17.2));
    let boat_m: f64 =
        route.pieces.iter().filter(|piece| piece.ferry).map(|piece| piece.length_m).sum();
    assert!(boat_m > 20_000.0);
    let night = plan(&laden, &route, Some(at(20, 0)));
    let [(Reason::Shut { .. }, stands_s)] = waits(&night)[..] else {
        panic!("{:?}", night.halts())
    };
    assert!((stands_s - 10.0 * 3_600.0).abs() < 1_800.0, "until six: {stands_s}");
    let noon = plan(&laden, &route, Some(at(12, 0)));
    assert_eq!(waits(&noon), []);
    assert!(noon.fuel().burned_ml < 2_000, "{:?}", noon.fuel());
    let after = noon.progress_at(route.length_m);
    assert_eq!(after.duty.due(&HoursRules::STRICT, 1), Due::Nothing);
}

#[test]
fn no_driver_goes_on_for_more_than_the_law_allows() {
    let rules = HoursRules::STRICT;
    for (ids, drivers) in
        [(["siliguri", "moreh"], 1), (["siliguri", "moreh"], 2), (["guwahati", "tawang"], 1)]
    {
        let route = way(&ids);
        let planner = planner(17.2).with_drivers(drivers);
        for hour in [0, 6, 12, 18] {
            let table = plan(&planner, &route, Some(at(hour, 0)));
            let (mut since_break_s, mut before_s) = (0.0, 0.0);
            for halt in table.halts().iter().filter(|halt| halt.stands_s > 0.0) {
                since_break_s += halt.arrives_s - before_s;
                assert!(since_break_s <= f64::from(rules.break_after_s), "{ids:?} {halt:?}");
                before_s = halt.arrives_s + halt.stands_s;
                if halt.stands_s >= f64::from(rules.break_s) {
                    since_break_s = 0.0;
                }
            }
            let is_night =
                |halt: &&Halt| matches!(halt.reason, Reason::Rest { due: Due::OffDuty, .. });
            let nights = table.halts().iter().filter(is_night).count();
            let expected = table.driving_s() / 8.0 / 3_600.0 / f64::from(drivers);
            assert!(
                (nights as f64 - expected).abs() <= 1.5,
                "{ids:?} {hour} h: {nights} of {expected}"
            );
        }
    }
}

#[test]
fn the_book_closes_and_the_tank_never_falls_below_its_reserve() {
    let planner = planner(17.2);
    let reserve_ml = planner.reserve_ml();
    for (ids, litres) in [
        (["siliguri", "tawang"], 285),
        (["guwahati", "moreh"], 100),
        (["guwahati", "shillong"], 20),
        (["shillong", "guwahati"], 60),
    ] {
        let route = way(&ids);
        let start = Progress { tank_ml: litres * 1_000, ..planner.departure(Some(at(6, 0))) };
        let table = planner.plan(&route, &start).unwrap();
        let fuel = table.fuel();
        assert_eq!(fuel.start_ml + fuel.bought_ml, fuel.burned_ml + fuel.end_ml, "{ids:?}");
        assert_eq!(fuel.gap, None);
        assert!(fuel.cost_upaise.unwrap() > fuel.burned_ml * 1_000 * 8_000, "{fuel:?}");
        let mut level_ml = fuel.start_ml as f64;
        let mut burned_ml = 0.0;
        for halt in table.halts() {
            let Reason::Fuel { buy_ml, .. } = halt.reason else { continue };
            level_ml -= table.burned_ml_at(halt.at_m) - burned_ml;
            burned_ml = table.burned_ml_at(halt.at_m);
            let is_forced = litres < 60; // it had less than the reserve from the start
            assert!(is_forced || level_ml > reserve_ml as f64 - 1_500.0, "{ids:?} {level_ml}");
            level_ml += buy_ml as f64;
            assert!(level_ml <= planner.capacity_ml() as f64 + 1_500.0, "{ids:?} {level_ml}");
        }
        assert!(fuel.end_ml + 1_500 > reserve_ml, "{ids:?} {fuel:?}");
    }
}

#[test]
fn shut_pumps_are_passed_by_if_the_way_can_be_driven_without_them() {
    let (route, planner) = (way(&["guwahati", "moreh"]), planner(17.2));
    let network = Network::ne_india();
    let mut stops = 0;
    for hour in 0..24 {
        let start = Progress { tank_ml: 100_000, ..planner.departure(Some(at(hour, 0))) };
        let table = planner.plan(&route, &start).unwrap();
        for halt in table.halts() {
            let Reason::Fuel { station, opens_s, .. } = halt.reason else { continue };
            let arrives = at(hour, 0).plus_ms((halt.arrives_s * 1e3) as i64);
            let is_open =
                network.fuel_stations()[station].hours_ist.is_open(arrives.ist_minute_of_day());
            assert_eq!(is_open, opens_s <= 0.0, "{halt:?}");
            assert!(is_open, "{hour} h: there is another pump: {halt:?}");
            stops += 1;
        }
    }
    assert!(stops >= 24, "{stops}");
}

#[test]
fn what_the_tank_does_not_reach_is_told() {
    let (route, planner) = (way(&["guwahati", "moreh"]), planner(17.2));
    let start = Progress { tank_ml: 100, ..planner.departure(None) };
    let table = planner.plan(&route, &start).unwrap();
    let gap = table.fuel().gap;
    assert!(gap.is_none(), "there is a pump in town: {gap:?}");
    let (up, mut small) = (way(&["roing", "anini"]), planner.model().clone());
    small.fuel_tank_l = 20.0;
    let small = Planner::new(Network::ne_india(), Arc::new(small), 17_200.0).unwrap();
    let gap = plan(&small, &up, None).fuel().gap.expect("200 km with 20 l");
    assert!(gap.lacks.needed_ml > gap.lacks.available_ml);
}

#[test]
fn what_cannot_be_planned_is_refused_by_name() {
    let model = TruckModel::find("rigid_6x2_25t5").unwrap();
    let over = Planner::new(Network::ne_india(), Arc::clone(&model), 17_201.0).unwrap_err();
    assert_eq!(
        over.to_string(),
        "load: 17.201 t is outside what rigid_6x2_25t5 may carry: 0 to 17.2 t"
    );
    assert!(Planner::new(Network::ne_india(), Arc::clone(&model), f64::NAN).is_err());
    let (route, planner) = (way(&["guwahati", "shillong"]), planner(0.0));
    let start = planner.departure(None);
    for bad in [
        Progress { at_m: -1.0, ..start },
        Progress { at_m: route.length_m + 1.0, ..start },
        Progress { tank_ml: 300_001, ..start },
    ] {
        assert!(planner.plan(&route, &bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_way_of_no_length_takes_no_time_and_no_fuel() {
    let (route, planner) = (way(&["guwahati", "guwahati"]), planner(17.2));
    let table = plan(&planner, &route, Some(at(9, 0)));
    assert!(table.total_s() <= 0.0 && table.halts().is_empty() && table.fuel().burned_ml == 0);
}

#[test]
fn axles_are_those_of_the_type_and_of_the_weight() {
    let axles = |id| {
        let model = TruckModel::find(id).unwrap();
        Planner::new(Network::ne_india(), model, 0.0).unwrap().axles()
    };
    let found =
        ["light_4x2_7t5", "rigid_6x2_25t5", "rigid_6x2_31t", "tipper_10x4_47t5", "tractor_4x2_55t"];
    assert_eq!(found.map(axles), [2, 3, 4, 5, 4]);
}
