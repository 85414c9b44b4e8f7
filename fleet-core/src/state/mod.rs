//! The state store: leases, checkpoints with their counters, and values by name.
//!
//! A checkpoint is all or nothing, and the counters move with it in the same atomic step, so they
//! are exact after any crash. Saving is guarded twice: by the lease (a fencing token, so that a
//! writer that lost its lease cannot write) and by the version (so that a checkpoint twice, or an
//! older one, changes nothing). The laws of the port are in `testkit::state_laws`.

use std::{collections::BTreeMap, fmt, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    Error, Result,
    domain::{Counters, TruckId},
    time::Time,
};

#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "sqlite")]
pub mod sqlite;

/// The right to write a named thing, until it expires or is taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What it is for, e.g. `simulator`.
    pub name: String,
    /// Who has it.
    pub holder: String,
    /// Grows with each new holder: an older token is refused.
    pub token: u64,
    /// Platform time at which it ends unless renewed.
    pub expires_at: Time,
}

/// A state to resume from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// From 1, one more with each save.
    pub version: u64,
    /// Simulated time of the state: all before it is in it, nothing at or after it.
    pub world_time: Time,
    /// The state, opaque; at most 256 MiB.
    pub world: Bytes,
    /// Each truck's totals at that time, by value.
    pub counters: BTreeMap<TruckId, Counters>,
}

/// The largest state, bytes.
const WORLD_BYTES_MAX: usize = 256 << 20;

impl Checkpoint {
    /// Refuses what no backend keeps.
    ///
    /// # Errors
    /// `Invalid` for a state above 256 MiB or a version above 2^63 - 1.
    pub fn check(&self) -> Result<()> {
        if self.world.len() > WORLD_BYTES_MAX {
            return Err(Error::invalid("checkpoint: world is above 256 MiB"));
        }
        if i64::try_from(self.version).is_err() {
            let version = self.version;
            return Err(Error::invalid(format!("checkpoint.version: {version} is above 2^63 - 1")));
        }
        Ok(())
    }
}

/// Refuses a key under which nothing is put.
///
/// # Errors
/// `Invalid` unless it has 1 to 256 bytes.
pub fn check_entry_key(key: &str) -> Result<()> {
    if (1..=256).contains(&key.len()) {
        return Ok(());
    }
    Err(Error::invalid("key: expected 1 to 256 bytes"))
}

/// What a save did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The checkpoint is in.
    Applied,
    /// A checkpoint of this or a newer version was in already: nothing changed.
    Stale,
}

/// The totals as of the last checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterSnapshot {
    /// The checkpoint's version.
    pub version: u64,
    /// The checkpoint's simulated time.
    pub world_time: Time,
    /// Platform time at which it was saved.
    pub saved_at: Time,
    /// By truck.
    pub trucks: BTreeMap<TruckId, Counters>,
}

/// The port of the state store. See the module for what it promises.
#[async_trait]
pub trait StateStore: Send + Sync + fmt::Debug {
    /// Takes the lease `name` for `holder` for `ttl`, or renews it (same token) if `holder` has it,
    /// even after its end if nobody took it over. Each new holder gets a larger token.
    ///
    /// # Errors
    /// `Conflict`, naming the holder, while another one's lease lasts; `Unavailable`.
    async fn acquire(&self, name: &str, holder: &str, ttl: Duration) -> Result<Lease>;

    /// Gives the lease back; nothing happens if it has passed on already.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn release(&self, lease: &Lease) -> Result<()>;

    /// Saves `checkpoint` with its counters in one atomic step, durable on return. Its version
    /// must be one above the stored one (1 for the first). The counters are replaced as a whole.
    ///
    /// The token is the fence, not the time: a lease that has ended and was not taken over still
    /// saves, so that neither a slow disk nor a jump of the clock stops who is still alone.
    ///
    /// # Errors
    /// `Conflict` if the lease was given back or its token is not the newest one, or if the version
    /// skips ahead; `Invalid` if the state is too large or a version above 2^63 - 1;
    /// `Unavailable`: it may or may not be in, save it again.
    async fn save(&self, lease: &Lease, checkpoint: &Checkpoint) -> Result<Saved>;

    /// The last checkpoint saved.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    async fn load(&self) -> Result<Option<Checkpoint>>;

    /// The counters alone, without the state.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    async fn counters(&self) -> Result<Option<CounterSnapshot>>;

    /// Puts `value` under `key` unless there is one, durable on return; returns what is there
    /// now. The first writer wins.
    ///
    /// # Errors
    /// `Invalid` for an empty key or one above 256 bytes; `Unavailable`.
    async fn put_once(&self, key: &str, value: Bytes) -> Result<Bytes>;

    /// Puts `value` under `key`, whatever was there, durable on return; the last writer wins. Not for
    /// what others decide by: that is put once, or saved under a lease.
    ///
    /// # Errors
    /// As [`put_once`](Self::put_once).
    async fn replace(&self, key: &str, value: Bytes) -> Result<()>;

    /// What is under `key`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn get(&self, key: &str) -> Result<Option<Bytes>>;
}
