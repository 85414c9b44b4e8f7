//! From tags to roads that a truck can drive.
//!
//! | `highway` | taken | as |
//! |---|---|---|
//! | `motorway`, `trunk`, `primary`, `secondary`, `tertiary`, and their `_link` | yes | itself |
//! | `unclassified`, `road` | yes | unclassified |
//! | `residential`, `living_street` | yes | residential |
//! | `service` | unless `service` is `parking_aisle`, `drive-through` or `emergency_access` | service |
//! | `track` | with `tracktype` `grade1` or `grade2`, a made surface, or trucks expressly let in | service |
//! | anything else (`footway`, `cycleway`, `construction`, …) | no | |
//! | none, but `route=ferry` | if `hgv`, `motor_vehicle` or `vehicle` say yes | a ferry |
//!
//! Left out as well: `area=yes`, `access` and its kin that keep trucks out (the most exact of
//! `hgv`, `motor_vehicle`, `vehicle`, `access` decides), what is under construction or impassable,
//! and one-way roads that turn round by the hour. `destination` and its kin make a road local.

mod access;
mod conditional;
mod measure;
mod pavement;
mod speed;

pub(super) use self::access::{Barrier, barrier};
pub use self::speed::SpeedProfile;
use self::{
    access::{Access, OneWay},
    conditional::{Conditions, Window},
    measure::Limit,
};
use super::element::Tags;
use crate::route::Surface;

/// What a road is, in OpenStreetMap's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "OpenStreetMap's words")]
pub enum Highway {
    Motorway,
    Trunk,
    Primary,
    Secondary,
    Tertiary,
    Unclassified,
    Residential,
    LivingStreet,
    Service,
    Track,
    Ferry,
}

impl Highway {
    /// All of them, from the best to the least.
    pub const ALL: [Self; 11] = [
        Self::Motorway,
        Self::Trunk,
        Self::Primary,
        Self::Secondary,
        Self::Tertiary,
        Self::Unclassified,
        Self::Residential,
        Self::LivingStreet,
        Self::Service,
        Self::Track,
        Self::Ferry,
    ];

    /// The word, e.g. `living_street`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Motorway => "motorway",
            Self::Trunk => "trunk",
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Tertiary => "tertiary",
            Self::Unclassified => "unclassified",
            Self::Residential => "residential",
            Self::LivingStreet => "living_street",
            Self::Service => "service",
            Self::Track => "track",
            Self::Ferry => "ferry",
        }
    }

    /// The value of a `highway` tag, and whether it is a slip road.
    fn of(word: &str) -> Option<(Self, bool)> {
        let (word, is_link) = word.strip_suffix("_link").map_or((word, false), |word| (word, true));
        let highway = match word {
            "motorway" => Self::Motorway,
            "trunk" => Self::Trunk,
            "primary" => Self::Primary,
            "secondary" => Self::Secondary,
            "tertiary" => Self::Tertiary,
            _ if is_link => return None,
            "unclassified" | "road" => Self::Unclassified,
            "residential" => Self::Residential,
            "living_street" => Self::LivingStreet,
            "service" => Self::Service,
            "track" => Self::Track,
            _ => return None,
        };
        Some((highway, is_link))
    }
}

/// Limits for vehicles, metres and tonnes; `None`: none is posted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Limits {
    pub(super) height_m: Option<f64>,
    pub(super) width_m: Option<f64>,
    pub(super) length_m: Option<f64>,
    pub(super) weight_t: Option<f64>,
    pub(super) axle_t: Option<f64>,
}

