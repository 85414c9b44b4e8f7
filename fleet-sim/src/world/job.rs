//! A load from departure to arrival, and what is told of it.

use fleet_core::{
    domain::{
        Counters, Delays, Eta, FuelLedger, LateReason, Refuelling, Sla, TripEnd, TripId,
        TripStatus, TripSummary,
    },
    eta::Pace,
    route::{Network, NodeIx},
    time::Time,
    units::{kmh_from_mps, round_to},
};
use serde::{Deserialize, Serialize};

use super::{
    Output,
    loads::{dwell_min, gate_min, minutes},
    truck::{Halt, Phase, Truck},
};

pub(super) const HOUR_MS: i64 = 3_600_000;

/// A load under way, or an empty run to the next one, with what happened so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) trip_id: TripId,
    pub(super) from: NodeIx,
    pub(super) to: NodeIx,
    pub(super) commodity: String,
    pub(super) payload_kg: f64,
    /// Drivers on board.
    pub(super) drivers: u32,
    pub(super) booked_at: Time,
    pub(super) promised_at: Time,
    /// Rest that the promise has in it, s.
    pub(super) promised_rest_s: u64,
    pub(super) started_at: Option<Time>,
    pub(super) counters_at_start: Counters,
    pub(super) tank_at_start_ml: u64,
    pub(super) refuelled_at_start_ml: u64,
    pub(super) refuellings: Vec<Refuelling>,
    pub(super) eta_at_departure: Option<Eta>,
    /// The last revision told.
    pub(super) revision: u32,
    pub(super) max_speed_mps: f64,
    pub(super) idle_s: u64,
    pub(super) rest_s: u64,
    pub(super) traffic_s: f64,
    pub(super) weather_s: f64,
    /// The others, by whole seconds.
    pub(super) delays: Delays,
}

impl Job {
    /// Counts one second by what it was spent on.
    pub(super) fn note_second(
        &mut self,
        phase: Phase,
        pace: Pace,
        is_idling: bool,
        speed_mps: f64,
    ) {
        if self.started_at.is_none() {
            return;
        }
        self.max_speed_mps = self.max_speed_mps.max(speed_mps);
        self.idle_s += u64::from(is_idling);
        match phase {
            Phase::Driving => {
                self.traffic_s += pace.traffic_loss;
                self.weather_s += pace.weather_loss;
            }
            Phase::Resting { .. } => self.rest_s += 1,
            Phase::Refuelling { .. } => self.delays.refuelling_s += 1,
            Phase::Closed { .. } => self.delays.closure_s += 1,
            Phase::Barred { .. } => self.delays.traffic_s += 1,
            Phase::Stranded { .. } => self.delays.breakdown_s += 1,
            Phase::Idle { .. }
            | Phase::OffDuty { .. }
            | Phase::Loading { .. }
            | Phase::Unloading { .. } => {}
        }
    }

    #[expect(clippy::cast_sign_loss, reason = "sums of shares of seconds are positive")]
    fn delays(&self) -> Delays {
        Delays {
            traffic_s: self.delays.traffic_s + self.traffic_s as u64,
            weather_s: self.weather_s as u64,
            ..self.delays
        }
    }

    /// How the promise ends with an arrival `now`.
    fn sla(&self, now: Time) -> Sla {
        match now.ms_since(self.promised_at) {
            ..=0 => Sla::OnTime,
            late_ms => Sla::Late {
                late_min: late_ms.cast_unsigned().div_ceil(60_000),
                reason: self.late_reason(),
            },
        }
    }

    /// Where most of the time went beyond driving freely, and beyond the rest that was planned.
    /// Of equals the first; a trip that lost nothing on the way has met the slowness of its road.
    fn late_reason(&self) -> LateReason {
        let delays = self.delays();
        let causes = [
            (delays.traffic_s, LateReason::Traffic),
            (self.rest_s.saturating_sub(self.promised_rest_s), LateReason::Rest),
            (delays.refuelling_s, LateReason::Refuelling),
            (delays.weather_s, LateReason::Weather),
            (delays.closure_s, LateReason::Closure),
            (delays.breakdown_s, LateReason::Breakdown),
            (delays.loading_s, LateReason::Loading),
        ];
        let largest = causes.into_iter().rev().max_by_key(|(seconds, _)| *seconds);
        largest.map_or(LateReason::Traffic, |(_, reason)| reason)
    }
}

