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
    let origin = &letter.origin;
    println!("id: {}", letter.id());
    println!("reason: {}", letter.reason);
    println!("detail: {}", letter.detail);
    println!("topic: {}", origin.partition.topic);
    println!("partition: {}", origin.partition.number);
    println!("offset: {}", origin.offset);
    println!("group: {}", letter.group);
    println!("attempts: {}", letter.attempts);
    println!("dead-lettered at: {}", letter.dead_lettered_at);
    println!("redriven: {is_redriven}");
    println!("key: {}", String::from_utf8_lossy(&letter.key));
    println!("payload: {}", hex(&letter.payload));
    Ok(())
}

/// Puts letters back; a running platform takes them from there.
pub(crate) fn redrive(ids: &[String], dry_run: bool, dir: &Path) -> Result<()> {
    let data = if dry_run { DataDir::open_read_only(dir)? } else { DataDir::open(dir)? };
    let mut failed = 0;
    for id in ids {
        let validate = &fleet_pipeline::validate;
        let redrive = dead_letter::redrive(&*data.log, &*data.store, id, dry_run, validate);
        match runtime()?.block_on(redrive)? {
            Redriven::Done => println!("{id}: put back"),
            Redriven::Already => println!("{id}: was put back before"),
            Redriven::Would => println!("{id}: would be put back"),
            Redriven::WouldFail(why) => {
                failed += 1;
                println!("{id}: would fail again: {why}");
            }
            Redriven::NotFound => {
                failed += 1;
                println!("{id}: not there");
            }
        }
    }
    if failed > 0 { bail!("{failed} of {} were not put back", ids.len()) } else { Ok(()) }
}
