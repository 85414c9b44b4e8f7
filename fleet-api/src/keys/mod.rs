//! API keys: who may ask what, kept as documents of the store.
//!
//! A key's secret is shown once, when it is made; the store has its SHA-256 only, and a presented
//! key is compared with it in constant time. Every presented key is looked up in the store, so a
//! revocation holds at once, in every process on that store. The change and its entry in the audit
//! are one write: there is none without the other. When a key was last used is a document of its
//! own, so that a use can never undo a revocation.

mod audit;
mod quotas;
mod scope;
mod token;

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use fleet_core::{
    Error, Result,
    domain::TruckId,
    store::{Document, FleetStore, Watermarks, Write},
    time::{Clock, Time},
};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

pub use audit::AuditEntry;
pub(crate) use quotas::Class;
pub use quotas::Quotas;
pub use scope::Scope;
pub use token::KeyText;

/// Fills the bytes with what nobody can guess.
pub type Entropy = fn(&mut [u8]) -> Result<()>;

const KEY: &str = "api_key";
const USE: &str = "api_key_use";
const NAME_CHARS_MAX: usize = 100;
const TRUCKS_MAX: usize = 500;
/// Uses of one key within this are told once, ms.
const USE_EVERY_MS: i64 = 60_000;
/// Keys whose last use is remembered; beyond, the memory begins anew, at the price of a write each.
const USES_MAX: usize = 10_000;

/// What a key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// For people: 1 to 100 characters.
    pub name: String,
    /// What it may do; see [`Scope::expand`].
    pub scopes: BTreeSet<Scope>,
    /// The trucks that it may send telemetry of, at most 500; empty for any.
    pub trucks: Vec<TruckId>,
    /// Limits of its own.
    pub quotas: Quotas,
    /// From this platform time on it is void.
    pub expires_at: Option<Time>,
}

/// A key without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct Key {
    /// Its public part.
    pub key_id: String,
    /// For people.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// The trucks that it may send telemetry of; empty for any.
    pub trucks: Vec<TruckId>,
    /// Limits of its own, like `read=100@10,live=20@1`: a burst and tokens a second by class.
    #[schema(value_type = String, example = "read=100@10")]
    pub quotas: Quotas,
    /// When it was made.
    pub created_at: Time,
    /// Id of the key that made it, or `local`.
    pub created_by: String,
    /// From this time on it is void.
    pub expires_at: Option<Time>,
    /// Since this time it is void.
    pub revoked_at: Option<Time>,
    /// When it was last used, to the minute.
    #[serde(default)]
    pub last_used_at: Option<Time>,
}

impl Key {
    /// Why it does not count at this time, if it does not.
    fn void(&self, now: Time) -> Option<Void> {
        if self.revoked_at.is_some() {
            return Some(Void::Revoked);
        }
        self.expires_at.is_some_and(|expires_at| expires_at <= now).then_some(Void::Expired)
    }
}

/// A key as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    key: Key,
    /// SHA-256 of the key's text.
    sha256: token::KeyDigest,
}

#[derive(Serialize, Deserialize)]
struct Use {
    last_used_at: Time,
}

/// Why a presented key does not count. Only metrics tell them apart; clients are not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Void {
    Malformed,
    Unknown,
    Expired,
    Revoked,
}

