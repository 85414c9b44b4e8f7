//! A state store in memory, too simple to be wrong, and the ways to break it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::*;
use crate::{Error, Result, time::Clock};

/// In which way a [`NaiveState`] is broken; each breaks one law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "only the tests of the laws break the model")]
pub(super) enum Fault {
    CutsWorlds,
    KeepsOldCounters,
    TakesOlder,
    TellsStaleAsApplied,
    SkipsAhead,
    CountsBeforeItChecks,
    Forgets,
    LastWriterWins,
    NeverReplaces,
    ReadsThenWrites,
    GivesToAll,
    KeepsTheToken,
    RestartsTokens,
    IgnoresTokens,
    FencesByTime,
    ReleasesForOthers,
    HasOneLease,
}

#[derive(Default)]
struct Disk {
    /// By name: holder (none if given back), token, end.
    leases: BTreeMap<String, (Option<String>, u64, Time)>,
    checkpoint: Option<(Checkpoint, Time)>,
    entries: BTreeMap<String, Bytes>,
}

/// [`StateStore`] on plain maps in memory: the model that the laws compare a backend with.
#[derive(Clone)]
pub struct NaiveState {
    disk: Arc<Mutex<Disk>>,
    clock: Arc<ManualClock>,
    fault: Option<Fault>,
}

impl fmt::Debug for NaiveState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NaiveState").field("fault", &self.fault).finish_non_exhaustive()
    }
}

impl NaiveState {
    /// An empty store on `clock`.
    pub fn new(clock: Arc<ManualClock>) -> Self {
        Self { disk: Arc::default(), clock, fault: None }
    }

    /// A naive store for the laws.
    pub fn subject() -> Subject {
        Self::subject_with(None)
    }

    /// The same, broken.
    pub(super) fn subject_with(fault: Option<Fault>) -> Subject {
        let clock = Arc::new(ManualClock::new(NOW));
        let store = Self { fault, ..Self::new(Arc::clone(&clock)) };
        let open = move || -> Arc<dyn StateStore> {
            if fault == Some(Fault::Forgets) {
                *store.disk() = Disk::default();
            }
            Arc::new(store.clone())
        };
        Subject { clock, open: Box::new(open) }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn name(&self, name: &str) -> String {
        if self.has(Fault::HasOneLease) { "one".into() } else { name.into() }
    }

    /// Where a broken store lets others in between reading and writing.
    async fn pause(&self) {
        if self.has(Fault::ReadsThenWrites) {
            tokio::task::yield_now().await;
        }
    }

    fn put(&self, disk: &mut Disk, checkpoint: &Checkpoint) {
        let mut checkpoint = checkpoint.clone();
        if self.has(Fault::CutsWorlds) {
            checkpoint.world.truncate(1 << 20);
        }
        if let (true, Some((old, _))) = (self.has(Fault::KeepsOldCounters), &disk.checkpoint) {
            for (truck, counters) in &old.counters {
                checkpoint.counters.entry(truck.clone()).or_insert(*counters);
            }
        }
        disk.checkpoint = Some((checkpoint, self.clock.now()));
    }
}

#[async_trait]
impl StateStore for NaiveState {
    async fn acquire(&self, name: &str, holder: &str, ttl: Duration) -> Result<Lease> {
        let now = self.clock.now();
        let key = self.name(name);
        let there = self.disk().leases.get(&key).cloned();
        self.pause().await;
        let token = match there {
            None => 1,
            Some((Some(other), token, _)) if other == holder => token,
            Some((Some(other), _, end)) if end > now && !self.has(Fault::GivesToAll) => {
                return Err(Error::conflict(format!("lease {name}: held by {other} to {end}")));
            }
            Some((_, token, _)) => token + u64::from(!self.has(Fault::KeepsTheToken)),
        };
        let expires_at = now.plus(ttl);
        self.disk().leases.insert(key, (Some(holder.into()), token, expires_at));
        Ok(Lease { name: name.into(), holder: holder.into(), token, expires_at })
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        let mut disk = self.disk();
        let key = self.name(&lease.name);
        let any = self.has(Fault::ReleasesForOthers);
        if let Some((holder, token, _)) = disk.leases.get_mut(&key)
            && (*token == lease.token || any)
        {
            *holder = None;
            if self.has(Fault::RestartsTokens) {
                disk.leases.remove(&key);
            }
        }
        Ok(())
    }

    async fn save(&self, lease: &Lease, checkpoint: &Checkpoint) -> Result<Saved> {
        let mut disk = self.disk();
        let newest = disk.leases.get(&self.name(&lease.name));
        let is_newest = newest.is_some_and(|(holder, token, end)| {
            let in_time = *end > self.clock.now() || !self.has(Fault::FencesByTime);
            holder.as_ref() == Some(&lease.holder) && *token == lease.token && in_time
        });
        if let (true, Some((old, _))) =
            (self.has(Fault::CountsBeforeItChecks), &mut disk.checkpoint)
        {
            old.counters = checkpoint.counters.clone();
        }
        if !is_newest && !self.has(Fault::IgnoresTokens) {
            return Err(Error::conflict("lease: it has passed to another holder"));
        }
        let stored = disk.checkpoint.as_ref().map_or(0, |(stored, _)| stored.version);
        if checkpoint.version <= stored {
            if self.has(Fault::TakesOlder) {
                self.put(&mut disk, checkpoint);
            }
            let told_wrongly = self.has(Fault::TellsStaleAsApplied);
            return Ok(if told_wrongly { Saved::Applied } else { Saved::Stale });
        }
        if checkpoint.version != stored + 1 && !self.has(Fault::SkipsAhead) {
            return Err(Error::conflict(format!("checkpoint: expected {}", stored + 1)));
        }
        self.put(&mut disk, checkpoint);
        Ok(Saved::Applied)
    }

    async fn load(&self) -> Result<Option<Checkpoint>> {
        Ok(self.disk().checkpoint.clone().map(|(checkpoint, _)| checkpoint))
    }

    async fn counters(&self) -> Result<Option<CounterSnapshot>> {
        let held = self.disk().checkpoint.clone();
        Ok(held.map(|(Checkpoint { version, world_time, counters, .. }, saved_at)| {
            CounterSnapshot { version, world_time, saved_at, trucks: counters }
        }))
    }

    async fn put_once(&self, key: &str, value: Bytes) -> Result<Bytes> {
        if !(1..=256).contains(&key.len()) {
            return Err(Error::invalid("key: expected 1 to 256 bytes"));
        }
        let there = self.disk().entries.get(key).cloned();
        self.pause().await;
        match there {
            Some(there) if !self.has(Fault::LastWriterWins) => Ok(there),
            _ => {
                self.disk().entries.insert(key.into(), value.clone());
                Ok(value)
            }
        }
    }

    async fn replace(&self, key: &str, value: Bytes) -> Result<()> {
        if !(1..=256).contains(&key.len()) {
            return Err(Error::invalid("key: expected 1 to 256 bytes"));
        }
        let mut disk = self.disk();
        if !self.has(Fault::NeverReplaces) || !disk.entries.contains_key(key) {
            disk.entries.insert(key.into(), value);
        }
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.disk().entries.get(key).cloned())
    }
}
