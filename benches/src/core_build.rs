//! How long a user of plain `fleet-core` waits for its first build.

use std::{fs, path::Path, process::Command, time::Instant};

use anyhow::{Context, Result};

use crate::{
    Options,
    pairs::{Bound, Pair, Row},
    process,
};

/// `cargo build` of a crate that has plain `fleet-core` and nothing else, by the locked versions,
/// into an empty directory, sources downloaded before. It stands outside the workspace, as a user's
/// does: profiles are cargo's own.
pub(crate) fn cold(options: &Options) -> Result<Vec<Row>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let user = tempfile::tempdir_in(&options.scratch).context("no scratch directory")?;
    let manifest = user.path().join("Cargo.toml");
    fs::create_dir(user.path().join("src"))?;
    fs::write(user.path().join("src/lib.rs"), "pub use fleet_core;\n")?;
    fs::copy(root.join("Cargo.lock"), user.path().join("Cargo.lock"))?;
    let core = root.join("fleet-core");
    fs::write(
        &manifest,
        format!(
            "[package]\nname = \"user\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
             fleet-core = {{ path = {core:?}, default-features = false }}\n"
        ),
    )?;
    let cargo = |command: &str| {
        let mut cargo = Command::new("cargo");
        cargo.args([command, "--quiet", "--manifest-path"]).arg(&manifest);
        cargo
    };
    process::output(&mut cargo("fetch"))?;
    let mut pairs = Vec::new();
    let before_s = process::children_cpu_s()?;
    for _ in 0..options.pairs.min(3) {
        let target = tempfile::tempdir_in(&options.scratch).context("no scratch directory")?;
        let began = Instant::now();
        let mut build = cargo("build");
        process::output(build.arg("--offline").env("CARGO_TARGET_DIR", target.path()))?;
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