impl Void {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// The keys of one store.
pub struct Keys {
    store: Arc<dyn FleetStore>,
    clock: Arc<dyn Clock>,
    entropy: Entropy,
    uses: Mutex<HashMap<String, Time>>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Keys {
    /// The keys in `store`, by the time of `clock`.
    pub fn new(store: Arc<dyn FleetStore>, clock: Arc<dyn Clock>, entropy: Entropy) -> Self {
        Self { store, clock, entropy, uses: Mutex::default() }
    }

    /// Makes a key, on behalf of `actor`: a key's id, or `local`. Its text is not kept anywhere.
    ///
    /// # Errors
    /// `Invalid` by field; `Unavailable`.
    pub async fn create(&self, new: NewKey, actor: &str) -> Result<(Key, KeyText)> {
        let now = self.clock.now();
        check(&new, now)?;
        let NewKey { name, scopes, trucks, quotas, expires_at } = new;
        let text = KeyText::generate(self.entropy)?;
        let key = Key {
            key_id: text.id().to_owned(),
            name,
            scopes,
            trucks,
            quotas,
            created_at: now,
            created_by: actor.to_owned(),
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        let told = format!("{:?}, {}", key.name, scopes.join(" "));
        let entry = self.entry(now, actor, "key.create", &key.key_id, "done", &told)?;
        let stored = Stored { key: key.clone(), sha256: text.digest() };
        self.write(vec![document(KEY, text.id(), &stored), entry]).await?;
        Ok((key, text))
    }

    /// Voids a key, at once and for ever. One that is void already stays as it is.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn revoke(&self, key_id: &str, actor: &str) -> Result<Key> {
        let Some(mut stored) = self.find(key_id).await? else {
            return Err(Error::not_found(format!("key {key_id}: not known")));
        };
        if stored.key.revoked_at.is_none() {
            let now = self.clock.now();
            stored.key.revoked_at = Some(now);
            let told = format!("{:?}", stored.key.name);
            let entry = self.entry(now, actor, "key.revoke", key_id, "done", &told)?;
            self.write(vec![document(KEY, key_id, &stored), entry]).await?;
        }
        self.with_use(stored.key).await
    }

    /// Keys by id, void ones too, from after `after` on, at most `max`.
    ///
    /// # Errors
    /// `Unavailable`; `Corrupt`.
    pub async fn list(&self, after: Option<&str>, max: usize) -> Result<Vec<Key>> {
        let mut keys = Vec::new();
        for found in self.store.documents(KEY, None, after, max).await? {
            let stored: Stored = read(&found)?;
            keys.push(self.with_use(stored.key).await?);
        }
        Ok(keys)
    }

    /// Whose key this is, if it counts.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`: then nobody knows.
    pub(crate) async fn authenticate(&self, text: &str) -> Result<Result<Key, Void>> {
        let Some(text) = KeyText::parse(text) else { return Ok(Err(Void::Malformed)) };
        let Some(Stored { key, sha256 }) = self.find(text.id()).await? else {
            return Ok(Err(Void::Unknown));
        };
        let now = self.clock.now();
        if !bool::from(sha256.ct_eq(&text.digest())) {
            return Ok(Err(Void::Unknown));
        }
        if let Some(void) = key.void(now) {
            return Ok(Err(void));
        }
        self.used(&key.key_id, now);
        Ok(Ok(key))
    }

    /// Whether the key of this id, which was presented before, counts by now.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`: then nobody knows.
    pub(crate) async fn still_counts(&self, key_id: &str) -> Result<bool> {
        let now = self.clock.now();
        let stored = self.find(key_id).await?;
        let counts = stored.is_some_and(|stored| stored.key.void(now).is_none());
        if counts {
            self.used(key_id, now);
        }
        Ok(counts)
    }

    /// Keeps in mind that a key was used; the write is not waited for, and lost if it fails.
    fn used(&self, key_id: &str, now: Time) {
        {
            let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
            if uses.get(key_id).is_some_and(|last| now.ms_since(*last) < USE_EVERY_MS) {
                return;
            }
            if uses.len() >= USES_MAX {
                uses.clear();
            }
            uses.insert(key_id.to_owned(), now);
        }
        let (store, write) =
            (Arc::clone(&self.store), document(USE, key_id, &Use { last_used_at: now }));
        tokio::spawn(async move { store.write(vec![write], Watermarks::new()).await.map(drop) });
    }

    async fn find(&self, key_id: &str) -> Result<Option<Stored>> {
        let found = self.store.documents(KEY, Some(key_id), None, 1).await?;
        found.first().map(read).transpose()
    }

    async fn with_use(&self, key: Key) -> Result<Key> {
        let found = self.store.documents(USE, Some(&key.key_id), None, 1).await?;
        let last: Option<Use> = found.first().map(read).transpose()?;
        Ok(Key { last_used_at: last.map(|last| last.last_used_at), ..key })
    }

    async fn write(&self, writes: Vec<Write>) -> Result<()> {
        self.store.write(writes, Watermarks::new()).await.map(drop)
    }
}

fn check(new: &NewKey, now: Time) -> Result<()> {
    if !(1..=NAME_CHARS_MAX).contains(&new.name.chars().count())
        || new.name.chars().any(char::is_control)
    {
        return Err(Error::invalid("name: expected 1 to 100 printable characters"));
    }
    if new.scopes.is_empty() {
        return Err(Error::invalid("scopes: expected at least one scope or role"));
    }
    if new.trucks.len() > TRUCKS_MAX {
        return Err(Error::invalid(format!("trucks: {}, at most {TRUCKS_MAX}", new.trucks.len())));
    }
    if !new.trucks.is_empty() && !new.scopes.contains(&Scope::TelemetryWrite) {
        return Err(Error::invalid("trucks: only a key with telemetry:write is bound to trucks"));
    }
    match new.expires_at {
        Some(expires_at) if expires_at <= now => {
            Err(Error::invalid(format!("expires_at: {expires_at} is not in the future")))
        }
        _ => Ok(()),
    }
}

fn document<T: Serialize>(kind: &str, id: &str, body: &T) -> Write {
    let body = serde_json::to_string(body).expect("texts, times and numbers are JSON");
    Write::Document(Document { kind: kind.to_owned(), id: id.to_owned(), body })
}

fn read<T: serde::de::DeserializeOwned>(found: &Document) -> Result<T> {
    serde_json::from_str(&found.body).map_err(|error| {
        Error::corrupt(format!("document {}/{}", found.kind, found.id)).with_source(error)
    })
}

#[cfg(test)]
mod tests;
