//! How a run begins or goes on: lease, genesis, checkpoint, register.

use std::time::Duration;

use bytes::Bytes;
use fleet_core::{
    Error, ErrorKind, Result,
    domain::{Genesis, RouterKind},
    state::{Checkpoint, Lease, StateStore},
    stream::{NewRecord, Topic},
    time::Time,
};
use fleet_proto::RegisterEntry;

use super::{Components, SimSettings, Speed, writer::retry};
use crate::World;

pub(super) struct Begun {
    pub(super) lease: Lease,
    pub(super) genesis: Genesis,
    pub(super) world: World,
    pub(super) version: u64,
}

const LEASE: &str = "simulator";
const GENESIS_KEY: &str = "genesis";
const TRUCKS_DEFAULT: u32 = 30;
const SEED_DEFAULT: u64 = 1;

/// Refuses what makes no sense whatever the fleet.
pub(super) fn check(settings: &SimSettings) -> Result<()> {
    if let Some(until) = settings.until.filter(|until| until.as_ms() % 1_000 != 0) {
        return Err(Error::invalid(format!("--until {until}: expected whole seconds")));
    }
    if let Speed::Real(factor) = settings.speed
        && !(factor.is_finite() && factor > 0.0)
    {
        return Err(Error::invalid(format!("--speed {factor}: expected more than 0")));
    }
    if settings.lease_ttl < Duration::from_secs(1) {
        return Err(Error::invalid("lease_ttl: expected 1 s or more"));
    }
    Ok(())
}

