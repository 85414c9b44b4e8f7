//! The whole program: how fast it computes, starts, and how little it needs.

use std::{process::Command, time::Instant};

use anyhow::Result;
use serde_json::Value;

use crate::{
    Options,
    pairs::{Bound, Pair, Row, median},
    peers,
    process::{self, Server},
};

/// Row 25.
pub(crate) fn full_speed(options: &Options) -> Result<Vec<Row>> {
    let start: fleet_core::time::Time = "2026-01-05T00:00:00Z".parse()?;
    let until = start.plus_ms(options.days * 86_400_000).to_string();
    let (mut pairs, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..options.pairs {
        let dir = tempfile::tempdir_in(&options.scratch)?;
        let port = process::free_port()?;
        let flags = ["--trucks", "30", "--seed", "7", "--speed", "max", "--start"];
        let flags = [&flags[..], &["2026-01-05T00:00:00Z", "--until", &until]].concat();
        let mut command = process::platform(&options.program, dir.path(), port, &flags);
        let (began, cpu_s) = (Instant::now(), process::children_cpu_s()?);
        process::output(&mut command)?;
        let wall_s = began.elapsed().as_secs_f64();
        let world_s = 86_400.0 * options.days as f64;
        pairs.push(Pair { ours: world_s / wall_s, peer: 1.0 });
        cpu.push(world_s / (process::children_cpu_s()? - cpu_s));
    }
    Ok(vec![Row {
        number: "25",
        title: "30 trucks at full speed, all durable / real time",
        unit: "world s/s",
        must: Bound::AtLeast(30_000.0),
        aim: Bound::AtLeast(100_000.0),
        pairs,
        note: format!(
            "{} days each; {:.0} world seconds a second of processor time",
            options.days,
            median(cpu)
        ),
    }])
}

/// Requests before memory is looked at.
const REQUESTS: usize = 500;

/// Start to first answer, s, and the most resident memory under the same requests, MiB.
fn start(command: Command, port: u16, path: &str, trucks: usize) -> Result<(f64, f64)> {
    let is_whole = |body: &str| {
        let answer: Value = serde_json::from_str(body).unwrap_or_default();
        answer.as_array().or(answer["items"].as_array()).is_some_and(|all| all.len() == trucks)
    };
    let server = Server::start(command, port, path, is_whole)?;
    for _ in 0..REQUESTS {
        server.get(path)?;
    }
    Ok((server.first_answer_s, server.resident_peak_mib()?))
}

/// Rows 21 and 22.
pub(crate) fn start_and_memory(options: &Options) -> Result<Vec<Row>> {
    let (mut starts, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..options.pairs {
        let dir = tempfile::tempdir_in(&options.scratch)?;
        let port = process::free_port()?;
        let flags = ["--trucks", "30", "--speed", "60"];
        let command = process::platform(&options.program, dir.path(), port, &flags);
        let ours = start(command, port, "/v1/trucks?page_size=30", 30)?;
        let port = process::free_port()?;
        let peer = start(peers::fastapi(options, port), port, "/v1/trucks", 30)?;
        starts.push(Pair { ours: ours.0, peer: peer.0 });
        memory.push(Pair { ours: ours.1, peer: peer.1 });
    }
    let row = |number, title, unit, must: f64, aim: f64, pairs| Row {
        number,
        title,
        unit,
        must: Bound::AtMost(must),
        aim: Bound::AtMost(aim),
        pairs,
        note: String::new(),
    };
    Ok(vec![
        row("21", "start to 30 trucks listed / FastAPI", "s", 1.0 / 3.0, 0.1, starts),
        row("22", "most resident memory, 30 trucks / FastAPI", "MiB", 1.0, 0.5, memory),
    ])
}
