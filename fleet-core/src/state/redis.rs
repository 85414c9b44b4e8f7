//! The cluster's state store: a few keys on a Redis server.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `{NS}:lease:NAME` | hash | holder, token, end |
//! | `{NS}:checkpoint` | hash | version, simulated time, time of the save |
//! | `{NS}:world` | string | the state, opaque |
//! | `{NS}:counters` | hash | truck → its totals as JSON |
//! | `{NS}:once:KEY` | string | what was put once |
//!
//! The braces keep them on one slot of a cluster. A save is one Lua script: it checks the lease and
//! the version before it writes anything, so it is all or nothing even if the connection dies on
//! the way. `MULTI` would not do: it applies the other commands when one fails.
//!
//! **Durable** means what the server was told: with `appendonly yes` and `appendfsync always` an
//! answer survives a loss of power; with `everysec` the last second may be lost, with snapshots
//! alone everything since the last one. What is lost is made again from an older checkpoint, with
//! the same ids and bytes; see [`RedisState::durability`].

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use ::redis::{Script, cmd, pipe};
use async_trait::async_trait;
use bytes::Bytes;

use super::{Checkpoint, CounterSnapshot, Lease, Saved, StateStore, check_entry_key};
use crate::{
    Error, Result,
    domain::{Counters, TruckId},
    redis::{Connection, check_namespace},
    time::{Clock, Time},
};

/// How long an answer may take: a checkpoint of 100,000 trucks is some 60 MB.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// [`StateStore`] on a Redis server (7 or newer, or Valkey), under one namespace.
pub struct RedisState {
    connection: Connection,
    namespace: Box<str>,
    clock: Arc<dyn Clock>,
    scripts: Scripts,
}

struct Scripts {
    acquire: Script,
    release: Script,
    save: Script,
}

/// What of an answered save can still be lost, as the server is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// `appendfsync always`: nothing, not even with the power.
    Always,
    /// `appendfsync everysec` or `no`: what came in the last seconds before power was lost.
    Seconds,
    /// Snapshots alone: all since the last one.
    Snapshots,
    /// The server does not tell; managed services do that.
    Unknown,
}

impl RedisState {
    /// A state store on the server at `url` (`redis://[user:password@]host:port[/database]`), whose
    /// keys begin with `{namespace}:`. Connects when first asked, and again whenever needed.
    ///
    /// # Errors
    /// `Invalid` for a URL of another form or a namespace that is not 1 to 64 of
    /// `A-Z a-z 0-9 . _ -`.
    pub fn new(url: &str, namespace: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        check_namespace(namespace)?;
        let scripts = Scripts {
            acquire: Script::new(include_str!("redis/acquire.lua")),
            release: Script::new(include_str!("redis/release.lua")),
            save: Script::new(include_str!("redis/save.lua")),
        };
        let connection = Connection::new(url, ANSWER_TIMEOUT)?;
        Ok(Self { connection, namespace: namespace.into(), clock, scripts })
    }

    /// What could still be lost of an answered save. To be asked at start, and told to a person.
    ///
    /// # Errors
    /// `Invalid` if the server may evict keys (`maxmemory-policy` is not `noeviction`): it would
    /// forget state at will; `Unavailable`.
    pub async fn durability(&self) -> Result<Durability> {
        self.connection.call::<()>(&cmd("PING")).await?;
        let policy = self.connection.setting("maxmemory-policy").await;
        if let Some(policy) = policy.filter(|policy| policy != "noeviction") {
            return Err(Error::invalid(format!(
                "redis: maxmemory-policy is {policy}: a state store needs noeviction"
            )));
        }
        let append_only = self.connection.setting("appendonly").await;
        let sync = self.connection.setting("appendfsync").await;
        Ok(match (append_only.as_deref(), sync.as_deref()) {
            (Some("yes"), Some("always")) => Durability::Always,
            (Some("yes"), Some(_)) => Durability::Seconds,
            (Some(_), _) => Durability::Snapshots,
            _ => Durability::Unknown,
        })
    }

    fn key(&self, name: &str) -> String {
        format!("{{{}}}:{name}", self.namespace)
    }

    fn lease_key(&self, name: &str) -> String {
        self.key(&format!("lease:{name}"))
    }
}

impl fmt::Debug for RedisState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisState")
            .field("connection", &self.connection)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

fn corrupt(what: &str) -> Error {
    Error::corrupt(format!("redis: {what} is damaged or of another program"))
}

fn number<T: std::str::FromStr>(what: &str, text: Option<&String>) -> Result<T> {
    text.and_then(|text| text.parse().ok()).ok_or_else(|| corrupt(what))
}

fn time(what: &str, text: Option<&String>) -> Result<Time> {
    number(what, text).map(Time::from_ms)
}

fn by_truck(rows: BTreeMap<String, String>) -> Result<BTreeMap<TruckId, Counters>> {
    rows.into_iter()
        .map(|(truck, counters)| {
            let what = format!("counters of {truck:?}");
            let truck = truck.parse().map_err(|error| corrupt(&what).with_source(error))?;
            let counters = serde_json::from_str(&counters);
            Ok((truck, counters.map_err(|error| corrupt(&what).with_source(error))?))
        })
        .collect()
}

