//! The search for the cheapest plan, pump by pump.

use super::{Limits, OutOfReach, Plan, Pump, Stop};

/// What a plan has cost so far: money first, then stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cost {
    mpaise: i64,
    stops: u32,
}

/// How the truck comes to a pump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    /// With the reserve, as planned at an earlier pump.
    Reserve,
    /// With what is left of the start.
    Start,
    /// With what is left of a full tank from this pump.
    Full(usize),
}

/// The best way to be in a state: its cost, and the stop and arrival it comes from.
#[derive(Clone, Copy, Debug)]
struct Best {
    cost: Cost,
    pump: usize,
    arrival: Arrival,
}

/// Best ways to leave each pump with a full tank, and to reach each (and the end) with the least.
struct Table {
    full: Vec<Option<Best>>,
    least: Vec<Option<Best>>,
}

pub(super) fn cheapest(limits: &Limits, trip_ml: u64, pumps: &[Pump]) -> Result<Plan, OutOfReach> {
    if limits.start_ml >= trip_ml + limits.arrive_ml {
        return Ok(Plan::default());
    }
    let mut table = Table { full: vec![None; pumps.len()], least: vec![None; pumps.len() + 1] };
    for pump in 0..pumps.len() {
        stop_at(pump, limits, trip_ml, pumps, &mut table);
    }
    match table.least[pumps.len()] {
        Some(end) => Ok(trace(end, limits, trip_ml, pumps, &table)),
        None => Err(first_gap(limits, trip_ml, pumps)),
    }
}

/// What the tank holds on coming to `pump` so.
fn level_ml(arrival: Arrival, pump: usize, limits: &Limits, pumps: &[Pump]) -> Option<u64> {
    let here_ml = pumps[pump].burned_ml;
    let left_ml = match arrival {
        Arrival::Reserve => Some(limits.reserve_ml),
        Arrival::Start => limits.start_ml.checked_sub(here_ml),
        Arrival::Full(at) => limits.capacity_ml.checked_sub(here_ml - pumps[at].burned_ml),
    };
    left_ml.filter(|left_ml| *left_ml >= limits.reserve_ml)
}

/// Tries a stop at `pump`: filling up, and buying what just suffices for each place behind it.
fn stop_at(pump: usize, limits: &Limits, trip_ml: u64, pumps: &[Pump], table: &mut Table) {
    let price = i64::from(pumps[pump].paise_per_l);
    let reached = |arrival| match arrival {
        Arrival::Reserve => table.least[pump].map(|best| best.cost),
        Arrival::Start => Some(Cost { mpaise: 0, stops: 0 }),
        Arrival::Full(at) => table.full[at].map(|best| best.cost),
    };
    // Ascending by level; the cost is that of an empty tank here, had its content been sold.
    let arrivals: Vec<(u64, Best)> = [Arrival::Reserve, Arrival::Start]
        .into_iter()
        .chain((0..pump).map(Arrival::Full))
        .filter_map(|arrival| {
            let level_ml = level_ml(arrival, pump, limits, pumps)?;
            let before = reached(arrival)?;
            let mpaise = before.mpaise - price * level_ml.cast_signed();
            let cost = Cost { mpaise, stops: before.stops };
            Some((level_ml, Best { cost, pump, arrival }))
        })
        .collect();
    let mut below = arrivals.iter().peekable();
    let mut least: Option<Best> = None;
    let mut leave_with = |wanted_ml: u64| {
        while let Some((_, best)) = below.next_if(|(level_ml, _)| *level_ml < wanted_ml) {
            if least.is_none_or(|least| best.cost < least.cost) {
                least = Some(*best);
            }
        }
        least.map(|best| {
            let paid = price * wanted_ml.cast_signed() + limits.stop_cost_mpaise.cast_signed();
            let cost = Cost { mpaise: best.cost.mpaise + paid, stops: best.cost.stops + 1 };
            Best { cost, ..best }
        })
    };
    for place in pump + 1..=pumps.len() {
        let wanted_ml = wanted_ml(pump, place, limits, trip_ml, pumps);
        if wanted_ml > limits.capacity_ml {
            break;
        }
        let known = table.least[place];
        if let Some(best) = leave_with(wanted_ml)
            && known.is_none_or(|known| best.cost < known.cost)
        {
            table.least[place] = Some(best);
        }
    }
    table.full[pump] = leave_with(limits.capacity_ml);
}

/// What to leave `pump` with, to be at `place` (a later pump, or the end) with the least.
fn wanted_ml(pump: usize, place: usize, limits: &Limits, trip_ml: u64, pumps: &[Pump]) -> u64 {
    let here_ml = pumps[pump].burned_ml;
    match pumps.get(place) {
        Some(next) => next.burned_ml - here_ml + limits.reserve_ml,
        None => trip_ml - here_ml + limits.arrive_ml,
    }
}

/// The plan that leads to `end`, read backwards.
fn trace(end: Best, limits: &Limits, trip_ml: u64, pumps: &[Pump], table: &Table) -> Plan {
    let mut plan = Plan::default();
    let (mut here, mut left_ml) = (end, wanted_ml(end.pump, pumps.len(), limits, trip_ml, pumps));
    loop {
        let arrived_ml = level_ml(here.arrival, here.pump, limits, pumps).unwrap_or(0);
        let buy_ml = left_ml - arrived_ml;
        plan.stops.push(Stop { pump: here.pump, buy_ml });
        plan.fuel_cost_mpaise += buy_ml * u64::from(pumps[here.pump].paise_per_l);
        let (before, left) = match here.arrival {
            Arrival::Start => break,
            Arrival::Full(at) => (table.full[at], limits.capacity_ml),
            Arrival::Reserve => {
                let before = table.least[here.pump];
                let wanted = |best: Best| wanted_ml(best.pump, here.pump, limits, trip_ml, pumps);
                (before, before.map_or(0, wanted))
            }
        };
        let Some(before) = before else { break };
        (here, left_ml) = (before, left);
    }
    plan.stops.reverse();
    let stops = plan.stops.len() as u64;
    plan.total_cost_mpaise = plan.fuel_cost_mpaise + stops * limits.stop_cost_mpaise;
    plan
}

/// The first way that is longer than the tank reaches.
fn first_gap(limits: &Limits, trip_ml: u64, pumps: &[Pump]) -> OutOfReach {
    let (mut after_pump, mut from_ml, mut available_ml) = (None, 0, limits.start_ml);
    for (pump, Pump { burned_ml, .. }) in pumps.iter().enumerate() {
        let needed_ml = burned_ml - from_ml + limits.reserve_ml;
        if needed_ml > available_ml {
            return OutOfReach { after_pump, needed_ml, available_ml };
        }
        (after_pump, from_ml, available_ml) = (Some(pump), *burned_ml, limits.capacity_ml);
    }
    let needed_ml = trip_ml - from_ml + limits.arrive_ml;
    OutOfReach { after_pump, needed_ml, available_ml }
}
