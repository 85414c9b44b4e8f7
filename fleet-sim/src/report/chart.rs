//! A truck's day as a drawing that a mechanic can check by eye.

use std::fmt::Write as _;

use fleet_core::{
    domain::{Status, TelemetryEvent},
    time::Time,
};

const WIDTH: f64 = 1_180.0;
const LEFT: f64 = 118.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 64.0;
const PANEL: f64 = 104.0;
const GAP: f64 = 18.0;
const FOOT: f64 = 40.0;
/// What colours the ground, with its word: places of [`ground`].
const GROUNDS: [(&str, &str); 6] = [
    ("#efe6d2", "loading"),
    ("#e2ead6", "unloading"),
    ("#dfe3f2", "resting"),
    ("#f6dada", "at the pump"),
    ("#ececec", "idle"),
    ("#f3e2f3", "road barred"),
];

/// One line of the chart.
struct Panel {
    name: &'static str,
    unit: &'static str,
    colour: &'static str,
    /// Whether the axis begins at 0.
    from_zero: bool,
    /// Holds its value from report to report instead of moving between them.
    steps: bool,
    read: fn(&TelemetryEvent) -> Option<f64>,
}

const PANELS: [Panel; 7] = [
    Panel {
        name: "elevation",
        unit: "m",
        colour: "#6b5b3e",
        from_zero: false,
        steps: false,
        read: |event| event.signals.altitude_m,
    },
    Panel {
        name: "speed",
        unit: "km/h",
        colour: "#1f5fa8",
        from_zero: true,
        steps: false,
        read: |event| event.signals.speed_kmh,
    },
    Panel {
        name: "gear",
        unit: "",
        colour: "#444444",
        from_zero: true,
        steps: true,
        read: |event| event.signals.gear.map(f64::from),
    },
    Panel {
        name: "engine",
        unit: "1/min",
        colour: "#a8481f",
        from_zero: true,
        steps: false,
        read: |event| event.signals.engine_rpm,
    },
    Panel {
        name: "coolant",
        unit: "°C",
        colour: "#b02a37",
        from_zero: false,
        steps: false,
        read: |event| event.signals.coolant_c,
    },
    Panel {
        name: "fuel",
        unit: "l",
        colour: "#2e7d4f",
        from_zero: true,
        steps: false,
        read: |event| event.signals.fuel_l,
    },
    Panel {
        name: "vibration",
        unit: "m/s²",
        colour: "#7a3fa0",
        from_zero: true,
        steps: false,
        read: |event| event.signals.vibration_rms_mps2,
    },
];

/// The scale of time.
struct Hours {
    from: Time,
    to: Time,
}

impl Hours {
    fn x(&self, time: Time) -> f64 {
        let all = self.to.ms_since(self.from).max(1) as f64;
        LEFT + (WIDTH - LEFT - RIGHT) * time.ms_since(self.from) as f64 / all
    }
}

/// An SVG of one truck's reports, oldest first: elevation, speed, gear, engine speed, coolant, fuel
/// and vibration over IST hours, with what the truck was doing as the ground. Empty without reports.
pub fn day_chart(title: &str, events: &[TelemetryEvent]) -> String {
    let (Some(first), Some(last)) = (events.first(), events.last()) else { return String::new() };
    let hours = Hours { from: first.event_time, to: last.event_time };
    let count = PANELS.len() as f64;
    let height = TOP + count * (PANEL + GAP) + FOOT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"17\">{}</text>\n",
        escape(title)
    );
    legend(&mut svg);
    let bottom = TOP + count * (PANEL + GAP) - GAP;
    grounds(&mut svg, events, &hours, bottom);
    ticks(&mut svg, &hours, bottom);
    let mut top = TOP;
    for panel in &PANELS {
        draw(&mut svg, panel, events, &hours, top);
        top += PANEL + GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn legend(svg: &mut String) {
    let mut x = LEFT;
    for (colour, word) in GROUNDS {
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"36\" width=\"14\" height=\"14\" fill=\"{colour}\" stroke=\"#999999\"/>\
             <text x=\"{:.0}\" y=\"48\">{word}</text>",
            x + 20.0
        );
        x += 110.0;
    }
}

/// What the truck was doing: a place in [`GROUNDS`], none while it drives.
fn ground(event: &TelemetryEvent) -> Option<usize> {
    match event.status {
        Status::Loading => Some(0),
        Status::Unloading => Some(1),
        Status::Resting => Some(2),
        Status::Refuelling => Some(3),
        Status::Idle => Some(4),
        // Under way with the engine off: before a closed road, or a town that bars trucks.
        Status::EnRoute if event.signals.engine_rpm == Some(0.0) => Some(5),
        Status::EnRoute | Status::Breakdown => None,
    }
}

