//! Where simulated time should stand at a moment of platform time, and how long until it is due.

use std::time::Duration;

use fleet_core::{domain::Genesis, time::Time};

use super::Speed;

/// The line that world time follows: through (`world`, `clock`), with `factor` as its slope.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    world: Time,
    clock: Time,
    /// Simulated seconds a second; `None` is as fast as possible.
    factor: Option<f64>,
}

/// The longest single wait: the platform's clock may be set meanwhile, and is looked at again.
const WAIT_MS_MAX: i64 = 1_000;

impl Pace {
    /// At a factor of 1 world time keeps its distance from platform time for the fleet's whole life:
    /// what was missed while nobody ran is made up for. At another factor it goes on from where it
    /// stands.
    pub(super) fn new(speed: Speed, genesis: &Genesis, world: Time, clock: Time) -> Self {
        match speed {
            Speed::Max => Self { world, clock, factor: None },
            Speed::Real(factor) if (factor - 1.0).abs() < f64::EPSILON => {
                Self { world: clock.plus_ms(genesis.clock_offset_ms), clock, factor: Some(factor) }
            }
            Speed::Real(factor) => Self { world, clock, factor: Some(factor) },
        }
    }

    /// Where the world should stand at `now`.
    pub(super) fn world_time(&self, now: Time) -> Time {
        let Some(factor) = self.factor else { return Time::MAX };
        self.world.plus_ms((now.ms_since(self.clock) as f64 * factor) as i64)
    }

    /// How long to wait at `now` before looking whether `tick` is due: until then, or a second.
    pub(super) fn wait(&self, tick: Time, now: Time) -> Duration {
        let ahead_ms = tick.ms_since(self.world_time(now)) as f64;
        let wait_ms = self.factor.map_or(0, |factor| (ahead_ms / factor).ceil() as i64);
        Duration::from_millis(wait_ms.clamp(1, WAIT_MS_MAX).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::World;

    fn pace(factor: f64) -> Pace {
        let (start, now) = (Time::from_secs(1_000_000_000), Time::from_secs(1_500_000_000));
        let genesis =
            Genesis { clock_offset_ms: start.ms_since(now), ..World::beginning(1, start) };
        Pace::new(Speed::Real(factor), &genesis, start.plus_ms(500_000), now.plus_ms(60_000))
    }

    proptest! {
        #[test]
        fn a_tick_is_due_when_its_waits_are_over_and_never_a_tick_too_late(
            factor in 0.01..1e6_f64,
            tick_ms in 1..100_000_i64,
        ) {
            let pace = pace(factor);
            let tick = pace.world.plus_ms(tick_ms);
            let mut now = pace.clock;
            while pace.world_time(now) < tick {
                let wait = pace.wait(tick, now);
                prop_assert!((1..=1_000).contains(&wait.as_millis()));
                now = now.plus(wait);
            }
            let late_ms = now.ms_since(pace.clock) as f64 - tick_ms as f64 / factor;
            prop_assert!(late_ms < 2.0, "{} ms late", late_ms);
        }
    }

    #[test]
    fn at_factor_one_what_was_missed_is_due_and_at_others_it_is_not() {
        let now = Time::from_secs(1_500_000_060);
        assert_eq!(pace(1.0).world_time(now), Time::from_secs(1_000_000_060));
        assert_eq!(pace(2.0).world_time(now), Time::from_secs(1_000_000_500));
        assert_eq!(pace(2.0).world_time(now.plus_ms(1_500)), Time::from_secs(1_000_000_503));
    }

    #[test]
    fn a_clock_that_is_set_back_is_looked_at_again_within_a_second() {
        let pace = pace(1.0);
        let now = pace.clock.plus_ms(-86_400_000);
        assert_eq!(pace.wait(pace.world.plus_ms(1_000), now), Duration::from_secs(1));
    }
}