/// A road that trucks may drive, as its tags have it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Road {
    pub(super) highway: Highway,
    pub(super) is_link: bool,
    /// Free flow on flat land in the way's direction, km/h; `None` if closed.
    pub(super) forward_kmh: Option<f64>,
    pub(super) backward_kmh: Option<f64>,
    /// The posted limit, km/h: the higher one if they differ by direction.
    pub(super) posted_kmh: Option<f64>,
    pub(super) iri_m_per_km: f64,
    pub(super) surface: Surface,
    pub(super) lanes: u8,
    pub(super) single_lane: bool,
    pub(super) divided: bool,
    /// How long a boat takes, seconds.
    pub(super) crossing_s: Option<f64>,
    /// Only to reach a place on it.
    pub(super) is_local: bool,
    pub(super) has_toll: bool,
    /// On a bridge or in a tunnel: the land's height is not the road's.
    pub(super) is_structure: bool,
    pub(super) limits: Limits,
    /// When it is open, if not always: minutes after midnight of the region.
    pub(super) open: Vec<Window>,
}

/// What becomes of a way.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    Road(Box<Road>),
    /// A road, but not for trucks, and why.
    LeftOut(LeftOut),
    /// No road at all.
    NoRoad,
}

/// Why a road is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LeftOut {
    /// A kind of way that trucks do not drive: a path, a parking aisle, a field track.
    NotForTrucks,
    /// Trucks may not enter.
    NoAccess,
    /// Not built yet, or closed for works.
    UnderConstruction,
    /// Nothing gets through.
    Impassable,
    /// A one-way road that turns round by the hour.
    Reversible,
    /// A square, not a line.
    Area,
    /// A ferry that does not say that it takes vehicles.
    FerryWithoutVehicles,
}

impl LeftOut {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::NotForTrucks,
        Self::NoAccess,
        Self::UnderConstruction,
        Self::Impassable,
        Self::Reversible,
        Self::Area,
        Self::FerryWithoutVehicles,
    ];

    /// The reason in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotForTrucks => "not of a kind that trucks drive",
            Self::NoAccess => "closed to trucks",
            Self::UnderConstruction => "under construction",
            Self::Impassable => "impassable",
            Self::Reversible => "one-way, turning round by the hour",
            Self::Area => "an area",
            Self::FerryWithoutVehicles => "a ferry not said to take vehicles",
        }
    }
}

/// Reads a way's tags. What is not understood is told to `odd`, and counts as not written.
pub(super) fn road(tags: &Tags, speeds: &SpeedProfile, odd: &mut dyn FnMut(String)) -> Verdict {
    let kind = match kind(tags) {
        Ok(Some(kind)) => kind,
        Ok(None) => return Verdict::NoRoad,
        Err(reason) => return Verdict::LeftOut(reason),
    };
    match allowed_road(kind, tags, speeds, odd) {
        Ok(road) => Verdict::Road(Box::new(road)),
        Err(reason) => Verdict::LeftOut(reason),
    }
}

/// A speed with the posted limit it comes from.
type Speed = (f64, Option<f64>);

/// A road of a kind that trucks drive, if they may enter it.
fn allowed_road(
    kind: (Highway, bool),
    tags: &Tags,
    speeds: &SpeedProfile,
    odd: &mut dyn FnMut(String),
) -> Result<Road, LeftOut> {
    let (highway, is_link) = kind;
    let conditions = conditional::conditions(tags);
    if let Some(key) = conditions.not_modelled {
        odd(format!("{key}={:?} is not modelled", short(tags.get(key))));
    }
    let [forward, backward] = access_by_direction(tags, !conditions.open.is_empty())?;
    let mut odd_speed = None;
    let mut speed = |access, way| match access {
        Access::No => None,
        _ => flat_kmh(tags, speeds, kind, way, &mut odd_speed),
    };
    let speeds = [speed(forward, ":forward"), speed(backward, ":backward")];
    if let Some(key) = odd_speed {
        odd(format!("{key}={:?} is not a speed", short(tags.get(&key))));
    }
    if speeds == [None, None] {
        return Err(LeftOut::NotForTrucks);
    }
    let is_one_way = speeds.contains(&None);
    let (lanes, single_lane) = lanes(tags, highway, is_one_way);
    let iri_m_per_km = pavement::iri_m_per_km(tags, highway);
    let posted = speeds.iter().flatten().filter_map(|speed: &Speed| speed.1);
    Ok(Road {
        highway,
        is_link,
        forward_kmh: speeds[0].map(|speed| speed.0),
        backward_kmh: speeds[1].map(|speed| speed.0),
        posted_kmh: posted.reduce(f64::max),
        iri_m_per_km,
        surface: pavement::surface(iri_m_per_km),
        lanes,
        single_lane,
        divided: tags.is("dual_carriageway", "yes")
            || (is_one_way && !is_link && matches!(highway, Highway::Motorway | Highway::Trunk)),
        crossing_s: crossing_s(tags, highway, odd),
        is_local: forward.max(backward) == Access::Local,
        has_toll: tags.is("toll", "yes") || tags.is("toll:hgv", "yes"),
        is_structure: ["bridge", "tunnel"].iter().any(|key| tags.get(key).is_some_and(is_not_no)),
        limits: limits(tags, conditions.limits, odd),
        open: hours(tags, conditions)?,
    })
}

