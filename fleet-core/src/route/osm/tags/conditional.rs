//! Rules that hold by the hour or by weight: `no @ (07:00-11:00)`, `no @ (weight>7.5)`.
//!
//! Two forms are understood: hours that are the same on every day, and a measure of the vehicle
//! above a number. Anything else (days, seasons, two conditions at once) is reported by its key
//! and left alone. (OpenStreetMap Wiki, *Conditional restrictions*.)

use super::{
    Limits,
    access::{Access, word},
    measure::number,
};
use crate::route::osm::element::Tags;

const KEYS: [&str; 4] =
    ["hgv:conditional", "motor_vehicle:conditional", "vehicle:conditional", "access:conditional"];
const DAY_MIN: u16 = 1_440;

/// A part of each day, in minutes after midnight of the region: from one (included) to another
/// (excluded); over midnight if it ends before it begins.
pub(in crate::route::osm) type Window = (u16, u16);

/// What the conditional tags of a road say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Conditions {
    /// Closed in these hours.
    pub(super) closed: Vec<Window>,
    /// Open in these hours, whatever else holds.
    pub(super) open: Vec<Window>,
    pub(super) limits: Limits,
    /// The key of a rule that is not understood.
    pub(super) not_modelled: Option<&'static str>,
}

/// One condition.
enum Condition {
    Hours(Vec<Window>),
    Above(fn(&mut Limits) -> &mut Option<f64>, f64),
}

/// Reads the rules for trucks; only the most exact key counts.
pub(super) fn conditions(tags: &Tags) -> Conditions {
    let mut found = Conditions::default();
    let Some((key, text)) = tags.first(&KEYS) else { return found };
    for rule in rules(text) {
        let read = rule.split_once('@').and_then(|(value, condition)| {
            Some((word(value.trim())?, condition_of(condition.trim())?))
        });
        match read {
            Some((Access::No, Condition::Hours(windows))) => found.closed.extend(windows),
            Some((Access::Yes, Condition::Hours(windows))) => found.open.extend(windows),
            Some((Access::No, Condition::Above(limit, value))) => {
                let limit = limit(&mut found.limits);
                *limit = Some(limit.map_or(value, |known: f64| known.min(value)));
            }
            _ => found.not_modelled = Some(key),
        }
    }
    found
}

/// The rules of a value: what semicolons part, outside of parentheses.
fn rules(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        letter == ';' && depth == 0
    })
    .map(str::trim)
    .filter(|rule| !rule.is_empty())
}

fn condition_of(text: &str) -> Option<Condition> {
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text);
    let inner = inner.trim();
    if let Some((measure, value)) = inner.split_once('>') {
        let (value, unit) = number(value.trim_start_matches('='))?;
        let limit: fn(&mut Limits) -> &mut Option<f64> = match (measure.trim(), unit) {
            ("weight" | "weightrating" | "maxweight" | "maxweightrating", "" | "t") => {
                |limits| &mut limits.weight_t
            }
            ("axleload", "" | "t") => |limits| &mut limits.axle_t,
            ("height", "" | "m") => |limits| &mut limits.height_m,
            ("width", "" | "m") => |limits| &mut limits.width_m,
            ("length", "" | "m") => |limits| &mut limits.length_m,
            _ => return None,
        };
        return (value > 0.0).then_some(Condition::Above(limit, value));
    }
    let hours = inner.strip_prefix("Mo-Su").unwrap_or(inner).trim();
    let windows: Option<Vec<_>> = hours.split(',').map(|part| window(part.trim())).collect();
    windows.map(Condition::Hours)
}

fn window(text: &str) -> Option<Window> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minute(from.trim())?, minute(to.trim())?);
    let from = from % DAY_MIN;
    (from != to).then_some((from, to))
}

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes) = (hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?);
    (hours <= 24 && minutes < 60 && hours * 60 + minutes <= DAY_MIN).then_some(hours * 60 + minutes)
}

/// The hours in which a road is open that is closed in `closed`: sorted, without overlap; none
/// means never.
pub(super) fn open_between(closed: &[Window]) -> Vec<Window> {
    let mut is_closed = [false; DAY_MIN as usize];
    for &(from, to) in closed {
        let length = (to + DAY_MIN - from) % DAY_MIN;
        let length = if length == 0 { DAY_MIN } else { length };
        for minute in from..from + length {
            is_closed[usize::from(minute % DAY_MIN)] = true;
        }
    }
    let mut open: Vec<Window> = Vec::new();
    for minute in 0..DAY_MIN {
        match open.last_mut() {
            _ if is_closed[usize::from(minute)] => {}
            Some(window) if window.1 == minute => window.1 = minute + 1,
            _ => open.push((minute, minute + 1)),
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Conditions {
        conditions(&Tags::from([("hgv:conditional", text)]))
    }

    #[test]
    fn simple_rules_are_understood() {
        let hours = vec![(420, 660), (1_020, 1_200)];
        let rule = read("no @ (07:00-11:00,17:00-20:00)");
        assert_eq!(rule, Conditions { closed: hours, ..Default::default() });
        assert_eq!(read("no @ (Mo-Su 22:00-06:00)").closed, [(1_320, 360)]);
        assert_eq!(read("yes @ (22:00-06:00)").open, [(1_320, 360)]);
        assert_eq!(read("no @ (weight>7.5)").limits.weight_t, Some(7.5));
        assert_eq!(read("no @ weightrating > 12 t").limits.weight_t, Some(12.0));
        let two = read("no @ (length>12); no @ (08:00-09:00)");
        assert_eq!((two.limits.length_m, two.closed), (Some(12.0), vec![(480, 540)]));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for text in [
            "no @ (Mo-Fr 07:00-11:00)",
            "no @ (weight>7.5 AND 22:00-06:00)",
            "destination @ (weight>7.5)",
            "no @ wet",
            "no",
            "no @ (25:00-26:00)",
        ] {
            let found = read(text);
            assert_eq!(found.not_modelled, Some("hgv:conditional"), "{text}");
            assert!(found.closed.is_empty() && found.limits == Limits::default(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_minute_is_open_or_closed(
            closed in prop::collection::vec((0_u16..1_440, 1_u16..1_441), 0..4),
            minute in 0_u16..1_440,
        ) {
            let holds = |(from, to): Window| {
                if from < to { from <= minute && minute < to } else { from <= minute || minute < to }
            };
            let open = open_between(&closed);
            let is_open = open.iter().any(|window| window.0 <= minute && minute < window.1);
            prop_assert_eq!(is_open, !closed.iter().any(|window| holds(*window)));
        }
    }
}
