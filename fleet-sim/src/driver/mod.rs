//! Runs a world against a log and a state store, so that a crash cannot be seen in the data.
//!
//! The order is: publish, wait for the log, then checkpoint with the counters. Batches and
//! checkpoints go through one ordered queue to one task, so a checkpoint is saved only after every
//! record before it is durable; the world runs on meanwhile, until the queue is full. The first
//! checkpoint, with the run's genesis, precedes the first event.

mod begin;
mod pace;
mod plans;
mod stop;
mod writer;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use fleet_core::{
    Error, Result,
    domain::Genesis,
    hook::Hook,
    route::Router,
    state::StateStore,
    stream::EventLog,
    time::{Clock, Time},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

pub use self::begin::genesis;
use self::{
    pace::Pace,
    plans::Plans,
    stop::Stop,
    writer::{Batch, Message},
};
use crate::{Output, SimMetrics, World};

/// How fast simulated time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many simulated seconds a second; at 1 world time follows platform time.
    Real(f64),
    /// As fast as log and store take it.
    Max,
}

/// What to simulate. `None` takes what the fleet's genesis says, or the default for a new one.
#[derive(Clone, Debug, PartialEq)]
pub struct SimSettings {
    /// Seed of all randomness; 1 for a new fleet.
    pub seed: Option<u64>,
    /// Where simulated time begins; now for a new fleet.
    pub start: Option<Time>,
    /// How many trucks; 30 for a new fleet.
    pub trucks: Option<u32>,
    /// How fast.
    pub speed: Speed,
    /// Where to end; never if `None`.
    pub until: Option<Time>,
    /// Name of this process, for the lease.
    pub holder: String,
    /// How long this process may be silent before another one takes its place: 1 s or more.
    pub lease_ttl: Duration,
    /// One of several processes, of which one simulates: while another one does, wait for its end
    /// and go on from there, instead of failing.
    pub stand_by: bool,
    /// Let a fleet whose state was lost begin again from its genesis (seed and start are named
    /// then) beside a log that knows it: the same events are made again.
    pub rebuild: bool,
}

impl Default for SimSettings {
    /// The fleet of the state store, or a new one of 30 trucks from now on, in real time.
    fn default() -> Self {
        Self {
            seed: None,
            start: None,
            trucks: None,
            speed: Speed::Real(1.0),
            until: None,
            holder: "simulator".to_owned(),
            lease_ttl: Duration::from_secs(60),
            stand_by: false,
            rebuild: false,
        }
    }
}

/// What the driver works with.
#[derive(Clone, Debug)]
pub struct Components {
    /// Where reports go.
    pub log: Arc<dyn EventLog>,
    /// Where checkpoints go.
    pub state: Arc<dyn StateStore>,
    /// A router outside, whose ways the trucks drive; `None` for the one in the program. What it
    /// answers is kept in the state store, and a truck stands still in simulated time meanwhile.
    pub router: Option<Arc<dyn Router>>,
    /// Platform time.
    pub clock: Arc<dyn Clock>,
    /// What operators see.
    pub metrics: SimMetrics,
    /// What the terminal sees.
    pub progress: Arc<Progress>,
    /// Passes `after_publish`, `before_checkpoint`, `after_checkpoint`.
    pub hook: Hook,
}

/// Where the world stands, for whoever looks.
#[derive(Debug, Default)]
pub struct Progress {
    world_ms: AtomicI64,
    events: AtomicU64,
    moving: AtomicUsize,
    trucks: AtomicUsize,
    begun: watch::Sender<bool>,
}

impl Progress {
    /// Resolves once the world runs: the lease is held and the state is taken up.
    pub async fn begun(&self) {
        // The sender lives in `self`: an error cannot come.
        drop(self.begun.subscribe().wait_for(|begun| *begun).await);
    }

    /// Simulated time.
    pub fn world_time(&self) -> Time {
        Time::from_ms(self.world_ms.load(Ordering::Relaxed))
    }