/// How often who stands by looks whether the other one's lease has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Takes the lease; who stands by waits for it.
pub(super) async fn acquire(settings: &SimSettings, components: &Components) -> Result<Lease> {
    let (state, ttl) = (&components.state, settings.lease_ttl);
    let mut is_told = false;
    loop {
        let acquire = || state.acquire(LEASE, &settings.holder, ttl);
        let outcome = match settings.stand_by {
            true => retry("take the lease", acquire).await,
            false => acquire().await,
        };
        match outcome {
            Err(error) if settings.stand_by && error.kind() == ErrorKind::Conflict => {
                if !is_told {
                    tracing::info!(%error, "standing by");
                }
                is_told = true;
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            outcome => return outcome,
        }
    }
}

/// Finds or makes genesis, takes up the checkpoint or writes the first one, and publishes the
/// register.
pub(super) async fn begin(
    settings: &SimSettings,
    lease: Lease,
    components: &Components,
) -> Result<Begun> {
    let state = &components.state;
    let genesis = match genesis(&**state).await? {
        Some(genesis) => agreed(settings, components, genesis)?,
        None => {
            must_be_unknown_to_the_log(settings, components).await?;
            new_genesis(settings, components).await?
        }
    };
    let checkpoint = state.load().await?;
    if let Some(snapshot) = state.counters().await? {
        components.metrics.checkpointed_at.set(snapshot.saved_at.as_secs());
    }
    let (world, version) = match &checkpoint {
        Some(checkpoint) => {
            let world = World::restore(genesis.clone(), &checkpoint.world, settings.trucks)?;
            (world, checkpoint.version)
        }
        None => {
            let trucks = settings.trucks.unwrap_or(TRUCKS_DEFAULT);
            let world = World::new(genesis.clone(), trucks)?;
            let first = Checkpoint {
                version: 1,
                world_time: world.now(),
                world: world.snapshot(),
                counters: world.counters(),
            };
            state.save(&lease, &first).await?;
            components.metrics.checkpointed_at.set(components.clock.now().as_secs());
            (world, 1)
        }
    };
    publish_register(&genesis, &world, components).await?;
    Ok(Begun { lease, genesis, world, version })
}

/// How the fleet in a state store began; `None` before its first start.
///
/// # Errors
/// `Corrupt`; those of the state store.
pub async fn genesis(state: &dyn StateStore) -> Result<Option<Genesis>> {
    state.get(GENESIS_KEY).await?.map(|stored| decode(&stored)).transpose()
}

fn decode(stored: &[u8]) -> Result<Genesis> {
    serde_json::from_slice(stored)
        .map_err(|e| Error::corrupt("genesis in the state store").with_source(e))
}

/// The fleet's genesis, if the settings do not contradict it.
fn agreed(settings: &SimSettings, components: &Components, genesis: Genesis) -> Result<Genesis> {
    let mut contradictions = Vec::new();
    if let Some(seed) = settings.seed.filter(|seed| *seed != genesis.seed) {
        contradictions.push(format!("--seed {seed}: this fleet began with seed {}", genesis.seed));
    }
    if let Some(start) = settings.start.filter(|start| *start != genesis.start) {
        contradictions.push(format!("--start {start}: this fleet began at {}", genesis.start));
    }
    match (router(components), genesis.router) {
        (RouterKind::Builtin, RouterKind::Osrm) => contradictions
            .push("--router builtin: this fleet drives the ways of OSRM, name one".to_owned()),
        (RouterKind::Osrm, RouterKind::Builtin) => contradictions
            .push("--router: this fleet drives the ways of the built-in router".to_owned()),
        (RouterKind::Builtin, RouterKind::Builtin) | (RouterKind::Osrm, RouterKind::Osrm) => {}
    }
    if !contradictions.is_empty() {
        let all = contradictions.join("; ");
        return Err(Error::conflict(format!("{all}; change that or use another data directory")));
    }
    if genesis.world_version != World::VERSION {
        return Err(Error::conflict(format!(
            "this fleet was made by world version {}, this program has {}; use the program that \
             made it, or another data directory",
            genesis.world_version,
            World::VERSION
        )));
    }
    Ok(genesis)
}

/// A fleet is not started over from kilometre 0 beside a log that has seen it drive.
async fn must_be_unknown_to_the_log(settings: &SimSettings, components: &Components) -> Result<()> {
    if settings.rebuild && components.router.is_some() {
        return Err(Error::conflict(
            "rebuild: the ways of OSRM that this fleet drove were kept in the state store alone; \
             restore it from a backup",
        ));
    }
    if settings.rebuild {
        if settings.seed.is_none() || settings.start.is_none() || settings.trucks.is_none() {
            return Err(Error::invalid(
                "rebuild: name seed, start and trucks as genesis and register in the log or the \
                 store have them",
            ));
        }
        return Ok(());
    }
    // Telemetry alone says nothing: devices send it too.
    let extents = components.log.extents(&Topic::TRUCKS).await?;
    if extents.iter().all(|extent| extent.end == 0) {
        return Ok(());
    }
    Err(Error::conflict(
        "the state store is empty, but the log knows a fleet: restore the state store from a backup, \
         begin anew with another log, or have the state made again (rebuild, with the fleet's seed, \
         start and trucks)",
    ))
}

fn router(components: &Components) -> RouterKind {
    if components.router.is_some() { RouterKind::Osrm } else { RouterKind::Builtin }
}

async fn new_genesis(settings: &SimSettings, components: &Components) -> Result<Genesis> {
    let now = components.clock.now();
    let start = settings.start.unwrap_or(now);
    let start = match settings.start {
        Some(start) if start.as_ms() % 1_000 != 0 => {
            return Err(Error::invalid(format!("--start {start}: expected whole seconds")));
        }
        _ => Time::from_secs(start.as_secs()),
    };
    if settings.until.is_some_and(|until| until < start) {
        return Err(Error::invalid(format!("--until: before the start, {start}")));
    }
    let clock_offset_ms = start.ms_since(Time::from_secs(now.as_secs()));
    let genesis = Genesis {
        clock_offset_ms,
        router: router(components),
        ..World::beginning(settings.seed.unwrap_or(SEED_DEFAULT), start)
    };
    World::check(&genesis, settings.trucks.unwrap_or(TRUCKS_DEFAULT))?;
    let bytes = serde_json::to_vec(&genesis)
        .map_err(|e| Error::internal("genesis does not encode").with_source(e))?;
    let stored = components.state.put_once(GENESIS_KEY, bytes.into()).await?;
    agreed(settings, components, decode(&stored)?)
}

/// Sent at each start; the store keeps one of each.
async fn publish_register(genesis: &Genesis, world: &World, components: &Components) -> Result<()> {
    let record = |key: &str, entry: &RegisterEntry| NewRecord {
        topic: Topic::TRUCKS,
        key: Bytes::copy_from_slice(key.as_bytes()),
        headers: Vec::new(),
        payload: fleet_proto::encode_register_entry(entry),
    };
    let mut records = vec![record(GENESIS_KEY, &RegisterEntry::Genesis(genesis.clone()))];
    for truck in world.register() {
        let key = truck.truck_id.clone();
        records.push(record(key.as_str(), &RegisterEntry::Truck(truck)));
    }
    for batch in records.chunks(1_000) {
        retry("publish the register", || components.log.publish(batch.to_vec())).await?;
    }
    Ok(())
}
