//! The one task that publishes and checkpoints, in the order it is told.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use fleet_core::{
    Result,
    backoff::Backoff,
    domain::{Counters, TruckId},
    error::Remedy,
    random::Stream,
    state::{Checkpoint, Lease},
    stream::{NewRecord, Topic},
    time::Time,
};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use tracing::warn;

use super::Components;
use crate::Output;

/// Records that go to the log together.
#[derive(Debug)]
pub(super) struct Batch {
    records: Vec<NewRecord>,
    events: u64,
    trips: u64,
}

impl Batch {
    pub(super) fn of(outputs: &[Output]) -> Self {
        let record = |topic, truck: &TruckId, payload| NewRecord {
            topic,
            key: Bytes::copy_from_slice(truck.as_str().as_bytes()),
            headers: Vec::new(),
            payload,
        };
        let (mut events, mut trips) = (0, 0);
        let records = outputs
            .iter()
            .map(|output| match output {
                Output::Telemetry(event) => {
                    events += 1;
                    record(Topic::TELEMETRY, &event.truck_id, fleet_proto::encode_event(event))
                }
                Output::Trip(trip) => {
                    trips += 1;
                    record(Topic::TRIPS, &trip.truck_id, fleet_proto::encode_trip(trip))
                }
            })
            .collect();
        Self { records, events, trips }
    }
}

#[derive(Debug)]
pub(super) enum Message {
    Publish(Batch),
    Checkpoint { world_time: Time, world: Bytes, counters: BTreeMap<TruckId, Counters> },
}

pub(super) struct Writer {
    pub(super) lease: Lease,
    pub(super) lease_ttl: Duration,
    /// Whether others wait for this one's end: then the lease is kept between checkpoints too.
    pub(super) is_relieved: bool,
    /// Version of the newest checkpoint.
    pub(super) version: u64,
    pub(super) components: Components,
    pub(super) pending: Arc<AtomicBool>,
}

const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

impl Writer {
    /// Does as told until the queue closes; in between it keeps the lease.
    pub(super) async fn run(mut self, mut messages: mpsc::Receiver<Message>) -> Result<()> {
        let mut renewals = interval(self.lease_ttl / 4);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let message = tokio::select! {
                message = messages.recv() => message,
                _ = renewals.tick(), if self.is_relieved => {
                    self.keep_lease().await?;
                    continue;
                }
            };
            let Some(message) = message else { return Ok(()) };
            match message {
                Message::Publish(batch) => self.publish(batch).await?,
                Message::Checkpoint { world_time, world, counters } => {
                    self.version += 1;
                    let version = self.version;
                    self.save(Checkpoint { version, world_time, world, counters }).await?;
                    self.pending.store(false, Ordering::Release);
                }
            }
        }
    }

    /// Renews the lease when half of it has passed.
    async fn keep_lease(&mut self) -> Result<()> {
        let left_ms = self.lease.expires_at.ms_since(self.components.clock.now());
        let (state, ttl) = (&self.components.state, self.lease_ttl);
        if Duration::from_millis(left_ms.max(0).cast_unsigned()) < ttl / 2 {
            let Lease { name, holder, .. } = &self.lease;
            self.lease = retry("renew the lease", || state.acquire(name, holder, ttl)).await?;
        }
        Ok(())
    }

    /// Until the log has them. It may have them twice then: the store keeps one.
    async fn publish(&self, batch: Batch) -> Result<()> {
        let log = &self.components.log;
        retry("publish", || log.publish(batch.records.clone())).await?;
        self.components.metrics.events.inc_by(batch.events);
        self.components.metrics.trips.inc_by(batch.trips);
        self.components.hook.pass("after_publish");
        Ok(())
    }

    async fn save(&mut self, checkpoint: Checkpoint) -> Result<()> {
        self.components.hook.pass("before_checkpoint");
        self.keep_lease().await?;
        let now = self.components.clock.now();
        let (state, lease) = (&self.components.state, &self.lease);
        retry("checkpoint", || state.save(lease, &checkpoint)).await?;
        self.components.metrics.checkpoints.inc();
        self.components.metrics.checkpointed_at.set(now.as_secs());
        self.components.hook.pass("after_checkpoint");
        Ok(())
    }
}

/// Tries until it works, waiting longer each time; gives up only on what waiting cannot heal. The
/// queue behind is bounded, so the world waits too.
pub(super) async fn retry<T, F>(what: &str, mut action: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    // There is one simulator at a time: nobody to come back in step with.
    let mut backoff = Backoff::new(BACKOFF_MIN, BACKOFF_MAX, Stream::new(0, "simulator", what));
    loop {
        match action().await {
            Err(error) if error.kind().remedy() == Remedy::Retry => {
                let wait = backoff.next_wait();
                warn!(what, %error, wait_ms = wait.as_millis(), "not possible now; will retry");
                tokio::time::sleep(wait).await;
            }
            outcome => return outcome,
        }
    }
}
