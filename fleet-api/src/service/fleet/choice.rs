//! Which trucks are wanted, in which order.

use fleet_core::{
    Error, Result,
    domain::{Signal, TelemetryEvent},
    geo::{Position, great_circle_m},
};

use crate::messages::{Truck, TruckOrder, TruckPart, TrucksQuestion};

/// The smallest and the greatest radius around a point, m.
const RADIUS_M: std::ops::RangeInclusive<f64> = 1.0..=2_000_000.0;

/// A question about trucks that makes sense.
pub(super) struct Choice<'a> {
    question: &'a TrucksQuestion,
    /// Centre and radius in metres.
    near: Option<(Position, f64)>,
    order: TruckOrder,
}

impl<'a> Choice<'a> {
    /// Checks what no single parameter says.
    pub(super) fn new(question: &'a TrucksQuestion) -> Result<Self> {
        let near = match (question.near, question.radius_m) {
            (Some(at), Some(radius_m)) if RADIUS_M.contains(&radius_m) => Some((at, radius_m)),
            (_, Some(radius_m)) if !RADIUS_M.contains(&radius_m) => {
                return Err(Error::invalid(format!(
                    "radius_m: {radius_m} is outside 1 to 2000000"
                )));
            }
            (Some(_), _) => return Err(Error::invalid("radius_m: expected with near")),
            (None, Some(_)) => return Err(Error::invalid("near: expected with radius_m")),
            (None, None) => None,
        };
        let order = question.order.unwrap_or_default();
        if order == TruckOrder::NearestFirst && near.is_none() {
            return Err(Error::invalid("order: nearest_first needs near and radius_m"));
        }
        Ok(Self { question, near, order })
    }

    /// What makes this list another one than that of another question.
    pub(super) fn filter(&self) -> String {
        let TrucksQuestion { status, depot, model, bbox, .. } = self.question;
        let (near, order) = (self.near, self.order);
        format!("trucks {status:?} {depot:?} {model:?} {bbox:?} {near:?} {order:?}")
    }

    pub(super) fn wants(&self, truck: &Truck) -> bool {
        let TrucksQuestion { status, depot, model, bbox, .. } = self.question;
        let (latest, registered) = (truck.latest.as_ref(), truck.registered.as_ref());
        let was = |is_wanted: &dyn Fn(&TelemetryEvent) -> bool| latest.is_some_and(is_wanted);
        status.is_none_or(|status| was(&|latest| latest.status == status))
            && depot.as_ref().is_none_or(|depot| registered.is_some_and(|r| r.depot == *depot))
            && model.as_ref().is_none_or(|model| registered.is_some_and(|r| r.model == *model))
            && bbox.is_none_or(|bbox| was(&|latest| bbox.holds(latest.position)))
            && self.near.is_none_or(|(at, radius_m)| {
                was(&|latest| great_circle_m(at, latest.position) <= radius_m)
            })
    }

    /// Where a truck stands in the list: the smallest number first, of equal ones by id. Trucks
    /// without the reading have the greatest.
    pub(super) fn rank(&self, truck: &Truck) -> u64 {
        let Some(latest) = &truck.latest else {
            return if self.order == TruckOrder::TruckId { 0 } else { u64::MAX };
        };
        let reading = |signal: Signal| signal.of(&latest.signals);
        let time = latest.event_time.as_ms() as f64;
        let (value, is_descending) = match self.order {
            TruckOrder::TruckId => return 0,
            TruckOrder::NewestFirst => (Some(time), true),
            TruckOrder::StalestFirst => (Some(time), false),
            TruckOrder::FastestFirst => (reading(Signal::SpeedKmh), true),
            TruckOrder::SlowestFirst => (reading(Signal::SpeedKmh), false),
            TruckOrder::MostFuelFirst => (reading(Signal::FuelPct), true),
            TruckOrder::LeastFuelFirst => (reading(Signal::FuelPct), false),
            TruckOrder::NearestFirst => {
                (self.near.map(|(at, _)| great_circle_m(at, latest.position)), false)
            }
        };
        match value.map(ascending) {
            None => u64::MAX,
            Some(rank) if is_descending => !rank,
            Some(rank) => rank,
        }
    }

    /// As much of a truck as was asked for.
    pub(super) fn part(&self, mut truck: Truck) -> Truck {
        let TrucksQuestion { fields, signals, .. } = self.question;
        let is_left_out = |part| !fields.is_empty() && !fields.contains(&part);
        if is_left_out(TruckPart::Registered) {
            truck.registered = None;
        }
        if is_left_out(TruckPart::Latest) {
            truck.latest = None;
        }
        if let Some(latest) = truck.latest.as_mut().filter(|_| !signals.is_empty()) {
            latest.signals = latest.signals.only(signals);
        }
        truck
    }
}

/// A whole number that orders like the value: pages must not depend on how JSON writes a fraction.
fn ascending(value: f64) -> u64 {
    let bits = value.to_bits();
    if value.is_sign_negative() { !bits } else { bits | (1 << 63) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whole_numbers_order_like_the_values(a in -1e9..1e9_f64, b in -1e9..1e9_f64) {
            prop_assert_eq!(ascending(a).cmp(&ascending(b)), a.total_cmp(&b));
            prop_assert!(ascending(a) < u64::MAX && !ascending(a) < u64::MAX);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let at = Position::new(26.0, 91.0).ok();
        let near =
            |near, radius_m, order| TrucksQuestion { near, radius_m, order, ..Default::default() };
        for (question, what) in [
            (near(at, None, None), "radius_m"),
            (near(at, Some(0.5), None), "radius_m"),
            (near(at, Some(f64::NAN), None), "radius_m"),
            (near(None, Some(9.0), None), "near"),
            (near(None, None, Some(TruckOrder::NearestFirst)), "order"),
        ] {
            let error = Choice::new(&question).err().map(|error| error.to_string());
            assert!(error.as_ref().is_some_and(|e| e.starts_with(what)), "{question:?}: {error:?}");
        }
    }
}
