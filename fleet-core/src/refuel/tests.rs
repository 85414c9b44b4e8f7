use proptest::prelude::*;

use super::*;

/// Every plan there is, level by level: the cheapest in money, then in stops.
fn brute_force(limits: &Limits, trip_ml: u64, pumps: &[Pump]) -> Option<(u64, usize)> {
    fn from(
        level_ml: u64,
        at_ml: u64,
        limits: &Limits,
        trip_ml: u64,
        pumps: &[Pump],
    ) -> Option<(u64, usize)> {
        let Some((pump, rest)) = pumps.split_first() else {
            return (level_ml >= trip_ml - at_ml + limits.arrive_ml).then_some((0, 0));
        };
        let level_ml = level_ml.checked_sub(pump.burned_ml - at_ml)?;
        let on = |level_ml| from(level_ml, pump.burned_ml, limits, trip_ml, rest);
        let past = on(level_ml);
        let is_reachable = level_ml >= limits.reserve_ml;
        let buys = (1..=limits.capacity_ml - level_ml).filter(|_| is_reachable);
        let stopped = buys.filter_map(|buy_ml| {
            let (cost, stops) = on(level_ml + buy_ml)?;
            let paid = buy_ml * u64::from(pump.paise_per_l) + limits.stop_cost_mpaise;
            Some((cost + paid, stops + 1))
        });
        stopped.chain(past).min()
    }
    from(limits.start_ml, 0, limits, trip_ml, pumps)
}

/// What a plan costs when it is driven; `None` if a rule is broken on the way.
fn drive(plan: &Plan, limits: &Limits, trip_ml: u64, pumps: &[Pump]) -> Option<u64> {
    let (mut level_ml, mut at_ml, mut paid) = (limits.start_ml, 0, 0);
    for stop in &plan.stops {
        let pump = pumps[stop.pump];
        level_ml = level_ml.checked_sub(pump.burned_ml - at_ml)?;
        let is_allowed = level_ml >= limits.reserve_ml && stop.buy_ml > 0;
        level_ml += stop.buy_ml;
        if !is_allowed || level_ml > limits.capacity_ml {
            return None;
        }
        at_ml = pump.burned_ml;
        paid += stop.buy_ml * u64::from(pump.paise_per_l);
    }
    (level_ml >= trip_ml - at_ml + limits.arrive_ml).then_some(paid)
}

prop_compose! {
    fn question()(
        capacity_ml in 1..13_u64,
        shares in (0..=12_u64, 0..=4_u64, 0..=4_u64),
        stop_cost_mpaise in 0..12_u64,
        hops in prop::collection::vec((0..8_u64, 0..6_u32), 0..6),
        last_hop in 0..8_u64,
    ) -> (Limits, u64, Vec<Pump>) {
        let reserve_ml = shares.1.min(capacity_ml);
        let limits = Limits {
            capacity_ml,
            start_ml: shares.0.min(capacity_ml),
            reserve_ml,
            arrive_ml: (reserve_ml + shares.2).min(capacity_ml),
            stop_cost_mpaise,
        };
        let mut at_ml = 0;
        let pumps: Vec<_> = hops
            .into_iter()
            .map(|(hop_ml, paise_per_l)| {
                at_ml += hop_ml;
                Pump { burned_ml: at_ml, paise_per_l }
            })
            .collect();
        (limits, at_ml + last_hop, pumps)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_plan_at_all_is_cheaper_or_has_fewer_stops((limits, trip_ml, pumps) in question()) {
        let found = Problem::new(limits, trip_ml, &pumps).unwrap().cheapest();
        match (found, brute_force(&limits, trip_ml, &pumps)) {
            (Ok(plan), Some(best)) => {
                let paid = drive(&plan, &limits, trip_ml, &pumps);
                prop_assert_eq!(paid, Some(plan.fuel_cost_mpaise), "{:?}", &plan);
                prop_assert_eq!((plan.total_cost_mpaise, plan.stops.len()), best, "{:?}", plan);
            }
            (Err(gap), None) => {
                prop_assert!(gap.needed_ml > gap.available_ml, "{gap}");
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn more_fuel_at_the_start_or_another_pump_never_costs_more(
        (limits, trip_ml, pumps) in question(),
    ) {
        let cost = |limits: Limits, pumps: &[Pump]| {
            let plan = Problem::new(limits, trip_ml, pumps).unwrap().cheapest();
            plan.map_or(u64::MAX, |plan| plan.total_cost_mpaise)
        };
        let fuller = Limits { start_ml: (limits.start_ml + 1).min(limits.capacity_ml), ..limits };
        prop_assert!(cost(fuller, &pumps) <= cost(limits, &pumps));
        for without in 0..pumps.len() {
            let mut fewer = pumps.clone();
            fewer.remove(without);
            prop_assert!(cost(limits, &pumps) <= cost(limits, &fewer));
        }
    }
}

const LIMITS: Limits =
    Limits { capacity_ml: 100, start_ml: 40, reserve_ml: 10, arrive_ml: 10, stop_cost_mpaise: 0 };

fn pumps(places: &[(u64, u32)]) -> Vec<Pump> {
    places.iter().map(|&(burned_ml, paise_per_l)| Pump { burned_ml, paise_per_l }).collect()
}

#[test]
fn of_equal_plans_the_one_with_the_earlier_stop_is_taken() {
    let pumps = pumps(&[(10, 5), (20, 5), (30, 5)]);
    let plan = Problem::new(LIMITS, 90, &pumps).unwrap().cheapest().unwrap();
    assert_eq!(plan.stops, [Stop { pump: 0, buy_ml: 60 }]);
}

#[test]
fn the_first_way_that_is_too_long_is_named() {
    let pumps = pumps(&[(20, 5), (111, 5), (300, 5)]);
    let gap = Problem::new(LIMITS, 300, &pumps).unwrap().cheapest().unwrap_err();
    assert_eq!(gap, OutOfReach { after_pump: Some(0), needed_ml: 101, available_ml: 100 });
    let gap = Problem::new(LIMITS, 41, &[]).unwrap().cheapest().unwrap_err();
    assert_eq!(gap, OutOfReach { after_pump: None, needed_ml: 51, available_ml: 40 });
}

#[test]
fn what_breaks_a_rule_is_refused_by_name() {
    let at = |burned_ml| Pump { burned_ml, paise_per_l: 1 };
    for (limits, pumps, field) in [
        (Limits { capacity_ml: 0, ..LIMITS }, vec![], "capacity_ml"),
        (Limits { start_ml: 101, ..LIMITS }, vec![], "start_ml"),
        (Limits { reserve_ml: 101, ..LIMITS }, vec![], "reserve_ml"),
        (Limits { arrive_ml: 9, ..LIMITS }, vec![], "arrive_ml"),
        (Limits { stop_cost_mpaise: u64::MAX, ..LIMITS }, vec![], "stop_cost_mpaise"),
        (LIMITS, vec![at(5), at(4)], "driving order"),
        (LIMITS, vec![at(51)], "behind the end"),
        (LIMITS, vec![Pump { burned_ml: 1, paise_per_l: 100_001 }], "paise_per_l"),
    ] {
        let error = Problem::new(limits, 50, &pumps).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}
