//! The answer as a page for a dispatcher. Columns are differences of rounded sums, so they add up.

use fleet_core::{
    itinerary::{Basis, Itinerary, ItineraryLeg, ItineraryStop, ItineraryTurn, OtherWay, Waypoint},
    time::Time,
    units::round_to,
};

pub(super) fn page(told: &Itinerary) -> String {
    let mut page = head(told);
    if !told.legs.is_empty() {
        page.push_str(&legs(told));
    }
    if !told.stops.is_empty() {
        page.push_str(&stops(told));
    }
    if !told.risks.is_empty() {
        page.push_str("\nmay be closed in this season\n");
        for risk in &told.risks {
            let percent = risk.closed_per_day * 100.0;
            let (least, most) = risk.hours;
            page.push_str(&format!(
                "{:>9.1} km  {}: {percent:.0} % of days, for {least:.0} to {most:.0} h\n",
                risk.at_km, risk.zone
            ));
        }
    }
    if !told.alternatives.is_empty() {
        page.push_str("\nother ways\n");
        told.alternatives.iter().for_each(|other| page.push_str(&other_way(other)));
    }
    for warning in &told.warnings {
        page.push_str(&format!("\nwarning: {warning}\n"));
    }
    if !told.assumed.is_empty() {
        page.push_str(&format!("\nassumed: {}\n", told.assumed.join("; ")));
    }
    page
}

fn head(told: &Itinerary) -> String {
    let calls: Vec<&str> = std::iter::once(&told.from)
        .chain(&told.via)
        .chain([&told.to])
        .map(|place| &*place.name)
        .collect();
    let mut text = format!("{}: {:.1} km\n\n", calls.join(" – "), told.distance_km);
    let mut row = |name: &str, value: String| text.push_str(&format!("{name:10}{value}\n"));
    for (name, place) in [("from", &told.from), ("to", &told.to)] {
        if place.snapped_m >= 1.0 {
            row(name, snapped(place));
        }
    }
    let truck = &told.truck;
    let drivers = if truck.drivers == 1 { "driver" } else { "drivers" };
    row(
        "truck",
        format!(
            "{}, {:.1} t load, {:.1} t in all, {} axles, {} {drivers}",
            truck.model, truck.load_t, truck.gross_t, truck.axles, truck.drivers
        ),
    );
    if let (Some(departs), Some(arrives)) = (told.departs, told.arrives) {
        row("departs", date(departs));
        let band = told.earliest.zip(told.latest).map(|(earliest, latest)| {
            format!(", nine in ten between {} and {}", day_clock(earliest), day_clock(latest))
        });
        row("arrives", format!("{}{}", date(arrives), band.unwrap_or_default()));
    }
    let (all, driving, stopped) = minutes(told);
    if told.basis == Basis::FreeFlow {
        let halts = if stopped > 0.0 {
            format!("; the halts below would add {}", span(stopped))
        } else {
            String::new()
        };
        row("time", format!("{} driving in free flow{halts}", span(driving)));
    } else {
        row(
            "time",
            format!("{}: driving {}, standing {}", span(all), span(driving), span(stopped)),
        );
    }
    let height = format!("climbs {:.0} m, falls {:.0} m", told.climb_m, told.descent_m);
    row("height", format!("{height}, highest {:.0} m", told.highest_m));
    row("fuel", fuel(told));
    row("cost", cost(told.cost_inr, told.diesel_inr, told.tolls_inr));
    let promised = &told.promised_h;
    row(
        "promise",
        format!("{:.1} h from door to door, express {:.1} h", promised.standard, promised.express),
    );
    text
}

fn fuel(told: &Itinerary) -> String {
    let per_100_km = if told.distance_km > 0.0 {
        format!(" ({:.1} l/100 km)", told.fuel_l / told.distance_km * 100.0)
    } else {
        String::new()
    };
    let (start, end, bought) = (told.fuel_start_l, told.fuel_end_l, told.fuel_bought_l);
    format!(
        "{:.1} l{per_100_km}; tank {start:.0} l at the start, {bought:.0} l bought, {end:.0} l at the \
         end; {:.0} kg CO₂",
        told.fuel_l, told.co2_kg
    )
}

fn snapped(place: &Waypoint) -> String {
    format!("{} on the road, {:.0} m from the point asked for", place.name, place.snapped_m)
}

fn cost(all: Option<f64>, diesel: Option<f64>, tolls: f64) -> String {
    match (all, diesel) {
        (Some(all), Some(diesel)) => {
            format!("₹ {}: diesel ₹ {}, tolls ₹ {}", whole(all), whole(diesel), whole(tolls))
        }
        _ => format!("tolls ₹ {}; diesel has no known price here", whole(tolls)),
    }
}

/// Whole minutes: all, at the wheel, standing; the first is the sum of the others.
fn minutes(told: &Itinerary) -> (f64, f64, f64) {
    let stopped = round_to(told.stopped_h * 60.0, 0);
    let driving = round_to(told.driving_h * 60.0, 0);
    (driving + stopped, driving, stopped)
}

