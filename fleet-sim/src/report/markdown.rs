//! The report as a page for people.

use std::fmt::Write as _;

use super::{Coverage, FleetReport, Line};

/// The page.
pub(super) fn page(report: &FleetReport) -> String {
    let super::ReportSettings { seed, start, trucks, days } = report.settings;
    let mut text = format!(
        "# {trucks} trucks, {days} days\n\nMade by `data-fleet report --days {days} --trucks {trucks} --seed \
         {seed} --start {start}`: simulated in memory; nothing is read from a running platform.\n\n"
    );
    fleet(&mut text, report);
    late(&mut text, report);
    band(&mut text, report);
    each_truck(&mut text, report);
    text
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{:.1} %", value * 100.0))
}

/// A figure of ours, the published one, and where that was read.
#[derive(Clone)]
struct Row {
    name: &'static str,
    ours: String,
    published: &'static str,
    source: &'static str,
}

impl Row {
    const fn new(
        name: &'static str,
        ours: String,
        published: &'static str,
        source: &'static str,
    ) -> Self {
        Self { name, ours, published, source }
    }

    const fn without_source(name: &'static str, ours: String) -> Self {
        Self { name, ours, published: "–", source: "no source" }
    }
}

fn fleet(text: &mut String, report: &FleetReport) {
    text.push_str("## The fleet\n\n| figure | ours | published | source |\n|---|---|---|---|\n");
    let fleet = &report.fleet;
    for Row { name, ours, published, source } in [days(fleet), fuel(fleet), trips(fleet)].concat() {
        let _ = writeln!(text, "| {name} | {ours} | {published} | {source} |");
    }
}

fn days(fleet: &Line) -> Vec<Row> {
    vec![
        Row::new(
            "km per truck and day",
            format!("{:.0}", fleet.km_per_day),
            "350–400",
            "national mean, Indian Express 2007; eastern and north-eastern routes are slower, with \
             longer stoppages: TCI and IIM Calcutta 2014-15, Mint, 7 Jun 2016",
        ),
        Row::new(
            "hours at the wheel per truck and day",
            format!("{:.1}", fleet.driving_h_per_day),
            "at most 8 a driver",
            "Motor Transport Workers Act 1961, s. 13",
        ),
        Row::new(
            "truck-days with more than 8 h and one driver",
            percent(Some(fleet.days_over_8h)),
            "0 % by law",
            "the same; the world counts 8 h from rest to rest, so a calendar day can hold more",
        ),
    ]
}

fn fuel(fleet: &Line) -> Vec<Row> {
    let terrain = &fleet.l_per_100km_by_terrain;
    let per_refuel = (fleet.refuels > 0).then(|| fleet.refuelled_l / fleet.refuels as f64);
    vec![
        Row::new(
            "l/100 km, all",
            number(fleet.l_per_100km, 1),
            "28.6",
            "an owner's 3.5 km/l with a Tata 4825, half its way with 38 t: heavier than this fleet",
        ),
        Row::new(
            "l/100 km, plain",
            number(terrain.plain, 1),
            "at most 18.5 (12 t) to 32.9 (31 t)",
            "norm at a steady 60 km/h and gross weight, rigid 4x2 and 6x2: S.O. 2670(E), 2017",
        ),
        Row::without_source("l/100 km, rolling", number(terrain.rolling, 1)),
        Row::without_source("l/100 km, hilly", number(terrain.hilly, 1)),
        Row::without_source("l/100 km, mountainous", number(terrain.mountainous, 1)),
        Row::without_source("refuels", fleet.refuels.to_string()),
        Row::without_source("litres a refuel", number(per_refuel, 0)),
    ]
}

fn trips(fleet: &Line) -> Vec<Row> {
    vec![
        Row::without_source("trips", fleet.trips.to_string()),
        Row::without_source("trips on time", percent(fleet.on_time)),
        Row::without_source("arrivals in the 90 % band, all forecasts", percent(fleet.eta.share())),
        Row::without_source(
            "arrivals in the 90 % band, at departure",
            percent(fleet.eta_at_departure.share()),
        ),
    ]
}

fn late(text: &mut String, report: &FleetReport) {
    text.push_str("\n## Why trips were late\n\n| reason | trips |\n|---|---|\n");
    for late in &report.late {
        let reason = format!("{:?}", late.reason).to_lowercase();
        let _ = writeln!(text, "| {reason} | {} |", late.trips);
    }
}

fn coverage(coverage: &Coverage) -> String {
    format!("{} | {}", coverage.forecasts, percent(coverage.share()))
}

fn band(text: &mut String, report: &FleetReport) {
    text.push_str(
        "\n## How good forecasts were\n\nEvery trip tells its arrival at departure and every hour, with a \
         band that should hold nine in ten.\n\n| hours ahead | forecasts | in the band |\n|---|---|---|\n",
    );
    for ahead in &report.coverage {
        let span = if ahead.to_h.is_finite() {
            format!("{:.0} to {:.0}", ahead.from_h, ahead.to_h)
        } else {
            format!("{:.0} and more", ahead.from_h)
        };
        let _ = writeln!(text, "| {span} | {} |", coverage(&ahead.eta));
    }
}

fn each_truck(text: &mut String, report: &FleetReport) {
    text.push_str(
        "\n## Each truck\n\n| truck | model | km | km/day | h/day | l/100 km | plain | rolling | hilly | \
         mountainous | trips | on time | refuels | in the band |\n|---|---|---|---|---|---|---|---|---|---|\
         ---|---|---|---|\n",
    );
    for line in &report.trucks {
        let _ = writeln!(text, "{}", row(line));
    }
}

fn row(line: &Line) -> String {
    let terrain = &line.l_per_100km_by_terrain;
    let burns =
        [line.l_per_100km, terrain.plain, terrain.rolling, terrain.hilly, terrain.mountainous];
    let burns = burns.map(|burn| number(burn, 1)).join(" | ");
    format!(
        "| {} | {} | {:.0} | {:.0} | {:.1} | {burns} | {} | {} | {} | {} |",
        line.truck,
        line.model,
        line.km,
        line.km_per_day,
        line.driving_h_per_day,
        line.trips,
        percent(line.on_time),
        line.refuels,
        percent(line.eta.share()),
    )
}
