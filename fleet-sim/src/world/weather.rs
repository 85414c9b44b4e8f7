//! The air: how warm it is, where it rains, where one sees nothing. Drawn by seed, place and day,
//! never by truck.

use fleet_core::{
    driver::{Rain, sight_mps},
    random::Stream,
    route::{FogRule, Zone},
    time::Time,
    units::kmh_from_mps,
};

/// Mean temperature by month in Guwahati, °C, January first (India Meteorological Department).
const MONTHLY_MEAN_C: [f64; 12] =
    [17.5, 19.6, 23.3, 25.9, 26.8, 28.1, 28.9, 29.0, 28.7, 26.3, 22.3, 18.7];
/// Fall of temperature with height, K/m (standard atmosphere, ISO 2533).
const LAPSE_K_PER_M: f64 = 0.006_5;
/// Half of the difference between the warmest and the coldest hour, K (estimate).
const DAILY_SWING_K: f64 = 5.0;
/// The coldest hour, seconds after midnight IST.
const COLDEST_S: f64 = 5.0 * 3_600.0;

/// Temperature of the air at `altitude_m` and `time`, °C.
pub(super) fn ambient_c(altitude_m: f64, time: Time) -> f64 {
    let month = usize::from(time.ist_month()) - 1;
    let since_coldest = f64::from(time.ist_second_of_day()) - COLDEST_S;
    let half_days = (since_coldest / 43_200.0).rem_euclid(2.0);
    // A parabola in each half of the day stands in for the sine: the same on every machine.
    let x = if half_days < 1.0 { half_days } else { 2.0 - half_days };
    let swing = if x < 0.5 { 2.0 * x * x * 2.0 - 1.0 } else { 1.0 - 4.0 * (1.0 - x) * (1.0 - x) };
    MONTHLY_MEAN_C[month] - LAPSE_K_PER_M * altitude_m + DAILY_SWING_K * swing
}

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

    /// The rain over a state, by its code.
    pub(super) fn rain(self, code: &str, time: Time) -> Rain {
        if time < self.seen_until { rain(self.seed, code, time) } else { Rain::None }
    }

    /// Speed that fog leaves in a zone whose season and hours it is, km/h; `None` without fog.
    pub(super) fn fog_kmh(self, zone: &Zone, rule: &FogRule, time: Time) -> Option<f64> {
        let is_known = time < self.seen_until;
        if is_known {
            fog_kmh(self.seed, zone, rule, time)
        } else {
            Some(kmh_from_mps(sight_mps(rule.visibility_m)))
        }
    }

    /// The volume of a town's traffic in this hour, relative to what is usual: 0.75 to 1.2 (estimate),
    /// so that the mean of its fourth power, which decides the delay, is 1.
    pub(super) fn volume(self, zone: &Zone, time: Time) -> f64 {
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

/// May to October: roads wash out and close.
pub(super) fn is_wet_season(time: Time) -> bool {
    (5..=10).contains(&time.ist_month())
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

    #[test]
    fn mornings_are_coldest_and_hills_are_cold() {
        let at = |hour: i64| Time::from_ms(1_767_551_400_000 + hour * 3_600_000); // 5 January 00:00 IST
        assert_eq!(at(0).ist_second_of_day(), 0);
        assert!((ambient_c(0.0, at(5)) - 12.5).abs() < 1e-9);
        assert!((ambient_c(0.0, at(17)) - 22.5).abs() < 1e-9);
        assert!(ambient_c(3_000.0, at(5)) < -6.0);
        for minute in 0..2_880 {
            let step = ambient_c(0.0, at(0).plus_ms((minute + 1) * 60_000))
                - ambient_c(0.0, at(0).plus_ms(minute * 60_000));
            assert!(step.abs() < 0.05, "no jump at minute {minute}");
        }
    }

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
