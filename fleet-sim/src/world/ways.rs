//! Where a truck's way comes from: the router in the program, or one outside.
//!
//! An outside router's answer is no function of (seed, truck, time), so the world never asks for it:
//! a truck that needs one stands still before the second in which it does, until it is told. What it
//! needs is a function of its state alone, and it is told the same whenever it comes there.

use std::sync::Arc;

use fleet_core::{
    Error, Result,
    domain::{RouterKind, TripId},
    geo::Position,
    route::{BuiltinRouter, Network, NodeIx, Route},
    time::Time,
};

use super::{
    loads::gate_min,
    truck::{Phase, Truck},
};

/// A way that a truck waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The trip that it is for.
    pub trip_id: TripId,
    /// The part of the trip, from 1.
    pub leg: u32,
    /// Where the way starts.
    pub from: Position,
    /// Where it ends.
    pub to: Position,
    /// Place of the truck in the world.
    pub(super) truck: usize,
}

/// An outside router's answer: the way, or that there is none.
pub type Way = Option<Arc<Route>>;

/// Where a truck's ways come from.
#[derive(Debug)]
pub(super) enum Ways {
    Builtin,
    Outside {
        /// The last answer, and the trip that it is for.
        told: Option<(TripId, Way)>,
        /// The trip for whose way the truck stands still.
        awaited: Option<(TripId, NodeIx, NodeIx)>,
    },
}

/// Trips have one leg.
const LEG: u32 = 1;

impl Ways {
    pub(super) const fn of(kind: RouterKind) -> Self {
        match kind {
            RouterKind::Builtin => Self::Builtin,
            RouterKind::Osrm => Self::Outside { told: None, awaited: None },
        }
    }

    /// The way of a trip.
    ///
    /// # Errors
    /// `NotFound` if there is none, or if it has not been told.
    pub(super) fn find(&self, trip: &TripId, from: NodeIx, to: NodeIx) -> Result<Arc<Route>> {
        let told = match self {
            Self::Builtin => return BuiltinRouter::ne_india().route_nodes(from, to),
            Self::Outside { told, .. } => told.as_ref(),
        };
        let way = told.filter(|(of, _)| of == trip).and_then(|(_, way)| way.clone());
        way.ok_or_else(|| Error::not_found(format!("trip {trip}: no way")))
    }
}

impl Truck {
    /// Whether the truck has to be told a way before anything may happen at `now`.
    pub(super) fn stands_still(&mut self, now: Time) -> bool {
        let Ways::Outside { told, awaited } = &self.ways else { return false };
        if awaited.is_some() {
            return true;
        }
        let knows = |trip: &TripId| told.as_ref().is_some_and(|(of, _)| of == trip);
        let wanted = match &self.state.job {
            Some(job) if self.route.is_none() => Some((job.trip_id.clone(), job.from, job.to)),
            Some(_) => None,
            None if self.is_choosing(now) => {
                let trip = self.next_trip();
                (!knows(&trip)).then(|| (trip, self.state.node, self.next_destination()))
            }
            None => None,
        };
        let stands = wanted.is_some();
        if let Ways::Outside { awaited, .. } = &mut self.ways {
            *awaited = wanted;
        }
        stands
    }

    /// Whether the next job is chosen at `now`.
    fn is_choosing(&self, now: Time) -> bool {
        let (Phase::Idle { until } | Phase::OffDuty { until }) = self.state.phase else {
            return false;
        };
        now >= until && !self.waits_at_gate(now)
    }

    /// Whether the truck stays where it is since the gate is closed.
    pub(super) fn waits_at_gate(&self, now: Time) -> bool {
        self.state.jobs > 0 && gate_min(self.state.node, now) > 0.0
    }

    /// The trip whose job is chosen next.
    pub(super) fn next_trip(&self) -> TripId {
        self.fixed.id.trip(self.state.jobs + 1)
    }

    /// Whether the truck stands still until it is told a way.
    pub(super) const fn awaits(&self) -> bool {
        matches!(&self.ways, Ways::Outside { awaited: Some(_), .. })
    }

    /// What the truck waits for, if it does.
    pub(super) fn wanted(&self, truck: usize) -> Option<Wanted> {
        let Ways::Outside { awaited: Some((trip_id, from, to)), .. } = &self.ways else {
            return None;
        };
        let at = |node| Network::ne_india().node_at(node).position;
        Some(Wanted { trip_id: trip_id.clone(), leg: LEG, from: at(*from), to: at(*to), truck })
    }

    /// Tells the truck the way of a trip; nothing happens if it does not wait for that.
    ///
    /// # Errors
    /// `Corrupt` if it is under way already and there is none: it set out on one.
    pub(super) fn tell_way(&mut self, trip_id: &TripId, way: Way) -> Result<()> {
        match &mut self.ways {
            Ways::Outside { told, awaited }
                if awaited.as_ref().is_some_and(|(of, ..)| of == trip_id) =>
            {
                *awaited = None;
                *told = Some((trip_id.clone(), way));
            }
            Ways::Builtin | Ways::Outside { .. } => return Ok(()),
        }
        let corrupt = |error: Error| {
            Error::corrupt("the way of a trip that has set out is not kept").with_source(error)
        };
        if self.state.job.is_some() { self.take_up_route().map_err(corrupt) } else { Ok(()) }
    }
}
