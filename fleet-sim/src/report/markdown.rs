//! The report as a page for people.

use std::fmt::Write as _;

use super::{FleetReport, Line};

/// The page.
pub(super) fn page(report: &FleetReport) -> String {
    let super::ReportSettings { seed, start, trucks, days } = report.settings;
    let mut text = format!(
        "# {trucks} trucks, {days} days\n\nMade by `data-fleet report --days {days} --trucks {trucks} --seed \
         {seed} --start {start}`: simulated in memory; nothing is read from a running platform.\n\n"
    );
    fleet(&mut text, report);
    promises(&mut text, report);
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
            "the same; a driver's 24 hours begin with his duty, and a calendar day can hold parts of two",
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
        Row::without_source("way without a load", percent(fleet.empty)),
        Row::without_source("trips with a load", fleet.trips.to_string()),
        Row::without_source("of these on time", percent(fleet.on_time)),
        Row::without_source("arrivals in the 90 % band, all forecasts", percent(fleet.eta.share())),
        Row::without_source(
            "arrivals in the 90 % band, at departure",
            percent(fleet.eta_at_departure.share()),
        ),
    ]
}

fn promises(text: &mut String, report: &FleetReport) {
    text.push_str(
        "\n## Which promises were kept\n\nA promise is made when a load is booked: the way at planning speeds by \
         terrain, times 1.35 (perishables and parcels 1.15), and two hours of handling; beyond 450 km, but for \
         perishables and parcels, eight hours of rest. As few drivers are sent as keep it within the law's hours, \
         two at most, and they set off rested if that is what it takes. Two may drive sixteen hours a day: a \
         promise that needs more (parcels from Guwahati to Agartala, 553 km of hills in 26.5 h) is broken.\n\n| haul, km | class | trips | on time |\n|---|---|---|---|\n",
    );
    for row in report.promises.iter().filter(|row| row.trips > 0) {
        let class = if row.is_express { "perishable, parcel" } else { "standard" };
        let share = percent(Some(row.on_time as f64 / row.trips as f64));
        let span = span(row.from_km, row.to_km);
        let _ = writeln!(text, "| {span} | {class} | {} | {share} |", row.trips);
    }
}

fn span(from: f64, to: f64) -> String {
    if to.is_finite() { format!("{from} to {to}") } else { format!("{from} and more") }
}

fn late(text: &mut String, report: &FleetReport) {
    text.push_str(
        "\n## Why they were late\n\nThe largest cause of each late trip: what its time went into beyond \
         driving freely, beyond the rest and the handling that its promise has in it.\n\n\
         | reason | trips |\n|---|---|\n",
    );
    for late in &report.late {
        let reason = format!("{:?}", late.reason).to_lowercase();
        let _ = writeln!(text, "| {reason} | {} |", late.trips);
    }
}

fn band(text: &mut String, report: &FleetReport) {
    text.push_str(
        "\n## How good forecasts were\n\nEvery trip tells its arrival at departure and every hour, with a band that \
         should hold nine in ten. The last three columns say how many minutes later than told 5, 50 and 95 % \
         of the arrivals were; the band's tables are made of them.\n\n\
         | hours ahead | forecasts | in the band | 5 % | 50 % | 95 % |\n|---|---|---|---|---|---|\n",
    );
    for ahead in &report.coverage {
        let off = ahead.off_min.map_or(["–"; 3].map(str::to_owned), |off| {
            off.map(|minutes| format!("{minutes:.1}"))
        });
        let (span, share) = (span(ahead.from_h, ahead.to_h), percent(ahead.eta.share()));
        let _ =
            writeln!(text, "| {span} | {} | {share} | {} |", ahead.eta.forecasts, off.join(" | "));
    }
}

fn each_truck(text: &mut String, report: &FleetReport) {
    text.push_str(
        "\n## Each truck\n\n| truck | model | km | km/day | h/day | l/100 km | plain | rolling | hilly | \
         mountainous | empty | trips | on time | refuels | in the band |\n|---|---|---|---|---|---|---|---|---|---|\
         ---|---|---|---|---|\n",
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
        "| {} | {} | {:.0} | {:.0} | {:.1} | {burns} | {} | {} | {} | {} | {} |",
        line.truck,
        line.model,
        line.km,
        line.km_per_day,
        line.driving_h_per_day,
        percent(line.empty),
        line.trips,
        percent(line.on_time),
        line.refuels,
        percent(line.eta.share()),
    )
}
