//! The platform against its peers. Peer and ours alternate in one run, on the same machine and
//! input; what is told is the ratio: its median, and the range of all pairs. `docs/benchmarks.md`
//! says what is inside each row; a row that misses its bound ends the program with an error.
#![allow(clippy::disallowed_methods, reason = "it times what others must not")]

mod core_build;
mod freshness;
mod limits;
mod matching;
mod million;
mod osrm;
mod pairs;
mod peers;
mod platform;
mod powertrain;
mod process;
mod routing;
mod scale;
mod sim;
mod soak;
mod storage;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Parser;

use crate::pairs::Row;

/// Runs the rows named, or all but `soak`.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Which rows: 1 2 3 5 6 10 11 15 16 17 21 22 23 25 scale table match million build soak.
    rows: Vec<String>,
    /// One JSON object a line instead of text.
    #[arg(long)]
    json: bool,
    /// Pairs of each row.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// How long the soak takes.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Trucks of the soak.
    #[arg(long, default_value_t = 10_000)]
    trucks: u32,
    /// Simulated days of row 25.
    #[arg(long, default_value_t = 10)]
    days: i64,
    /// The program under test.
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// Python with the peers of `peers/requirements.txt`.
    #[arg(long, value_name = "FILE")]
    python: PathBuf,
    /// Where files are written: a real disk, not a memory file system.
    #[arg(long, value_name = "DIR")]
    scratch: PathBuf,
    /// Only tells of this extract: row `million` asks a process of its own.
    #[arg(long, hide = true, value_name = "FILE")]
    million: Option<PathBuf>,
}

type Group = fn(&Options) -> Result<Vec<Row>>;

/// In order of importance; each group gives its rows.
const GROUPS: [(&[&str], Group); 17] = [
    (&["15"], storage::publish_batches),
    (&["16"], storage::publish_alone),
    (&["17"], storage::store_writes),
    (&["25"], platform::full_speed),
    (&["21", "22"], platform::start_and_memory),
    (&["23"], freshness::seen_by_a_client),
    (&["1"], sim::tick),
    (&["2"], sim::tick_and_encode),
    (&["3"], powertrain::against_fastsim),
    (&["5", "6"], routing::routes),
    (&["table"], routing::table),
    (&["match"], matching::fixes),
    (&["million"], million::city),
    (&["10", "11"], limits::buckets),
    (&["scale"], scale::laws),
    (&["build"], core_build::cold),
    (&["soak"], soak::real_time),
];

#[allow(clippy::print_stdout, reason = "its results are its output")]
fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(extract) = &options.million {
        return million::run(extract);
    }
    let known = |row: &String| GROUPS.iter().any(|(names, _)| names.contains(&row.as_str()));
    if let Some(unknown) = options.rows.iter().find(|row| !known(row)) {
        bail!("row {unknown}: there is no such row");
    }
    std::fs::create_dir_all(&options.scratch)?;
    let is_wanted = |names: &[&str]| match options.rows.as_slice() {
        [] => names != ["soak"],
        rows => rows.iter().any(|row| names.contains(&row.as_str())),
    };
    let mut missed = Vec::new();
    for (_, group) in GROUPS.iter().filter(|(names, _)| is_wanted(names)) {
        for row in group(&options)? {
            println!("{}", if options.json { row.json().to_string() } else { row.text() });
            if !row.is_met() {
                missed.push(row.number);
            }
        }
    }
    if missed.is_empty() { Ok(()) } else { bail!("missed: row {}", missed.join(", ")) }
}
