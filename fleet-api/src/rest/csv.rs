//! Reports as CSV (RFC 4180): a line of names, then a line for each report. What there was no
//! reading of is empty, which is not 0.

use std::borrow::Cow;

use fleet_core::domain::{Signal, TelemetryEvent};

/// These signals of the reports, all if none are named, behind what every report has.
pub(super) fn reports(events: &[TelemetryEvent], signals: &[Signal]) -> String {
    let signals = if signals.is_empty() { &Signal::ALL[..] } else { signals };
    let fixed =
        "event_time,truck_id,seq,source_id,lat,lon,status,trip_id,driver_id,road_class,zone";
    let mut text = fixed.to_owned();
    for signal in signals {
        text.push(',');
        text.push_str(signal.as_str());
    }
    text.push_str("\r\n");
    for event in events {
        let (time, seq) = (event.event_time.to_string(), event.seq.to_string());
        let (lat, lon) = (event.position.lat.to_string(), event.position.lon.to_string());
        let cells = [
            &*time,
            event.truck_id.as_str(),
            &*seq,
            event.source_id.as_deref().unwrap_or_default(),
            &*lat,
            &*lon,
            event.status.as_str(),
            event.trip_id.as_ref().map_or("", |id| id.as_str()),
            event.driver_id.as_ref().map_or("", |id| id.as_str()),
            event.road_class.map_or("", |class| class.as_str()),
            event.zone.as_deref().unwrap_or_default(),
        ];
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(&quoted(cell));
        }
        for signal in signals {
            text.push(',');
            // Counters are whole numbers and are written from their own digits.
            let reading = match signal {
                Signal::FuelBurnedMl => event.signals.fuel_burned_ml.map(|ml| ml.to_string()),
                Signal::DieselCostPaise => event.signals.diesel_cost_paise.map(|p| p.to_string()),
                _ => signal.of(&event.signals).map(|value| value.to_string()),
            };
            text.push_str(&reading.unwrap_or_default());
        }
        text.push_str("\r\n");
    }
    text
}

fn quoted(cell: &str) -> Cow<'_, str> {
    if cell.contains([',', '"', '\r', '\n']) {
        return Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\"")));
    }
    Cow::Borrowed(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_would_break_a_line_are_quoted() {
        for (cell, shown) in [("a b", "a b"), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\"")] {
            assert_eq!(quoted(cell), shown);
        }
    }
}