/// Who may drive forward and backward; refuses a road that is closed both ways. Where it `opens` at
/// some hours, it is open.
fn access_by_direction(tags: &Tags, opens: bool) -> Result<[Access; 2], LeftOut> {
    let direction = access::one_way(tags);
    if direction == OneWay::Reversible {
        return Err(LeftOut::Reversible);
    }
    let may_enter = |way| match access::access(tags, way).unwrap_or(Access::Yes) {
        Access::No if opens => Access::Yes,
        access => access,
    };
    let forward = if direction == OneWay::Backward { Access::No } else { may_enter(":forward") };
    let backward = if direction == OneWay::Forward { Access::No } else { may_enter(":backward") };
    if forward.max(backward) == Access::No {
        return Err(LeftOut::NoAccess);
    }
    Ok([forward, backward])
}

/// The hours in which a road is open; none: always.
fn hours(tags: &Tags, conditions: Conditions) -> Result<Vec<Window>, LeftOut> {
    if !conditions.open.is_empty() && access::access(tags, "") == Some(Access::No) {
        return Ok(conditions.open);
    }
    if conditions.closed.is_empty() {
        return Ok(Vec::new());
    }
    let open = conditional::open_between(&conditions.closed);
    if open.is_empty() { Err(LeftOut::NoAccess) } else { Ok(open) }
}

/// What a way is, by the table above; `None` if it is no road.
fn kind(tags: &Tags) -> Result<Option<(Highway, bool)>, LeftOut> {
    let Some(word) = tags.get("highway") else {
        if !tags.is("route", "ferry") {
            return Ok(None);
        }
        return match access::is_expressly_allowed(tags) {
            true => Ok(Some((Highway::Ferry, false))),
            false => Err(LeftOut::FerryWithoutVehicles),
        };
    };
    if matches!(word, "construction" | "proposed" | "planned") {
        return Err(LeftOut::UnderConstruction);
    }
    let (highway, is_link) = Highway::of(word).ok_or(LeftOut::NotForTrucks)?;
    if tags.is("area", "yes") {
        return Err(LeftOut::Area);
    }
    let works = tags.get("construction");
    if works.is_some_and(|works| !matches!(works, "no" | "minor" | "widening")) {
        return Err(LeftOut::UnderConstruction);
    }
    if tags.is("impassable", "yes")
        || tags.is("status", "impassable")
        || tags.is("smoothness", "impassable")
    {
        return Err(LeftOut::Impassable);
    }
    let is_for_trucks = match highway {
        Highway::Service => !matches!(
            tags.get("service"),
            Some("parking_aisle" | "drive-through" | "drive-thru" | "emergency_access")
        ),
        Highway::Track => {
            matches!(tags.get("tracktype"), Some("grade1" | "grade2"))
                || matches!(
                    tags.get("surface"),
                    Some("asphalt" | "paved" | "concrete" | "chipseal" | "compacted")
                )
                || access::is_expressly_allowed(tags)
        }
        _ => true,
    };
    if is_for_trucks { Ok(Some((highway, is_link))) } else { Err(LeftOut::NotForTrucks) }
}

