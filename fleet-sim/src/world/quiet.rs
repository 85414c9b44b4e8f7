//! Hours in which a truck stands with its engine off and only cools down: a good part of its life, passed
//! in one go. Nothing is different after it; `World`'s laws on many steps and one hold it to that.

use fleet_core::time::Time;

use super::{
    halts::HOURS,
    job::HOUR_MS,
    truck::{ENGINE_OFF_AFTER_MS, Phase, Truck},
};

impl Truck {
    /// Whole seconds from `now` on, before `to`, in which nothing can happen.
    pub(super) fn quiet_s(&self, now: Time, to: Time) -> u32 {
        let Some((since, until)) = self.engine_off() else { return 0 };
        let Some(seen_until) = self.sees_until(now).filter(|_| since <= now) else { return 0 };
        let ends = [to, until, self.state.next_report, seen_until, self.next_progress(now)];
        let quiet_ms = ends.map(|end| end.ms_since(now)).into_iter().min().unwrap_or(0);
        u32::try_from(quiet_ms / 1_000).unwrap_or(0)
    }

    /// From when to when the engine is off in this phase, and the phase goes on.
    fn engine_off(&self) -> Option<(Time, Time)> {
        let settled = self.state.phase_since.plus_ms(ENGINE_OFF_AFTER_MS);
        match self.state.phase {
            Phase::Driving => None,
            Phase::Idle { until } | Phase::OffDuty { until } | Phase::Unloading { until } => {
                Some((settled, until))
            }
            Phase::Loading { until } => {
                Some((self.state.phase_since, until.plus_ms(-ENGINE_OFF_AFTER_MS)))
            }
            Phase::Resting { until } | Phase::Closed { until } | Phase::Barred { until } => {
                Some((settled, until.plus_ms(-ENGINE_OFF_AFTER_MS)))
            }
            Phase::Refuelling { until, .. } | Phase::Stranded { until } => {
                Some((self.state.phase_since, until))
            }
        }
    }

    /// When the trip is told of next; `now` if that is now.
    fn next_progress(&self, now: Time) -> Time {
        let started_at = self.state.job.as_ref().and_then(|job| job.started_at);
        let is_unloading = matches!(self.state.phase, Phase::Unloading { .. });
        match started_at.filter(|_| !is_unloading) {
            Some(started_at) => now.plus_ms((-now.ms_since(started_at)).rem_euclid(HOUR_MS)),
            None => Time::MAX,
        }
    }

    /// Passes so many quiet seconds; `false` if the truck has not come to rest yet.
    pub(super) fn pass(&mut self, seconds: u32) -> bool {
        let Some(scene) = &self.scene else { return false };
        if !self.vehicle.cool_down(&mut self.state.vehicle, &scene.ground, seconds) {
            return false;
        }
        let pace = scene.pace;
        self.state.vibration_mps2 = 0.0;
        if let Some(job) = &mut self.state.job {
            for _ in 0..seconds {
                job.note_second(self.state.phase, pace, false, 0.0);
            }
        }
        self.state.duty.stand(&HOURS, seconds);
        true
    }
}
