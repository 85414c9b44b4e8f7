//! What a simulated fleet did in so many days, beside what is published about real ones.
//!
//! The world is driven in memory, minute by minute, and only looked at: the report changes nothing.

mod chart;
mod markdown;
mod tally;

use fleet_core::{Error, Result, domain::LateReason, time::Time};
use serde::Serialize;

pub use self::chart::day_chart;
use self::tally::Tally;
use crate::World;

/// Which world, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ReportSettings {
    /// Seed of all randomness.
    pub seed: u64,
    /// Where simulated time begins, on a whole second.
    pub start: Time,
    /// How many trucks: 1 to 10,000.
    pub trucks: u32,
    /// How many days: 1 to 3,660.
    pub days: u32,
}

/// The most of each that one report takes: memory grows with trucks, time with both.
const TRUCKS_MAX: u32 = 10_000;
const DAYS_MAX: u32 = 3_660;

/// Litres per 100 km by the land crossed; `None` where nothing was driven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the line above")]
pub struct ByTerrain {
    pub plain: Option<f64>,
    pub rolling: Option<f64>,
    pub hilly: Option<f64>,
    pub mountainous: Option<f64>,
}

/// How often arrivals fell into the band that was foreseen for nine in ten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Forecasts that could be scored: their trip has ended.
    pub forecasts: u64,
    /// Of those, how many had the arrival in their band.
    pub inside: u64,
}

impl Coverage {
    /// The share inside, 0 to 1; `None` without a forecast.
    pub fn share(&self) -> Option<f64> {
        (self.forecasts > 0).then(|| self.inside as f64 / self.forecasts as f64)
    }
}

/// One truck's line, or the fleet's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The truck, or `fleet`.
    pub truck: String,
    /// Its model; empty for the fleet.
    pub model: String,
    /// Driven, km.
    pub km: f64,
    /// Driven per truck and day, km.
    pub km_per_day: f64,
    /// At the wheel per truck and day, hours.
    pub driving_h_per_day: f64,
    /// Share of days on which a single driver drove more than the law's eight hours, 0 to 1.
    pub days_over_8h: f64,
    /// Burned over all, standing included, l/100 km; `None` if it never moved.
    pub l_per_100km: Option<f64>,
    /// Burned while driving, by the land.
    pub l_per_100km_by_terrain: ByTerrain,
    /// Share of the way that was driven without a load, 0 to 1; `None` if it never moved.
    pub empty: Option<f64>,
    /// Trips with a load that have ended.
    pub trips: u64,
    /// Of those, on time: 0 to 1; `None` without one.
    pub on_time: Option<f64>,
    /// Stops at pumps.
    pub refuels: u64,
    /// Bought at them, l.
    pub refuelled_l: f64,
    /// All forecasts, hourly from departure on.
    pub eta: Coverage,
    /// Forecasts at departure.
    pub eta_at_departure: Coverage,
}

/// How promises ended, by the length of the haul.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Promises {
    /// Length of the haul, km, from.
    pub from_km: f64,
    /// Length of the haul, km, to (excluded).
    pub to_km: f64,
    /// Whether these are perishables and parcels, promised with less slack.
    pub is_express: bool,
    /// Trips with a load that have ended.
    pub trips: u64,
    /// Of those, on time.
    pub on_time: u64,
}

/// How many trips with a load were late for a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the line above")]
pub struct LateTrips {
    pub reason: LateReason,
    pub trips: u64,
}

/// Forecasts by how far ahead they looked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CoverageAhead {
    /// Hours foreseen, from.
    pub from_h: f64,
    /// Hours foreseen, to (excluded).
    pub to_h: f64,
    /// How they did.
    pub eta: Coverage,
    /// Hours foreseen, mean of all; `None` without a forecast.
    pub mean_h: Option<f64>,
    /// Minutes by which 5, 50 and 95 % of arrivals came later than told; `None` without one.
    pub off_min: Option<[f64; 3]>,
}

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FleetReport {
    /// Which world, and for how long.
    pub settings: ReportSettings,
    /// All trucks together.
    pub fleet: Line,
    /// Each truck.
    pub trucks: Vec<Line>,
    /// How promises ended, by class and length.
    pub promises: Vec<Promises>,
    /// Why trips were late, by number.
    pub late: Vec<LateTrips>,
    /// The band by how far ahead it looked.
    pub coverage: Vec<CoverageAhead>,
}

const MINUTE_MS: i64 = 60_000;
const MINUTES_PER_DAY: i64 = 1_440;

impl FleetReport {
    /// Simulates and reports. About a quarter of a second per day of thirty trucks.
    ///
    /// # Errors
    /// `Invalid`: days or trucks out of range, or a start off the grid of whole seconds.
    pub fn simulate(settings: ReportSettings) -> Result<Self> {
        let ReportSettings { seed, start, trucks, days } = settings;
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(Error::invalid(format!("--days {days}: expected 1 to {DAYS_MAX}")));
        }
        if !(1..=TRUCKS_MAX).contains(&trucks) {
            return Err(Error::invalid(format!("--trucks {trucks}: expected 1 to {TRUCKS_MAX}")));
        }
        let genesis = World::beginning(seed, start);
        let mut world = World::new(genesis, trucks)?;
        let mut tally = Tally::new(&world);
        for minute in 1..=i64::from(days) * MINUTES_PER_DAY {
            let now = start.plus_ms(minute * MINUTE_MS);
            let sent = world.advance(now);
            tally.hear(&sent);
            tally.look(&world, now);
        }
        Ok(tally.report(settings))
    }

    /// The report as Markdown, each figure of the fleet beside a published one where there is one.
    pub fn markdown(&self) -> String {
        markdown::page(self)
    }
}