impl Truck {
    /// Ends what has run its time and begins what follows.
    pub(super) fn change_phase(&mut self, now: Time, sent: &mut Vec<(Time, Output)>) {
        match self.state.phase {
            Phase::Idle { until } | Phase::OffDuty { until } if now >= until => {
                self.end_idling(now);
            }
            Phase::Loading { until } if now >= until => self.depart(now, sent),
            Phase::Driving => self.watch_road(now, sent),
            Phase::Refuelling { station, until, buy_ml } if now >= until => {
                self.fill_up(station, buy_ml, now);
            }
            Phase::Resting { until } | Phase::Closed { until } | Phase::Barred { until }
                if now >= until =>
            {
                self.go_on(now);
            }
            Phase::Stranded { until } if now >= until => self.rescue(now),
            Phase::Unloading { until } if now >= until => self.finish_job(now),
            Phase::Idle { .. }
            | Phase::OffDuty { .. }
            | Phase::Loading { .. }
            | Phase::Refuelling { .. }
            | Phase::Resting { .. }
            | Phase::Closed { .. }
            | Phase::Barred { .. }
            | Phase::Unloading { .. }
            | Phase::Stranded { .. } => {}
        }
    }

    /// Before a closed gate the truck waits on; else it takes the next load.
    fn end_idling(&mut self, now: Time) {
        if self.waits_at_gate(now) {
            let wait_min = gate_min(self.state.node, now);
            // Begun before: the wait and what went before it are one halt.
            self.state.phase = Phase::Idle { until: now.plus_ms(minutes(wait_min)) };
        } else {
            self.choose_job(now);
        }
    }

    /// Prepares the route of the job; a place without a road to it is given up.
    pub(super) fn follow_job(&mut self, now: Time) {
        if self.take_up_route().is_err() {
            self.state.job = None;
            self.route = None;
            self.enter(Phase::Idle { until: now.plus_ms(3_600_000) }, now);
        }
    }

    fn depart(&mut self, now: Time, sent: &mut Vec<(Time, Output)>) {
        let (counters, tank_ml) = (self.state.counters, self.tank_ml());
        let refuelled_ml = self.state.refuelled_ml;
        self.enter(Phase::Driving, now);
        if let Some(job) = &mut self.state.job {
            job.started_at = Some(now);
            let loading_ms = now.ms_since(job.booked_at) - handling_ms();
            job.delays.loading_s = loading_ms.max(0).cast_unsigned() / 1_000;
            job.counters_at_start = counters;
            job.tank_at_start_ml = tank_ml;
            job.refuelled_at_start_ml = refuelled_ml;
        }
        self.follow_job(now);
        self.start_within_town();
        self.plan_departure(now);
        let eta = self.eta(now);
        if let Some(job) = &mut self.state.job {
            job.eta_at_departure = eta;
        }
        self.tell(now, TripStatus::Running, eta, sent);
    }

    /// Every hour since departure: how the trip stands, and when it will end.
    pub(super) fn tell_progress(&mut self, now: Time, sent: &mut Vec<(Time, Output)>) {
        let Some(started_at) = self.state.job.as_ref().and_then(|job| job.started_at) else {
            return;
        };
        let under_way_ms = now.ms_since(started_at);
        let is_unloading = matches!(self.state.phase, Phase::Unloading { .. });
        if under_way_ms > 0 && under_way_ms % HOUR_MS == 0 && !is_unloading {
            let eta = self.eta(now);
            self.tell(now, TripStatus::Running, eta, sent);
        }
    }

    /// The next revision of the trip; returns how its promise ended, if it has.
    fn tell(
        &mut self,
        now: Time,
        status: TripStatus,
        eta: Option<Eta>,
        sent: &mut Vec<(Time, Output)>,
    ) -> Option<Sla> {
        self.state.job.as_mut()?.revision += 1;
        let trip = self.summary(now, status, eta)?;
        let sla = trip.sla;
        sent.push((now, Output::Trip(Box::new(trip))));
        sla
    }

    /// Arrivals at halts and the end, signs by the road, an empty tank.
    fn watch_road(&mut self, now: Time, sent: &mut Vec<(Time, Output)>) {
        let is_stopped = self.state.at_m + 1.5 >= self.stop_m();
        if self.state.tank.level_ul() == 0 {
            self.enter(Phase::Stranded { until: now.plus_ms(4 * HOUR_MS) }, now);
        } else if is_stopped && let Some(halt) = self.state.halt.take() {
            match halt {
                Halt::Station(station, at_m) => self.stop_at_pump(station, at_m, now),
                Halt::Rest(_) => self.rest(now),
            }
        } else if is_stopped {
            self.arrive(now, sent);
        } else if now.as_ms() % 60_000 == 0 {
            self.watch_fuel();
            self.watch_signs(now);
        }
    }

