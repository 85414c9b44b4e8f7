//! What a member of a group has fetched, and nobody has asked for yet.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rdkafka::{consumer::StreamConsumer, error::KafkaError, types::RDKafkaErrorCode as Code};
use tokio::sync::Notify;

use super::{
    brokers, close_elsewhere,
    context::{Context, Share},
};
use crate::stream::Record;

/// How often the client is asked without a wake-up, should one be lost.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The records that are held before they are asked for, and their bytes: one of the two.
const HELD_MAX: usize = 2_000;
const HELD_BYTES_MAX: usize = 2 << 20;

pub(super) type Client = StreamConsumer<Context>;

/// Between the client and its member.
pub(super) struct Inbox {
    pub(super) client: Client,
    pub(super) share: Arc<Share>,
    held: Mutex<Held>,
    /// Told when something was taken out.
    pub(super) room: Notify,
    /// Told when the member leaves.
    pub(super) end: Notify,
}

#[derive(Default)]
pub(super) struct Held {
    /// Each with the rebalance that had brought its partition.
    pub(super) records: VecDeque<(u64, Record)>,
    pub(super) bytes: usize,
    pub(super) trouble: Option<KafkaError>,
}

impl Held {
    fn push(&mut self, since: u64, record: Record) {
        self.bytes += size(&record);
        self.records.push_back((since, record));
    }

    pub(super) fn pop(&mut self) -> Option<Record> {
        let (_, record) = self.records.pop_front()?;
        self.bytes -= size(&record);
        Some(record)
    }

    fn is_full(&self) -> bool {
        self.records.len() >= HELD_MAX || self.bytes >= HELD_BYTES_MAX
    }
}

/// What a record takes, roughly.
pub(super) fn size(record: &Record) -> usize {
    let headers = record.headers.iter().map(|(name, value)| name.len() + value.len());
    size_of::<Record>() + record.key.len() + record.payload.len() + headers.sum::<usize>()
}

impl Inbox {
    pub(super) fn new(client: Client, share: Arc<Share>) -> Arc<Self> {
        let (held, room, end) = (Mutex::default(), Notify::new(), Notify::new());
        Arc::new(Self { client, share, held, room, end })
    }

    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the client has, until the member leaves. While enough is held nobody asks the
    /// client: if the member is not polled for too long, it loses its partitions.
    pub(super) async fn fill(self: Arc<Self>) {
        loop {
            if self.held().is_full() {
                tokio::select! {
                    () = self.room.notified() => continue,
                    () = self.end.notified() => break,
                }
            }
            let message = tokio::select! {
                message = receive(&self.client) => message,
                () = self.end.notified() => break,
                // A wake-up may be lost: ask by ourselves now and then.
                () = tokio::time::sleep(LOOK_AGAIN) => continue,
            };
            self.put(message);
        }
        close_elsewhere(self);
    }

    fn put(&self, message: Result<Record, KafkaError>) {
        match message {
            Ok(record) => {
                // What is no longer ours comes to its new owner.
                let since = self.share.assigned().partitions.get(&record.place.partition).copied();
                let Some(since) = since else { return };
                self.held().push(since, record);
            }
            Err(KafkaError::MessageConsumption(code)) if heals_itself(code) => return,
            Err(trouble) => self.held().trouble = Some(trouble),
        }
        self.share.news.notify_one();
    }
}

/// The next record; nothing is lost when it is no longer waited for.
async fn receive(client: &Client) -> Result<Record, KafkaError> {
    client.recv().await.map(|message| brokers::record(&message))
}

/// What the client gets over without our help: it connects again, joins again.
fn heals_itself(code: Code) -> bool {
    matches!(
        code,
        Code::AllBrokersDown
            | Code::BrokerTransportFailure
            | Code::OperationTimedOut
            | Code::Resolve
            | Code::PollExceeded
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::RequestTimedOut
            | Code::UnknownMemberId
            | Code::IllegalGeneration
            | Code::RebalanceInProgress
            | Code::OffsetOutOfRange
            | Code::AutoOffsetReset
    )
}
