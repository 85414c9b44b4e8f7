//! The world against SUMO, per second of processor time.

use std::hint::black_box;

use crate::{
    Options,
    pairs::{Bound, Row, alternate},
    peers,
    process::thread_cpu_s,
};
use anyhow::{Context, Result};
use fleet_core::{domain::TelemetryEvent, time::Time};
use fleet_sim::{Output, World};

const TRUCKS: u32 = 1_000;
const STEPS: i64 = 3_000;
/// Half past nine in the morning there: trucks are on the road.
const START: &str = "2026-01-05T00:00:00Z";
const WARM_UP_MS: i64 = 4 * 3_600_000;

/// A fleet in the middle of its day.
fn world() -> Result<World> {
    let start: Time = START.parse()?;
    let genesis = World::beginning(7, start);
    let mut world = World::new(genesis, TRUCKS)?;
    world.advance(start.plus_ms(WARM_UP_MS));
    Ok(world)
}

fn sumo(options: &Options, variant: &str) -> Result<f64> {
    let figures = peers::run(options, "sumo_grid.py", &[variant, &TRUCKS.to_string()])?;
    figures["steps_per_cpu_s"].as_f64().context("SUMO gave no rate")
}

/// Row 1.
pub(crate) fn tick(options: &Options) -> Result<Vec<Row>> {
    let mut world = world()?;
    let mut moving = 0;
    let ours = || {
        let began_s = thread_cpu_s()?;
        black_box(world.advance(world.now().plus_ms(STEPS * 1_000)));
        moving = world.moving().0;
        Ok(f64::from(TRUCKS) * STEPS as f64 / (thread_cpu_s()? - began_s))
    };
    let pairs = alternate(options.pairs, ours, || sumo(options, "plain"))?;
    Ok(vec![Row {
        number: "1",
        title: "fleet tick / SUMO plain",
        unit: "steps/cpu s",
        must: Bound::AtLeast(100.0),
        aim: Bound::AtLeast(300.0),
        pairs,
        note: format!("{moving} of {TRUCKS} rolling at the end"),
    }])
}

/// Row 2.
pub(crate) fn tick_and_encode(options: &Options) -> Result<Vec<Row>> {
    let mut world = world()?;
    let report = |output| match output {
        Output::Telemetry(event) => Some(*event),
        Output::Trip(_) => None,
    };
    // One report of each truck, or nearly: they report every 25 to 35 s.
    let sent = world.advance(world.now().plus_ms(30_000));
    let reports: Vec<TelemetryEvent> =
        sent.into_iter().filter_map(report).cycle().take(TRUCKS as usize).collect();
    let ours = || {
        let (began_s, steps) = (thread_cpu_s()?, STEPS / 10);
        for _ in 0..steps {
            black_box(world.advance(world.now().plus_ms(1_000)));
            for report in &reports {
                black_box(fleet_proto::encode_event(&report.clone()));
            }
        }
        Ok(f64::from(TRUCKS) * steps as f64 / (thread_cpu_s()? - began_s))
    };
    let pairs = alternate(options.pairs, ours, || sumo(options, "records"))?;
    Ok(vec![Row {
        number: "2",
        title: "fleet tick and encoded event each / SUMO with records",
        unit: "steps/cpu s",
        must: Bound::AtLeast(30.0),
        aim: Bound::AtLeast(100.0),
        pairs,
        note: String::new(),
    }])
}
