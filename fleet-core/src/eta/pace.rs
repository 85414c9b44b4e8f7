//! What the place and the hour make of a road: traffic of towns, seasons, hours when trucks are
//! barred.
//!
//! The rules are the network's. What cannot be known ahead (rain, fog, a town's busy day) comes in
//! through [`Conditions`]: a simulated world has its own sky, a plan has what is [`Usual`].

use super::air::ambient_c;
use crate::{
    driver::{Rain, RoadKind, sight_mps, travel_time_factor},
    physics::{Road, air_density_kgpm3, roughness_from_iri},
    route::{FogRule, Network, Piece, RoadClass, Terrain, UrbanRule, Zone, ZoneIx, ZoneRule},
    time::Time,
    units::kmh_from_mps,
};

/// Mean of what oncoming trucks, carts and cows leave of the speed (estimate).
pub const FLOW_MEAN: f64 = 0.95;
/// However bad it is, a truck moves on at this, km/h (estimate).
const LEAST_KMH: f64 = 8.0;

/// What the sky and the streets are like, beyond the rules of the network.
pub trait Conditions {
    /// The rain over a state, by its code.
    fn rain(&self, state: &str, time: Time) -> Rain;
    /// Speed that fog leaves in a zone whose season and hours it is, km/h; `None` without fog.
    fn fog_kmh(&self, zone: &Zone, rule: &FogRule, time: Time) -> Option<f64>;
    /// The volume of a town's traffic in this hour, relative to what is usual.
    fn volume(&self, zone: &Zone, time: Time) -> f64;
}

/// What is usual: dry, traffic as ever, and fog wherever its season and hours are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usual;

impl Conditions for Usual {
    fn rain(&self, _state: &str, _time: Time) -> Rain {
        Rain::None
    }

    fn fog_kmh(&self, _zone: &Zone, rule: &FogRule, _time: Time) -> Option<f64> {
        Some(kmh_from_mps(sight_mps(rule.visibility_m)))
    }

    fn volume(&self, _zone: &Zone, _time: Time) -> f64 {
        1.0
    }
}

/// What slows a truck down, and by what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Speed that road and hour allow, km/h.
    pub speed_kmh: f64,
    /// Share of the free speed lost to traffic, 0 to 1.
    pub traffic_loss: f64,
    /// Share of the free speed lost to weather, 0 to 1.
    pub weather_loss: f64,
    /// The zone that matters most here and now.
    pub zone: Option<ZoneIx>,
    /// Water on the road.
    pub wet: bool,
}

impl Pace {
    /// Off the road.
    pub const STANDING: Self =
        Self { speed_kmh: 0.0, traffic_loss: 0.0, weather_loss: 0.0, zone: None, wet: false };

