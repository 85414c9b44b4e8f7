//! From one load to the next: choosing it, loading, driving it, pumps, rests, unloading.

use fleet_core::{
    domain::{
        Counters, FuelLedger, LateReason, Refuelling, Sla, TripEnd, TripId, TripStatus, TripSummary,
    },
    random::Stream,
    route::{BuiltinRouter, Network, NodeIx, StateIx},
    time::Time,
    units::{kmh_from_mps, round_to},
};
use serde::{Deserialize, Serialize};

use super::{
    Output,
    calendar::{self, Pace},
    truck::{Halt, Phase, Truck},
};

/// A load under way, or an empty run to the next one, with what happened so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) trip_id: TripId,
    pub(super) from: NodeIx,
    pub(super) to: NodeIx,
    commodity: String,
    pub(super) payload_kg: f64,
    promised_at: Time,
    started_at: Option<Time>,
    counters_at_start: Counters,
    tank_at_start_ml: u64,
    refuelled_at_start_ml: u64,
    refuellings: Vec<Refuelling>,
    max_speed_mps: f64,
    idle_s: u64,
    rest_s: u64,
    refuelling_s: u64,
    closure_s: u64,
    stranded_s: u64,
    traffic_s: f64,
    weather_s: f64,
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
            Phase::Refuelling { .. } => self.refuelling_s += 1,
            Phase::Closed { .. } => self.closure_s += 1,
            Phase::Stranded { .. } => self.stranded_s += 1,
            Phase::Idle { .. } | Phase::Loading { .. } | Phase::Unloading { .. } => {}
        }
    }

    /// Where most of the time went beyond driving freely.
    fn late_reason(&self) -> LateReason {
        let causes = [
            (self.traffic_s, LateReason::Traffic),
            (self.rest_s as f64, LateReason::Rest),
            (self.refuelling_s as f64, LateReason::Refuelling),
            (self.weather_s, LateReason::Weather),
            (self.closure_s as f64, LateReason::Closure),
            (self.stranded_s as f64, LateReason::Breakdown),
        ];
        let largest = causes.into_iter().max_by(|(a, _), (b, _)| a.total_cmp(b));
        largest.map_or(LateReason::Traffic, |(_, reason)| reason)
    }
}

/// Price of diesel in a state, paise per litre.
#[expect(clippy::cast_sign_loss, reason = "prices are positive; the cast saturates")]
pub(super) fn price_paise_per_l(network: &Network, state: StateIx) -> u32 {
    (network.states()[state.index()].diesel_inr_per_l * 100.0).round() as u32
}

/// The first load is nearly on the truck when the world begins.
const FIRST_LOADING_MIN: f64 = 2.0;

/// Minutes around `median_min`, skewed like a log-normal of σ 0.5, from a third to three times.
fn dwell_min(median_min: f64, z: f64) -> f64 {
    let x = 0.5 * z;
    median_min * (1.0 + x + 0.5 * x * x).clamp(0.33, 3.0)
}

fn minutes(minutes: f64) -> i64 {
    (minutes * 60.0) as i64 * 1_000
}

impl Truck {
    /// Ends what has run its time and begins what follows.
    pub(super) fn change_phase(&mut self, now: Time, sent: &mut Vec<(Time, Output)>) {
        match self.state.phase {
            Phase::Idle { until } if now >= until => self.choose_job(now),
            Phase::Loading { until } if now >= until => self.depart(now, sent),
            Phase::Driving => self.watch_road(now, sent),
            Phase::Refuelling { station, until } if now >= until => self.fill_up(station, now),
            Phase::Resting { until } | Phase::Closed { until } if now >= until => {
                self.note_halt(now.ms_since(self.state.phase_since) / 1_000);
                self.enter(Phase::Driving, now);
            }
            Phase::Stranded { until } if now >= until => self.rescue(now),
            Phase::Unloading { until } if now >= until => self.finish_job(now),
            Phase::Idle { .. }
            | Phase::Loading { .. }
            | Phase::Refuelling { .. }
            | Phase::Resting { .. }
            | Phase::Closed { .. }
            | Phase::Unloading { .. }
            | Phase::Stranded { .. } => {}
        }
    }

