//! Questions about what a fleet did: how long it drove, how full it was, what it burned.
//!
//! Time is cut into aligned buckets of ten minutes. Reports of any order and number are folded into
//! an [`Activity`], which is as small as its window has buckets, and the answers are read off it. The
//! questions are those of the IoT case of the Time Series Benchmark Suite (TSBS, Timescale), with
//! the meaning of its sentences: its own SQL counts rows for buckets and divides whole numbers.
//!
//! Nothing is made up: what nobody measured is `None`, a bucket without a report is neither driving
//! nor standing, and [`Activity::coverage`] says how much of the window was seen.
//!
//! ```
//! use fleet_core::{analytics::{Activity, BUCKET_MS, Window}, domain::*, geo::Position, time::Time};
//! let from: Time = "2026-01-05T00:00:00Z".parse()?;
//! let mut activity = Activity::new(Window::new(from, from.plus_ms(3 * BUCKET_MS))?);
//! for (bucket, speed_kmh) in [(0, 40.0), (1, 0.0)] {
//!     activity.take(&TelemetryEvent {
//!         truck_id: TruckId::simulated(1),
//!         seq: 1,
//!         source_id: None,
//!         event_time: from.plus_ms(bucket * BUCKET_MS),
//!         position: Position::new(26.18, 91.75)?,
//!         status: Status::EnRoute,
//!         signals: Signals { speed_kmh: Some(speed_kmh), ..Signals::default() },
//!         trip_id: None,
//!         driver_id: None,
//!         road_class: None,
//!         zone: None,
//!         refuelling: None,
//!     });
//! }
//! assert_eq!((activity.driving_buckets(), activity.silent_buckets()), (1, 1));
//! # Ok::<(), fleet_core::Error>(())
//! ```

mod activity;

pub use activity::{Activity, Bucket, Consumption, DrivingRun};

use crate::{Error, Result, time::Time};

/// A bucket, ms: ten minutes, aligned to the epoch.
pub const BUCKET_MS: i64 = 600_000;
/// Buckets of a day.
pub const BUCKETS_A_DAY: u32 = 144;
/// The longest window, days: an [`Activity`] of it holds 4,464 buckets.
pub const WINDOW_DAYS_MAX: i64 = 31;
/// Above this mean speed a bucket is driving, km/h.
pub const DRIVING_KMH: f64 = 1.0;
/// Above this mean speed a bucket belongs to an unbroken run, km/h.
pub const RUN_KMH: f64 = 5.0;
/// Less fuel than this is low, % of the tank.
pub const LOW_FUEL_PCT: f64 = 10.0;
/// A larger share of the capacity is a high load.
pub const HIGH_LOAD: f64 = 0.9;
/// More driving buckets than this in 4 h leave less than 20 min of rest.
pub const LONG_DRIVING_BUCKETS: usize = 22;
/// More driving buckets than this in 24 h are over 10 h.
pub const LONG_DAILY_DRIVING_BUCKETS: usize = 60;

const DAY_MS: i64 = 86_400_000;

/// A half-open window of event time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from: Time,
    to: Time,
}

impl Window {
    /// From `from` on, up to, not including, `to`.
    ///
    /// # Errors
    /// `Invalid` if it is empty or longer than 31 days.
    pub fn new(from: Time, to: Time) -> Result<Self> {
        if to <= from {
            return Err(Error::invalid(format!("to: {to} is not after from, {from}")));
        }
        if to.ms_since(from) > WINDOW_DAYS_MAX * DAY_MS {
            return Err(Error::invalid(format!("to: more than {WINDOW_DAYS_MAX} days after from")));
        }
        Ok(Self { from, to })
    }

    /// Its beginning.
    pub const fn from(self) -> Time {
        self.from
    }

    /// Its end, which does not belong to it.
    pub const fn to(self) -> Time {
        self.to
    }

    /// Whether `time` lies in it.
    pub fn contains(self, time: Time) -> bool {
        (self.from..self.to).contains(&time)
    }

    /// The numbers of the buckets that it touches.
    pub const fn buckets(self) -> std::ops::Range<i64> {
        let last = (self.to.as_ms() - 1).div_euclid(BUCKET_MS);
        self.from.as_ms().div_euclid(BUCKET_MS)..last + 1
    }
}

/// A time zone that is always as far from UTC: Asia/Kolkata is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    offset_s: i32,
}

impl Zone {
    /// India, UTC+05:30, the whole year.
    pub const KOLKATA: Self = Self { offset_s: 19_800 };
    /// UTC.
    pub const UTC: Self = Self { offset_s: 0 };

    /// The zone that is `minutes` ahead of UTC.
    ///
    /// # Errors
    /// `Invalid` outside -12:00 to +14:00.
    pub fn ahead(minutes: i32) -> Result<Self> {
        if (-720..=840).contains(&minutes) {
            return Ok(Self { offset_s: minutes * 60 });
        }
        Err(Error::invalid(format!("tz: {minutes} min from UTC is outside -720 to 840")))
    }

    /// The number of the local day of `time`, from 1970-01-01.
    pub fn day(self, time: Time) -> i64 {
        (time.as_ms() + i64::from(self.offset_s) * 1_000).div_euclid(DAY_MS)
    }

    /// When a local day begins.
    pub fn start_of(self, day: i64) -> Time {
        Time::from_ms(day * DAY_MS - i64::from(self.offset_s) * 1_000)
    }
}

/// Whether so much fuel, % of the tank, is low: strictly less than [`LOW_FUEL_PCT`].
pub fn is_low_fuel(fuel_pct: f64) -> bool {
    fuel_pct < LOW_FUEL_PCT
}

/// How far `fuel_l` goes at so many litres per 100 km, km; `None` if nothing is burned.
pub fn range_km(fuel_l: f64, l_per_100km: f64) -> Option<f64> {
    (l_per_100km > 0.0).then(|| fuel_l.max(0.0) / l_per_100km * 100.0)
}

/// Load by capacity, 0 for empty; `None` if there is no capacity to divide by.
pub fn load_share(payload_kg: f64, capacity_kg: f64) -> Option<f64> {
    (capacity_kg > 0.0).then(|| payload_kg / capacity_kg)
}

/// Whether a share of the capacity is a high load: strictly more than [`HIGH_LOAD`].
pub fn is_high_load(share: f64) -> bool {
    share > HIGH_LOAD
}

/// Mean over trucks of each one's mean, so that who reports more often does not weigh more; `None`
/// of nothing.
pub fn mean_of_means(means: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for mean in means {
        sum += mean;
        count += 1;
    }
    (count > 0).then(|| sum / f64::from(count))
}

/// Of a local day the share that `trucks` were in order: their buckets with reports and not out of
/// order, by all that the day has, 0 to 1; `None` without trucks. A silent truck counts as idle.
pub fn daily_activity(trucks: &[Activity], zone: Zone, day: i64) -> Option<f64> {
    let trucks_count = u32::try_from(trucks.len()).ok().filter(|count| *count > 0)?;
    let active: usize = trucks.iter().map(|truck| truck.active_buckets(zone, day)).sum();
    let active = u32::try_from(active).unwrap_or(u32::MAX);
    Some(f64::from(active) / f64::from(BUCKETS_A_DAY) / f64::from(trucks_count))
}

#[cfg(test)]
mod tests;
