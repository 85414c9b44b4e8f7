//! Routes and tables in memory against OSRM over loopback.

use std::{hint::black_box, time::Instant};

use anyhow::{Context, Result};
use fleet_core::{geo::Position, random::Stream, route::BuiltinRouter};

use crate::{
    Options,
    osrm::Osrm,
    pairs::{Bound, Pair, Row, alternate, median},
    process,
};

/// Pairs of towns, the same for both.
const PAIRS: u64 = 1_000;
/// Connections that ask at once.
const CONNECTIONS: usize = 8;
/// Rows and columns.
const PLACES: usize = 100;

/// Pairs of different towns drawn by lot.
fn pairs(router: &BuiltinRouter) -> Vec<[Position; 2]> {
    let nodes = router.network().nodes();
    let random = Stream::new(1, "pairs", "bench routing");
    let place = |draw| nodes[random.below(draw, nodes.len() as u64) as usize].position;
    let pairs = (0..).map(|ix| [place(2 * ix), place(2 * ix + 1)]);
    pairs.filter(|[from, to]| from != to).take(PAIRS as usize).collect()
}

/// With radii: without them OSRM looks at every road of ours for one of a large part (8 ms a question).
fn address([from, to]: &[Position; 2]) -> String {
    let at = |place: &Position| format!("{:.6},{:.6}", place.lon, place.lat);
    format!(
        "/route/v1/driving/{};{}?overview=full&geometries=polyline6&generate_hints=false&exclude=ferry\
         &radiuses=100;100",
        at(from),
        at(to)
    )
}

/// The middle one of how long each call takes, µs.
fn each_us<T>(items: &[T], mut call: impl FnMut(&T) -> Result<()>) -> Result<f64> {
    let mut took = Vec::with_capacity(items.len());
    for item in items {
        let began = Instant::now();
        call(item)?;
        took.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(took))
}

fn route(router: &BuiltinRouter, [from, to]: &[Position; 2]) -> Result<()> {
    black_box(router.route_between(*from, *to)?);
    Ok(())
}

/// Rows 5 and 6.
pub(crate) fn routes(options: &Options) -> Result<Vec<Row>> {
    let router = BuiltinRouter::ne_india().with_cache(0);
    router.prepare();
    let osrm = Osrm::start(options)?;
    let pairs = pairs(&router);
    let addresses: Vec<String> = pairs.iter().map(address).collect();
    let mut client = osrm.connect()?;
    // Both have seen every way once: neither reads from disk then.
    pairs.iter().try_for_each(|pair| route(&router, pair))?;
    addresses.iter().try_for_each(|address| client.ask(address).map(drop))?;
    let latency = alternate(
        options.pairs,
        || each_us(&pairs, |pair| route(&router, pair)),
        || each_us(&addresses, |address| client.ask(address).map(drop)),
    )?;
    let mut walls = Vec::new();
    let throughput = alternate(
        options.pairs,
        || {
            let before_s = process::thread_cpu_s()?;
            pairs.iter().try_for_each(|pair| route(&router, pair))?;
            Ok(PAIRS as f64 / (process::thread_cpu_s()? - before_s))
        },
        || {
            let (began, before_s) = (Instant::now(), osrm.cpu_s()?);
            all_at_once(&osrm, &addresses)?;
            let asked = (CONNECTIONS * addresses.len()) as f64;
            walls.push(asked / began.elapsed().as_secs_f64());
            Ok(asked / (osrm.cpu_s()? - before_s))
        },
    )?;
    Ok(vec![
        Row {
            number: "5",
            title: "route with its line, nothing kept / OSRM, loopback",
            unit: "µs, p50",
            must: Bound::AtMost(1.0 / 20.0),
            aim: Bound::AtMost(1.0 / 60.0),
            pairs: latency,
            note: String::new(),
        },
        Row {
            number: "6",
            title: "routes a second of processor time / OSRM's server",
            unit: "/s",
            must: Bound::AtLeast(30.0),
            aim: Bound::AtLeast(100.0),
            pairs: throughput,
            note: format!("OSRM answers {:.0} a second by the clock", median(walls)),
        },
    ])
}

/// Every address on every connection.
fn all_at_once(osrm: &Osrm, addresses: &[String]) -> Result<()> {
    std::thread::scope(|scope| {
        let ask_all = || -> Result<()> {
            let mut client = osrm.connect()?;
            addresses.iter().try_for_each(|address| client.ask(address).map(drop))
        };
        let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(ask_all)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().ok().context("a client died")?)
    })
}

/// 100 × 100 towns.
pub(crate) fn table(options: &Options) -> Result<Vec<Row>> {
    let router = BuiltinRouter::ne_india();
    router.prepare();
    let osrm = Osrm::start(options)?;
    let places = router.network().nodes().iter().step_by(2).take(PLACES);
    let places: Vec<Position> = places.map(|node| node.position).collect();
    let points = places.iter().map(|at| format!("{:.6},{:.6}", at.lon, at.lat));
    let points = points.collect::<Vec<_>>().join(";");
    let radii = ["100"; PLACES].join(";");
    let address = format!(
        "/table/v1/driving/{points}?annotations=duration,distance&generate_hints=false\
         &exclude=ferry&radiuses={radii}"
    );
    let mut client = osrm.connect()?;
    let ms = |began: Instant| began.elapsed().as_secs_f64() * 1e3;
    let mut theirs = Vec::new();
    let mut pairs = Vec::new();
    for _ in 0..options.pairs {
        let began = Instant::now();
        black_box(router.table(&places, &places)?);
        pairs.push(Pair { ours: ms(began), peer: 1.0 });
        let began = Instant::now();
        client.ask(&address)?;
        theirs.push(ms(began));
    }
    Ok(vec![Row {
        number: "table",
        title: "100 × 100 durations and distances / one millisecond",
        unit: "ms",
        must: Bound::AtMost(50.0),
        aim: Bound::AtMost(10.0),
        pairs,
        note: format!("OSRM, loopback: {:.0} ms", median(theirs)),
    }])
}
