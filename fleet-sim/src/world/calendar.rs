//! What the date and the hour do to roads: traffic, weather, closures, hours when trucks are barred.
//! All of it is drawn by seed, place and time, so that every truck meets the same.

use fleet_core::{
    driver::{Rain, RoadKind, travel_time_factor},
    random::Stream,
    route::{HazardRule, Network, Piece, RoadClass, Terrain, UrbanRule, Zone, ZoneIx, ZoneRule},
    time::Time,
};

use super::weather::Sky;

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

impl Pace {
    /// Off the road.
    pub(super) const STANDING: Self =
        Self { speed_kmh: 0.0, traffic_loss: 0.0, weather_loss: 0.0, zone: None, wet: false };
}

/// Minutes after midnight IST.
pub(super) fn minute_of_day(time: Time) -> u16 {
    u16::try_from(time.ist_second_of_day() / 60).unwrap_or(0)
}

/// The pace on `piece` at `time`.
pub(super) fn pace(sky: Sky, network: &Network, piece: &Piece, time: Time) -> Pace {
    let rain = sky.rain(&network.states()[piece.state.index()].code, time);
    let (minute, month) = (minute_of_day(time), time.ist_month());
    let free_kmh = free_kmh(piece);
    let (mut traffic, mut weather, mut limit_kmh) = (1.0_f64, 1.0_f64, free_kmh);
    let mut sight_kmh = f64::INFINITY;
    let (mut zone, mut least) = (None, 1.0);
    for ix in piece.zones.iter().copied() {
        let place = &network.zones()[ix.index()];
        let factor = match &place.rule {
            ZoneRule::Urban(rule) => {
                let factor = town_factor(rule, rain, sky.volume(place, time), time);
                limit_kmh = limit_kmh.min(rule.maxspeed_kmh);
                traffic = traffic.min(factor);
                factor
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
                let in_season = rule.months.contains(month)
                    && rule.hours_ist.iter().any(|window| window.contains(minute));
                let fog_kmh = sky.fog_kmh(place, rule, time).filter(|_| in_season);
                let factor = if fog_kmh.is_some() { rule.speed_factor } else { 1.0 };
                sight_kmh = sight_kmh.min(fog_kmh.unwrap_or(f64::INFINITY));
                weather = weather.min(factor);
                factor
            }
        };
        if factor < least {
            (zone, least) = (Some(ix), factor);
        }
    }
    weather *= rain.speed_factor();
    if rain > Rain::None && is_hill(piece) {
        weather *= Rain::ON_HILLS;
    }
    let clear_kmh = limit_kmh * traffic;
    let speed_kmh = (clear_kmh * weather).min(sight_kmh).max(8.0);
    Pace {
        speed_kmh,
        traffic_loss: 1.0 - traffic,
        weather_loss: (1.0 - speed_kmh / clear_kmh).max(0.0),
        zone,
        wet: rain > Rain::None,
    }
}

fn is_hill(piece: &Piece) -> bool {
    matches!(piece.terrain, Terrain::Hilly | Terrain::Mountainous)
}

/// The road as the law on speed sees it.
pub(super) fn road_kind(piece: &Piece) -> RoadKind {
    match piece.road_class {
        _ if piece.terrain == Terrain::Mountainous => RoadKind::Ghat,
        RoadClass::Motorway => RoadKind::Expressway,
        _ if piece.divided && piece.lanes >= 4 => RoadKind::Divided,
        _ => RoadKind::Other,
    }
}

/// Speed of a truck with the road to itself, km/h: what the road allows, the sign, and the law.
pub(super) fn free_kmh(piece: &Piece) -> f64 {
    let law_kmh = road_kind(piece).limit_kmh();
    piece.truck_speed_kmh.min(piece.maxspeed_kmh).min(law_kmh)
}