    /// A load that waits here, or a run to a place nearby where one does.
    fn choose_job(&mut self, now: Time) {
        let network = Network::ne_india();
        let draw = self.state.jobs * 8;
        let here = self.state.node;
        let lanes = || {
            network.flows().iter().flat_map(|flow| flow.pairs.iter().map(move |pair| (flow, pair)))
        };
        let total: f64 = lanes().filter(|(_, p)| p.from == here).map(|(_, p)| p.weight).sum();
        let mut left = total * self.fixed.loads.uniform(draw);
        let chosen = lanes().filter(|(_, pair)| pair.from == here).find(|(_, pair)| {
            left -= pair.weight;
            left < 0.0
        });
        self.state.jobs += 1;
        let trip_id = self.fixed.id.trip(self.state.jobs);
        let share = 0.85 + 0.15 * self.fixed.loads.uniform(draw + 1);
        let (to, commodity, payload_kg, hours) = match chosen {
            Some((flow, pair)) => {
                let load_kg = flow.typical_load_t * 1_000.0 * share;
                let payload_kg = round_to(load_kg.min(self.fixed.model.payload_max_kg), 0);
                (pair.to, flow.commodity.clone(), payload_kg, pair.promised_hours)
            }
            None => {
                let to = self.next_origin(draw + 2);
                let route = BuiltinRouter::ne_india().route_nodes(here, to);
                let hours = route.map_or(24.0, |route| route.duration_s / 3_600.0 * 1.6 + 2.0);
                (to, "empty".to_owned(), 0.0, hours)
            }
        };
        let is_empty = payload_kg <= 0.0;
        let z = self.fixed.dwell.normal(draw + 1);
        let loading_min = match self.state.jobs {
            1 => FIRST_LOADING_MIN,
            _ if is_empty => 10.0,
            _ => dwell_min(150.0, z),
        };
        self.state.job = Some(Job {
            trip_id,
            from: here,
            to,
            commodity,
            payload_kg,
            promised_at: now.plus_ms((hours * 3_600.0) as i64 * 1_000),
            started_at: None,
            counters_at_start: Counters::default(),
            tank_at_start_ml: 0,
            refuelled_at_start_ml: 0,
            refuellings: Vec::new(),
            max_speed_mps: 0.0,
            idle_s: 0,
            rest_s: 0,
            refuelling_s: 0,
            closure_s: 0,
            stranded_s: 0,
            traffic_s: 0.0,
            weather_s: 0.0,
        });
        self.state.at_m = 0.0;
        self.enter(Phase::Loading { until: now.plus_ms(minutes(loading_min)) }, now);
        self.follow_job(now);
    }

    /// One of the three nearest places where loads begin.
    fn next_origin(&self, draw: u64) -> NodeIx {
        let network = Network::ne_india();
        let here = self.state.node;
        let from = network.node_at(here).position;
        let mut origins: Vec<(f64, NodeIx)> = network
            .flows()
            .iter()
            .flat_map(|flow| flow.pairs.iter().map(|pair| pair.from))
            .filter(|node| *node != here)
            .map(|node| {
                (fleet_core::geo::great_circle_m(from, network.node_at(node).position), node)
            })
            .collect();
        origins.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        origins.dedup_by_key(|(_, node)| *node);
        let choices = origins.len().min(3) as u64;
        let pick = usize::try_from(self.fixed.loads.below(draw, choices)).unwrap_or(0);
        origins.get(pick).map_or(here, |(_, node)| *node)
    }

