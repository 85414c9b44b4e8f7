//! The data directory: three files under one lock.

use std::{
    fmt,
    fs::{File, Permissions, TryLockError},
    io::{self, Read, Write},
    net::SocketAddr,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use fleet_core::{
    state::sqlite::SqliteState,
    store::sqlite::SqliteStore,
    stream::sqlite::{SqliteLog, SqliteLogSettings},
    time::{Clock, SystemClock},
};
use serde::{Deserialize, Serialize};

/// Log, store and state of one directory.
#[derive(Debug)]
pub(crate) struct DataDir {
    pub(crate) log: Arc<SqliteLog>,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) state: Arc<SqliteState>,
    pub(crate) clock: Arc<dyn Clock>,
    lock: Option<File>,
}

fn files(dir: &Path) -> [PathBuf; 3] {
    ["log.db", "store.db", "state.db"].map(|name| dir.join(name))
}

/// Where a running platform listens.
#[derive(Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) rest: SocketAddr,
    /// `None` if it does not speak gRPC.
    pub(crate) grpc: Option<SocketAddr>,
    /// An API key for commands on this machine: whoever can read the directory is its owner.
    pub(crate) key: String,
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Addresses")
            .field("rest", &self.rest)
            .field("grpc", &self.grpc)
            .finish_non_exhaustive()
    }
}

impl Addresses {
    /// A call with the key of commands on this machine.
    pub(crate) fn call<T>(&self, message: T) -> Result<tonic::Request<T>> {
        let mut request = tonic::Request::new(message);
        let bearer = format!("Bearer {}", self.key).parse()?;
        request.metadata_mut().insert("authorization", bearer);
        Ok(request)
    }
}

fn must_hold_a_fleet(dir: &Path) -> Result<()> {
    let [_, store, _] = files(dir);
    if store.exists() {
        return Ok(());
    }
    bail!("data directory {}: there is no fleet in it", dir.display())
}

/// The lock of a directory, opened but not taken; what its holder wrote stays.
fn lock_file(dir: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.mode(LOCK_MODE).open(dir.join("lock"))?;
    file.set_permissions(Permissions::from_mode(LOCK_MODE))?; // one that an older version made
    Ok(file)
}

/// Its owner alone may read it: it holds a key while a platform runs.
const LOCK_MODE: u32 = 0o600;

/// Where the platform that runs on `dir` listens; `None` if none does.
pub(crate) fn running(dir: &Path) -> Result<Option<Addresses>> {
    let shown = dir.display();
    let Ok(mut lock) = File::open(dir.join("lock")) else { return Ok(None) };
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        Ok(()) | Err(TryLockError::Error(_)) => return Ok(None),
    }
    let mut text = String::new();
    lock.read_to_string(&mut text)?;
    let addresses = serde_json::from_str(&text);
    addresses.map(Some).with_context(|| {
        format!("data directory {shown}: a data-fleet starts or stops on it; try again in a moment")
    })
}

impl DataDir {
    /// Opens or makes everything, for this process alone.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let shown = dir.display();
        std::fs::create_dir_all(dir)
            .with_context(|| format!("data directory {shown}: cannot be made; name another"))?;
        let lock = lock_file(dir).with_context(|| {
            format!("data directory {shown}: cannot be written; check its owner")
        })?;
        match lock.try_lock() {
            Ok(()) => lock.set_len(0)?, // what the last holder told holds no more
            Err(TryLockError::WouldBlock) => bail!(
                "data directory {shown}: another data-fleet runs on it; stop that one or name \
                 another directory with --data-dir"
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error)
                    .with_context(|| format!("data directory {shown}: cannot be locked"));
            }
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let [log, store, state] = files(dir);
        for (file, name) in [(&log, "log.db"), (&state, "state.db")] {
            if store.exists() && !file.exists() {
                bail!(
                    "data directory {shown}: store.db knows a fleet, but its {name} is gone; restore \
                     {name} from a backup, or begin anew in another directory"
                );
            }
        }
        // The store comes last: the others must not be missing beside it.
        let state = Arc::new(SqliteState::open(&state, Arc::clone(&clock))?);
        let settings = SqliteLogSettings::default();
        let log = Arc::new(SqliteLog::open(&log, settings, Arc::clone(&clock))?);
        let store = Arc::new(SqliteStore::open(&store, Arc::clone(&clock))?);
        Ok(Self { log, store, state, clock, lock: Some(lock) })
    }

    /// As [`open`](Self::open), but never makes anything.
    pub(crate) fn open_known(dir: &Path) -> Result<Self> {
        must_hold_a_fleet(dir)?;
        Self::open(dir)
    }

    /// Lets other commands know where this process listens: see [`running`].
    pub(crate) fn tell_addresses(&self, addresses: &Addresses) -> Result<()> {
        if let Some(mut lock) = self.lock.as_ref() {
            lock.set_len(0)?;
            lock.write_all(&serde_json::to_vec(addresses)?)?;
        }
        Ok(())
    }

    /// Opens everything for reading, beside whoever runs on it.
    pub(crate) fn open_read_only(dir: &Path) -> Result<Self> {
        must_hold_a_fleet(dir)?;
        let [log, store, state] = files(dir);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let log = Arc::new(SqliteLog::open_read_only(&log, Arc::clone(&clock))?);
        let store = Arc::new(SqliteStore::open_read_only(&store, Arc::clone(&clock))?);
        let state = Arc::new(SqliteState::open_read_only(&state, Arc::clone(&clock))?);
        Ok(Self { log, store, state, clock, lock: None })
    }
}
