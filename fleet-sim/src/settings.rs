//! What a program that simulates is told about it.

use fleet_core::{settings::Values, time::Time};

use crate::{SimSettings, Speed, World};

impl SimSettings {
    /// The settings that [`SimSettings::read`] reads.
    pub const NAMES: [&str; 5] = ["trucks", "seed", "speed", "start", "until"];

    /// What is said about the fleet and its time; the rest is as by default.
    pub fn read(values: &mut Values) -> Self {
        let time = |text: &str| text.parse::<Time>().ok().filter(|time| time.as_ms() % 1_000 == 0);
        let speed = |text: &str| match text {
            "max" => Some(Speed::Max),
            _ => text.parse().ok().filter(|factor| (0.01..=1e6).contains(factor)).map(Speed::Real),
        };
        let rfc3339 = "whole seconds of the years 2000 to 2099, like 2026-01-05T00:00:00Z";
        let settings = Self {
            trucks: values.get("trucks", &format!("1 to {}", World::TRUCKS_MAX), |text| {
                text.parse().ok().filter(|trucks| (1..=World::TRUCKS_MAX).contains(trucks))
            }),
            seed: values.get("seed", "a whole number from 0", |text| text.parse().ok()),
            speed: values
                .get("speed", "a factor from 0.01 to 1000000, or max", speed)
                .unwrap_or(Speed::Real(1.0)),
            start: values.get("start", rfc3339, time),
            until: values.get("until", rfc3339, time),
            ..Self::default()
        };
        if let (Some(start), Some(until)) = (settings.start, settings.until)
            && until < start
        {
            values.fault(format!("until {until}: before start, {start}"));
        }
        settings
    }
}
