//! Scaling laws of the world: time linear in trucks, more threads, little memory a truck.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::Result;
use fleet_core::time::Time;
use fleet_sim::World;

use crate::{
    Options,
    pairs::{Bound, Pair, Row, alternate},
    process::{self, Server, thread_cpu_s},
};

const START: &str = "2026-01-05T00:00:00Z";
/// All trucks have set off by then; the next ten minutes are measured.
const WARM_UP_MS: i64 = 10 * 60_000;
const MEASURED_MS: i64 = 10 * 60_000;
/// Trucks measured for each size of fleet: one large fleet, or many small ones.
const TRUCKS: u32 = 20_000;
const SIZES: [u32; 4] = [100, 1_000, 10_000, 100_000];
/// Resident memory of the platform is looked at for so long.
const WATCHED: Duration = Duration::from_secs(90);
const LARGE_FLEET: u32 = 100_000;

/// A fleet on the road, on so many threads at most.
fn on_the_road(seed: u64, trucks: u32, threads: usize) -> Result<World> {
    let start: Time = START.parse()?;
    let genesis = World::beginning(seed, start);
    let mut world = World::new(genesis, trucks)?.with_threads(threads);
    world.advance(start.plus_ms(WARM_UP_MS));
    Ok(world)
}

/// Nanoseconds of processor time a truck and second, in fleets of `trucks`.
fn step_ns(trucks: u32) -> Result<f64> {
    let fleets = TRUCKS.div_ceil(trucks);
    let mut spent_s = 0.0;
    for seed in 0..u64::from(fleets) {
        let mut world = on_the_road(seed, trucks, 1)?;
        let began_s = thread_cpu_s()?;
        black_box(world.advance(world.now().plus_ms(MEASURED_MS)));
        spent_s += thread_cpu_s()? - began_s;
    }
    let steps = f64::from(fleets) * f64::from(trucks) * (MEASURED_MS / 1_000) as f64;
    Ok(spent_s * 1e9 / steps)
}

/// Steps a second by the clock, on so many threads at most.
fn steps_per_s(threads: usize) -> Result<f64> {
    let mut world = on_the_road(7, TRUCKS, threads)?;
    let began = Instant::now();
    black_box(world.advance(world.now().plus_ms(MEASURED_MS)));
    Ok(f64::from(TRUCKS) * (MEASURED_MS / 1_000) as f64 / began.elapsed().as_secs_f64())
}

/// Most resident memory of the platform with a large fleet in real time, MiB.
fn resident_mib(options: &Options) -> Result<f64> {
    let scratch = tempfile::tempdir_in(&options.scratch)?;
    let (port, trucks) = (process::free_port()?, LARGE_FLEET.to_string());
    let flags = ["--trucks", &trucks, "--speed", "1"];
    let command = process::platform(&options.program, scratch.path(), port, &flags);
    let server = Server::start(command, port, "/healthz", |_| true)?;
    std::thread::sleep(WATCHED);
    server.resident_peak_mib()
}

/// Rows `scale`.
pub(crate) fn laws(options: &Options) -> Result<Vec<Row>> {
    let sizes: Vec<f64> = SIZES.into_iter().map(step_ns).collect::<Result<_>>()?;
    let linear = Pair {
        ours: sizes.iter().copied().fold(0.0, f64::max),
        peer: sizes.iter().copied().fold(f64::INFINITY, f64::min),
    };
    let cores = std::thread::available_parallelism()?.get();
    let threads = alternate(options.pairs, || steps_per_s(cores), || steps_per_s(1))?;
    let memory = Pair { ours: resident_mib(options)?, peer: 250.0 };
    let told = SIZES.iter().zip(&sizes).map(|(trucks, ns)| format!("{trucks}: {ns:.0}"));
    Ok(vec![
        Row {
            number: "scale",
            title: "a truck's step, dearest / cheapest size of fleet",
            unit: "cpu ns",
            must: Bound::AtMost(1.5),
            aim: Bound::AtMost(1.2),
            pairs: vec![linear],
            note: told.collect::<Vec<_>>().join(", "),
        },
        Row {
            number: "scale",
            title: "20,000 trucks, all cores / one thread",
            unit: "steps/s",
            must: Bound::AtLeast(0.85 * cores as f64),
            aim: Bound::AtLeast(0.95 * cores as f64),
            pairs: threads,
            note: format!("{cores} cores"),
        },
        Row {
            number: "scale",
            title: "100,000 trucks, all roles, most resident / 250 MiB",
            unit: "MiB",
            must: Bound::AtMost(1.0),
            aim: Bound::AtMost(0.6),
            pairs: vec![memory],
            note: format!("{} s in real time", WATCHED.as_secs()),
        },
    ])
}