    /// Prepares the route of the job; a place without a road to it is given up.
    fn follow_job(&mut self, now: Time) {
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
            job.counters_at_start = counters;
            job.tank_at_start_ml = tank_ml;
            job.refuelled_at_start_ml = refuelled_ml;
        }
        self.follow_job(now);
        sent.extend(self.summary(now, 1).map(|trip| (now, Output::Trip(Box::new(trip)))));
    }

    /// Arrivals at halts and the end, closed roads, an empty tank.
    fn watch_road(&mut self, now: Time, sent: &mut Vec<(Time, Output)>) {
        let is_stopped = self.state.at_m + 1.5 >= self.stop_m();
        if self.state.tank.level_ul() == 0 {
            self.enter(Phase::Stranded { until: now.plus_ms(4 * 3_600_000) }, now);
        } else if is_stopped && let Some(halt) = self.state.halt.take() {
            match halt {
                Halt::Station(station, _) => self.queue_at(station, now),
                Halt::Rest(_) => {
                    let until = now.plus_ms(self.rest_s() * 1_000);
                    self.enter(Phase::Resting { until }, now);
                }
            }
        } else if is_stopped {
            self.arrive(now, sent);
        } else if now.as_secs() % 60 == 0
            && let Some(route) = &self.route
            && let Some(piece) = route.pieces.get(self.piece)
            && let Some(until) =
                calendar::closed_until(self.fixed.seed, Network::ne_india(), piece, now)
        {
            self.enter(Phase::Closed { until }, now);
        }
    }

    /// Waits for the station to open and for its queue, then fills; drawn by place and hour.
    fn queue_at(&mut self, station: u16, now: Time) {
        let network = Network::ne_india();
        let Some(at) = network.fuel_stations().get(usize::from(station)) else { return };
        let hour = now.as_secs().div_euclid(3_600).cast_unsigned();
        let queue = Stream::new(self.fixed.seed, &at.id, "queue");
        let queue_min = 12.0 * queue.uniform(hour) * queue.uniform(hour ^ (1 << 40));
        let minute = u16::try_from(now.ist_second_of_day() / 60).unwrap_or(0);
        let closed_min =
            if at.hours_ist.is_open(minute) { 0 } else { at.hours_ist.opens_in_min(minute) };
        let fill_min = self.fill_ml() as f64 / 1e3 / at.flow_l_per_min;
        let total_min = f64::from(closed_min) + queue_min + 8.0 + fill_min;
        let until = now.plus_ms(minutes(total_min));
        self.enter(Phase::Refuelling { station, until }, now);
    }

    /// What it takes to fill to the usual level, whole ml.
    fn fill_ml(&self) -> u64 {
        let model = &self.fixed.model;
        #[expect(clippy::cast_sign_loss, reason = "a share of a tank is positive")]
        let target_ul = (model.fuel_tank_l * model.refuel_target_fraction * 1e6) as u64;
        target_ul.saturating_sub(self.state.tank.level_ul()) / 1_000
    }

    fn fill_up(&mut self, station: u16, now: Time) {
        let network = Network::ne_india();
        if let Some(at) = network.fuel_stations().get(usize::from(station)) {
            let price = price_paise_per_l(network, at.site.state);
            self.take_fuel(self.fill_ml(), price, &at.id, now);
        }
        self.note_halt(now.ms_since(self.state.phase_since) / 1_000);
        self.enter(Phase::Driving, now);
    }

    /// Somebody brings 50 l, at half as much again as the pump's price.
    fn rescue(&mut self, now: Time) {
        let network = Network::ne_india();
        let price = price_paise_per_l(network, network.node_at(self.state.node).state) * 3 / 2;
        self.take_fuel(50_000, price, "roadside", now);
        self.enter(Phase::Driving, now);
    }

    fn take_fuel(&mut self, ml: u64, paise_per_l: u32, station: &str, now: Time) {
        let filled_ml = self.state.tank.refuel(ml * 1_000, paise_per_l).ul / 1_000;
        if filled_ml == 0 {
            return;
        }
        self.state.refuelled_ml += filled_ml;
        let refuelling = Refuelling {
            refuelled_ml: filled_ml,
            price_paise_per_l: u64::from(paise_per_l),
            station: station.to_owned(),
            refuelled_at: now,
        };
        if let Some(job) = &mut self.state.job {
            job.refuellings.push(refuelling.clone());
        }
        self.state.refuelling = Some(refuelling);
    }

    fn arrive(&mut self, now: Time, sent: &mut Vec<(Time, Output)>) {
        let trip = self.summary(now, 2);
        if let Some(trip) = trip {
            self.state.counters.trips += 1;
            self.state.counters.trips_on_time += u64::from(trip.sla == Some(Sla::OnTime));
            sent.push((now, Output::Trip(Box::new(trip))));
        }
        let draw = self.state.jobs * 8;
        let is_empty = self.payload_kg() <= 0.0;
        let z = self.fixed.dwell.normal(draw + 2);
        let unloading_min = if is_empty { 5.0 } else { dwell_min(120.0, z) };
        self.enter(Phase::Unloading { until: now.plus_ms(minutes(unloading_min)) }, now);
    }

    fn finish_job(&mut self, now: Time) {
        if let Some(job) = self.state.job.take() {
            self.state.node = job.to;
        }
        self.note_halt(now.ms_since(self.state.phase_since) / 1_000);
        self.state.at_m = 0.0;
        let idle_min = 20.0 + 70.0 * self.fixed.dwell.uniform(self.state.jobs * 8 + 3);
        self.enter(Phase::Idle { until: now.plus_ms(minutes(idle_min)) }, now);
        self.follow_job(now);
    }

    /// Fuel in the tank by the book, whole ml: what came in less what was burned.
    pub(super) fn tank_ml(&self) -> u64 {
        let in_ml = self.fixed.tank_start_ml + self.state.refuelled_ml;
        in_ml.saturating_sub(self.state.counters.fuel_burned_ul / 1_000)
    }

    /// The trip as it stands: revision 1 at departure, 2 at arrival.
    fn summary(&self, now: Time, revision: u32) -> Option<TripSummary> {
        let job = self.state.job.as_ref()?;
        let started_at = job.started_at?;
        let (done, start) = (revision > 1, &job.counters_at_start);
        let totals = &self.state.counters;
        let distance_m = totals.distance_mm / 1_000 - start.distance_mm / 1_000;
        let burned_ml = totals.fuel_burned_ul / 1_000 - start.fuel_burned_ul / 1_000;
        let seconds = now.ms_since(started_at) as f64 / 1e3;
        let average_mps = if seconds > 0.0 { distance_m as f64 / seconds } else { 0.0 };
        let late_ms = now.ms_since(job.promised_at);
        let sla = if late_ms <= 0 {
            Sla::OnTime
        } else {
            let late_min = late_ms.cast_unsigned().div_ceil(60_000);
            Sla::Late { late_min, reason: job.late_reason() }
        };
        #[expect(clippy::cast_sign_loss, reason = "a length is positive")]
        let planned = self.route.as_ref().map_or(0.0, |route| route.length_m) as u64;
        Some(TripSummary {
            trip_id: job.trip_id.clone(),
            revision,
            truck_id: self.fixed.id.clone(),
            driver_id: Some(self.fixed.driver.clone()),
            status: if done { TripStatus::Done } else { TripStatus::Running },
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
            sla: done.then_some(sla),
        })
    }
}

fn trip_end(node: NodeIx) -> TripEnd {
    let node = Network::ne_india().node_at(node);
    TripEnd { place: node.id.clone(), name: node.name.clone(), position: node.position }
}
