//! The sky: where it rains, where one sees nothing, how busy towns are. Drawn by seed, place and
//! day, never by truck.

use fleet_core::{
    driver::{Rain, sight_mps},
    eta::Conditions,
    random::Stream,
    route::{FogRule, Zone},
    time::Time,
    units::kmh_from_mps,
};

/// Share of days with rain by month, January first (estimate after the rainy days at Guwahati).
const WET_DAYS: [f64; 12] =
    [0.05, 0.07, 0.14, 0.32, 0.45, 0.55, 0.58, 0.48, 0.38, 0.18, 0.06, 0.03];
/// On such a day it rains in this share of its three-hour spells (estimate).
const WET_SPELLS: f64 = 0.45;
const SPELL_S: u32 = 3 * 3_600;
/// Foggy mornings (or evenings), of those in the season of a fog zone (estimate).
const FOGGY_DAYS: f64 = 0.6;

/// Whose eyes see the sky and the streets: the world's, or those of a forecast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sky {
    seed: u64,
    seen_until: Time,
}

impl Sky {
    /// As it is and will be.
    pub(super) const fn of_world(seed: u64) -> Self {
        Self { seed, seen_until: Time::MAX }
    }

    /// As one who looks up at `now` sees it: known for the next hour, then what is usual.
    pub(super) const fn seen_at(seed: u64, now: Time) -> Self {
        Self { seed, seen_until: now.plus_ms(3_600_000) }
    }
}

impl Conditions for Sky {
    fn rain(&self, code: &str, time: Time) -> Rain {
        if time < self.seen_until { rain(self.seed, code, time) } else { Rain::None }
    }

    fn fog_kmh(&self, zone: &Zone, rule: &FogRule, time: Time) -> Option<f64> {
        let is_known = time < self.seen_until;
        if is_known {
            fog_kmh(self.seed, zone, rule, time)
        } else {
            Some(kmh_from_mps(sight_mps(rule.visibility_m)))
        }
    }

    /// 0.75 to 1.2 (estimate), so that the mean of its fourth power, which decides the delay, is 1.
    fn volume(&self, zone: &Zone, time: Time) -> f64 {
        if time >= self.seen_until {
            return 1.0;
        }
        let hour = time.as_secs().div_euclid(3_600).cast_unsigned();
        0.75 + 0.45 * Stream::new(self.seed, &zone.id, "traffic").uniform(hour)
    }
}

/// The rain over a state (by its `code`): one draw for the day, one for each spell of three hours.
fn rain(seed: u64, code: &str, time: Time) -> Rain {
    let month = usize::from(time.ist_month()) - 1;
    let stream = Stream::new(seed, code, "rain");
    let day = time.ist_day().cast_unsigned() * 32;
    if stream.uniform(day) >= WET_DAYS[month] {
        return Rain::None;
    }
    let spell = day + 1 + u64::from(time.ist_second_of_day() / SPELL_S);
    let draw = stream.uniform(spell) / WET_SPELLS;
    match draw {
        _ if draw < 0.1 => Rain::Heavy,
        _ if draw < 0.4 => Rain::Moderate,
        _ if draw < 1.0 => Rain::Light,
        _ => Rain::None,
    }
}

/// Speed that fog leaves in a zone whose season and hours it is, km/h; `None` on a clear day. One
/// sees 0.4 to 2.5 times as far as the zone's file says, log-uniform.
fn fog_kmh(seed: u64, zone: &Zone, rule: &FogRule, time: Time) -> Option<f64> {
    /// 0.4 · 6.25^(i/8)
    const SIGHT: [f64; 9] = [0.4, 0.503, 0.632, 0.795, 1.0, 1.257, 1.581, 1.988, 2.5];
    let stream = Stream::new(seed, &zone.id, "fog");
    // An evening's fog is that of the next morning.
    let night = (time.as_secs() + 19_800 + 43_200).div_euclid(86_400).cast_unsigned();
    if stream.uniform(night * 2) >= FOGGY_DAYS {
        return None;
    }
    let place = stream.below(night * 2 + 1, 9);
    let sight_m = rule.visibility_m * SIGHT[usize::try_from(place).unwrap_or(0)];
    Some(kmh_from_mps(sight_mps(sight_m)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Share of the hours of a month in which it rains.
    fn wet_share(seed: u64, month_begins: &str) -> f64 {
        let begin: Time = month_begins.parse().unwrap();
        let hours = 0..28 * 24;
        let wet = hours
            .clone()
            .filter(|hour| rain(seed, "AS", begin.plus_ms(hour * 3_600_000)) > Rain::None);
        wet.count() as f64 / hours.count() as f64
    }

    #[test]
    fn monsoon_is_wet_winter_is_dry_and_every_state_has_its_own_rain() {
        let mean = |month: &str| (0..40).map(|seed| wet_share(seed, month)).sum::<f64>() / 40.0;
        let (july, january) = (mean("2026-07-02T00:00:00Z"), mean("2026-01-02T00:00:00Z"));
        assert!((0.21..0.31).contains(&july), "{july}");
        assert!(january < 0.05, "{january}");
        let at = |day: i64| Time::from_ms(1_782_844_200_000 + day * 86_400_000); // July
        assert!((0..60).any(|day| rain(1, "AS", at(day)) != rain(1, "ML", at(day))));
        assert!((0..60).any(|day| rain(1, "AS", at(day)) != rain(2, "AS", at(day))));
    }

    #[test]
    fn an_evenings_fog_lasts_until_morning_and_some_nights_are_clear() {
        let network = fleet_core::route::Network::ne_india();
        let zones = network.zones().iter();
        let (zone, rule) = zones
            .filter_map(|zone| match &zone.rule {
                fleet_core::route::ZoneRule::Fog(rule) => Some((zone, rule)),
                _ => None,
            })
            .next()
            .unwrap();
        let evening = |day: i64| Time::from_ms(1_767_547_800_000 + day * 86_400_000); // 23:00 IST
        let seen: Vec<_> = (0..30).map(|day| fog_kmh(5, zone, rule, evening(day))).collect();
        for (day, fog) in (0..).zip(&seen) {
            let morning = evening(day).plus_ms(8 * 3_600_000);
            assert_eq!(fog_kmh(5, zone, rule, morning), *fog, "night {day}");
            assert!(fog.is_none_or(|kmh| (30.0..150.0).contains(&kmh)), "{fog:?}");
        }
        let foggy = seen.iter().flatten().count();
        assert!((10..26).contains(&foggy), "{foggy} foggy nights of 30");
    }
}