fn legs(told: &Itinerary) -> String {
    let last = if told.departs.is_some() { "clock" } else { "after" };
    let wide = |of: fn(&ItineraryLeg) -> &str| {
        told.legs.iter().map(|leg| of(leg).chars().count()).max().unwrap_or(0).max(4)
    };
    let (road, from, to) = (wide(|leg| &leg.road), wide(|leg| &leg.from), wide(|leg| &leg.to));
    let mut text = format!(
        "\n{:road$}  {:12} {:from$}  {:to$}  {:>7} {:>8} {:>8} {:>7}  {last}\n",
        "road", "class", "from", "to", "km", "sum km", "climb m", "time"
    );
    let (mut before_km, mut driven_min, mut before_min) = (0.0, 0.0, 0.0);
    for leg in &told.legs {
        let end_km = round_to(leg.end_km, 1);
        driven_min += leg.minutes;
        let end_min = round_to(driven_min, 0);
        let clock = at(told, leg.arrives_s);
        text.push_str(&format!(
            "{:road$}  {:12} {:from$}  {:to$}  {:>7.1} {end_km:>8.1} {:>8.0} {:>7}  {clock}\n",
            leg.road,
            if leg.ferry { "ferry" } else { leg.class },
            leg.from,
            leg.to,
            end_km - before_km,
            leg.climb_m,
            span_short(end_min - before_min),
        ));
        (before_km, before_min) = (end_km, end_min);
    }
    text
}

fn stops(told: &Itinerary) -> String {
    let mut text = String::from("\nstops\n");
    for stop in &told.stops {
        let stands = if stop.minutes > 0.0 { span_short(stop.minutes) } else { String::new() };
        let clock = at(told, stop.arrives_s);
        let line = format!("{:>9.1} km  {clock:9}  {stands:>6}  {}", stop.at_km, what(stop));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn what(stop: &ItineraryStop) -> String {
    let place = &stop.place;
    match (stop.litres, stop.inr_per_l, stop.inr) {
        (Some(litres), Some(price), Some(inr)) => {
            format!("fuel     {litres:.1} l at ₹ {price:.2} = ₹ {}, {place}", whole(inr))
        }
        (_, _, Some(inr)) => format!("{:8} ₹ {}, {place}", stop.kind, whole(inr)),
        _ => format!("{:8} {place}", stop.kind),
    }
}

fn other_way(other: &OtherWay) -> String {
    let cost = other.cost_inr.map_or(String::new(), |inr| format!(", ₹ {}", whole(inr)));
    format!(
        "{:>9.1} km  {}, {:.0} m up, {:.1} l{cost}: {}\n",
        other.distance_km,
        span(round_to(other.duration_h * 60.0, 0)),
        other.climb_m,
        other.fuel_l,
        other.roads.join(", ")
    )
}

/// The clock so long after the departure, or that span where there is no clock.
fn at(told: &Itinerary, elapsed_s: f64) -> String {
    match told.departs {
        Some(departs) => day_clock(departs.plus_ms((elapsed_s * 1e3) as i64)),
        None => format!("+{}", span_short(round_to(elapsed_s / 60.0, 1))),
    }
}

/// What the driver does on the way.
pub(super) fn turns(told: &Itinerary) -> String {
    let wide = |of: fn(&ItineraryTurn) -> &str| {
        told.turns.iter().map(|turn| of(turn).chars().count()).max().unwrap_or(0)
    };
    let (turn_width, road_width) = (wide(|turn| turn.turn), wide(|turn| &turn.road));
    let mut text = String::from("\nturns\n");
    for turn in &told.turns {
        let what = turn.turn.replace('_', " ");
        let end_km = round_to(turn.at_km + turn.distance_km, 1);
        let on = match end_km - round_to(turn.at_km, 1) {
            km if km > 0.0 => format!("{km:>6.1} km"),
            _ => String::new(),
        };
        let place = turn.place.as_deref().unwrap_or_default();
        let line = format!(
            "{:>9.1} km  {what:turn_width$}  {:road_width$}  {on:9}  {place}",
            turn.at_km, turn.road
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Rounded to the minute.
fn to_minute(time: Time) -> Time {
    Time::from_secs((time.as_secs() + 30).div_euclid(60) * 60)
}

fn day_clock(time: Time) -> String {
    let time = to_minute(time);
    let minute = time.ist_minute_of_day();
    let day = DAYS[usize::from(time.ist_weekday())];
    format!("{day} {:02}:{:02}", minute / 60, minute % 60)
}

fn date(time: Time) -> String {
    let time = to_minute(time);
    let (year, month, day) = time.ist_date();
    let minute = time.ist_minute_of_day();
    let month = MONTHS[usize::from(month - 1)];
    let weekday = DAYS[usize::from(time.ist_weekday())];
    format!("{weekday} {day} {month} {year}, {:02}:{:02} IST", minute / 60, minute % 60)
}

fn span(minutes: f64) -> String {
    let (hours, rest) = ((minutes / 60.0).floor(), minutes % 60.0);
    if hours > 0.0 { format!("{hours:.0} h {rest:.0} min") } else { format!("{rest:.0} min") }
}

fn span_short(minutes: f64) -> String {
    let minutes = minutes.round();
    format!("{:.0}:{:02.0}", (minutes / 60.0).floor(), minutes % 60.0)
}

/// Whole rupees with India's grouping: the last three digits, then pairs.
fn whole(inr: f64) -> String {
    let digits = format!("{inr:.0}");
    let Some(head) = digits.len().checked_sub(3).filter(|head| *head > 0) else { return digits };
    let (mut left, mut groups) = (&digits[..head], vec![&digits[head..]]);
    while left.len() > 2 {
        let (rest, pair) = left.split_at(left.len() - 2);
        groups.push(pair);
        left = rest;
    }
    groups.push(left);
    groups.reverse();
    groups.join(",")
}
