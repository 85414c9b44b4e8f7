//! Hours of the day and months of the year, in India Standard Time.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A part of each day, IST: from one minute (included) to another (excluded).
///
/// In files and answers: `["06:00", "21:00"]`. A window whose end is not after its start runs over
/// midnight; an end of `23:59` or `24:00` means midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyWindow {
    from_min: u16,
    to_min: u16,
}

const DAY_MIN: u16 = 1_440;

impl DailyWindow {
    /// Minutes after midnight IST at which it starts, 0 to 1,439.
    pub const fn from_min(self) -> u16 {
        self.from_min
    }

    /// Minutes after midnight IST at which it ends, 1 to 1,440.
    pub const fn to_min(self) -> u16 {
        self.to_min
    }

    /// Whether it holds at `minute` minutes after midnight IST (counted modulo a day).
    pub const fn contains(self, minute: u16) -> bool {
        let minute = minute % DAY_MIN;
        if self.from_min < self.to_min {
            self.from_min <= minute && minute < self.to_min
        } else {
            self.from_min <= minute || minute < self.to_min
        }
    }
}

impl TryFrom<(String, String)> for DailyWindow {
    type Error = String;

    fn try_from((from, to): (String, String)) -> Result<Self, String> {
        let from_min = minutes(&from)?;
        let to_min = match minutes(&to)? {
            0 | 1_439 => DAY_MIN,
            minute => minute,
        };
        if from_min == DAY_MIN {
            return Err(format!("hour {from:?}: a window starts before 24:00"));
        }
        Ok(Self { from_min, to_min })
    }
}

/// Minutes after midnight of `HH:MM`, 0 to 1,440.
fn minutes(text: &str) -> Result<u16, String> {
    let parse = || {
        let (hours, minutes) = text.split_once(':')?;
        let is_short = hours.len() == 2 && minutes.len() == 2;
        let (hours, minutes) = (hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?);
        let total = hours * 60 + minutes;
        (is_short && minutes < 60 && total <= DAY_MIN).then_some(total)
    };
    parse().ok_or_else(|| format!("hour {text:?}: expected HH:MM, 00:00 to 24:00"))
}

impl fmt::Display for DailyWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, to] = [self.from_min, self.to_min];
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl Serialize for DailyWindow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        (text(self.from_min), text(self.to_min)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DailyWindow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ends = <(String, String)>::deserialize(deserializer)?;
        Self::try_from(ends).map_err(serde::de::Error::custom)
    }
}

/// When something is open, IST; without any window it never closes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OpeningHours(Box<[DailyWindow]>);

impl OpeningHours {
    /// Open in these windows; none: always.
    pub fn new(windows: Vec<DailyWindow>) -> Self {
        Self(windows.into())
    }

    /// Whether it is open at `minute` minutes after midnight IST.
    pub fn is_open(&self, minute: u16) -> bool {
        self.0.is_empty() || self.0.iter().any(|window| window.contains(minute))
    }

    /// Minutes from `minute` (after midnight IST) until it is open: 0 if it is, else under a day.
    pub fn opens_in_min(&self, minute: u16) -> u16 {
        if self.is_open(minute) {
            return 0;
        }
        let minute = minute % DAY_MIN;
        let waits = self.0.iter().map(|window| (window.from_min + DAY_MIN - minute) % DAY_MIN);
        waits.min().unwrap_or(0)
    }

    /// The windows; none: always open.
    pub fn windows(&self) -> &[DailyWindow] {
        &self.0
    }
}

/// A set of months.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct MonthSet(u16);

impl MonthSet {
    /// Whether `month` (1 to 12) is in it.
    pub const fn contains(self, month: u8) -> bool {
        month >= 1 && month <= 12 && self.0 & (1 << month) != 0
    }
}

impl TryFrom<Vec<u8>> for MonthSet {
    type Error = String;

    fn try_from(months: Vec<u8>) -> Result<Self, String> {
        months.into_iter().try_fold(Self(0), |set, month| match month {
            1..=12 => Ok(Self(set.0 | 1 << month)),
            _ => Err(format!("month {month}: outside 1 to 12")),
        })
    }
}

impl From<MonthSet> for Vec<u8> {
    fn from(set: MonthSet) -> Self {
        (1..=12).filter(|month| set.contains(*month)).collect()
    }
}

/// Reads a list that the file may also give as `null`.
pub(super) fn null_as_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str) -> DailyWindow {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_window_holds_its_start_and_not_its_end() {
        let day = window(r#"["06:00","21:00"]"#);
        assert_eq!([359, 360, 1_259, 1_260].map(|m| day.contains(m)), [false, true, true, false]);
        let night = window(r#"["22:00","04:00"]"#);
        assert_eq!(
            [1_319, 1_320, 0, 239, 240].map(|m| night.contains(m)),
            [false, true, true, true, false]
        );
        assert!(window(r#"["21:30","23:59"]"#).contains(1_439), "the last minute is meant too");
    }

    #[test]
    fn what_is_no_hour_or_month_is_refused() {
        for text in [r#"["6:00","21:00"]"#, r#"["06:60","07:00"]"#, r#"["24:00","25:00"]"#, "[]"] {
            assert!(serde_json::from_str::<DailyWindow>(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<MonthSet>("[0]").is_err());
        assert!(serde_json::from_str::<MonthSet>("[13]").is_err());
    }

    #[test]
    fn waiting_until_it_opens_is_enough() {
        let hours =
            OpeningHours::new(vec![window(r#"["06:00","08:00"]"#), window(r#"["22:00","02:00"]"#)]);
        for minute in 0..1_440 {
            assert!(hours.is_open(minute + hours.opens_in_min(minute)), "{minute}");
        }
        assert!(OpeningHours::default().is_open(0));
    }

    #[test]
    fn months_come_back_as_written() {
        let winter: MonthSet = serde_json::from_str("[12,1,2]").unwrap();
        assert_eq!(serde_json::to_string(&winter).unwrap(), "[1,2,12]");
        assert!(winter.contains(12) && !winter.contains(0) && !winter.contains(3));
    }
}
