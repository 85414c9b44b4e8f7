//! Numbers as mappers write them: `50`, `30 mph`, `3,8 m`, `12'6"`, `7.5 t`, `01:30`.

/// A limit as a tag says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Limit<'t> {
    Value(f64),
    /// There is expressly none, or one that follows from the law.
    None,
    /// A word for a law, in lower case without the country: `rural` of `IN:rural`.
    Zone(&'t str),
    /// Not understood.
    Unknown,
}

/// What says that there is no sign.
const NO_SIGN: [&str; 8] =
    ["none", "no", "default", "unsigned", "no_sign", "no-sign", "no_indications", "below_default"];

/// A speed, km/h. Of several (`50;60`) the least.
pub(super) fn speed_kmh(text: &str) -> Limit<'_> {
    if text.contains(';') {
        return least(text.split(';').map(|part| speed_kmh(part.trim())));
    }
    if let Some((value, unit)) = number(text) {
        let factor = match unit {
            "" | "kmh" | "km/h" | "kph" => 1.0,
            "mph" | "mp/h" => 1.609_344,
            "knots" => 1.852,
            _ => return Limit::Unknown,
        };
        return plausible(value * factor, 1.0, 300.0);
    }
    match text {
        "walk" => Limit::Value(6.0),
        _ if NO_SIGN.contains(&text) || text == "signals" || text == "variable" => Limit::None,
        _ => match text.split_once(':') {
            Some((country, zone)) if (2..=6).contains(&country.len()) && !zone.is_empty() => {
                Limit::Zone(zone)
            }
            _ => Limit::Unknown,
        },
    }
}

fn least<'t>(limits: impl Iterator<Item = Limit<'t>>) -> Limit<'t> {
    let mut least = Limit::Unknown;
    for limit in limits {
        least = match (least, limit) {
            (Limit::Value(a), Limit::Value(b)) => Limit::Value(a.min(b)),
            (_, Limit::Value(value)) => Limit::Value(value),
            (Limit::Unknown, other) => other,
            (kept, _) => kept,
        };
    }
    least
}

/// A height, width or length in metres.
pub(super) fn metres(text: &str) -> Limit<'_> {
    if let Some((feet, inches)) = text.split_once('\'') {
        let inches = inches.trim().trim_end_matches(['"', '\'']);
        let inches = if inches.is_empty() { Some(0.0) } else { inches.parse::<f64>().ok() };
        return match (feet.trim().parse::<f64>(), inches) {
            (Ok(feet), Some(inches)) => plausible(feet * 0.304_8 + inches * 0.025_4, 0.5, 100.0),
            _ => Limit::Unknown,
        };
    }
    match number(text) {
        Some((value, "" | "m")) => plausible(value, 0.5, 100.0),
        Some((value, "ft")) => plausible(value * 0.304_8, 0.5, 100.0),
        Some((value, "cm")) => plausible(value / 100.0, 0.5, 100.0),
        Some(_) => Limit::Unknown,
        None if NO_SIGN.contains(&text) => Limit::None,
        None => Limit::Unknown,
    }
}

/// A weight in tonnes.
pub(super) fn tonnes(text: &str) -> Limit<'_> {
    match number(text) {
        Some((value, "" | "t")) => plausible(value, 0.1, 500.0),
        Some((value, "kg")) => plausible(value / 1_000.0, 0.1, 500.0),
        Some((value, "st")) => plausible(value * 0.907_184_74, 0.1, 500.0),
        Some((value, "lt")) => plausible(value * 1.016_046_9, 0.1, 500.0),
        Some((value, "lbs" | "lb")) => plausible(value * 0.000_453_592_37, 0.1, 500.0),
        Some(_) => Limit::Unknown,
        None if NO_SIGN.contains(&text) => Limit::None,
        None => Limit::Unknown,
    }
}

fn plausible(value: f64, least: f64, most: f64) -> Limit<'static> {
    if (least..=most).contains(&value) { Limit::Value(value) } else { Limit::Unknown }
}