/// Share of the free speed that a town's traffic leaves at `volume` times the usual. The network's
/// file says what is usual; around it delays grow with the fourth power of volume, as everywhere.
fn town_factor(rule: &UrbanRule, rain: Rain, volume: f64, time: Time) -> f64 {
    let minute = minute_of_day(time);
    let is_peak = rule.peak_hours_ist.iter().any(|window| window.contains(minute));
    let factor = if is_peak { rule.peak_speed_factor } else { rule.offpeak_speed_factor };
    let is_weekend = time.ist_weekday() >= 5;
    let loss = (1.0 - factor) * if is_weekend { rule.weekend_factor } else { 1.0 };
    let usual_delay = loss / (1.0 - loss).max(0.15);
    let growth = (travel_time_factor(volume) - 1.0) / (travel_time_factor(1.0) - 1.0);
    rain.capacity_factor() / (1.0 + usual_delay * growth)
}

/// The zone that bars heavy trucks at some hours and holds `piece`.
pub(super) fn guarded_zone(network: &Network, piece: &Piece) -> Option<ZoneIx> {
    piece
        .zones
        .iter()
        .copied()
        .find(|ix| bans(network, *ix).is_some_and(|rule| !rule.truck_entry_ban_ist.is_empty()))
}

fn bans(network: &Network, zone: ZoneIx) -> Option<&UrbanRule> {
    match &network.zones()[zone.index()].rule {
        ZoneRule::Urban(rule) => Some(rule),
        ZoneRule::Landslide(_) | ZoneRule::Snow(_) | ZoneRule::Flood(_) | ZoneRule::Fog(_) => None,
    }
}

/// If heavy trucks may not enter `zone` at `time`: when they may again.
pub(super) fn barred_until(network: &Network, zone: ZoneIx, time: Time) -> Option<Time> {
    let minute = minute_of_day(time);
    let windows = &bans(network, zone)?.truck_entry_ban_ist;
    let window = windows.iter().find(|window| window.contains(minute))?;
    let wait_min = (window.to_min() + 1_440 - minute) % 1_440;
    let into_minute_s = i64::from(time.ist_second_of_day() % 60);
    Some(time.plus_ms((i64::from(wait_min) * 60 - into_minute_s) * 1_000))
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
    let hazards = piece.zones.iter().filter_map(|ix| {
        let zone = &network.zones()[ix.index()];
        Some((zone, hazard(zone)?))
    });
    let closures = hazards.flat_map(|(zone, rule)| {
        let days_back = (rule.closure_hours.1 / 24.0) as i64 + 1;
        let days = (0..=days_back).map(|back| time.ist_day() - back);
        days.filter_map(|day| closure(seed, zone, rule, piece.segment.index(), day))
    });
    closures.filter(|(from, until)| *from <= time && time < *until).map(|(_, until)| until).max()
}

fn hazard(zone: &Zone) -> Option<&HazardRule> {
    match &zone.rule {
        ZoneRule::Landslide(rule) | ZoneRule::Snow(rule) | ZoneRule::Flood(rule) => Some(rule),
        ZoneRule::Urban(_) | ZoneRule::Fog(_) => None,
    }
}

