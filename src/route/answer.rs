//! The answer: the way, its timetable, and all that is told of them.

use std::sync::Arc;

use anyhow::Result;
use fleet_core::{
    eta::{Pacing, Planner, ServiceClass, Timetable, promised_hours},
    route::{Route, Sla},
    time::Time,
    units::round_to,
};
use serde::Serialize;

use super::{
    ask::{self, Question},
    teller::Teller,
    ways,
};

/// Carbon dioxide of a litre of diesel, kg (between VECTO's 2.62 and EIA's 2.68).
const CO2_KG_PER_L: f64 = 2.64;

pub(super) struct Answer {
    pub(super) route: Route,
    pub(super) told: Told,
}

/// What `--json` prints; docs/routing.md names every field.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    pub(super) network: String,
    pub(super) from: PlaceTold,
    pub(super) via: Vec<PlaceTold>,
    pub(super) to: PlaceTold,
    pub(super) basis: &'static str,
    pub(super) truck: TruckTold,
    pub(super) assumed: Vec<String>,
    pub(super) departs: Option<String>,
    pub(super) arrives: Option<String>,
    pub(super) earliest: Option<String>,
    pub(super) latest: Option<String>,
    pub(super) distance_km: f64,
    pub(super) duration_h: f64,
    pub(super) driving_h: f64,
    pub(super) stopped_h: f64,
    pub(super) climb_m: f64,
    pub(super) descent_m: f64,
    pub(super) highest_m: f64,
    pub(super) fuel_l: f64,
    pub(super) fuel_start_l: f64,
    pub(super) fuel_bought_l: f64,
    pub(super) fuel_end_l: f64,
    pub(super) co2_kg: f64,
    pub(super) cost_inr: Option<f64>,
    pub(super) diesel_inr: Option<f64>,
    pub(super) tolls_inr: f64,
    pub(super) promised_h: Promised,
    pub(super) legs: Vec<LegTold>,
    pub(super) turns: Vec<TurnTold>,
    pub(super) stops: Vec<StopTold>,
    pub(super) risks: Vec<RiskTold>,
    pub(super) warnings: Vec<String>,
    pub(super) alternatives: Vec<OtherTold>,
    #[serde(skip)]
    pub(super) departs_at: Option<Time>,
    #[serde(skip)]
    pub(super) arrives_at: Option<Time>,
    #[serde(skip)]
    pub(super) band_at: Option<(Time, Time)>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct PlaceTold {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) lat: f64,
    pub(super) lon: f64,
    pub(super) altitude_m: f64,
    pub(super) snapped_m: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct TruckTold {
    pub(super) model: String,
    pub(super) name: String,
    pub(super) load_t: f64,
    pub(super) gross_t: f64,
    pub(super) drivers: u32,
    pub(super) axles: u8,
}

#[derive(Debug, Serialize)]
pub(super) struct Promised {
    pub(super) standard: f64,
    pub(super) express: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct LegTold {
    pub(super) road: String,
    pub(super) class: &'static str,
    pub(super) ferry: bool,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) distance_km: f64,
    pub(super) end_km: f64,
    pub(super) minutes: f64,
    pub(super) climb_m: f64,
    pub(super) descent_m: f64,
    pub(super) fuel_l: f64,
    pub(super) towns: Vec<String>,
    pub(super) arrives: Option<String>,
    #[serde(skip)]
    pub(super) arrives_s: f64,
    #[serde(skip)]
    pub(super) start_m: f64,
    #[serde(skip)]
    pub(super) end_m: f64,
}

