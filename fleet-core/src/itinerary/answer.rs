//! The answer: the way, its timetable, and all that is told of them.

use super::{
    inquiry::DRIVERS,
    question::{Question, Way},
    teller::Teller,
    told::{Basis, Itinerary, ItineraryTruck, OtherWay, Promise, Waypoint},
};
use crate::{
    eta::{Pacing, Planner, ServiceClass, Timetable, promised_hours},
    physics::CO2_KG_PER_L,
    route::{Route, Sla},
    units::round_to,
};

fn climb_m(route: &Route) -> f64 {
    route.pieces.iter().map(|piece| (piece.to_altitude_m - piece.from_altitude_m).max(0.0)).sum()
}

fn rupees(upaise: u64) -> f64 {
    round_to(upaise as f64 * 1e-8, 0)
}

fn promised(route: &Route, sla: &Sla) -> Promise {
    let promise = |class| round_to(promised_hours(route, sla, class), 1);
    Promise { standard: promise(ServiceClass::Standard), express: promise(ServiceClass::Express) }
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
    let helps = (drivers <= *DRIVERS.end())
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

pub(super) fn other(planner: &Planner<'_>, way: &Way) -> OtherWay {
    let mut roads: Vec<String> = Vec::new();
    for leg in way.route.legs(planner.network(), &[]) {
        roads.push(leg.road);
    }
    let (_, tolls_inr, cost_inr) = costs(&way.table);
    OtherWay {
        roads,
        distance_km: km(way.route.length_m),
        duration_h: hours(way.table.total_s()),
        climb_m: round_to(climb_m(&way.route), 0),
        fuel_l: litres(way.table.fuel().burned_ml),
        cost_inr,
        tolls_inr,
    }
}

pub(super) fn tell(
    question: &Question,
    planner: &Planner<'_>,
    way: &Way,
    alternatives: Vec<OtherWay>,
) -> Itinerary {
    let Way { route, table, calls } = way;
    let (network, model, fuel) = (planner.network(), planner.model(), table.fuel());
    let teller = Teller { network, route, table };
    let (diesel_inr, tolls_inr, cost_inr) = costs(table);
    let eta = table.eta();
    let end = |m: f64| teller.place(m);
    let (mut descent_m, mut highest_m) = (0.0, route.from.altitude_m);
    for piece in &route.pieces {
        descent_m += (piece.from_altitude_m - piece.to_altitude_m).max(0.0);
        highest_m = highest_m.max(piece.to_altitude_m);
    }
    let promised_h = promised(route, network.sla());
    let late = late(question, planner, way, promised_h.standard);
    Itinerary {
        network: network.name().to_owned(),
        from: Waypoint { snapped_m: round_to(route.from.snapped_m, 0), ..end(0.0) },
        via: calls[..calls.len() - 1].iter().map(|m| end(*m)).collect(),
        to: Waypoint { snapped_m: round_to(route.to.snapped_m, 0), ..end(route.length_m) },
        basis: if planner.pacing() == Pacing::FreeFlow { Basis::FreeFlow } else { Basis::Truck },
        truck: ItineraryTruck {
            model: model.id.clone(),
            name: model.name.clone(),
            load_t: round_to(planner.payload_kg() * 1e-3, 3),
            gross_t: round_to((model.kerb_kg + planner.payload_kg()) * 1e-3, 3),
            drivers: planner.drivers(),
            axles: planner.axles(),
        },
        assumed: question.assumed.clone(),
        departs: table.departs(),
        arrives: eta.map(|eta| table.arrives().unwrap_or(eta.arrival)),
        earliest: eta.map(|eta| eta.earliest),
        latest: eta.map(|eta| eta.latest),
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
    }
}
