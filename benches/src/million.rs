//! A made city with a million directed edges, in a process of its own, so that its memory is seen.

use std::{fs, hint::black_box, path::Path, process::Command, sync::Arc, time::Instant};

use anyhow::{Context, Result};
use fleet_core::{
    random::Stream,
    route::{
        BuiltinRouter, Direction, Network, NodeIx,
        osm::{self, Options as Reading, Source, made::Made},
    },
};
use serde_json::{Value, json};

use crate::{
    Options,
    pairs::{Bound, Pair, Row, median},
    process,
};

/// Junctions on a side.
const SIDE: u32 = 540;
const ROUTES: u64 = 1_000;
const PLACES: u64 = 100;

/// Preparation, routes, a table and memory.
pub(crate) fn city(options: &Options) -> Result<Vec<Row>> {
    let dir = tempfile::tempdir_in(&options.scratch)?;
    let extract = dir.path().join("city.osm.pbf");
    fs::write(&extract, Made::city(SIDE, 1).pbf())?;
    let mut told = Vec::new();
    for _ in 0..options.pairs.min(3) {
        let mut child = Command::new(std::env::current_exe()?);
        child.arg("--million").arg(&extract).arg("--program").arg(&options.program);
        child.arg("--python").arg(&options.python).arg("--scratch").arg(&options.scratch);
        told.push(serde_json::from_str::<Value>(&process::output(&mut child)?)?);
    }
    let pairs = |name: &str| -> Result<Vec<Pair>> {
        let figure =
            |told: &Value| Ok(Pair { ours: told[name].as_f64().context("no figure")?, peer: 1.0 });
        told.iter().map(figure).collect()
    };
    let note = |name: &str, what: &str| -> Result<String> {
        Ok(format!("{what} {:.1}", median(pairs(name)?.iter().map(|pair| pair.ours))))
    };
    let row = |title, unit, (must, aim), pairs, note| Row {
        number: "million",
        title,
        unit,
        must: Bound::AtMost(must),
        aim: Bound::AtMost(aim),
        pairs,
        note,
    };
    let read =
        format!("{}; {}", note("edges_k", "thousand edges:")?, note("read_s", "reading, s:")?);
    let table = note("table_ms", "a table of 100 × 100, ms:")?;
    let peak = note("peak_mib", "the most there was:")?;
    Ok(vec![
        row(
            "preparing a million directed edges / a second",
            "s",
            (60.0, 20.0),
            pairs("prepare_s")?,
            read,
        ),
        row("a route on them, p50 / a millisecond", "ms", (1.0, 0.3), pairs("route_ms")?, table),
        row(
            "resident memory with them / a MiB",
            "MiB",
            (477.0, 300.0),
            pairs("resident_mib")?,
            peak,
        ),
    ])
}

/// What the child does: prints its figures.
#[allow(clippy::print_stdout, reason = "its results are its output")]
pub(crate) fn run(extract: &Path) -> Result<()> {
    let s = |began: Instant| began.elapsed().as_secs_f64();
    let began = Instant::now();
    let region = osm::read(Source::File(extract), &Reading::default(), &mut |_| {})?;
    let read_s = s(began);
    let network: Arc<Network> = region.network.into();
    let one_way = |direction| usize::from(direction == Direction::Both) + 1;
    let edges: usize = network.segments().iter().map(|road| one_way(road.direction)).sum();
    let router = BuiltinRouter::new(Arc::clone(&network)).with_cache(0);
    let began = Instant::now();
    router.prepare();
    let prepare_s = s(began);
    let random = Stream::new(1, "pairs", "bench million");
    let node = |draw| NodeIx(random.below(draw, network.nodes().len() as u64) as u32);
    let mut took = Vec::new();
    for ix in 0..ROUTES {
        let began = Instant::now();
        black_box(router.route_nodes(node(2 * ix), node(2 * ix + 1))?);
        took.push(s(began) * 1e3);
    }
    let (resident_mib, peak_mib) = process::own_memory_mib()?;
    let places: Vec<_> = (0..PLACES).map(|ix| network.node_at(node(ix)).position).collect();
    let began = Instant::now();
    black_box(router.table(&places, &places)?);
    let table_ms = s(began) * 1e3;
    println!(
        "{}",
        json!({
            "edges_k": edges as f64 / 1e3, "read_s": read_s, "prepare_s": prepare_s,
            "route_ms": median(took), "table_ms": table_ms,
            "resident_mib": resident_mib, "peak_mib": peak_mib,
        })
    );
    Ok(())
}