/// What the driver does, and the road that follows.
#[derive(Debug, Serialize)]
pub(super) struct TurnTold {
    pub(super) turn: &'static str,
    pub(super) road: String,
    pub(super) place: Option<String>,
    pub(super) at_km: f64,
    pub(super) distance_km: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct StopTold {
    pub(super) kind: &'static str,
    pub(super) place: String,
    pub(super) at_km: f64,
    pub(super) minutes: f64,
    pub(super) arrives: Option<String>,
    pub(super) litres: Option<f64>,
    pub(super) inr_per_l: Option<f64>,
    pub(super) inr: Option<f64>,
    #[serde(skip)]
    pub(super) arrives_s: f64,
    #[serde(skip)]
    pub(super) at_m: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct RiskTold {
    pub(super) zone: String,
    pub(super) at_km: f64,
    pub(super) closed_per_day: f64,
    pub(super) hours: (f64, f64),
}

/// Another way, in short.
#[derive(Debug, Serialize)]
pub(super) struct OtherTold {
    pub(super) roads: Vec<String>,
    pub(super) distance_km: f64,
    pub(super) duration_h: f64,
    pub(super) climb_m: f64,
    pub(super) fuel_l: f64,
    pub(super) cost_inr: Option<f64>,
    pub(super) tolls_inr: f64,
}

/// A way with its timetable.
struct Way {
    route: Route,
    table: Timetable,
    /// Metres from the start at which it calls, the destination included.
    calls: Vec<f64>,
}

pub(super) fn answer(question: &Question) -> Result<Answer> {
    let planner = question.planner()?;
    let mut ways = ways_of(question, &planner)?;
    let best = ways.remove(0);
    let others = ways.iter().take(question.alternatives);
    let others = others.map(|way| other(&planner, way)).collect();
    let told = tell(question, &planner, &best, others);
    Ok(Answer { route: best.route, told })
}

/// The ways, the best first: with truck and hour that which arrives first, else the fastest in free
/// flow. Other ways are sought only where they are asked for or may be better.
fn ways_of(question: &Question, planner: &Planner<'_>) -> Result<Vec<Way>> {
    let start = question.start(planner);
    let plan = |route: Route, calls: Vec<f64>| -> Result<Way> {
        let table = planner.plan(&route, &start)?;
        Ok(Way { route, table, calls })
    };
    let pairs: Vec<_> = question.places.windows(2).collect();
    let lost = |error| ask::hint(error, question);
    let seeks = question.chooses || question.alternatives > 0;
    if let ([pair], true) = (pairs.as_slice(), seeks) {
        let found = ways::between(&question.router, pair[0], pair[1]).map_err(lost)?;
        let ways = found.iter().map(|route| plan(Route::clone(route), vec![route.length_m]));
        let mut ways: Vec<Way> = ways.collect::<Result<_>>()?;
        if question.chooses {
            ways.sort_by(|a, b| a.table.total_s().total_cmp(&b.table.total_s()));
        }
        return Ok(ways);
    }
    let mut parts: Vec<Arc<Route>> = Vec::new();
    for pair in pairs {
        parts.push(ways::route(&question.router, pair[0], pair[1]).map_err(lost)?);
    }
    let mut calls = Vec::new();
    for part in &parts {
        calls.push(calls.last().unwrap_or(&0.0) + part.length_m);
    }
    let route = Route::join(parts.iter().map(|part| &**part))?;
    Ok(vec![plan(route, calls)?])
}

fn climb_m(route: &Route) -> f64 {
    route.pieces.iter().map(|piece| (piece.to_altitude_m - piece.from_altitude_m).max(0.0)).sum()
}

fn rupees(upaise: u64) -> f64 {
    round_to(upaise as f64 * 1e-8, 0)
}

fn promised(route: &Route, sla: &Sla) -> Promised {
    let promise = |class| round_to(promised_hours(route, sla, class), 1);
    Promised { standard: promise(ServiceClass::Standard), express: promise(ServiceClass::Express) }
}

/// That the plan takes longer than a customer is promised, and whether one more driver would help.
fn late(question: &Question, planner: &Planner<'_>, way: &Way, promised_h: f64) -> Option<String> {
    let taken_h = |table: &Timetable| table.total_s() / 3_600.0;
    let over_h = taken_h(&way.table) - promised_h;
    if planner.pacing() == Pacing::FreeFlow || over_h < 0.05 {
        return None;
    }
    let drivers = planner.drivers() + 1;
    let more = || {
        question
            .planner()
            .ok()?
            .with_drivers(drivers)
            .plan(&way.route, &question.start(planner))
            .ok()
    };
    let helps = (drivers <= ask::DRIVERS_MAX)
        .then(more)
        .flatten()
        .filter(|more| taken_h(more) < taken_h(&way.table) - 0.5);
    let with_more = helps.map_or(String::new(), |more| {
        format!("; with {drivers} drivers it takes {:.1} h", taken_h(&more))
    });
    Some(format!(
        "the plan is {over_h:.1} h over the standard promise of {promised_h:.1} h{with_more}"
    ))
}

/// Diesel and tolls in whole rupees, and their sum where diesel has a price.
fn costs(table: &Timetable) -> (Option<f64>, f64, Option<f64>) {
    let (diesel, tolls) = (table.fuel().cost_upaise.map(rupees), round_to(table.tolls_inr(), 0));
    (diesel, tolls, diesel.map(|diesel| diesel + tolls))
}

fn hours(seconds: f64) -> f64 {
    round_to(seconds / 3_600.0, 4)
}

pub(super) fn km(metres: f64) -> f64 {
    round_to(metres * 1e-3, 3)
}

pub(super) fn litres(ml: u64) -> f64 {
    ml as f64 * 1e-3
}

fn other(planner: &Planner<'_>, way: &Way) -> OtherTold {
    let mut roads: Vec<String> = Vec::new();
    for leg in way.route.legs(planner.network(), &[]) {
        roads.push(leg.road);
    }
    let (_, tolls_inr, cost_inr) = costs(&way.table);
    OtherTold {
        roads,
        distance_km: km(way.route.length_m),
        duration_h: hours(way.table.total_s()),
        climb_m: round_to(climb_m(&way.route), 0),
        fuel_l: litres(way.table.fuel().burned_ml),
        cost_inr,
        tolls_inr,
    }
}

fn tell(
    question: &Question,
    planner: &Planner<'_>,
    way: &Way,
    alternatives: Vec<OtherTold>,
) -> Told {
    let Way { route, table, calls } = way;
    let (network, model, fuel) = (planner.network(), planner.model(), table.fuel());
    let teller = Teller { network, route, table };
    let (diesel_inr, tolls_inr, cost_inr) = costs(table);
    let eta = table.eta();
    let ist = |time: Time| time.to_ist_string();
    let end = |m: f64| teller.place(m);
    let (mut descent_m, mut highest_m) = (0.0, route.from.altitude_m);
    for piece in &route.pieces {
        descent_m += (piece.from_altitude_m - piece.to_altitude_m).max(0.0);
        highest_m = highest_m.max(piece.to_altitude_m);
    }
    let promised_h = promised(route, network.sla());
    let late = late(question, planner, way, promised_h.standard);
    Told {
        network: network.name().to_owned(),
        from: PlaceTold { snapped_m: round_to(route.from.snapped_m, 0), ..end(0.0) },
        via: calls[..calls.len() - 1].iter().map(|m| end(*m)).collect(),
        to: PlaceTold { snapped_m: round_to(route.to.snapped_m, 0), ..end(route.length_m) },
        basis: if planner.pacing() == Pacing::FreeFlow { "free_flow" } else { "truck" },
        truck: TruckTold {
            model: model.id.clone(),
            name: model.name.clone(),
            load_t: round_to(planner.payload_kg() * 1e-3, 3),
            gross_t: round_to((model.kerb_kg + planner.payload_kg()) * 1e-3, 3),
            drivers: planner.drivers(),
            axles: planner.axles(),
        },
        assumed: question.assumed.clone(),
        departs: table.departs().map(ist),
        arrives: eta.map(|eta| ist(table.arrives().unwrap_or(eta.arrival))),
        earliest: eta.map(|eta| ist(eta.earliest)),
        latest: eta.map(|eta| ist(eta.latest)),
        distance_km: km(route.length_m),
        duration_h: hours(table.total_s()),
        driving_h: hours(table.driving_s()),
        stopped_h: hours(table.stopped_s()),
        climb_m: round_to(climb_m(route), 0),
        descent_m: round_to(descent_m, 0),
        highest_m: round_to(highest_m, 0),
        fuel_l: litres(fuel.burned_ml),
        fuel_start_l: litres(fuel.start_ml),
        fuel_bought_l: litres(fuel.bought_ml),
        fuel_end_l: litres(fuel.end_ml),
        co2_kg: round_to(litres(fuel.burned_ml) * CO2_KG_PER_L, 1),
        cost_inr,
        diesel_inr,
        tolls_inr,
        promised_h,
        legs: teller.legs(calls, planner.pacing()),
        turns: teller.turns(),
        stops: table.halts().iter().map(|halt| teller.stop(halt)).collect(),
        risks: teller.risks(),
        warnings: teller.warnings().into_iter().chain(late).collect(),
        alternatives,
        departs_at: table.departs(),
        arrives_at: table.arrives(),
        band_at: eta.map(|eta| (eta.earliest, eta.latest)),
    }
}
