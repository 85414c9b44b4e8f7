//! Writes published numbers beside the kernel's, with charts, below a directory:
//! `cargo run -p fleet-core --example physics_report -- docs`.

#[path = "../tests/physics/fixtures.rs"]
mod fixtures;
#[path = "../tests/physics/plots.rs"]
mod plots;
#[path = "../tests/physics/reference.rs"]
mod reference;
#[path = "../tests/physics/report.rs"]
mod report;
#[path = "../tests/physics/svg.rs"]
mod svg;

use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let docs = env::args_os().nth(1).map_or_else(|| PathBuf::from("docs"), PathBuf::from);
    for (path, content) in report::files() {
        let path = docs.join(path);
        fs::create_dir_all(path.parent().expect("a file stands in a directory"))?;
        fs::write(path, content)?;
    }
    Ok(())
}