/// The closure that begins on `day`, if one does: from when to when.
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
    if !rule.months.contains(from.ist_month()) {
        return None;
    }
    Some((from, from.plus_ms((hours * 3_600.0) as i64 * 1_000)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fleet_core::route::BuiltinRouter;

    use super::*;
    use crate::world::truck::Truck;

    const HOUR_MS: i64 = 3_600_000;

    fn pieces(from: &str, to: &str) -> Vec<Piece> {
        let router = BuiltinRouter::ne_india();
        let node = |id: &str| router.network().node(id).unwrap();
        router.route_nodes(node(from), node(to)).unwrap().pieces.clone()
    }

    #[test]
    fn nothing_makes_a_truck_faster_than_the_free_road() {
        let network = Network::ne_india();
        let begin: Time = "2026-01-01T00:00:00Z".parse().unwrap();
        for piece in pieces("siliguri", "gangtok").iter().step_by(7) {
            for slot in 0..365 * 2 {
                let time = begin.plus_ms(slot * 12 * HOUR_MS + slot * 61_000);
                let pace = pace(Sky::of_world(3), network, piece, time);
                let free_kmh = free_kmh(piece);
                assert!((8.0..=free_kmh.max(8.0)).contains(&pace.speed_kmh), "{pace:?}");
                assert!((0.0..1.0).contains(&pace.traffic_loss), "{pace:?}");
                assert!((0.0..1.0).contains(&pace.weather_loss), "{pace:?}");
            }
        }
    }

    /// Points `limit-goods` and `limit-ghat` of the physics' reference, where speeds are chosen.
    #[test]
    fn no_driver_aims_above_the_law() {
        let start: Time = "2026-01-05T00:00:00Z".parse().unwrap();
        let mut truck = Truck::new(1, 1, start).unwrap();
        truck.fixed.pace = 1.05;
        let (network, mut kinds) = (Network::ne_india(), BTreeSet::new());
        for (from, to) in [("siliguri", "guwahati"), ("guwahati", "tawang"), ("kohima", "mon")] {
            for piece in pieces(from, to) {
                let pace = pace(Sky::of_world(1), network, &piece, start);
                let road = crate::world::drive::road(&piece, false, start);
                let kmh = truck.target_mps(&piece, &road, pace) * 3.6;
                assert!(kmh <= road_kind(&piece).limit_kmh() + 1e-9, "{kmh} on {piece:?}");
                kinds.insert(road_kind(&piece));
            }
        }
        assert!(kinds.contains(&RoadKind::Ghat) && kinds.contains(&RoadKind::Divided), "{kinds:?}");
    }

    #[test]
    fn trucks_are_barred_from_a_town_in_its_hours_and_not_outside() {
        let network = Network::ne_india();
        let pieces = pieces("siliguri", "guwahati");
        let zones: Vec<_> =
            pieces.iter().filter_map(|piece| guarded_zone(network, piece)).collect();
        let guwahati = *zones.last().unwrap();
        assert_eq!(network.zones()[guwahati.index()].id, "urban-guwahati");
        let midnight = Time::from_ms(1_767_551_400_000); // 5 January 00:00 IST
        let at = |minute: i64| midnight.plus_ms(minute * 60_000);
        for minute in 0..1_440 {
            let until = barred_until(network, guwahati, at(minute).plus_ms(7_000));
            let expected = match minute {
                480..660 => Some(at(660)),
                960..1_200 => Some(at(1_200)),
                _ => None,
            };
            assert_eq!(until, expected, "minute {minute}");
        }
    }

    #[test]
    fn a_closed_road_stays_closed_until_it_opens_even_after_days() {
        let network = Network::ne_india();
        let begin: Time = "2026-06-01T00:00:00Z".parse().unwrap();
        let hazards = |piece: &Piece| !piece.zones.is_empty();
        let (mut closures, mut longest_h) = (0, 0);
        for piece in pieces("silapathar", "jonai").iter().filter(|p| hazards(p)).take(1) {
            for hour in 0..24 * 110 {
                let time = begin.plus_ms(hour * HOUR_MS);
                let Some(until) = closed_until(9, network, piece, time) else { continue };
                closures += 1;
                longest_h = longest_h.max(until.ms_since(time) / HOUR_MS);
                let before = until.plus_ms(-1_000);
                assert!(closed_until(9, network, piece, before).is_some(), "until {until}");
            }
        }
        assert!(closures > 24 && longest_h > 24, "{closures} hours, up to {longest_h} h ahead");
        let winter: Time = "2026-01-10T00:00:00Z".parse().unwrap();
        let pieces = pieces("silapathar", "jonai");
        assert!(pieces.iter().all(|piece| closed_until(9, network, piece, winter).is_none()));
    }
}
