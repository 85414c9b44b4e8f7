//! What closes roads, drawn by seed, place and time, so that every truck meets the same.

use fleet_core::{
    random::Stream,
    route::{HazardRule, Network, Piece, Zone, ZoneRule},
    time::Time,
};

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

    use fleet_core::{
        driver::RoadKind,
        eta::{Pace, free_kmh, road_kind, road_of},
        route::BuiltinRouter,
    };

    use super::*;
    use crate::world::{truck::Truck, weather::Sky};

    const HOUR_MS: i64 = 3_600_000;

    fn pieces(from: &str, to: &str) -> Vec<Piece> {
        let router = BuiltinRouter::ne_india();
        let node = |id: &str| router.network().node(id).unwrap();
        router.route_nodes(node(from), node(to)).unwrap().pieces.iter().collect()
    }

    #[test]
    fn nothing_makes_a_truck_faster_than_the_free_road() {
        let network = Network::ne_india();
        let begin: Time = "2026-01-01T00:00:00Z".parse().unwrap();
        for piece in pieces("siliguri", "gangtok").iter().step_by(7) {
            for slot in 0..365 * 2 {
                let time = begin.plus_ms(slot * 12 * HOUR_MS + slot * 61_000);
                let pace = Pace::at(&Sky::of_world(3), network, piece, time);
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
        let mut truck = Truck::builtin(1, 1, start).unwrap();
        truck.fixed.pace = 1.05;
        let (network, mut kinds) = (Network::ne_india(), BTreeSet::new());
        for (from, to) in [("siliguri", "guwahati"), ("guwahati", "tawang"), ("kohima", "mon")] {
            for piece in pieces(from, to) {
                let pace = Pace::at(&Sky::of_world(1), network, &piece, start);
                let road = road_of(&piece, false, Some(start));
                let kmh = truck.target_mps(&piece, &road, pace) * 3.6;
                assert!(kmh <= road_kind(&piece).limit_kmh() + 1e-9, "{kmh} on {piece:?}");
                kinds.insert(road_kind(&piece));
            }
        }
        assert!(kinds.contains(&RoadKind::Ghat) && kinds.contains(&RoadKind::Divided), "{kinds:?}");
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
