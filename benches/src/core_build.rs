//! How long a user of plain `fleet-core` waits for its first build.

use std::{process::Command, time::Instant};

use anyhow::{Context, Result};

use crate::{
    Options,
    pairs::{Bound, Pair, Row},
    process,
};

/// `cargo build -p fleet-core` into an empty directory, sources downloaded before.
pub(crate) fn cold(options: &Options) -> Result<Vec<Row>> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let cargo = |command: &str| {
        let mut cargo = Command::new("cargo");
        cargo.args([command, "--quiet", "--locked", "--manifest-path", manifest]);
        cargo
    };
    process::output(&mut cargo("fetch"))?;
    let mut pairs = Vec::new();
    let before_s = process::children_cpu_s()?;
    for _ in 0..options.pairs.min(3) {
        let target = tempfile::tempdir_in(&options.scratch).context("no scratch directory")?;
        let began = Instant::now();
        let mut build = cargo("build");
        build.args(["--offline", "-p", "fleet-core", "--no-default-features"]);
        process::output(build.env("CARGO_TARGET_DIR", target.path()))?;
        pairs.push(Pair { ours: began.elapsed().as_secs_f64(), peer: 1.0 });
    }
    let cpu_s = (process::children_cpu_s()? - before_s) / pairs.len() as f64;
    Ok(vec![Row {
        number: "build",
        title: "plain fleet-core from cold / one second",
        unit: "s",
        must: Bound::AtMost(20.0),
        aim: Bound::AtMost(10.0),
        pairs,
        note: format!("{cpu_s:.0} s of processor time each"),
    }])
}
