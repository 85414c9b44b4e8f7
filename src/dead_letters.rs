//! Records that were set aside, from the terminal.
#![allow(clippy::print_stdout, reason = "these commands print their answer")]

use std::{net::SocketAddr, path::Path};

use anyhow::{Context, Result, bail};
use fleet_core::stream::dead_letter::{self, Redriven};
use fleet_proto::v1::{
    RedriveDeadLettersRequest, RedriveResult, pipeline_service_client::PipelineServiceClient,
};

use crate::{
    data_dir::{self, Addresses, DataDir},
    dump::{hex, letters, runtime},
};

/// One line for each.
pub(crate) fn list(dir: &Path) -> Result<()> {
    let data = DataDir::open_read_only(dir)?;
    for letter in runtime()?.block_on(letters(&data))? {
        println!("{}  {}  {}", letter.id(), letter.reason, letter.detail);
    }
    Ok(())
}

/// One in full.
pub(crate) fn show(id: &str, dir: &Path) -> Result<()> {
    let data = DataDir::open_read_only(dir)?;
    let (letter, is_redriven) = runtime()?.block_on(async {
        let letter = dead_letter::get(&*data.log, id).await?;
        let is_redriven = dead_letter::is_redriven(&*data.store, id).await?;
        Ok::<_, fleet_core::Error>((letter, is_redriven))
    })?;
    println!("id: {}", letter.id());
    println!("reason: {}", letter.reason);
    println!("detail: {}", letter.detail);
    println!("topic: {}", letter.topic);
    if let Some(origin) = &letter.origin {
        println!("partition: {}", origin.partition.number);
        println!("offset: {}", origin.offset);
    }
    println!("group: {}", letter.group);
    println!("attempts: {}", letter.attempts);
    println!("dead-lettered at: {}", letter.dead_lettered_at);
    println!("redriven: {is_redriven}");
    if let Some(from) = &letter.redriven_from {
        println!("was put back before, as: {from}");
    }
    println!("key: {}", String::from_utf8_lossy(&letter.key));
    println!("payload: {}", hex(&letter.payload));
    Ok(())
}

/// Puts letters back: through the platform that runs on `dir`, or without it if none does.
pub(crate) fn redrive(ids: &[String], dry_run: bool, dir: &Path) -> Result<()> {
    let failed = match data_dir::running(dir)? {
        Some(Addresses { grpc: Some(address), .. }) => {
            runtime()?.block_on(redrive_there(address, ids, dry_run))?
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
async fn redrive_there(address: SocketAddr, ids: &[String], dry_run: bool) -> Result<usize> {
    let away = || format!("the platform at {address} does not answer");
    let mut client =
        PipelineServiceClient::connect(format!("http://{address}")).await.with_context(away)?;
    let request = RedriveDeadLettersRequest { ids: ids.to_vec(), dry_run };
    let answer = client.redrive_dead_letters(request).await.with_context(away)?.into_inner();
    let mut failed = 0;
    for RedriveResult { id, outcome, detail } in answer.results {
        failed += usize::from(!PUT_BACK.contains(&outcome.as_str()));
        let colon = if detail.is_empty() { "" } else { ": " };
        println!("{id}: {}{colon}{detail}", outcome.replace('_', " "));
    }
    Ok(failed)
}

/// The outcomes after which nothing is left to do.
const PUT_BACK: [&str; 3] = ["redriven", "already_redriven", "would_redrive"];

/// How many could not be put back.
fn redrive_here(ids: &[String], dry_run: bool, dir: &Path) -> Result<usize> {
    let data = if dry_run { DataDir::open_read_only(dir)? } else { DataDir::open(dir)? };
    let runtime = runtime()?;
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
        println!("{id}: {}", told.unwrap_or_else(|why| why));
    }
    Ok(failed)
}
