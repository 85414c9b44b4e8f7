//! One second on the road: what the driver sees and wants, and what the truck makes of it.

use fleet_core::{
    eta::{FLOW_MEAN, Pace, ambient_c, road_kind, road_of},
    physics::{Command, Ground, Road, tank::whole_ul},
    route::{Network, Piece},
    time::Time,
    units::{kmh_from_mps, mps_from_kmh},
};

use super::{
    halts::HOURS,
    truck::{ENGINE_OFF_AFTER_MS, Halt, NOWHERE, Phase, Truck},
    weather::Sky,
};

const LIGHTS_W: f64 = 400.0;
/// Comfortable braking, m/s².
const BRAKING_MPS2: f64 = 0.7;
/// However steep, nobody goes down a hill slower than this.
const DESCENT_KMH: f64 = 25.0;

/// What the truck meets here in this minute; derived, never saved.
#[derive(Debug)]
pub(super) struct Scene {
    piece: usize,
    is_on_road: bool,
    /// The minute in which it holds: from, and to (excluded).
    from: Time,
    to: Time,
    is_dark: bool,
    pub(super) ground: Ground,
    pub(super) pace: Pace,
    target_mps: f64,
}

impl Truck {
    /// One second of physics, bookkeeping and driver.
    pub(super) fn second(&mut self, now: Time) {
        let Some(scene) = &self.scene else { return };
        let is_driving = self.state.phase == Phase::Driving;
        let engine_on = is_driving || self.idles(now);
        let command = Command {
            target_speed_mps: if is_driving { self.wanted_mps(scene) } else { 0.0 },
            engine_on,
            extra_aux_w: if engine_on && scene.is_dark { LIGHTS_W } else { 0.0 },
        };
        let pace = scene.pace;
        let step = self.vehicle.move_on(&mut self.state.vehicle, &scene.ground, &command, 1.0);
        self.state.vibration_mps2 = step.vibration_rms_mps2;
        self.book(step.distance_m, step.fuel_ul);
        let is_idling = engine_on && self.state.vehicle.speed_mps < 0.3;
        if let Some(job) = &mut self.state.job {
            job.note_second(self.state.phase, pace, is_idling, self.state.vehicle.speed_mps);
        }
        if self.is_on_road() {
            self.state.at_m += step.distance_m;
        }
        if is_driving {
            self.state.duty.drive(1);
            self.plan_halts();
        } else {
            self.state.duty.stand(&HOURS, 1);
        }
    }

    /// Whether the engine of a standing truck runs: it settles for three minutes when a halt begins,
    /// and fills the air brakes for three before the truck goes on (estimate).
    fn idles(&self, now: Time) -> bool {
        let has_begun = now.ms_since(self.state.phase_since) < ENGINE_OFF_AFTER_MS;
        let goes_on = |until: Time| until.ms_since(now) <= ENGINE_OFF_AFTER_MS;
        match self.state.phase {
            Phase::Driving => true,
            Phase::Idle { .. } | Phase::OffDuty { .. } | Phase::Unloading { .. } => has_begun,
            Phase::Loading { until } => goes_on(until),
            Phase::Resting { until } | Phase::Closed { until } | Phase::Barred { until } => {
                has_begun || goes_on(until)
            }
            // Off at the pump by law, and for want of fuel.
            Phase::Refuelling { .. } | Phase::Stranded { .. } => false,
        }
    }

    fn book(&mut self, distance_m: f64, fuel_ul: f64) {
        let state = &mut self.state;
        let (ul, remainder_ul) = whole_ul(state.fuel_remainder_ul, fuel_ul);
        state.fuel_remainder_ul = remainder_ul;
        let burned = state.tank.burn(ul);
        state.counters.fuel_burned_ul += burned.ul;
        state.counters.diesel_cost_upaise += burned.cost_upaise;
        let (mm, remainder_mm) = whole_ul(state.distance_remainder_mm, distance_m * 1e3);
        state.distance_remainder_mm = remainder_mm;
        state.counters.distance_mm += mm;
    }

    fn is_on_road(&self) -> bool {
        !matches!(
            self.state.phase,
            Phase::Idle { .. }
                | Phase::OffDuty { .. }
                | Phase::Loading { .. }
                | Phase::Unloading { .. }
        )
    }