    /// The pace on `piece` at `time`.
    pub fn at(conditions: &impl Conditions, network: &Network, piece: &Piece, time: Time) -> Self {
        let state = network.states().get(piece.state.index());
        let rain = state.map_or(Rain::None, |state| conditions.rain(&state.code, time));
        let month = if piece.zones.is_empty() { 0 } else { time.ist_month() };
        let (mut traffic, mut weather, mut limit_kmh) = (1.0_f64, 1.0_f64, free_kmh(piece));
        let mut sight_kmh = f64::INFINITY;
        let (mut zone, mut least) = (None, 1.0);
        for ix in piece.zones.iter().copied() {
            let place = &network.zones()[ix.index()];
            let factor = match &place.rule {
                ZoneRule::Urban(rule) => {
                    let factor = town_factor(rule, rain, conditions.volume(place, time), time);
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
                    let minute = time.ist_minute_of_day();
                    let in_season = rule.months.contains(month)
                        && rule.hours_ist.iter().any(|window| window.contains(minute));
                    let fog_kmh =
                        if in_season { conditions.fog_kmh(place, rule, time) } else { None };
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
        let speed_kmh = (clear_kmh * weather).min(sight_kmh).max(LEAST_KMH);
        Self {
            speed_kmh,
            traffic_loss: 1.0 - traffic,
            weather_loss: (1.0 - speed_kmh / clear_kmh).max(0.0),
            zone,
            wet: rain > Rain::None,
        }
    }

    /// The pace on `piece` at no particular hour: towns outside their peaks, no season, a dry road.
    pub fn at_no_hour(network: &Network, piece: &Piece) -> Self {
        let (mut traffic, mut limit_kmh, mut zone) = (1.0_f64, free_kmh(piece), None);
        for ix in piece.zones.iter().copied() {
            match &network.zones()[ix.index()].rule {
                ZoneRule::Urban(rule) => {
                    limit_kmh = limit_kmh.min(rule.maxspeed_kmh);
                    if rule.offpeak_speed_factor < traffic {
                        (traffic, zone) = (rule.offpeak_speed_factor, Some(ix));
                    }
                }
                ZoneRule::Landslide(rule) | ZoneRule::Snow(rule) | ZoneRule::Flood(rule) => {
                    let all_year = rule.maxspeed_kmh.filter(|_| rule.speed_limit_all_year);
                    limit_kmh = limit_kmh.min(all_year.unwrap_or(f64::INFINITY));
                }
                ZoneRule::Fog(_) => {}
            }
        }
        Self {
            speed_kmh: (limit_kmh * traffic).max(LEAST_KMH),
            traffic_loss: 1.0 - traffic,
            weather_loss: 0.0,
            zone,
            wet: false,
        }
    }
}

fn is_hill(piece: &Piece) -> bool {
    matches!(piece.terrain, Terrain::Hilly | Terrain::Mountainous)
}

/// The road as the law on speed sees it.
pub fn road_kind(piece: &Piece) -> RoadKind {
    match piece.road_class {
        _ if piece.terrain == Terrain::Mountainous => RoadKind::Ghat,
        RoadClass::Motorway => RoadKind::Expressway,
        _ if piece.divided && piece.lanes >= 4 => RoadKind::Divided,
        _ => RoadKind::Other,
    }
}

/// Speed of a truck with the road to itself, km/h: what the road allows, the sign, and the law.
pub fn free_kmh(piece: &Piece) -> f64 {
    let law_kmh = road_kind(piece).limit_kmh();
    piece.truck_speed_kmh.min(piece.maxspeed_kmh).min(law_kmh)
}

/// Share of the free speed that a town's traffic leaves at `volume` times the usual. The network's
/// file says what is usual; around it delays grow with the fourth power of volume, as everywhere.
fn town_factor(rule: &UrbanRule, rain: Rain, volume: f64, time: Time) -> f64 {
    let minute = time.ist_minute_of_day();
    let is_peak = rule.peak_hours_ist.iter().any(|window| window.contains(minute));
    let factor = if is_peak { rule.peak_speed_factor } else { rule.offpeak_speed_factor };
    let is_weekend = time.ist_weekday() >= 5;
    let loss = (1.0 - factor) * if is_weekend { rule.weekend_factor } else { 1.0 };
    let usual_delay = loss / (1.0 - loss).max(0.15);
    let growth = (travel_time_factor(volume) - 1.0) / (travel_time_factor(1.0) - 1.0);
    rain.capacity_factor() / (1.0 + usual_delay * growth)
}

/// The zone that bars heavy trucks at some hours and holds `piece`.
pub fn guarded_zone(network: &Network, piece: &Piece) -> Option<ZoneIx> {
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
pub fn barred_until(network: &Network, zone: ZoneIx, time: Time) -> Option<Time> {
    let minute = time.ist_minute_of_day();
    let windows = &bans(network, zone)?.truck_entry_ban_ist;
    let window = windows.iter().find(|window| window.contains(minute))?;
    let wait_min = (window.to_min() + 1_440 - minute) % 1_440;
    let into_minute_s = i64::from(time.ist_second_of_day() % 60);
    Some(time.plus_ms((i64::from(wait_min) * 60 - into_minute_s) * 1_000))
}

/// The road and the air of `piece` at `time`, or in the mean of the year.
pub fn road_of(piece: &Piece, wet: bool, time: Option<Time>) -> Road {
    let altitude_m = 0.5 * (piece.from_altitude_m + piece.to_altitude_m);
    let ambient_c = ambient_c(altitude_m, time);
    Road {
        grade: piece.grade,
        roughness_m3: roughness_from_iri(piece.iri_m_per_km),
        iri_m_per_km: piece.iri_m_per_km,
        air_density_kgpm3: air_density_kgpm3(altitude_m, ambient_c),
        ambient_c,
        wet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::BuiltinRouter;

    fn pieces(from: &str, to: &str) -> Vec<Piece> {
        let router = BuiltinRouter::ne_india();
        let node = |id: &str| router.network().node(id).unwrap();
        router.route_nodes(node(from), node(to)).unwrap().pieces.iter().collect()
    }

    /// 5 January 2026, 00:00 IST, a Monday.
    const MIDNIGHT: Time = Time::from_ms(1_767_551_400_000);

    #[test]
    fn trucks_are_barred_from_a_town_in_its_hours_and_not_outside() {
        let network = Network::ne_india();
        let pieces = pieces("siliguri", "guwahati");
        let zones: Vec<_> =
            pieces.iter().filter_map(|piece| guarded_zone(network, piece)).collect();
        let guwahati = *zones.last().unwrap();
        assert_eq!(network.zones()[guwahati.index()].id, "urban-guwahati");
        let at = |minute: i64| MIDNIGHT.plus_ms(minute * 60_000);
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
    fn no_hour_is_as_a_quiet_hour_outside_every_season() {
        let network = Network::ne_india();
        let quiet = MIDNIGHT.plus_ms((90 * 24 + 13) * 3_600_000); // 5 April, 13:00
        for piece in pieces("siliguri", "tawang") {
            let season = piece.zones.iter().any(|ix| {
                let months = match &network.zones()[ix.index()].rule {
                    ZoneRule::Landslide(rule) | ZoneRule::Snow(rule) | ZoneRule::Flood(rule) => {
                        rule.months
                    }
                    ZoneRule::Urban(_) | ZoneRule::Fog(_) => return false,
                };
                months.contains(4)
            });
            let (none, then) =
                (Pace::at_no_hour(network, &piece), Pace::at(&Usual, network, &piece, quiet));
            if !season && quiet.ist_weekday() < 5 {
                assert!((none.speed_kmh - then.speed_kmh).abs() < 1e-9, "{none:?} {then:?}");
            }
            assert!(none.speed_kmh <= free_kmh(&piece).max(LEAST_KMH));
        }
    }

    #[test]
    fn peaks_and_seasons_slow_a_truck_and_nothing_makes_it_faster() {
        let network = Network::ne_india();
        let at = |hour: i64| MIDNIGHT.plus_ms(hour * 3_600_000);
        let (mut peak, mut rains) = (0, 0);
        for piece in pieces("guwahati", "silchar").iter().step_by(5) {
            let kmh = |time| Pace::at(&Usual, network, piece, time).speed_kmh;
            let (night, morning, july) = (kmh(at(49)), kmh(at(58)), kmh(at(24 * 180 + 50)));
            assert!(night <= free_kmh(piece).max(LEAST_KMH), "{piece:?}");
            peak += u32::from(morning < night);
            rains += u32::from(july < kmh(at(24 * 90 + 50)));
        }
        assert!(peak > 10 && rains > 10, "{peak} {rains}");
    }
}