/// What the truck was doing, as stripes behind all panels.
fn grounds(svg: &mut String, events: &[TelemetryEvent], hours: &Hours, bottom: f64) {
    for run in events.chunk_by(|a, b| ground(a) == ground(b)) {
        let Some((colour, _)) = ground(&run[0]).map(|place| GROUNDS[place]) else { continue };
        let from = hours.x(run[0].event_time);
        let to = hours.x(run[run.len() - 1].event_time);
        let _ = writeln!(
            svg,
            "<rect x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
            (to - from).max(0.5),
            bottom - TOP
        );
    }
}

/// A line and its hour (IST) wherever a whole number of hours begins.
fn ticks(svg: &mut String, hours: &Hours, bottom: f64) {
    let span_h = hours.to.ms_since(hours.from) / 3_600_000;
    let step_h = if span_h > 36 { 6 } else { 2 };
    let step_s = step_h * 3_600;
    let since_midnight_s = i64::from(hours.from.ist_second_of_day());
    let mut time = hours.from.plus_ms((step_s - since_midnight_s % step_s) % step_s * 1_000);
    while time <= hours.to {
        let x = hours.x(time);
        let hour = time.ist_second_of_day() / 3_600;
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\" stroke=\"#bbbbbb\" \
             stroke-dasharray=\"2 4\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">\
             {hour:02}:00</text>",
            bottom + 18.0
        );
        time = time.plus_ms(step_s * 1_000);
    }
}

fn draw(svg: &mut String, panel: &Panel, events: &[TelemetryEvent], hours: &Hours, top: f64) {
    let points: Vec<(Time, f64)> =
        events.iter().filter_map(|event| Some((event.event_time, (panel.read)(event)?))).collect();
    let most = points.iter().map(|point| point.1).fold(f64::MIN, f64::max);
    let least = points.iter().map(|point| point.1).fold(f64::MAX, f64::min);
    let (low, high, step) = axis(if panel.from_zero { 0.0 } else { least }, most);
    let y = |value: f64| top + PANEL * (1.0 - (value - low) / (high - low));
    let _ = writeln!(
        svg,
        "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{:.1}\" height=\"{PANEL}\" fill=\"none\" \
         stroke=\"#777777\"/><text x=\"8\" y=\"{:.1}\" fill=\"{}\">{}</text><text x=\"8\" \
         y=\"{:.1}\" fill=\"#555555\">{}</text>",
        WIDTH - LEFT - RIGHT,
        top + 14.0,
        panel.colour,
        panel.name,
        top + 30.0,
        panel.unit
    );
    let decimals = usize::from(step < 1.0);
    let mut mark = low;
    while mark <= high + 1e-9 {
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#dddddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{mark:.decimals$}</text>",
            WIDTH - RIGHT,
            y(mark),
            y(mark),
            LEFT - 5.0,
            y(mark) + 4.0,
        );
        mark += step;
    }
    let mut path = String::new();
    let mut before: Option<f64> = None;
    for (time, value) in &points {
        let (x, y) = (hours.x(*time), y(*value));
        match before {
            None => drop(write!(path, "M{x:.1} {y:.1}")),
            Some(before_y) if (before_y - y).abs() < 0.05 && panel.steps => continue,
            Some(_) if panel.steps => drop(write!(path, "H{x:.1}V{y:.1}")),
            Some(_) => drop(write!(path, "L{x:.1} {y:.1}")),
        }
        before = Some(y);
    }
    let _ = writeln!(
        svg,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1\"/>",
        panel.colour
    );
}

/// Round ends around `least` and `most`, and the distance of the marks between.
fn axis(least: f64, most: f64) -> (f64, f64, f64) {
    let span = (most - least).max(1.0);
    let mut step = 0.5;
    for factor in [2.0, 2.0, 2.5].into_iter().cycle() {
        if span / step <= 5.0 || step > 1e7 {
            break;
        }
        step *= factor;
    }
    let low = (least / step).floor() * step;
    let high = (most / step).ceil() * step;
    (low, if high > low { high } else { low + step }, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_round_and_hold_what_they_show() {
        for (least, most) in [(0.0, 78.3), (55.0, 4_170.0), (-3.0, 96.0), (0.0, 0.2), (7.0, 7.0)] {
            let (low, high, step) = axis(least, most);
            assert!(low <= least && most <= high && low < high, "{low} {high}");
            assert!((1.0..=7.0).contains(&((high - low) / step)), "{low} {high} {step}");
        }
    }

    #[test]
    fn without_reports_there_is_nothing_to_draw() {
        assert_eq!(day_chart("a day", &[]), "");
    }
}
