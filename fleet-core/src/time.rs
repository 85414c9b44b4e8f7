//! Instants in milliseconds, and the clock that hands them out.
//!
//! A library never reads the wall clock: it takes a [`Clock`]. That is what makes a world
//! repeatable and a test fast. [`SystemClock`] is the one place that reads the system's time.
//!
//! ```
//! use fleet_core::time::Time;
//! let t: Time = "2026-01-05T00:00:00Z".parse()?;
//! assert_eq!(t.plus_ms(1_500).to_string(), "2026-01-05T00:00:01.500Z");
//! # Ok::<(), fleet_core::Error>(())
//! ```

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

/// An instant: milliseconds since 1970-01-01T00:00:00Z. Text form: RFC 3339, UTC, three decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "openapi",
    derive(utoipa::ToSchema),
    schema(value_type = String, format = DateTime, example = "2026-01-05T00:00:00.000Z")
)]
pub struct Time(i64);

/// India Standard Time is UTC+05:30 all year.
const IST_OFFSET_MS: i64 = 19_800_000;
const DAY_MS: i64 = 86_400_000;

impl Time {
    /// The earliest instant accepted anywhere: 2000-01-01T00:00:00Z.
    pub const MIN: Self = Self(946_684_800_000);
    /// The latest instant accepted anywhere: 2100-01-01T00:00:00Z.
    pub const MAX: Self = Self(4_102_444_800_000);

    /// From milliseconds since the epoch. Any value: ranges are checked where data enters.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// From whole seconds since the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1_000)
    }

    /// Milliseconds since the epoch.
    pub const fn as_ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This instant moved by `ms`, which may be negative.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This instant moved forward.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        self.plus_ms(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    }

    /// Passes this on if it lies in the years of the contract, [`MIN`](Self::MIN) up to
    /// [`MAX`](Self::MAX).
    ///
    /// # Errors
    /// `Invalid`, naming `field`, the milliseconds and the rule.
    pub fn check(self, field: &str) -> Result<Self> {
        if (Self::MIN..Self::MAX).contains(&self) {
            return Ok(self);
        }
        Err(Error::invalid(format!("{field}: {} is outside the years 2000 to 2099", self.0)))
    }

    /// Milliseconds from `earlier` to this; negative if this is the earlier one.
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Seconds since midnight in India (IST), 0 to 86 399.
    pub const fn ist_second_of_day(self) -> u32 {
        ((self.0 + IST_OFFSET_MS).rem_euclid(DAY_MS) / 1_000) as u32
    }

    /// Whole minutes since midnight in India (IST), 0 to 1,439.
    pub const fn ist_minute_of_day(self) -> u16 {
        (self.ist_second_of_day() / 60) as u16
    }

    /// Days since 1970-01-01 in India (IST). Day 0 was a Thursday.
    pub const fn ist_day(self) -> i64 {
        (self.0 + IST_OFFSET_MS).div_euclid(DAY_MS)
    }

    /// Month in India (IST), 1 to 12.
    pub const fn ist_month(self) -> u8 {
        self.ist_date().1
    }

    /// Year, month (1 to 12) and day (1 to 31) in India (IST).
    pub const fn ist_date(self) -> (i64, u8, u8) {
        // Civil date from days: H. Hinnant, "chrono-compatible low-level date algorithms", 2013.
        let z = self.ist_day() + 719_468;
        let doe = z.rem_euclid(146_097) as u32; // small: its divisions are multiplications
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe as i64 + z.div_euclid(146_097) * 400 + (month <= 2) as i64;
        (year, month as u8, (doy - (153 * mp + 2) / 5 + 1) as u8)
    }

    /// RFC 3339 to the second with India's offset, e.g. `2026-01-05T05:30:00+05:30`.
    pub fn to_ist_string(self) -> String {
        let ((year, month, day), second) = (self.ist_date(), self.ist_second_of_day());
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+05:30")
    }

    /// Day of the week in India (IST): 0 is Monday, 6 Sunday.
    pub const fn ist_weekday(self) -> u8 {
        (self.ist_day() + 3).rem_euclid(7) as u8
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl FromStr for Time {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let timestamp: jiff::Timestamp = text.parse().map_err(|_| {
            Error::invalid(format!("{text:?}: expected RFC 3339 like 2026-01-05T00:00:00Z"))
        })?;
        Self(timestamp.as_millisecond()).check("time")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where platform time comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now, on the wall.
    fn now(&self) -> Time;
    /// Microseconds on a clock that never goes back, from an arbitrary start.
    fn monotonic_us(&self) -> u64;
}

/// The system's clock: the only reader of wall time in the library.
#[derive(Debug)]
pub struct SystemClock {
    started: std::time::Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts at zero now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that others take")]
    pub fn new() -> Self {
        Self { started: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that others take")]
    fn now(&self) -> Time {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Time::default().plus(since)
    }

    fn monotonic_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indian_calendar_of_known_instants() {
        let t: Time = "2026-01-05T00:00:00Z".parse().expect("valid");
        assert_eq!((t.ist_month(), t.ist_weekday(), t.ist_second_of_day()), (1, 0, 19_800));
        let leap: Time = "2024-02-29T18:29:59.999Z".parse().expect("valid");
        assert_eq!((leap.ist_month(), leap.ist_second_of_day()), (2, 86_399));
        assert_eq!(leap.plus_ms(1).ist_month(), 3, "midnight in India, still February in UTC");
        assert_eq!((leap.ist_date(), leap.plus_ms(1).ist_date()), ((2024, 2, 29), (2024, 3, 1)));
        assert_eq!(t.to_ist_string(), "2026-01-05T05:30:00+05:30");
        for day in 0..40_000 {
            let noon = Time::MIN.plus_ms(day * DAY_MS);
            assert_eq!(noon.to_ist_string().parse::<Time>().ok(), noon.check("day").ok(), "{noon}");
        }
    }

    #[test]
    fn text_round_trips_and_odd_years_are_refused() {
        for text in ["2026-01-05T00:00:00.000Z", "2099-12-31T23:59:59.999Z"] {
            assert_eq!(text.parse::<Time>().expect("valid").to_string(), text);
        }
        for text in ["1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "yesterday", ""] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }
}
