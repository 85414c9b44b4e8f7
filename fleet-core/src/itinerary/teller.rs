//! Places, legs, halts and dangers of a way in words and numbers for people.

use super::{
    answer::{km, litres},
    told::{ClosureRisk, ItineraryLeg, ItineraryStop, ItineraryTurn, Waypoint},
};
use crate::{
    driver::Due,
    eta::{Halt, Pacing, Reason, RestPlace, Timetable},
    route::{Leg, Network, NodeIx, Route, Step, ZoneRule},
    time::Time,
    units::round_to,
};

/// Puts places and times into words.
pub(super) struct Teller<'a> {
    pub(super) network: &'a Network,
    pub(super) route: &'a Route,
    pub(super) table: &'a Timetable,
}

impl Teller<'_> {
    fn name(&self, ix: NodeIx) -> String {
        let node = self.network.node_at(ix);
        let name = if node.name.is_empty() { &node.id } else { &node.name };
        name.to_string()
    }

    /// The place `m` metres from the start: the node there, or its coordinates.
    pub(super) fn place(&self, m: f64) -> Waypoint {
        let (position, altitude_m) = self.route.position_at(m, self.route.piece_at(m, 0));
        let node = self.route.towns.iter().find(|(_, at_m)| (at_m - m).abs() < 1e-6);
        let node = node.map(|(ix, _)| *ix);
        let point = format!("{:.4},{:.4}", position.lat, position.lon);
        Waypoint {
            id: node.map(|ix| self.network.node_at(ix).id.to_string()),
            name: node.map_or(point, |ix| self.name(ix)),
            lat: round_to(position.lat, 6),
            lon: round_to(position.lon, 6),
            altitude_m: round_to(altitude_m, 0),
            snapped_m: 0.0,
        }
    }

    /// Where that is for somebody on the road: by the nearest town of the way.
    fn near(&self, m: f64) -> String {
        let named = self.route.towns.iter();
        let named = named.filter(|(ix, _)| !self.network.node_at(*ix).name.is_empty());
        let off = |at_m: f64| (at_m - m).abs();
        let Some((ix, at_m)) = named.min_by(|a, b| off(a.1).total_cmp(&off(b.1))) else {
            return self.place(m).name;
        };
        let (name, away_km) = (self.name(*ix), off(*at_m) * 1e-3);
        match () {
            () if away_km < 1.5 => name,
            () if *at_m > m => format!("{away_km:.0} km before {name}"),
            () => format!("{away_km:.0} km after {name}"),
        }
    }

    fn clock(&self, elapsed_s: f64) -> Option<Time> {
        Some(self.table.departs()?.plus_ms((elapsed_s * 1e3) as i64))
    }

    pub(super) fn legs(&self, calls: &[f64], pacing: Pacing) -> Vec<ItineraryLeg> {
        let stood_s = |until_m: f64| -> f64 {
            let before = self.table.halts().iter().filter(|halt| halt.at_m < until_m);
            let counted = before.filter(|_| pacing == Pacing::Usual);
            counted.map(|halt| halt.stands_s).sum()
        };
        let driven_min = |m: f64| round_to((self.table.arrives_s_at(m) - stood_s(m)) / 60.0, 1);
        let burned_l = |m: f64| round_to(self.table.burned_ml_at(m) * 1e-3, 2);
        let told = |leg: Leg| ItineraryLeg {
            class: leg.road_class.as_str(),
            ferry: leg.ferry,
            from: self.place(leg.start_m).name,
            to: self.place(leg.end_m).name,
            distance_km: round_to(km(leg.end_m) - km(leg.start_m), 3),
            end_km: km(leg.end_m),
            minutes: round_to(driven_min(leg.end_m) - driven_min(leg.start_m), 1),
            climb_m: round_to(leg.climb_m, 0),
            descent_m: round_to(leg.descent_m, 0),
            fuel_l: round_to(burned_l(leg.end_m) - burned_l(leg.start_m), 2),
            towns: leg.towns.iter().map(|(ix, _)| self.name(*ix)).collect(),
            arrives: self.clock(self.table.arrives_s_at(leg.end_m)),
            arrives_s: self.table.arrives_s_at(leg.end_m),
            start_m: leg.start_m,
            end_m: leg.end_m,
            road: leg.road,
        };
        self.route.legs(self.network, calls).into_iter().map(told).collect()
    }

    pub(super) fn turns(&self) -> Vec<ItineraryTurn> {
        let named = |ix: NodeIx| Some(self.network.node_at(ix).name.to_string());
        let told = |step: Step| ItineraryTurn {
            turn: step.turn.as_str(),
            place: step.node.and_then(named).filter(|name| !name.is_empty()),
            at_km: km(step.at_m),
            distance_km: round_to(km(step.at_m + step.length_m) - km(step.at_m), 3),
            road: step.road,
        };
        self.route.steps(self.network).into_iter().map(told).collect()
    }

    pub(super) fn stop(&self, halt: &Halt) -> ItineraryStop {
        let near = self.near(halt.at_m);
        let stop = |kind, place| ItineraryStop {
            kind,
            place,
            at_km: km(halt.at_m),
            minutes: round_to(halt.stands_s / 60.0, 1),
            arrives: self.clock(halt.arrives_s),
            litres: None,
            inr_per_l: None,
            inr: None,
            arrives_s: halt.arrives_s,
            at_m: halt.at_m,
        };
        match halt.reason {
            Reason::Fuel { station, buy_ml, paise_per_l, .. } => {
                let id = &self.network.fuel_stations()[station].id;
                let inr_per_l = f64::from(paise_per_l) / 100.0;
                ItineraryStop {
                    litres: Some(litres(buy_ml)),
                    inr_per_l: Some(inr_per_l),
                    inr: Some(round_to(litres(buy_ml) * inr_per_l, 0)),
                    ..stop("fuel", format!("{id}, {near}"))
                }
            }
            Reason::Rest { due, place } => {
                let kind = if due == Due::Break { "break" } else { "rest" };
                let place = match place {
                    RestPlace::Area(ix) => {
                        let area = &self.network.rest_areas()[ix];
                        format!("{} {}, {near}", area.kind.replace('_', " "), area.id)
                    }
                    RestPlace::Station(ix) => {
                        format!("pump {}, {near}", self.network.fuel_stations()[ix].id)
                    }
                    RestPlace::Town(_) => near,
                    RestPlace::Roadside => format!("by the road, {near}"),
                };
                stop(kind, place)
            }
            Reason::Barred { zone } => {
                let zone = &self.network.zones()[zone.index()].name;
                stop("barred", format!("{zone} bars trucks, {near}"))
            }
            Reason::Shut { segment } => {
                let road = &self.network.segments()[segment.index()];
                let what = if road.ferry { "the ferry" } else { "the road" };
                let windows = road.hours_ist.windows().iter().map(ToString::to_string);
                let hours = windows.collect::<Vec<_>>().join(", ");
                stop("closed", format!("{what} is open {hours}, {near}"))
            }
            Reason::Toll { plaza, fee_inr } => {
                let name = &self.network.toll_plazas()[plaza].name;
                ItineraryStop { inr: Some(fee_inr), ..stop("toll", name.clone()) }
            }
        }
    }

    /// Roads that may be closed in the season in which the truck passes.
    pub(super) fn risks(&self) -> Vec<ClosureRisk> {
        let Some(departs) = self.table.departs() else { return Vec::new() };
        let mut risks: Vec<ClosureRisk> = Vec::new();
        let mut seen = Vec::new();
        for piece in self.route.pieces.iter() {
            for ix in piece.zones.iter() {
                let zone = &self.network.zones()[ix.index()];
                let rule = match &zone.rule {
                    ZoneRule::Landslide(rule) | ZoneRule::Snow(rule) | ZoneRule::Flood(rule) => {
                        rule
                    }
                    ZoneRule::Urban(_) | ZoneRule::Fog(_) => continue,
                };
                let passes_s = self.table.arrives_s_at(piece.start_m);
                let passes = departs.plus_ms((passes_s * 1e3) as i64);
                let chance = rule.closure_probability_per_day;
                if !rule.months.contains(passes.ist_month()) || seen.contains(&(*ix, piece.segment))
                {
                    continue;
                }
                seen.push((*ix, piece.segment));
                match risks.iter_mut().find(|risk| risk.zone == zone.name) {
                    Some(risk) => {
                        let open = (1.0 - risk.closed_per_day) * (1.0 - chance);
                        risk.closed_per_day = round_to(1.0 - open, 4);
                    }
                    None => risks.push(ClosureRisk {
                        zone: zone.name.clone(),
                        at_km: km(piece.start_m),
                        closed_per_day: chance,
                        hours: rule.closure_hours,
                    }),
                }
            }
        }
        risks
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(gap) = self.table.fuel().gap {
            let (needs, has) = (litres(gap.lacks.needed_ml), litres(gap.lacks.available_ml));
            let place = self.near(gap.from_m);
            warnings.push(format!(
                "the tank does not reach the next known pump: from {place} on it takes {needs:.0} l \
                 with the reserve, and there are {has:.0} l"
            ));
        }
        if self.table.fuel().cost_upaise.is_none() {
            warnings.push("no cost: the network knows no price of diesel".into());
        }
        warnings
    }
}
