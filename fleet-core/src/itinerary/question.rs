//! A question that can be answered, and the ways that answer it.

use std::sync::Arc;

use serde_json::Value;

use super::{
    answer::{other, tell},
    geojson,
    inquiry::{Field, Names},
    told::Itinerary,
    ways,
};
use crate::{
    Error, ErrorKind, Result,
    eta::{Pacing, Planner, Progress, Timetable},
    physics::TruckModel,
    route::{BuiltinRouter, Ferries, Place, Route},
    time::Time,
};

/// An [`Inquiry`](super::Inquiry) that was checked.
#[derive(Clone, Debug)]
pub struct Question {
    pub(super) router: BuiltinRouter,
    /// Origin, calls on the way, destination.
    pub(super) places: Vec<Place>,
    pub(super) model: Arc<TruckModel>,
    pub(super) payload_kg: f64,
    pub(super) drivers: u32,
    pub(super) pacing: Pacing,
    pub(super) departs: Option<Time>,
    pub(super) tank_ml: Option<u64>,
    /// Whether the way itself depends on truck and hour.
    pub(super) chooses: bool,
    pub(super) alternatives: u32,
    pub(super) assumed: Vec<String>,
    pub(super) names: Names,
}

/// A way that was planned.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The way itself.
    pub route: Route,
    /// What is told of it.
    pub itinerary: Itinerary,
}

impl Planned {
    /// It as a feature collection (RFC 7946): a line for each leg and a point for each stop, with
    /// what is told of them as properties; in `summary` ends, length, time, fuel and cost.
    pub fn geojson(&self) -> Value {
        geojson::features(self)
    }
}

/// A way with its timetable.
pub(super) struct Way {
    pub(super) route: Route,
    pub(super) table: Timetable,
    /// Metres from the start at which it calls, the destination included.
    pub(super) calls: Vec<f64>,
}

impl Question {
    /// What finds the ways.
    pub fn router(&self) -> &BuiltinRouter {
        &self.router
    }

    pub(super) fn planner(&self) -> Result<Planner<'_>> {
        let planner =
            Planner::new(self.router.network(), Arc::clone(&self.model), self.payload_kg)?;
        Ok(planner.with_drivers(self.drivers).with_pacing(self.pacing))
    }

    pub(super) fn start(&self, planner: &Planner<'_>) -> Progress {
        let start = planner.departure(self.departs);
        Progress { tank_ml: self.tank_ml.unwrap_or(start.tank_ml), ..start }
    }

    /// The way, its timetable, and other ways if they were asked for. On the bundled roads it takes
    /// up to some tenths of a second of one core; where ways are chosen from or told, ways by each of
    /// a small network's towns are compared.
    ///
    /// # Errors
    /// `NotFound` if a place is too far from any road, or if there is no way.
    pub fn answer(&self) -> Result<Planned> {
        let planner = self.planner()?;
        let mut ways = self.ways(&planner)?;
        let best = ways.remove(0);
        let others = usize::try_from(self.alternatives).unwrap_or(usize::MAX);
        let others = ways.iter().take(others).map(|way| other(&planner, way)).collect();
        let itinerary = tell(self, &planner, &best, others);
        Ok(Planned { route: best.route, itinerary })
    }

    /// The ways, the best first: with truck and hour that which arrives first, else the fastest in
    /// free flow. Other ways are sought only where they are asked for or may be better.
    fn ways(&self, planner: &Planner<'_>) -> Result<Vec<Way>> {
        let start = self.start(planner);
        let plan = |route: Route, calls: Vec<f64>| -> Result<Way> {
            let table = planner.plan(&route, &start)?;
            Ok(Way { route, table, calls })
        };
        let pairs: Vec<_> = self.places.windows(2).collect();
        let lost = |error| self.hint(error);
        let seeks = self.chooses || self.alternatives > 0;
        if let ([pair], true) = (pairs.as_slice(), seeks) {
            let found = ways::between(&self.router, pair[0], pair[1]).map_err(lost)?;
            let ways = found.iter().map(|route| plan(Route::clone(route), vec![route.length_m]));
            let mut ways: Vec<Way> = ways.collect::<Result<_>>()?;
            if self.chooses {
                ways.sort_by(|a, b| a.table.total_s().total_cmp(&b.table.total_s()));
            }
            return Ok(ways);
        }
        let mut parts: Vec<Arc<Route>> = Vec::new();
        for pair in pairs {
            parts.push(ways::route(&self.router, pair[0], pair[1]).map_err(lost)?);
        }
        let mut calls = Vec::new();
        for part in &parts {
            calls.push(calls.last().unwrap_or(&0.0) + part.length_m);
        }
        let route = Route::join(parts.iter().map(|part| &**part))?;
        Ok(vec![plan(route, calls)?])
    }

    /// A failed search for a way, with what may help.
    fn hint(&self, error: Error) -> Error {
        match self.router.ferries() {
            Ferries::LeftOut if error.kind() == ErrorKind::NotFound => {
                let ferries = (self.names)(Field::Ferries);
                Error::not_found(format!("no way found (ferries: {ferries})")).with_source(error)
            }
            Ferries::LeftOut | Ferries::Allowed => error,
        }
    }
}
