//! What a truck tells: its state as its sensors show it.

use fleet_core::{
    domain::{Signals, Status, TelemetryEvent},
    geo::Position,
    physics::{
        tank::sender_l,
        vibration::{with_noise, with_pothole},
    },
    route::Network,
    time::Time,
    units::{kmh_from_mps, round_to},
};

use super::truck::{Phase, Truck};

/// Reports come 25 to 35 s apart, in whole seconds.
const REPORT_S_MIN: u64 = 25;
const REPORT_S_SPREAD: u64 = 11;
/// Scatter of the vibration reading (log-normal σ).
const VIBRATION_SIGMA: f64 = 0.12;

impl Truck {
    /// The report due at `now`; draws when the next one is.
    pub(super) fn report(&mut self, now: Time) -> TelemetryEvent {
        self.state.seq += 1;
        self.state.counters.events += 1;
        let seq = self.state.seq;
        let gap_s = REPORT_S_MIN + self.fixed.reports.below(seq, REPORT_S_SPREAD);
        self.state.next_report = now.plus_ms(gap_s.cast_signed() * 1_000);
        let (position, altitude_m, heading_deg) = self.whereabouts();
        let on_road = self.under();
        TelemetryEvent {
            truck_id: self.fixed.id.clone(),
            seq,
            source_id: None,
            event_time: now,
            position: Position { lat: round_to(position.lat, 6), lon: round_to(position.lon, 6) },
            status: self.status(),
            signals: Signals {
                altitude_m: Some(round_to(altitude_m, 1)),
                heading_deg: Some(round_to(heading_deg, 1) % 360.0),
                ..self.signals(seq)
            },
            trip_id: self.state.job.as_ref().map(|job| job.trip_id.clone()),
            driver_id: Some(self.fixed.driver.clone()),
            road_class: on_road.map(|piece| piece.road_class),
            zone: self.zone(),
            refuelling: self.state.refuelling.take(),
        }
    }

    fn signals(&self, seq: u64) -> Signals {
        let (vehicle, counters) = (&self.state.vehicle, &self.state.counters);
        let tank_l = self.fixed.model.fuel_tank_l;
        let slosh =
            if vehicle.speed_mps > 0.3 { self.fixed.noise.normal(seq * 4) / 2.0 } else { 0.0 };
        let level_l = sender_l(self.tank_ml() as f64 / 1e3, tank_l, slosh);
        Signals {
            altitude_m: None,
            heading_deg: None,
            speed_kmh: Some(round_to(kmh_from_mps(vehicle.speed_mps), 1)),
            fuel_l: Some(level_l),
            fuel_pct: Some(round_to((level_l / tank_l * 100.0).clamp(0.0, 100.0), 1)),
            coolant_c: Some(round_to(vehicle.coolant_c, 1)),
            engine_rpm: Some(round_to(vehicle.rpm, 0)),
            gear: Some(vehicle.gear),
            vibration_rms_mps2: Some(round_to(self.vibration(seq), 2)),
            odometer_km: Some(
                (self.fixed.odometer_m + counters.distance_mm / 1_000) as f64 / 1_000.0,
            ),
            payload_kg: Some(self.payload_kg()),
            fuel_burned_ml: Some(counters.fuel_burned_ul / 1_000),
            diesel_cost_paise: Some(counters.diesel_cost_upaise / 1_000_000),
        }
    }

    /// The seat's vibration with its scatter, and now and then a pothole on a bad road.
    fn vibration(&self, seq: u64) -> f64 {
        let rms = with_noise(
            self.state.vibration_mps2,
            VIBRATION_SIGMA,
            self.fixed.noise.normal(seq * 4 + 1),
        );
        let iri = self.under().map_or(0.0, |piece| piece.iri_m_per_km);
        let is_rough = iri > 5.0 && self.state.vehicle.speed_mps > 3.0;
        if is_rough && self.fixed.noise.uniform(seq * 4 + 2) < 0.01 {
            let peak = 3.0 + 5.0 * self.fixed.noise.uniform(seq * 4 + 3);
            return with_pothole(rms, peak, 0.3, 1.0);
        }
        rms
    }

    fn whereabouts(&self) -> (Position, f64, f64) {
        if let Some(piece) = self.under() {
            let (position, altitude_m) = piece.place(self.state.at_m);
            return (position, altitude_m, piece.heading_deg);
        }
        let node = Network::ne_india().node_at(self.state.node);
        (node.position, node.altitude_m, 0.0)
    }

    fn status(&self) -> Status {
        match self.state.phase {
            Phase::Idle { .. } => Status::Idle,
            Phase::Loading { .. } => Status::Loading,
            Phase::Driving | Phase::Closed { .. } | Phase::Barred { .. } => Status::EnRoute,
            Phase::Refuelling { .. } => Status::Refuelling,
            Phase::Resting { .. } | Phase::OffDuty { .. } => Status::Resting,
            Phase::Unloading { .. } => Status::Unloading,
            Phase::Stranded { .. } => Status::Breakdown,
        }
    }
}
