//! Whether log, store and state of a directory belong together.
//!
//! Each is durable before the next one relies on it: reports are in the log before a checkpoint
//! counts them, a watermark of the store names only what was read from the log, and a group commits
//! only what is in the store. No crash breaks that; a file that was lost, emptied or restored alone
//! does, and what then went on would lose reports in silence or call all new ones conflicts.

use anyhow::{Context, Result, bail};
use fleet_core::{
    domain::Genesis,
    state::StateStore,
    store::FleetStore,
    stream::{EventLog, Partition, Topic},
};
use fleet_pipeline::{ARCHIVER, RECORDER};

use crate::data_dir::DataDir;

/// Refuses files that are not of one moment, naming the one that is behind.
pub(crate) async fn check(data: &DataDir) -> Result<()> {
    let Some(fault) = fault(data).await? else { return Ok(()) };
    bail!(
        "{fault}: one of them was lost, emptied or restored alone; restore log.db, store.db and \
         state.db from one backup, or begin anew in another directory"
    )
}

async fn fault(data: &DataDir) -> Result<Option<String>> {
    let counters = data.state.counters().await?;
    let watermarks = data.store.watermarks().await?;
    let known = data.store.documents("genesis", None, None, 1).await?.pop();
    let genesis = fleet_sim::genesis(&*data.state).await?;
    // Devices may have reported before a fleet began: only what the register says speaks of one.
    if counters.is_none() && known.is_some() {
        return Ok(Some("state.db knows no fleet, but store.db does".to_owned()));
    }
    if let (Some(own), Some(stored)) = (genesis, known) {
        let stored: Genesis = serde_json::from_str(&stored.body).context("genesis in store.db")?;
        if own != stored {
            return Ok(Some("state.db and store.db are of different fleets".to_owned()));
        }
    }
    for (partition, read) in &watermarks {
        let end = end(data, partition).await?;
        if end < *read {
            return Ok(Some(format!(
                "log.db is behind store.db ({partition} ends at {end}, read up to {read})"
            )));
        }
    }
    for group in [ARCHIVER, RECORDER] {
        for lag in data.log.lag(group).await?.partitions {
            let stored = watermarks.get(&lag.partition).copied().unwrap_or(0);
            let committed = lag.committed.unwrap_or(0);
            if stored < committed {
                let partition = lag.partition;
                return Ok(Some(format!(
                    "store.db is behind log.db ({partition} is in up to {stored}, committed up to \
                     {committed})"
                )));
            }
        }
    }
    let trucks = counters.iter().flat_map(|snapshot| snapshot.trucks.values());
    let counted: u64 = trucks.map(|counters| counters.events).sum();
    let extents = data.log.extents(&Topic::TELEMETRY).await?;
    let published: u64 = extents.iter().map(|extent| extent.end).sum();
    Ok((published < counted).then(|| {
        format!("log.db is behind state.db (of {counted} reports it has seen {published})")
    }))
}

/// The offset that the next record of `partition` will get.
async fn end(data: &DataDir, partition: &Partition) -> Result<u64> {
    let extents = data.log.extents(&partition.topic).await?;
    let extent = extents.into_iter().find(|extent| extent.partition == *partition);
    Ok(extent.map_or(0, |extent| extent.end))
}