/// The speed in a direction with its posted limit; a boat's if none is told.
fn flat_kmh(
    tags: &Tags,
    speeds: &SpeedProfile,
    kind: (Highway, bool),
    way: &str,
    odd: &mut Option<String>,
) -> Option<(f64, Option<f64>)> {
    match kind.0 {
        Highway::Ferry => Some((speeds.ferry_kmh, None)),
        _ => speeds.flat_kmh(tags, kind, way, odd),
    }
}

fn crossing_s(tags: &Tags, highway: Highway, odd: &mut dyn FnMut(String)) -> Option<f64> {
    if highway != Highway::Ferry {
        return None;
    }
    let text = tags.get("duration")?;
    let crossing = measure::duration_s(text);
    if crossing.is_none() {
        odd(format!("duration={:?} is not understood", short(Some(text))));
    }
    crossing
}

/// The posted limits for vehicles, with those that hold under a condition.
fn limits(tags: &Tags, conditional: Limits, odd: &mut dyn FnMut(String)) -> Limits {
    let mut least = |keys: &[&'static str], read: fn(&str) -> Limit<'_>, known: Option<f64>| {
        let mut least = known;
        for key in keys {
            let Some(text) = tags.get(key) else { continue };
            match read(text) {
                Limit::Value(value) => least = Some(least.map_or(value, |known| known.min(value))),
                Limit::None | Limit::Zone(_) => {}
                Limit::Unknown => odd(format!("{key}={:?} is not understood", short(Some(text)))),
            }
        }
        least
    };
    let weights = ["maxweight", "maxweightrating", "maxweight:hgv", "maxweightrating:hgv"];
    Limits {
        height_m: least(
            &["maxheight", "maxheight:physical"],
            measure::metres,
            conditional.height_m,
        ),
        width_m: least(&["maxwidth", "maxwidth:physical"], measure::metres, conditional.width_m),
        length_m: least(&["maxlength", "maxlength:hgv"], measure::metres, conditional.length_m),
        weight_t: least(&weights, measure::tonnes, conditional.weight_t),
        axle_t: least(&["maxaxleload"], measure::tonnes, conditional.axle_t),
    }
}

/// Lanes of both directions together, 1 to 16, and whether oncoming trucks wait for each other.
fn lanes(tags: &Tags, highway: Highway, is_one_way: bool) -> (u8, bool) {
    let told =
        tags.get("lanes").and_then(|text| text.split(';').next()?.trim().parse::<f64>().ok());
    let told = told.filter(|lanes| (1.0..=16.0).contains(lanes)).map(f64::round);
    let usual = match highway {
        Highway::Motorway | Highway::Trunk if is_one_way => 2.0,
        Highway::Service | Highway::Track | Highway::LivingStreet => 1.0,
        _ if is_one_way => 1.0,
        _ => 2.0,
    };
    #[expect(clippy::cast_sign_loss, reason = "between 1 and 16")]
    let lanes = told.unwrap_or(usual) as u8;
    let is_narrow = match tags.get("width").map(measure::metres) {
        Some(Limit::Value(width_m)) => width_m < 4.0,
        _ => told == Some(1.0) || (told.is_none() && lanes == 1),
    };
    (lanes, is_narrow && !is_one_way && highway != Highway::Ferry)
}

fn is_not_no(value: &str) -> bool {
    value != "no"
}

/// The number of a road; of several (`NH 27;AH 1`) the first. Empty if it has none.
pub(super) fn reference(tags: &Tags) -> &str {
    tags.get("ref").and_then(|text| text.split(';').next()).unwrap_or_default().trim()
}

/// A value for a message, cut short.
fn short(value: Option<&str>) -> String {
    value.unwrap_or_default().chars().take(60).collect()
}

#[cfg(test)]
mod tests;