/// A duration in seconds: minutes, `HH:MM`, `HH:MM:SS` or ISO 8601 (`PT1H30M`).
pub(super) fn duration_s(text: &str) -> Option<f64> {
    let seconds = if let Some(iso) = text.strip_prefix('P') {
        iso_duration_s(iso)?
    } else {
        let mut parts = text.split(':').map(|part| part.trim().parse::<u32>().ok());
        let (first, second, third) = (parts.next()??, parts.next(), parts.next());
        let (first, rest) = (f64::from(first), parts.next());
        match (second, third, rest) {
            (None, None, None) => first * 60.0,
            (Some(minutes), None, None) => first * 3_600.0 + f64::from(minutes?) * 60.0,
            (Some(minutes), Some(seconds), None) => {
                first * 3_600.0 + f64::from(minutes?) * 60.0 + f64::from(seconds?)
            }
            _ => return None,
        }
    };
    (1.0..=30.0 * 86_400.0).contains(&seconds).then_some(seconds)
}

fn iso_duration_s(text: &str) -> Option<f64> {
    let (mut total, mut digits, mut in_time) = (0.0, String::new(), false);
    for letter in text.chars() {
        let unit_s = match (letter, in_time) {
            ('0'..='9' | '.', _) => {
                digits.push(letter);
                continue;
            }
            ('T', false) => {
                in_time = true;
                continue;
            }
            ('D', false) => 86_400.0,
            ('H', true) => 3_600.0,
            ('M', true) => 60.0,
            ('S', true) => 1.0,
            _ => return None,
        };
        total += digits.parse::<f64>().ok()? * unit_s;
        digits.clear();
    }
    digits.is_empty().then_some(total)
}

/// A number (with a point or a comma) and the unit behind it.
pub(super) fn number(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|letter: char| !matches!(letter, '0'..='9' | '.' | ',' | '-'));
    let (digits, unit) = text.split_at(end.unwrap_or(text.len()));
    let value = digits.replace(',', ".").parse::<f64>().ok()?;
    Some((value, unit.trim()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn speeds_are_read_as_mappers_write_them() {
        for (text, limit) in [
            ("50", Limit::Value(50.0)),
            ("22.5", Limit::Value(22.5)),
            ("60 km/h", Limit::Value(60.0)),
            ("30 mph", Limit::Value(48.280_32)),
            ("30mph", Limit::Value(48.280_32)),
            ("80;50", Limit::Value(50.0)),
            ("50; signals", Limit::Value(50.0)),
            ("walk", Limit::Value(6.0)),
            ("none", Limit::None),
            ("IN:rural", Limit::Zone("rural")),
            ("BE-VLG:urban", Limit::Zone("urban")),
            ("fast", Limit::Unknown),
            ("0", Limit::Unknown),
            ("-30", Limit::Unknown),
            ("5000", Limit::Unknown),
            ("50 leagues", Limit::Unknown),
        ] {
            assert_eq!(speed_kmh(text), limit, "{text}");
        }
    }

    #[test]
    fn lengths_and_weights_have_units() {
        for (text, limit) in [
            ("3.8", Limit::Value(3.8)),
            ("3,8 m", Limit::Value(3.8)),
            ("12'6\"", Limit::Value(3.81)),
            ("13'", Limit::Value(3.962_4)),
            ("default", Limit::None),
            ("low", Limit::Unknown),
            ("0.1", Limit::Unknown),
        ] {
            match (metres(text), limit) {
                (Limit::Value(read), Limit::Value(value)) => assert!((read - value).abs() < 1e-9),
                (read, limit) => assert_eq!(read, limit, "{text}"),
            }
        }
        for (text, limit) in [
            ("7.5", Limit::Value(7.5)),
            ("3500 kg", Limit::Value(3.5)),
            ("10 t", Limit::Value(10.0)),
            ("unsigned", Limit::None),
            ("heavy", Limit::Unknown),
        ] {
            assert_eq!(tonnes(text), limit, "{text}");
        }
    }

    #[test]
    fn durations_are_minutes_hours_or_iso() {
        for (text, seconds) in [
            ("35", Some(2_100.0)),
            ("00:35", Some(2_100.0)),
            ("1:30", Some(5_400.0)),
            ("01:30:30", Some(5_430.0)),
            ("PT35M", Some(2_100.0)),
            ("PT1H30M", Some(5_400.0)),
            ("P1DT1H", Some(90_000.0)),
            ("half an hour", None),
            ("00:00", None),
            ("1:2:3:4", None),
            ("PT", None),
        ] {
            assert_eq!(duration_s(text), seconds, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC*") {
            for limit in [speed_kmh(&text), metres(&text), tonnes(&text)] {
                if let Limit::Value(value) = limit {
                    prop_assert!(value > 0.0 && value <= 500.0);
                }
            }
            if let Some(seconds) = duration_s(&text) {
                prop_assert!(seconds >= 1.0);
            }
        }
    }
}
