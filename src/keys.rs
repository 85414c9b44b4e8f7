//! API keys, from the terminal.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Subcommand;
use fleet_api::keys::{Key, Keys, NewKey, Scope};
use fleet_core::{domain::TruckId, time::Time};
use fleet_proto::v1::{CreateKeyRequest, RevokeKeyRequest, key_service_client::KeyServiceClient};
use tonic::{Status, transport::Channel};

use crate::{
    consistency,
    data_dir::{self, Addresses, DataDir},
    dead_letters::printable,
    dump::runtime,
    platform::entropy,
    settings,
};

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key and print it, this once.
    Create {
        /// What people call it.
        name: String,
        /// A role (viewer, operator, device, admin) or a scope; may be given again.
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<String>,
        /// A truck that it may send telemetry of; may be given again [default: any].
        #[arg(long = "truck", value_name = "ID")]
        trucks: Vec<String>,
        /// Limits of its own, like read=100@10.
        #[arg(long, value_name = "QUOTAS", default_value = "")]
        quotas: String,
        /// From this time on it is void, RFC 3339 [default: never].
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        /// Where the data is.
        #[arg(long, default_value = settings::DATA_DIR)]
        data_dir: PathBuf,
    },
    /// One line each: id, state, last use, scopes, name.
    List {
        /// Where the data is.
        #[arg(long, default_value = settings::DATA_DIR)]
        data_dir: PathBuf,
    },
    /// Void keys, at once and for ever.
    Revoke {
        /// Their ids, as `list` prints them.
        #[arg(required = true)]
        ids: Vec<String>,
        /// Where the data is.
        #[arg(long, default_value = settings::DATA_DIR)]
        data_dir: PathBuf,
    },
}

/// Who does it, in the audit.
const LOCAL: &str = "local";
const PAGE: usize = 500;

/// Does it through the platform that runs on the data, or without one if none does.
pub(crate) fn run(command: KeysCommand) -> Result<()> {
    match command {
        KeysCommand::Create { name, scopes, trucks, quotas, expires, data_dir } => {
            let trucks: fleet_core::Result<Vec<TruckId>> =
                trucks.iter().map(|id| id.parse()).collect();
            let expires_at = expires.as_deref().map(str::parse::<Time>).transpose();
            let new = NewKey {
                name,
                scopes: Scope::expand(scopes.iter().map(String::as_str))?,
                trucks: trucks?,
                quotas: quotas.parse()?,
                expires_at: expires_at.context("--expires")?,
            };
            create(new, &data_dir)
        }
        KeysCommand::List { data_dir } => list(&data_dir),
        KeysCommand::Revoke { ids, data_dir } => revoke(&ids, &data_dir),
    }
}

fn runtime_in<T, F: Future<Output = Result<T>>>(work: impl FnOnce() -> F) -> Result<T> {
    runtime()?.block_on(async { work().await }) // channels need the runtime when they are made
}

fn refused(status: &Status) -> anyhow::Error {
    anyhow!("the platform: {}", status.message())
}

/// The keys in `dir`, for this process alone.
async fn here(dir: &Path) -> Result<(DataDir, Keys)> {
    let data = DataDir::open_known(dir)?;
    consistency::check(&data).await.with_context(|| format!("data directory {}", dir.display()))?;
    let keys = Keys::new(Arc::clone(&data.store) as _, Arc::clone(&data.clock), entropy);
    Ok((data, keys))
}

fn create(new: NewKey, dir: &Path) -> Result<()> {
    let (key_id, secret) = match data_dir::running(dir)? {
        Some(_) => runtime_in(|| async {
            let (addresses, mut client) = client(dir)?;
            let request = CreateKeyRequest {
                name: new.name,
                scopes: new.scopes.iter().map(ToString::to_string).collect(),
                trucks: new.trucks.iter().map(ToString::to_string).collect(),
                quotas: new.quotas.to_string(),
                expires_at_ms: new.expires_at.map(Time::as_ms),
            };
            let made = client.create_key(addresses.call(request)?).await;
            let made = made.map_err(|status| refused(&status))?.into_inner();
            Ok((made.key.unwrap_or_default().key_id, made.secret))
        })?,
        None => runtime_in(|| async {
            let (_data, keys) = here(dir).await?;
            let (key, text) = keys.create(new, LOCAL).await?;
            Ok((key.key_id, text.reveal().to_owned()))
        })?,
    };
    // The key alone goes to standard output, so that a script can take it from there.
    writeln!(io::stdout(), "{secret}")?;
    writeln!(io::stderr(), "key {key_id} is made; it cannot be shown again")?;
    Ok(())
}

fn client(dir: &Path) -> Result<(Addresses, KeyServiceClient<Channel>)> {
    let running = data_dir::running(dir)?.context("the platform has ended; try again")?;
    let Some(address) = running.grpc else {
        bail!(
            "a platform without gRPC runs on {}; stop it, or use http://{}/v1/keys",
            dir.display(),
            running.rest
        );
    };
    let channel = Channel::from_shared(format!("http://{address}"))?.connect_lazy();
    Ok((running, KeyServiceClient::new(channel)))
}

fn list(dir: &Path) -> Result<()> {
    let mut out = io::stdout().lock();
    let now = fleet_core::time::Clock::now(&fleet_core::time::SystemClock::new());
    let mut after = None::<String>;
    runtime_in(|| async {
        let data = DataDir::open_read_only(dir)?;
        let keys = Keys::new(Arc::clone(&data.store) as _, Arc::clone(&data.clock), entropy);
        loop {
            let page = keys.list(after.as_deref(), PAGE).await?;
            for key in &page {
                writeln!(out, "{}", line(key, now))?;
            }
            after = page.last().map(|key| key.key_id.clone());
            if page.len() < PAGE {
                return Ok(());
            }
        }
    })
}

fn line(key: &Key, now: Time) -> String {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(expires_at)) if expires_at <= now => "expired",
        (None, _) => "valid",
    };
    let last_used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| at.to_string());
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let (scopes, name) = (scopes.join(","), printable(&key.name));
    format!("{}  {state}  {last_used}  {scopes}  {name}", key.key_id)
}

fn revoke(ids: &[String], dir: &Path) -> Result<()> {
    let is_running = data_dir::running(dir)?.is_some();
    runtime_in(|| async {
        if is_running {
            let (addresses, mut client) = client(dir)?;
            for id in ids {
                let request = RevokeKeyRequest { key_id: id.clone() };
                let revoked = client.revoke_key(addresses.call(request)?).await;
                revoked.map_err(|status| refused(&status))?;
                writeln!(io::stdout(), "{id}: revoked")?;
            }
            return Ok(());
        }
        let (_data, keys) = here(dir).await?;
        for id in ids {
            keys.revoke(id, LOCAL).await?;
            writeln!(io::stdout(), "{id}: revoked")?;
        }
        Ok(())
    })
}
