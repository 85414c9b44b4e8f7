//! Where along a route to buy fuel, and how much: the cheapest plan that never runs low.
//!
//! Places are counted in fuel, not in metres: a pump stands where the truck has burned so many
//! millilitres since the start, so hills and loads are in the numbers before the search begins.
//! Money is counted in thousandths of a paisa: a millilitre at `p` paise per litre costs exactly
//! `p` of them, and nothing is ever rounded.
//!
//! Between two stops of a cheapest plan the truck either leaves the first with a full tank or
//! reaches the second with the reserve: else a millilitre could move to the cheaper of the two
//! (Khuller, Malekian, Mestre: To Fill or Not to Fill, ACM Transactions on Algorithms 7(3), 2011).
//! A price for stopping changes nothing in that. So a pump is reached with the reserve, or with
//! what is left of the start, or of a tank filled at one earlier pump; these levels are ascending in
//! that order, and the best of those below a wanted level is a running minimum: O(n²) in all.
//!
//! ```
//! use fleet_core::refuel::{Limits, Problem, Pump};
//! let limits = Limits {
//!     capacity_ml: 200_000,
//!     start_ml: 80_000,
//!     reserve_ml: 20_000,
//!     arrive_ml: 20_000,
//!     stop_cost_mpaise: 0,
//! };
//! let pumps = [
//!     Pump { burned_ml: 50_000, paise_per_l: 9_200 },
//!     Pump { burned_ml: 60_000, paise_per_l: 8_040 }, // beyond the border
//! ];
//! let plan = Problem::new(limits, 150_000, &pumps)?.cheapest().map_err(|e| e.to_string());
//! let plan = plan.expect("60 l are enough for the border");
//! assert_eq!((plan.stops[0].pump, plan.stops[0].buy_ml), (1, 90_000));
//! assert_eq!(plan.fuel_cost_mpaise, 90_000 * 8_040);
//! # Ok::<(), fleet_core::Error>(())
//! ```

mod search;

use std::fmt;

use crate::{Error, Result};

/// The tank and what the driver keeps in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What the tank is filled to at most, ml: up to 10,000,000.
    pub capacity_ml: u64,
    /// What is in it at the start, ml: up to `capacity_ml`.
    pub start_ml: u64,
    /// What is left at every pump stopped at, ml: up to `capacity_ml`.
    pub reserve_ml: u64,
    /// What is left at the end, ml: from `reserve_ml` to `capacity_ml`.
    pub arrive_ml: u64,
    /// What a stop costs beside the fuel (the driver's time, the queue), thousandths of a paisa:
    /// up to 10¹².
    pub stop_cost_mpaise: u64,
}

/// A pump on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pump {
    /// What the truck burns from the start to here, ml.
    pub burned_ml: u64,
    /// Price, paise per litre: up to 100,000.
    pub paise_per_l: u32,
}

/// A stop of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The pump's place in the list, from 0.
    pub pump: usize,
    /// What to buy there, ml, above 0.
    pub buy_ml: u64,
}

/// The cheapest plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Where to stop, in driving order; often nowhere.
    pub stops: Vec<Stop>,
    /// The fuel's price, thousandths of a paisa.
    pub fuel_cost_mpaise: u64,
    /// The same with what stopping costs.
    pub total_cost_mpaise: u64,
}

/// No plan exists: two places lie farther apart than the tank reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfReach {
    /// The last pump that can be reached; `None`: not even the first is.
    pub after_pump: Option<usize>,
    /// What the tank must hold there for the way to the next pump or to the end, with what has to
    /// be left on arrival, ml.
    pub needed_ml: u64,
    /// What it can hold there at most, ml: less.
    pub available_ml: u64,
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needed_ml, available_ml, .. } = self;
        match self.after_pump {
            Some(pump) => write!(f, "after pump {pump} {needed_ml} ml are needed, ")?,
            None => write!(f, "from the start {needed_ml} ml are needed, ")?,
        }
        write!(f, "and there are at most {available_ml} ml")
    }
}

impl std::error::Error for OutOfReach {}

/// A checked question: which pumps, and how much at each?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem<'a> {
    limits: Limits,
    trip_ml: u64,
    pumps: &'a [Pump],
}

const CAPACITY_ML_MAX: u64 = 10_000_000;
const TRIP_ML_MAX: u64 = 1_000_000_000;
const PAISE_PER_L_MAX: u32 = 100_000;
const STOP_COST_MPAISE_MAX: u64 = 1_000_000_000_000;
/// The search takes n² steps; a route across the continent has fewer.
const PUMPS_MAX: usize = 4_096;

impl<'a> Problem<'a> {
    /// A trip that burns `trip_ml` (up to 10⁹) past `pumps` (up to 4,096, in driving order).
    ///
    /// # Errors
    /// `Invalid`, naming the field and the rule it breaks.
    pub fn new(limits: Limits, trip_ml: u64, pumps: &'a [Pump]) -> Result<Self> {
        let rule = |ok: bool, text: &str| if ok { Ok(()) } else { Err(Error::invalid(text)) };
        let Limits { capacity_ml, start_ml, reserve_ml, arrive_ml, stop_cost_mpaise } = limits;
        rule((1..=CAPACITY_ML_MAX).contains(&capacity_ml), "capacity_ml: outside 1 to 10000000")?;
        rule(start_ml <= capacity_ml, "start_ml: above capacity_ml")?;
        rule(reserve_ml <= capacity_ml, "reserve_ml: above capacity_ml")?;
        let arrives_within = (reserve_ml..=capacity_ml).contains(&arrive_ml);
        rule(arrives_within, "arrive_ml: outside reserve_ml to capacity_ml")?;
        rule(stop_cost_mpaise <= STOP_COST_MPAISE_MAX, "stop_cost_mpaise: above 10^12")?;
        rule(trip_ml <= TRIP_ML_MAX, "trip_ml: above 10^9")?;
        rule(pumps.len() <= PUMPS_MAX, "pumps: more than 4096")?;
        rule(pumps.is_sorted_by_key(|pump| pump.burned_ml), "pumps: not in driving order")?;
        let is_on_the_way = pumps.last().is_none_or(|pump| pump.burned_ml <= trip_ml);
        rule(is_on_the_way, "pumps: one stands behind the end of the trip")?;
        let is_priced = pumps.iter().all(|pump| pump.paise_per_l <= PAISE_PER_L_MAX);
        rule(is_priced, "pumps: paise_per_l above 100000")?;
        Ok(Self { limits, trip_ml, pumps })
    }

    /// The cheapest plan. Of plans that cost the same, the one with fewer stops; of those, the one
    /// with the earliest last stop, arriving there with the least fuel; and so on backwards.
    ///
    /// # Errors
    /// [`OutOfReach`]: the first way that is longer than the tank reaches.
    pub fn cheapest(&self) -> Result<Plan, OutOfReach> {
        search::cheapest(&self.limits, self.trip_ml, self.pumps)
    }
}

#[cfg(test)]
mod tests;