    fn arrive(&mut self, now: Time, sent: &mut Vec<(Time, Output)>) {
        if let Some(sla) = self.tell(now, TripStatus::Done, None, sent) {
            self.state.counters.trips += 1;
            self.state.counters.trips_on_time += u64::from(sla == Sla::OnTime);
        }
        let draw = self.state.jobs * 8;
        let is_empty = self.payload_kg() <= 0.0;
        let z = self.fixed.dwell.normal(draw + 2);
        let gate_min = self.state.job.as_ref().map_or(0.0, |job| gate_min(job.to, now));
        let unloading_min = if is_empty { 5.0 } else { gate_min + dwell_min(120.0, z) };
        self.enter(Phase::Unloading { until: now.plus_ms(minutes(unloading_min)) }, now);
    }

    fn finish_job(&mut self, now: Time) {
        if let Some(job) = self.state.job.take() {
            self.state.node = job.to;
        }
        self.state.at_m = 0.0;
        (self.state.fuel_stop, self.state.admitted) = (None, None);
        let idle_min = 20.0 + 70.0 * self.fixed.dwell.uniform(self.state.jobs * 8 + 3);
        self.enter(Phase::Idle { until: now.plus_ms(minutes(idle_min)) }, now);
        self.follow_job(now);
    }

    /// The trip as it stands.
    fn summary(&self, now: Time, status: TripStatus, eta: Option<Eta>) -> Option<TripSummary> {
        let job = self.state.job.as_ref()?;
        let started_at = job.started_at?;
        let (done, start) = (status == TripStatus::Done, &job.counters_at_start);
        let totals = &self.state.counters;
        let distance_m = totals.distance_mm / 1_000 - start.distance_mm / 1_000;
        let burned_ml = totals.fuel_burned_ul / 1_000 - start.fuel_burned_ul / 1_000;
        let seconds = now.ms_since(started_at) as f64 / 1e3;
        let average_mps = if seconds > 0.0 { distance_m as f64 / seconds } else { 0.0 };
        #[expect(clippy::cast_sign_loss, reason = "a length is positive")]
        let planned = self.route.as_ref().map_or(0.0, |route| route.length_m) as u64;
        Some(TripSummary {
            trip_id: job.trip_id.clone(),
            revision: job.revision,
            truck_id: self.fixed.id.clone(),
            driver_id: Some(self.fixed.driver.clone()),
            status,
            origin: trip_end(job.from),
            destination: trip_end(job.to),
            commodity: job.commodity.clone(),
            payload_kg: job.payload_kg,
            planned_distance_m: planned,
            started_at,
            promised_at: job.promised_at,
            arrived_at: done.then_some(now),
            distance_m,
            fuel: FuelLedger {
                start_ml: job.tank_at_start_ml,
                refuelled_ml: self.state.refuelled_ml - job.refuelled_at_start_ml,
                drained_ml: 0,
                burned_ml,
                end_ml: self.tank_ml(),
            },
            diesel_cost_paise: (totals.diesel_cost_upaise - start.diesel_cost_upaise) / 1_000_000,
            co2_g: (totals.co2_mg() - start.co2_mg()) / 1_000,
            average_speed_kmh: round_to(kmh_from_mps(average_mps), 1),
            max_speed_kmh: round_to(kmh_from_mps(job.max_speed_mps), 1),
            idle_s: job.idle_s,
            rest_s: job.rest_s,
            refuellings: job.refuellings.clone(),
            sla: done.then(|| job.sla(now)),
            eta_at_departure: job.eta_at_departure,
            eta,
            delays: job.delays(),
        })
    }
}

/// Handling that every promise has in it, ms.
fn handling_ms() -> i64 {
    (Network::ne_india().sla().handling_hours * 3_600.0) as i64 * 1_000
}

fn trip_end(node: NodeIx) -> TripEnd {
    let node = Network::ne_india().node_at(node);
    TripEnd { place: node.id.to_string(), name: node.name.to_string(), position: node.position }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_trip_without_a_delay_is_not_told_as_a_breakdown() {
        let start: Time = "2026-01-05T00:00:00Z".parse().unwrap();
        let mut truck = Truck::builtin(1, 1, start).unwrap();
        truck.choose_job(start);
        let job = truck.state.job.as_mut().unwrap();
        assert_eq!(job.late_reason(), LateReason::Traffic);
        job.delays.breakdown_s = 1;
        assert_eq!(job.late_reason(), LateReason::Breakdown);
    }
}
