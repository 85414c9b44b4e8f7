//! What the date and the hour do to roads and air: temperature, traffic, fog, rain, closures.

use fleet_core::{
    random::Stream,
    route::{HazardRule, Network, Piece, Zone, ZoneIx, ZoneRule},
    time::Time,
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

/// What slows a truck down, and by what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// Speed that road and hour allow, km/h.
    pub(super) speed_kmh: f64,
    /// Share of the free speed lost to traffic, 0 to 1.
    pub(super) traffic_loss: f64,
    /// Share of the free speed lost to weather, 0 to 1.
    pub(super) weather_loss: f64,
    /// The zone that matters most here and now.
    pub(super) zone: Option<ZoneIx>,
    /// Water on the road.
    pub(super) wet: bool,
}

fn minute_of_day(time: Time) -> u16 {
    u16::try_from(time.ist_second_of_day() / 60).unwrap_or(0)
}

/// The pace on `piece` at `time`.
pub(super) fn pace(network: &Network, piece: &Piece, time: Time) -> Pace {
    let (minute, month) = (minute_of_day(time), time.ist_month());
    let free_kmh = piece.truck_speed_kmh.min(piece.maxspeed_kmh);
    let (mut traffic, mut weather, mut limit_kmh) = (1.0_f64, 1.0_f64, free_kmh);
    let (mut zone, mut least) = (None, 1.0);
    for ix in piece.zones.iter().copied() {
        let factor = match &network.zones()[ix.index()].rule {
            ZoneRule::Urban(rule) => {
                let is_peak = rule.peak_hours_ist.iter().any(|window| window.contains(minute));
                let factor =
                    if is_peak { rule.peak_speed_factor } else { rule.offpeak_speed_factor };
                let is_weekend = time.ist_weekday() >= 5;
                let loss = (1.0 - factor) * if is_weekend { rule.weekend_factor } else { 1.0 };
                limit_kmh = limit_kmh.min(rule.maxspeed_kmh);
                traffic = traffic.min(1.0 - loss);
                1.0 - loss
            }
            ZoneRule::Landslide(rule) | ZoneRule::Snow(rule) | ZoneRule::Flood(rule) => {
                let in_season = rule.months.contains(month);
                if let Some(maxspeed_kmh) = rule.maxspeed_kmh
                    && (in_season || rule.speed_limit_all_year)
                {
                    limit_kmh = limit_kmh.min(maxspeed_kmh);
                }
                let factor = if in_season { rule.speed_factor } else { 1.0 };
                weather = weather.min(factor);
                factor
            }
            ZoneRule::Fog(rule) => {
                let is_foggy = rule.months.contains(month)
                    && rule.hours_ist.iter().any(|window| window.contains(minute));
                let factor = if is_foggy { rule.speed_factor } else { 1.0 };
                weather = weather.min(factor);
                factor
            }
        };
        if factor < least {
            (zone, least) = (Some(ix), factor);
        }
    }
    let wet = (6..=9).contains(&month);
    Pace {
        speed_kmh: (limit_kmh * traffic * weather).max(8.0),
        traffic_loss: 1.0 - traffic,
        weather_loss: 1.0 - weather,
        zone,
        wet,
    }
}

const DAY_S: i64 = 86_400;

/// If a closure holds `piece` at `time`: when it opens again. Drawn by seed, place and day, never by
/// truck, so that every truck meets the same closure.
pub(super) fn closed_until(
    seed: u64,
    network: &Network,
    piece: &Piece,
    time: Time,
) -> Option<Time> {
    piece
        .zones
        .iter()
        .filter_map(|ix| {
            let zone = &network.zones()[ix.index()];
            let rule = hazard(zone)?;
            [time.ist_day() - 1, time.ist_day()].into_iter().find_map(|day| {
                let (from, until) = closure(seed, zone, rule, piece.segment.index(), day)?;
                let in_season = rule.months.contains(from.ist_month());
                (in_season && from <= time && time < until).then_some(until)
            })
        })
        .max()
}

fn hazard(zone: &Zone) -> Option<&HazardRule> {
    match &zone.rule {
        ZoneRule::Landslide(rule) | ZoneRule::Snow(rule) | ZoneRule::Flood(rule) => Some(rule),
        ZoneRule::Urban(_) | ZoneRule::Fog(_) => None,
    }
}

fn closure(
    seed: u64,
    zone: &Zone,
    rule: &HazardRule,
    segment: usize,
    day: i64,
) -> Option<(Time, Time)> {
    let stream = Stream::new(seed, &zone.id, "closure");
    let draw = (day.cast_unsigned() * 4_096 + segment as u64) * 4;
    if stream.uniform(draw) >= rule.closure_probability_per_day {
        return None;
    }
    let (least_h, most_h) = rule.closure_hours;
    let hours = least_h + (most_h - least_h) * stream.uniform(draw + 1);
    let midnight_ms = day * DAY_S * 1_000 - 19_800_000;
    let from_s = stream.below(draw + 2, DAY_S.cast_unsigned()).cast_signed();
    let from = Time::from_ms(midnight_ms + from_s * 1_000);
    Some((from, from.plus_ms((hours * 3_600.0) as i64 * 1_000)))
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
}