    /// Until when what was seen last holds, if it holds at `now`.
    pub(super) fn sees_until(&self, now: Time) -> Option<Time> {
        let scene = self.scene.as_ref()?;
        let is_here = (scene.piece, scene.is_on_road) == (self.piece, self.is_on_road());
        (is_here && scene.from <= now && now < scene.to).then_some(scene.to)
    }

    /// Refreshes what the truck sees, when it enters another piece of road or another minute.
    pub(super) fn look(&mut self, now: Time) {
        if !self.piece_m.contains(&self.state.at_m) {
            self.find_piece();
        }
        if self.sees_until(now).is_none() {
            self.look_around(now);
        }
    }

    #[inline(never)]
    fn find_piece(&mut self) {
        let Some(route) = &self.route else { return };
        self.piece = route.piece_at(self.state.at_m, self.piece);
        let here = route.pieces.get(self.piece);
        self.piece_m = here.map_or(NOWHERE, |piece| piece.start_m..piece.end_m());
    }

    #[inline(never)]
    fn look_around(&mut self, now: Time) {
        let minute = now.as_secs().div_euclid(60);
        let is_on_road = self.is_on_road();
        let network = Network::ne_india();
        let under = self.under();
        // The air of a minute is that at its first second, so that resuming changes nothing.
        let at = Time::from_secs(minute * 60);
        let (road, pace, target_mps) = match under.filter(|_| is_on_road) {
            Some(piece) => {
                let pace = Pace::at(&Sky::of_world(self.fixed.seed), network, &piece, at);
                let road = road_of(&piece, pace.wet, Some(at));
                let target_mps = self.target_mps(&piece, &road, pace) * self.flow(minute);
                (road, pace, target_mps)
            }
            None => {
                let altitude_m = network.node_at(self.state.node).altitude_m;
                (Road::level(ambient_c(altitude_m, Some(at))), Pace::STANDING, 0.0)
            }
        };
        self.scene = Some(Scene {
            piece: self.piece,
            is_on_road,
            from: at,
            to: at.plus_ms(60_000),
            is_dark: !(21_600..64_800).contains(&at.ist_second_of_day()),
            ground: self.vehicle.ground(&road),
            pace,
            target_mps,
        });
    }

    /// The speed this driver aims at on `road`, which is `piece` now, m/s.
    pub(super) fn target_mps(&self, piece: &Piece, road: &Road, pace: Pace) -> f64 {
        let descent_kmh = kmh_from_mps(self.vehicle.descent_mps(road)).max(DESCENT_KMH);
        let law_kmh = road_kind(piece).limit_kmh();
        let wanted_kmh = (pace.speed_kmh * self.fixed.pace).min(descent_kmh).min(law_kmh);
        mps_from_kmh(wanted_kmh.min(piece.maxspeed_kmh))
    }

    /// What oncoming trucks, carts and cows leave of the speed in this minute: 1 down to 0.85, mostly
    /// near 1 (estimate).
    fn flow(&self, minute: i64) -> f64 {
        let draw = self.fixed.flow.uniform(minute.cast_unsigned());
        1.0 - 3.0 * (1.0 - FLOW_MEAN) * draw * draw
    }

    /// The zone that matters under the wheels, as last seen.
    pub(super) fn zone(&self) -> Option<String> {
        let zone = self.scene.as_ref()?.pace.zone?;
        Some(Network::ne_india().zones()[zone.index()].id.clone())
    }

    /// The pace of the road, slower before a place to stop.
    fn wanted_mps(&self, scene: &Scene) -> f64 {
        let left_m = (self.stop_m() - self.state.at_m).max(0.0);
        let braking_mps = (2.0 * BRAKING_MPS2 * left_m).sqrt();
        scene.target_mps.min(braking_mps.max(1.0))
    }

    /// Where the truck stops next: a halt, or the end of the route.
    pub(super) fn stop_m(&self) -> f64 {
        match self.state.halt {
            Some(Halt::Station(_, at_m) | Halt::Rest(at_m)) => at_m,
            None => self.route.as_ref().map_or(0.0, |route| route.length_m),
        }
    }
}