    /// Events made since the process began.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Trucks that roll, and all of them.
    pub fn trucks(&self) -> (usize, usize) {
        (self.moving.load(Ordering::Relaxed), self.trucks.load(Ordering::Relaxed))
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Simulated time at the end, saved in the last checkpoint; [`Time::MIN`] if it stood by.
    pub world_time: Time,
    /// Whether `until` was reached.
    pub is_complete: bool,
}

/// The world's grid.
const TICK_MS: i64 = 1_000;
/// Checkpoints fall on multiples of this.
const CHECKPOINT_S: i64 = 30;
/// Records that one publish carries at least, unless a checkpoint comes first.
const BATCH_RECORDS: usize = 1_024;
/// Batches on their way to the log: with [`BATCH_RECORDS`] the bound on records in flight.
const BATCHES_IN_FLIGHT: usize = 8;
/// Truck-seconds that are computed in one go.
const CHUNK_TRUCK_S: i64 = 9_000;

struct Driver {
    world: World,
    plans: Plans,
    queue: mpsc::Sender<Message>,
    pending: Arc<AtomicBool>,
    buffer: Vec<Output>,
    /// Live: what is made is sent at once, not gathered.
    is_live: bool,
    progress: Arc<Progress>,
    metrics: SimMetrics,
}

/// Runs the world until `until` or `shutdown`; then everything sent is durable and the state of
/// exactly that time is saved.
///
/// # Errors
/// `Conflict` if the settings contradict the fleet's genesis (named) or another process simulates
/// it; `Corrupt`; whatever log and state store cannot heal; `Unavailable` if one of them stays away
/// for five seconds after `shutdown`. Nothing acknowledged is lost: the next run goes on from the
/// last checkpoint.
pub async fn run(
    settings: SimSettings,
    components: Components,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<Finished> {
    tokio::pin!(shutdown);
    let mut stop = Stop::new(shutdown);
    begin::check(&settings)?;
    let acquire = begin::acquire(&settings, &components);
    let lease = if settings.stand_by {
        tokio::select! {
            biased;
            lease = acquire => lease?,
            // Nothing has begun, so nothing has to be ended.
            () = stop.told() => return Ok(Finished { world_time: Time::MIN, is_complete: false }),
        }
    } else {
        stop.within_grace(acquire).await?
    };
    let begun = stop.within_grace(begin::begin(&settings, lease, &components)).await?;
    let (queue, messages) = mpsc::channel(BATCHES_IN_FLIGHT);
    let pending = Arc::new(AtomicBool::new(false));
    let writer = writer::Writer {
        lease: begun.lease.clone(),
        lease_ttl: settings.lease_ttl,
        is_relieved: settings.stand_by,
        version: begun.version,
        components: components.clone(),
        pending: Arc::clone(&pending),
    };
    let mut writing = JoinSet::new(); // whoever drops this run ends its writer with it
    writing.spawn(writer.run(messages));
    let mut driver = Driver {
        world: begun.world,
        plans: Plans::new(&components),
        queue,
        pending,
        buffer: Vec::new(),
        is_live: settings.speed != Speed::Max,
        progress: Arc::clone(&components.progress),
        metrics: components.metrics.clone(),
    };
    driver.tell(&[]); // where it stands, before the first tick is due
    components.progress.begun.send_replace(true);
    let driven = driver.drive(&settings, &begun.genesis, &*components.clock, &mut stop).await;
    let world_time = driver.world.now();
    let finishing = async {
        let finished = match driven {
            Ok(is_complete) => driver.finish().await.map(|()| is_complete),
            Err(cause) => Err(cause),
        };
        drop(driver);
        // What the writer says comes first: a closed queue only tells that it has failed.
        while let Some(written) = writing.join_next().await {
            written
                .map_err(|e| Error::internal("the simulator's writer died").with_source(e))??;
        }
        if let Err(error) = components.state.release(&begun.lease).await {
            // All is saved; the lease runs out by itself.
            tracing::warn!(%error, "the lease was not given back");
        }
        finished
    };
    let is_complete = stop.within_grace(finishing).await?;
    Ok(Finished { world_time, is_complete })
}

impl Driver {
    /// Returns whether `until` was reached.
    async fn drive(
        &mut self,
        settings: &SimSettings,
        genesis: &Genesis,
        clock: &dyn Clock,
        stop: &mut Stop<'_, impl Future<Output = ()> + Send>,
    ) -> Result<bool> {
        let until = settings.until.unwrap_or(Time::MAX);
        // From where the fleet stands, so that added trucks catch up at once, at any speed.
        let pace = Pace::new(settings.speed, genesis, self.world.reached(), clock.now());
        while self.world.now() < until {
            self.plans.tell(&mut self.world)?;
            self.plans.ask(&self.world);
            let now = clock.now();
            let target = pace.world_time(now).min(until);
            let front = self.world.front();
            let step = async {
                if front >= until {
                    return self.plans.next(&mut self.world).await; // all others are there
                }
                let tick = front.plus_ms(TICK_MS);
                if target >= tick {
                    return self.advance(front, target).await;
                }
                tokio::select! {
                    told = self.plans.next(&mut self.world) => told,
                    () = tokio::time::sleep(pace.wait(tick, now)) => Ok(()),
                }
            };
            tokio::select! {
                biased;
                () = stop.told() => break,
                outcome = step => outcome?,
            }
        }
        Ok(self.world.now() >= until)
    }

    /// Sends what is gathered, and the state of exactly this time.
    async fn finish(&mut self) -> Result<()> {
        self.flush().await?;
        self.checkpoint().await
    }

    /// One chunk from `front` towards `target`, never across a checkpoint's time.
    async fn advance(&mut self, front: Time, target: Time) -> Result<()> {
        let now_s = front.as_secs();
        let trucks = i64::try_from(self.world.moving().1).unwrap_or(1).max(1);
        let chunk_s = (CHUNK_TRUCK_S / trucks).clamp(1, CHECKPOINT_S);
        let boundary_s = (now_s.div_euclid(CHECKPOINT_S) + 1) * CHECKPOINT_S;
        let to_s = (now_s + chunk_s).min(boundary_s).min(target.as_secs());
        // Queues are given their turn first: past this point nothing of a chunk may be lost.
        let permit = self.queue.clone().reserve_owned().await.map_err(|_| gone())?;
        drop(permit);
        let outputs = self.world.advance(Time::from_secs(to_s));
        self.tell(&outputs);
        self.buffer.extend(outputs);
        let is_due = to_s == boundary_s && !self.pending.load(Ordering::Acquire);
        if self.buffer.len() >= BATCH_RECORDS || is_due || self.is_live {
            self.flush().await?;
        }
        if is_due {
            self.checkpoint().await?;
        }
        Ok(())
    }

    fn tell(&self, outputs: &[Output]) {
        let is_event = |output: &&Output| matches!(output, Output::Telemetry(_));
        let events = outputs.iter().filter(is_event).count() as u64;
        let (moving, trucks) = self.world.moving();
        let now = self.world.now();
        self.progress.events.fetch_add(events, Ordering::Relaxed);
        self.progress.moving.store(moving, Ordering::Relaxed);
        self.progress.trucks.store(trucks, Ordering::Relaxed);
        self.progress.world_ms.store(now.as_ms(), Ordering::Relaxed);
        self.metrics.world_time.set(now.as_secs());
        self.metrics.moving.set(i64::try_from(moving).unwrap_or(i64::MAX));
    }

    async fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        // Taken only once there is room, so that a shutdown while waiting loses nothing.
        let permit = self.queue.reserve().await.map_err(|_| gone())?;
        permit.send(Message::Publish(Batch::of(&std::mem::take(&mut self.buffer))));
        Ok(())
    }

    async fn checkpoint(&self) -> Result<()> {
        let permit = self.queue.reserve().await.map_err(|_| gone())?;
        self.pending.store(true, Ordering::Release);
        permit.send(Message::Checkpoint {
            world_time: self.world.now(),
            world: self.world.snapshot(),
            counters: self.world.counters(),
        });
        Ok(())
    }
}

fn gone() -> Error {
    Error::unavailable("the simulator's writer has stopped")
}