#[async_trait]
impl StateStore for RedisState {
    async fn acquire(&self, name: &str, holder: &str, ttl: Duration) -> Result<Lease> {
        let now = self.clock.now();
        let expires_at = now.plus(ttl);
        let mut script = self.scripts.acquire.prepare_invoke();
        script.key(self.lease_key(name)).arg(holder).arg(now.as_ms()).arg(expires_at.as_ms());
        let answer: Vec<String> = self.connection.call(&script).await?;
        match answer.first().map(String::as_str) {
            Some("1") => {
                let token = number("a lease", answer.get(1))?;
                Ok(Lease { name: name.to_owned(), holder: holder.to_owned(), token, expires_at })
            }
            _ => {
                let other = answer.get(1).map_or("another", String::as_str);
                let until = time("a lease", answer.get(2))?;
                Err(Error::conflict(format!("lease {name}: held by {other} to {until}")))
            }
        }
    }

    async fn release(&self, lease: &Lease) -> Result<()> {
        let mut script = self.scripts.release.prepare_invoke();
        script.key(self.lease_key(&lease.name)).arg(lease.token);
        self.connection.call(&script).await
    }

    async fn save(&self, lease: &Lease, checkpoint: &Checkpoint) -> Result<Saved> {
        checkpoint.check()?;
        let version = checkpoint.version;
        let before = version.checked_sub(1).map_or_else(|| "none".to_owned(), |v| v.to_string());
        let mut script = self.scripts.save.prepare_invoke();
        script.key(self.lease_key(&lease.name));
        for name in ["checkpoint", "world", "counters"] {
            script.key(self.key(name));
        }
        script.arg(&lease.holder).arg(lease.token).arg(version).arg(before);
        script.arg(checkpoint.world_time.as_ms()).arg(self.clock.now().as_ms());
        script.arg(&checkpoint.world[..]);
        for (truck, counters) in &checkpoint.counters {
            let counters = serde_json::to_string(counters)
                .map_err(|error| Error::internal("counters").with_source(error))?;
            script.arg(truck.as_str()).arg(counters);
        }
        let answer: Vec<String> = self.connection.call(&script).await?;
        match answer.first().map(String::as_str) {
            Some("applied") => Ok(Saved::Applied),
            Some("stale") => Ok(Saved::Stale),
            Some("lost") => {
                let name = &lease.name;
                Err(Error::conflict(format!("lease {name}: it has passed to another holder")))
            }
            Some("ahead") => {
                let stored: u64 = number("the checkpoint", answer.get(1))?;
                let next = stored + 1;
                Err(Error::conflict(format!("checkpoint {version}: expected {next}")))
            }
            _ => Err(corrupt("the answer to a save")),
        }
    }

    async fn load(&self) -> Result<Option<Checkpoint>> {
        type Answer = (Vec<Option<String>>, Option<Vec<u8>>, BTreeMap<String, String>);
        // One transaction: all three are of one save.
        let mut read = pipe();
        read.atomic().cmd("HMGET").arg(self.key("checkpoint")).arg(&["version", "world_time"]);
        read.get(self.key("world")).hgetall(self.key("counters"));
        let (head, world, counters): Answer = self.connection.call(&read).await?;
        let [version, world_time] = &head[..] else { return Err(corrupt("the checkpoint")) };
        if version.is_none() {
            return Ok(None);
        }
        Ok(Some(Checkpoint {
            version: number("the checkpoint", version.as_ref())?,
            world_time: time("the checkpoint", world_time.as_ref())?,
            world: world.ok_or_else(|| corrupt("the state (it is missing)"))?.into(),
            counters: by_truck(counters)?,
        }))
    }

    async fn counters(&self) -> Result<Option<CounterSnapshot>> {
        type Answer = (Vec<Option<String>>, BTreeMap<String, String>);
        let mut read = pipe();
        let fields = &["version", "world_time", "saved_at"];
        read.atomic().cmd("HMGET").arg(self.key("checkpoint")).arg(fields);
        read.hgetall(self.key("counters"));
        let (head, counters): Answer = self.connection.call(&read).await?;
        let [version, world_time, saved_at] = &head[..] else {
            return Err(corrupt("the checkpoint"));
        };
        if version.is_none() {
            return Ok(None);
        }
        Ok(Some(CounterSnapshot {
            version: number("the checkpoint", version.as_ref())?,
            world_time: time("the checkpoint", world_time.as_ref())?,
            saved_at: time("the checkpoint", saved_at.as_ref())?,
            trucks: by_truck(counters)?,
        }))
    }

    async fn put_once(&self, key: &str, value: Bytes) -> Result<Bytes> {
        check_entry_key(key)?;
        let key = self.key(&format!("once:{key}"));
        let mut put = cmd("SET");
        put.arg(key).arg(&value[..]).arg("NX").arg("GET");
        let there: Option<Vec<u8>> = self.connection.call(&put).await?;
        Ok(there.map_or(value, Bytes::from))
    }

    async fn replace(&self, key: &str, value: Bytes) -> Result<()> {
        check_entry_key(key)?;
        let mut put = cmd("SET");
        put.arg(self.key(&format!("once:{key}"))).arg(&value[..]);
        self.connection.call(&put).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        let key = self.key(&format!("once:{key}"));
        let mut get = cmd("GET");
        get.arg(key);
        let value: Option<Vec<u8>> = self.connection.call(&get).await?;
        Ok(value.map(Bytes::from))
    }
}

#[cfg(test)]
mod tests;
