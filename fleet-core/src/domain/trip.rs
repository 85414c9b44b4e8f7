//! One journey with a load, from departure to arrival, and what was promised for it.

use serde::{Deserialize, Serialize};

use super::{DriverId, Refuelling, TripId, TruckId, event::check_text, ranges};
use crate::{Error, Result, geo::Position, time::Time};

/// Where a trip begins or ends.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TripEnd {
    /// The town's id in the road network.
    pub place: String,
    /// The town's name.
    pub name: String,
    /// Where it is.
    pub position: Position,
}

/// Whether a trip is under way.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TripStatus {
    /// Departed, not yet arrived.
    Running,
    /// Arrived.
    Done,
}

/// Why a trip was late, by where its time went beyond the plan.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LateReason {
    /// Slow roads and traffic.
    Traffic,
    /// The driver's rest.
    Rest,
    /// Queueing and filling at pumps.
    Refuelling,
    /// Rain or fog.
    Weather,
    /// A closed road.
    Closure,
    /// A truck that could not move.
    Breakdown,
    /// Loading that took longer than the promise allows for.
    Loading,
}

/// How the promise ended.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Sla {
    /// Arrived at or before the promise.
    OnTime,
    /// Arrived after it.
    Late {
        /// By how much, in whole minutes, rounded up.
        late_min: u64,
        /// The largest cause.
        reason: LateReason,
    },
}

/// The fuel book of a trip, ml: `start + refuelled − drained − burned = end`, exactly.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the line above")]
pub struct FuelLedger {
    pub start_ml: u64,
    pub refuelled_ml: u64,
    pub drained_ml: u64,
    pub burned_ml: u64,
    pub end_ml: u64,
}

/// When the truck will be there, as foreseen.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eta {
    /// As likely before as after.
    pub arrival: Time,
    /// One in twenty arrives before.
    pub earliest: Time,
    /// One in twenty arrives after: nine in ten arrive between `earliest` and this.
    pub latest: Time,
}

/// What the time of a trip went into beyond driving freely, s; rest stands beside it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delays {
    /// Slow traffic, and waiting before towns that bar trucks.
    pub traffic_s: u64,
    /// Slower for rain, fog, snow and bad slopes.
    pub weather_s: u64,
    /// At pumps, queues included.
    pub refuelling_s: u64,
    /// Before closed roads.
    pub closure_s: u64,
    /// Broken down, or out of fuel.
    pub breakdown_s: u64,
    /// Before departure, beyond the handling that the promise has in it.
    #[serde(default)]
    pub loading_s: u64,
}

/// A trip as it stands: revision 1 is written at departure, one every hour under
/// way, the last one at arrival.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TripSummary {
    /// The trip.
    pub trip_id: TripId,
    /// From 1; a higher one replaces a lower one.
    pub revision: u32,
    /// The truck.
    pub truck_id: TruckId,
    /// Who drives.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub driver_id: Option<DriverId>,
    /// Whether it is under way.
    pub status: TripStatus,
    /// Where it began.
    pub origin: TripEnd,
    /// Where it goes.
    pub destination: TripEnd,
    /// What is carried, e.g. `tea`; `empty` for a run to the next load.
    pub commodity: String,
    /// How much of it, kg.
    pub payload_kg: f64,
    /// Length of the planned route, m.
    pub planned_distance_m: u64,
    /// When the wheels first turned.
    pub started_at: Time,
    /// What was promised to the customer.
    pub promised_at: Time,
    /// When it arrived; `None` while under way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arrived_at: Option<Time>,
    /// Driven so far, m.
    pub distance_m: u64,
    /// The fuel book so far.
    pub fuel: FuelLedger,
    /// Cost of the fuel burned, at the moving average price in the tank, paise.
    pub diesel_cost_paise: u64,
    /// CO₂ of the fuel burned, g, at 2.64 kg per litre of diesel.
    pub co2_g: u64,
    /// Mean speed over the whole trip, halts included, km/h.
    pub average_speed_kmh: f64,
    /// Highest speed, km/h.
    pub max_speed_kmh: f64,
    /// Standing with the engine on, s.
    pub idle_s: u64,
    /// Driver at rest, s.
    pub rest_s: u64,
    /// Every refuelling on the way, in order.
    pub refuellings: Vec<Refuelling>,
    /// How the promise ended; `None` while under way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sla: Option<Sla>,
    /// What was foreseen at departure.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub eta_at_departure: Option<Eta>,
    /// What is foreseen now; `None` once arrived.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub eta: Option<Eta>,
    /// Where time was lost so far.
    #[serde(default)]
    pub delays: Delays,
}

impl Eta {
    fn validate(&self, field: &str) -> Result<()> {
        let Self { arrival, earliest, latest } = self;
        earliest.check(field)?;
        latest.check(field)?;
        if arrival < earliest || latest < arrival {
            return Err(Error::invalid(format!("{field}: expected earliest <= arrival <= latest")));
        }
        Ok(())
    }
}

/// The most refuellings a trip summary may carry.
const REFUELLINGS_MAX: usize = 1_000;

impl TripSummary {
    /// Checks ranges and the rules between fields.
    ///
    /// # Errors
    /// `Invalid`, naming the field that breaks a rule, and the rule.
    pub fn validate(&self) -> Result<()> {
        let rule = |ok: bool, text: &str| if ok { Ok(()) } else { Err(Error::invalid(text)) };
        rule(self.revision >= 1, "revision: expected at least 1")?;
        for (field, time) in [
            ("started_at", Some(self.started_at)),
            ("promised_at", Some(self.promised_at)),
            ("arrived_at", self.arrived_at),
        ] {
            time.map(|time| time.check(field)).transpose()?;
        }
        let arrived_in_order = self.arrived_at.is_none_or(|at| at >= self.started_at);
        rule(arrived_in_order, "arrived_at: before started_at")?;
        let done = self.status == TripStatus::Done;
        rule(
            done == self.arrived_at.is_some(),
            "arrived_at: expected exactly when status is done",
        )?;
        rule(done == self.sla.is_some(), "sla: expected exactly when status is done")?;
        rule(!done || self.eta.is_none(), "eta: expected only while under way")?;
        for (field, eta) in [("eta_at_departure", &self.eta_at_departure), ("eta", &self.eta)] {
            eta.as_ref().map_or(Ok(()), |eta| eta.validate(field))?;
        }
        ranges::PAYLOAD_KG.check(self.payload_kg)?;
        ranges::Range { field: "average_speed_kmh", ..ranges::SPEED_KMH }
            .check(self.average_speed_kmh)?;
        ranges::Range { field: "max_speed_kmh", ..ranges::SPEED_KMH }.check(self.max_speed_kmh)?;
        check_text("commodity", &self.commodity)?;
        for end in [&self.origin, &self.destination] {
            check_text("place", &end.place)?;
            check_text("name", &end.name)?;
            ranges::LATITUDE_DEG.check(end.position.lat)?;
            ranges::LONGITUDE_DEG.check(end.position.lon)?;
        }
        let f = &self.fuel;
        let balanced = u128::from(f.start_ml) + u128::from(f.refuelled_ml)
            == u128::from(f.end_ml) + u128::from(f.burned_ml) + u128::from(f.drained_ml);
        rule(balanced, "fuel: start + refuelled - drained - burned is not end")?;
        rule(self.refuellings.len() <= REFUELLINGS_MAX, "refuellings: more than 1000")?;
        self.refuellings.iter().try_for_each(Refuelling::validate)
    }
}
