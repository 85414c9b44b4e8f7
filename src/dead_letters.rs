//! Records that were set aside, from the terminal.
#![allow(clippy::print_stdout, reason = "these commands print their answer")]

use std::path::Path;

use anyhow::{Result, bail};
use fleet_core::stream::dead_letter::{self, Redriven};

use crate::{
    data_dir::DataDir,
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

/// Puts letters back; a running platform takes them from there.
pub(crate) fn redrive(ids: &[String], dry_run: bool, dir: &Path) -> Result<()> {
    let data = if dry_run { DataDir::open_read_only(dir)? } else { DataDir::open(dir)? };
    let runtime = runtime()?;
    let mut failed = 0;
    for id in ids {
        let validate = &fleet_proto::validate;
        let redrive = dead_letter::redrive(&*data.log, &*data.store, id, dry_run, validate);
        let told = match runtime.block_on(redrive) {
            Ok(Redriven::Done) => Ok("put back".to_owned()),
            Ok(Redriven::Already) => Ok("was put back before".to_owned()),
            Ok(Redriven::Would) => Ok("would be put back".to_owned()),
            Ok(Redriven::WouldFail(why)) => Err(format!("would fail again: {why}")),
            Ok(Redriven::NotFound) => Err("not there".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        failed += usize::from(told.is_err());
        println!("{id}: {}", told.unwrap_or_else(|why| why));
    }
    if failed > 0 { bail!("{failed} of {} were not put back", ids.len()) } else { Ok(()) }
}
