//! A large fleet in real time: does it keep up, and does its memory stay.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::{
    Options,
    pairs::{Bound, Pair, Row},
    process::{self, Server},
};

/// Told apart from start-up, which takes the register of every truck.
const SETTLING: Duration = Duration::from_secs(60);
const SAMPLE: Duration = Duration::from_secs(5);

/// The greatest value of a metric over its labels.
fn greatest(metrics: &str, name: &str) -> Option<f64> {
    let of_line = |line: &str| line.rsplit_once(' ')?.1.parse::<f64>().ok();
    metrics.lines().filter(|line| line.starts_with(name)).filter_map(of_line).reduce(f64::max)
}

/// `--speed 1` for the time asked for: lag of the groups and of world time, resident memory.
pub(crate) fn real_time(options: &Options) -> Result<Vec<Row>> {
    let scratch = tempfile::tempdir_in(&options.scratch)?;
    let (port, trucks) = (process::free_port()?, options.trucks.to_string());
    let flags = ["--trucks", &trucks, "--speed", "1"];
    let command = process::platform(&options.program, scratch.path(), port, &flags);
    let server = Server::start(command, port, "/healthz", |_| true)?;
    let began = Instant::now();
    let (mut lags, mut resident, mut loads) = (Vec::new(), Vec::new(), Vec::new());
    let (mut behind_s, mut events) = (0.0_f64, 0.0);
    while began.elapsed() < Duration::from_secs(60 * options.minutes) {
        std::thread::sleep(SAMPLE);
        let metrics = server.get("/metrics")?;
        if began.elapsed() < SETTLING {
            continue;
        }
        let value = |name| greatest(&metrics, name).with_context(|| format!("no {name}"));
        lags.push(value("fleet_consumer_lag_seconds")?);
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        behind_s = behind_s.max(now_s - value("fleet_sim_world_timestamp_seconds")?);
        events = value("fleet_sim_events_published_total")?;
        resident.push(server.resident_mib()?);
        loads.push(process::load());
    }
    let (Some(first), Some(most)) = (resident.first(), resident.iter().copied().reduce(f64::max))
    else {
        bail!("--minutes {}: too short, the first minute is not judged", options.minutes)
    };
    let lag_s = lags.into_iter().fold(0.0, f64::max);
    let load = loads.iter().sum::<f64>() / loads.len() as f64;
    let cores = server.cpu_s()? / began.elapsed().as_secs_f64();
    let row = |number, title, unit, pair, must, aim, note| Row {
        number,
        title,
        unit,
        must: Bound::AtMost(must),
        aim: Bound::AtMost(aim),
        pairs: vec![pair],
        note,
    };
    let run = format!("{trucks} trucks, {} min, mean load {load:.1}", options.minutes);
    Ok(vec![
        row(
            "soak",
            "most lag of a group in real time / one second",
            "s",
            Pair { ours: lag_s, peer: 1.0 },
            2.0,
            0.5,
            format!("{run}; world at most {behind_s:.1} s behind, {events:.0} events"),
        ),
        row(
            "soak",
            "most resident memory / after the first minute",
            "MiB",
            Pair { ours: most, peer: *first },
            1.05,
            1.02,
            format!("{cores:.2} cores used"),
        ),
    ])
}
