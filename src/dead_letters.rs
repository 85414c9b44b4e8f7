//! Records that were set aside, from the terminal.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail};
use fleet_core::stream::dead_letter::{self, Redriven};
use fleet_proto::v1::{
    RedriveDeadLettersRequest, RedriveResult, pipeline_service_client::PipelineServiceClient,
};
use tonic::Status;

use crate::{
    consistency,
    data_dir::{self, Addresses, DataDir},
    dump::{each_letter, hex, runtime},
};

/// One line for each.
pub(crate) fn list(dir: &Path) -> Result<()> {
    let data = DataDir::open_read_only(dir)?;
    let mut out = io::stdout().lock();
    runtime()?.block_on(each_letter(&data, |letter| {
        let (id, detail) = (letter.id(), printable(&letter.detail));
        Ok(writeln!(out, "{id}  {}  {detail}", letter.reason)?)
    }))
}

/// Text of strangers, for a terminal that would obey its control characters.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

/// One in full.
pub(crate) fn show(id: &str, dir: &Path) -> Result<()> {
    let data = DataDir::open_read_only(dir)?;
    let (letter, is_redriven) = runtime()?.block_on(async {
        let letter = dead_letter::get(&*data.log, id).await?;
        let is_redriven = dead_letter::is_redriven(&*data.store, id).await?;
        Ok::<_, fleet_core::Error>((letter, is_redriven))
    })?;
    let mut out = io::stdout().lock();
    writeln!(out, "id: {}", letter.id())?;
    writeln!(out, "reason: {}", letter.reason)?;
    writeln!(out, "detail: {}", printable(&letter.detail))?;
    writeln!(out, "topic: {}", letter.topic)?;
    if let Some(origin) = &letter.origin {
        writeln!(out, "partition: {}", origin.partition.number)?;
        writeln!(out, "offset: {}", origin.offset)?;
    }
    writeln!(out, "group: {}", printable(&letter.group))?;
    writeln!(out, "attempts: {}", letter.attempts)?;
    writeln!(out, "dead-lettered at: {}", letter.dead_lettered_at)?;
    writeln!(out, "redriven: {is_redriven}")?;
    if let Some(from) = &letter.redriven_from {
        writeln!(out, "was put back before, as: {from}")?;
    }
    writeln!(out, "key: {}", printable(&String::from_utf8_lossy(&letter.key)))?;
    writeln!(out, "payload: {}", hex(&letter.payload))?;
    Ok(())
}

/// Puts letters back: through the platform that runs on `dir`, or without it if none does.
pub(crate) fn redrive(ids: &[String], dry_run: bool, dir: &Path) -> Result<()> {
    let failed = match data_dir::running(dir)? {
        Some(there @ Addresses { grpc: Some(address), .. }) => {
            runtime()?.block_on(redrive_there(&there, address, ids, dry_run))?
        }
        Some(Addresses { rest, .. }) => bail!(
            "a platform without gRPC runs on {}; stop it, or \
             POST http://{rest}/v1/pipeline/dead-letters/redrive",
            dir.display()
        ),
        None => redrive_here(ids, dry_run, dir)?,
    };
    if failed > 0 { bail!("{failed} of {} were not put back", ids.len()) } else { Ok(()) }
}

/// How many the running platform did not put back.
async fn redrive_there(
    there: &Addresses,
    address: SocketAddr,
    ids: &[String],
    dry_run: bool,
) -> Result<usize> {
    let mut client = PipelineServiceClient::connect(format!("http://{address}"))
        .await
        .with_context(|| format!("the platform at {address} does not answer"))?;
    let refused = |status: Status| anyhow!("the platform at {address}: {}", status.message());
    let mut failed = 0;
    for ids in ids.chunks(IDS_MAX) {
        let request = RedriveDeadLettersRequest { ids: ids.to_vec(), dry_run };
        let answer = client.redrive_dead_letters(there.call(request)?).await;
        for RedriveResult { id, outcome, detail } in answer.map_err(refused)?.into_inner().results {
            failed += usize::from(!PUT_BACK.contains(&outcome.as_str()));
            let colon = if detail.is_empty() { "" } else { ": " };
            let (outcome, detail) = (outcome.replace('_', " "), printable(&detail));
            writeln!(io::stdout(), "{id}: {outcome}{colon}{detail}")?;
        }
    }
    Ok(failed)
}

/// What one call may name, by its contract.
const IDS_MAX: usize = 1_000;
/// The outcomes after which nothing is left to do.
const PUT_BACK: [&str; 3] = ["redriven", "already_redriven", "would_redrive"];

/// How many could not be put back.
fn redrive_here(ids: &[String], dry_run: bool, dir: &Path) -> Result<usize> {
    let data = if dry_run { DataDir::open_read_only(dir)? } else { DataDir::open_known(dir)? };
    let runtime = runtime()?;
    let checked = runtime.block_on(consistency::check(&data));
    checked.with_context(|| format!("data directory {}", dir.display()))?;
    let mut out = io::stdout().lock();
    let mut failed = 0;
    for id in ids {
        let validate = &fleet_proto::validate;
        let redrive = dead_letter::redrive(&*data.log, &*data.store, id, dry_run, validate);
        let told = match runtime.block_on(redrive) {
            Ok(Redriven::Done) => Ok("redriven".to_owned()),
            Ok(Redriven::Already) => Ok("already redriven".to_owned()),
            Ok(Redriven::Would) => Ok("would redrive".to_owned()),
            Ok(Redriven::WouldFail(why)) => Err(format!("would fail: {why}")),
            Ok(Redriven::NotFound) => Err("not found".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        failed += usize::from(told.is_err());
        writeln!(out, "{id}: {}", printable(&told.unwrap_or_else(|why| why)))?;
    }
    Ok(failed)
}
