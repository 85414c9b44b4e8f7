//! Parts of the map where driving differs by hour or month: towns, slopes, snow, floods, fog.

use serde::{Deserialize, Serialize};

use super::{
    hours::{DailyWindow, MonthSet},
    types::SegmentIx,
};
use crate::geo::Position;

/// What a zone is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the variants speak for themselves")]
pub enum ZoneKind {
    Urban,
    Landslide,
    Snow,
    Flood,
    Fog,
}

impl ZoneKind {
    /// The kind as a word, e.g. `landslide`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Urban => "urban",
            Self::Landslide => "landslide",
            Self::Snow => "snow",
            Self::Flood => "flood",
            Self::Fog => "fog",
        }
    }
}

/// A part of the map where driving differs by hour or month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Zone {
    /// Unique name for machines.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Which places it covers.
    pub shape: ZoneShape,
    /// From 0 (none) to 1 (standstill), both excluded.
    pub severity: f64,
    /// What it does, and when.
    pub rule: ZoneRule,
}

impl Zone {
    /// What the zone is about.
    pub const fn kind(&self) -> ZoneKind {
        match self.rule {
            ZoneRule::Urban(_) => ZoneKind::Urban,
            ZoneRule::Landslide(_) => ZoneKind::Landslide,
            ZoneRule::Snow(_) => ZoneKind::Snow,
            ZoneRule::Flood(_) => ZoneKind::Flood,
            ZoneRule::Fog(_) => ZoneKind::Fog,
        }
    }
}

/// The places a zone covers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ZoneShape {
    /// Everything within a radius.
    Circle {
        /// The middle.
        centre: Position,
        /// Metres, at most 50,000.
        radius_m: f64,
    },
    /// Everything inside the corners.
    Polygon {
        /// At least three; the last joins the first.
        corners: Vec<Position>,
    },
    /// Whole roads.
    Segments {
        /// At least one.
        segments: Vec<SegmentIx>,
    },
}

/// What a zone does, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ZoneRule {
    /// Traffic of a town.
    Urban(UrbanRule),
    /// Slopes that come down in the rains.
    Landslide(HazardRule),
    /// Snow on passes.
    Snow(HazardRule),
    /// Water over the road, or animals that flee from it.
    Flood(HazardRule),
    /// Fog.
    Fog(FogRule),
}

/// Traffic of a town: slow by day, slower at peak hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UrbanRule {
    /// When traffic is worst.
    pub peak_hours_ist: Vec<DailyWindow>,
    /// Share of the free speed that is left in those hours, 0 to 1.
    pub peak_speed_factor: f64,
    /// Share of the free speed that is left at other times, 0 to 1.
    pub offpeak_speed_factor: f64,
    /// Scales the loss (1 - factor) on Saturday and Sunday, 0 to 1.
    pub weekend_factor: f64,
    /// When heavy trucks may not enter; empty: never barred.
    #[serde(default, deserialize_with = "super::hours::null_as_empty")]
    pub truck_entry_ban_ist: Vec<DailyWindow>,
    /// Limit inside, km/h.
    pub maxspeed_kmh: f64,
}

/// A danger of the season that slows a road and may close it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HazardRule {
    /// The season.
    pub months: MonthSet,
    /// Share of the free speed that is left while the road is open, 0 to 1.
    pub speed_factor: f64,
    /// Chance of a closure per day of the season, for each segment, 0 to 1.
    pub closure_probability_per_day: f64,
    /// Shortest and longest closure, hours.
    pub closure_hours: (f64, f64),
    /// Limit while the zone holds, km/h.
    #[serde(default)]
    pub maxspeed_kmh: Option<f64>,
    /// The limit holds in every month.
    #[serde(default)]
    pub speed_limit_all_year: bool,
}

/// Fog of certain months and hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FogRule {
    /// The season.
    pub months: MonthSet,
    /// The hours of the day.
    pub hours_ist: Vec<DailyWindow>,
    /// Share of the free speed that is left, 0 to 1.
    pub speed_factor: f64,
    /// How far one sees, metres.
    pub visibility_m: f64,
}
