//! What is kept, as canonical JSON lines: equal data gives equal bytes.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
};

use anyhow::Result;
use fleet_core::{
    Error,
    domain::Counters,
    state::StateStore,
    stream::dead_letter::{self, DeadLetter, Filter},
};
use serde::Serialize;

use crate::{cli::What, data_dir::DataDir};

#[derive(Serialize)]
struct CounterLine<'a> {
    truck_id: &'a str,
    #[serde(flatten)]
    counters: Counters,
}

#[derive(Serialize)]
struct LetterLine {
    id: String,
    topic: String,
    reason: &'static str,
    detail: String,
    key: String,
    payload_hex: String,
}

/// Prints `what` of the data in `dir`.
pub(crate) fn dump(what: What, dir: &Path) -> Result<()> {
    let data = DataDir::open_read_only(dir)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut line = |value: &dyn ErasedLine| -> fleet_core::Result<()> {
        value.write(&mut out).map_err(|e| Error::unavailable("standard output").with_source(e))
    };
    match what {
        What::Telemetry => data.store.export_telemetry(&mut |event| line(event))?,
        What::Trips => data.store.export_trips(&mut |trip| line(trip))?,
        What::Counters => {
            let snapshot = runtime()?.block_on(data.state.counters())?;
            for (truck_id, counters) in snapshot.iter().flat_map(|snapshot| &snapshot.trucks) {
                line(&CounterLine { truck_id: truck_id.as_str(), counters: *counters })?;
            }
        }
        What::DeadLetters => {
            runtime()?.block_on(each_letter(&data, |letter| {
                Ok(line(&LetterLine {
                    id: letter.id(),
                    topic: letter.topic.to_string(),
                    key: String::from_utf8_lossy(&letter.key).into_owned(),
                    payload_hex: hex(&letter.payload),
                    reason: letter.reason.as_str(),
                    detail: letter.detail,
                })?)
            }))?;
        }
    }
    out.flush()?;
    Ok(())
}

/// Something that is a line of JSON.
pub(crate) trait ErasedLine {
    fn write(&self, out: &mut dyn Write) -> io::Result<()>;
}

impl<T: Serialize> ErasedLine for T {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }
}

/// A runtime for a command that asks a few things and ends.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Every dead letter, one after the other: each may hold a payload of 1 MiB.
async fn each_letter(data: &DataDir, mut each: impl FnMut(DeadLetter) -> Result<()>) -> Result<()> {
    const STEP: usize = 500;
    const BYTES: usize = 4 << 20;
    let (all, mut after) = (Filter::all(), None);
    loop {
        let found = dead_letter::list(&*data.log, &all, after.as_deref(), STEP, BYTES).await?;
        found.letters.into_iter().try_for_each(&mut each)?;
        after = found.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
