//! The event log: a durable, ordered record of what happened, read by groups of consumers.
//!
//! A topic has partitions; a record's key chooses its partition, so the records of one key keep
//! their order. A consumer group shares the partitions among its members and commits, per
//! partition, the place up to which its sink has acknowledged; what is not committed comes again.
//!
//! The log carries opaque bytes: decoding, and what to do with bytes that do not decode, is the
//! consumer's affair. The laws of the port are in `testkit::event_log_laws`.

use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Error, Result, time::Time};

mod bounds;
pub mod dead_letter;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod lag;
#[cfg(feature = "sqlite")]
pub mod sqlite;

/// A topic's name: 1 to 249 of `A-Z a-z 0-9 . _ -` (Kafka's rule).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Cow<'static, str>);

/// What the name of a topic's dead letters ends with.
const DEAD_LETTERS: &str = ".dlq";

/// The most headers that a record may have.
pub const HEADERS_MAX: usize = 32;
/// The most bytes that a record's headers may have together, names and values.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;

impl Topic {
    /// Telemetry events, keyed by truck.
    pub const TELEMETRY: Self = Self(Cow::Borrowed("fleet.telemetry.v1"));
    /// Trip summaries, keyed by truck.
    pub const TRIPS: Self = Self(Cow::Borrowed("fleet.trips.v1"));
    /// The register of trucks, keyed by truck.
    pub const TRUCKS: Self = Self(Cow::Borrowed("fleet.trucks.v1"));

    /// Every topic that trucks are reported on.
    pub const FLEET: [Self; 3] = [Self::TELEMETRY, Self::TRIPS, Self::TRUCKS];

    /// The topic's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where this topic's dead letters go: `<topic>.dlq`.
    #[must_use]
    pub fn dead_letters(&self) -> Self {
        Self(Cow::Owned(format!("{}{DEAD_LETTERS}", self.0)))
    }

    /// Whether this topic holds dead letters of another.
    pub fn is_dead_letters(&self) -> bool {
        self.0.ends_with(DEAD_LETTERS)
    }

    /// The topic whose dead letters this one holds, if it does.
    pub fn origin(&self) -> Option<Self> {
        let origin = self.0.strip_suffix(DEAD_LETTERS)?;
        Some(Self(Cow::Owned(origin.to_owned())))
    }
}

impl FromStr for Topic {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if (1..=249).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(Cow::Owned(text.to_owned())));
        }
        Err(Error::invalid("topic: expected 1 to 249 of A-Z a-z 0-9 . _ -"))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the line above")]
pub struct Partition {
    pub topic: Topic,
    pub number: u32,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.number)
    }
}

/// A place in the log: offsets grow by one per record in a partition and are never used again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the line above")]
pub struct Place {
    pub partition: Partition,
    pub offset: u64,
}

/// A record to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// Where to.
    pub topic: Topic,
    /// Chooses the partition, and with it the order; at most 1 KiB.
    pub key: Bytes,
    /// Names and values beside the payload; at most 32, together at most 16 KiB.
    pub headers: Vec<(String, Bytes)>,
    /// The record itself, at most 1 MiB.
    pub payload: Bytes,
}

/// A record as consumers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in NewRecord, with its place and the time of its append")]
pub struct Record {
    pub place: Place,
    pub key: Bytes,
    pub headers: Vec<(String, Bytes)>,
    pub payload: Bytes,
    /// Platform time of the append.
    pub appended_at: Time,
}

impl Record {
    /// The value of the first header called `name`, as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(header, _)| header == name)?;
        std::str::from_utf8(value).ok()
    }
}

/// What of a partition is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionExtent {
    /// Which one.
    pub partition: Partition,
    /// The oldest offset still kept; equals `end` when nothing is.
    pub start: u64,
    /// The offset that the next record will get.
    pub end: u64,
}

/// How far a group is behind on one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLag {
    /// Which one.
    pub partition: Partition,
    /// The next offset to be consumed, if the group ever committed one.
    pub committed: Option<u64>,
    /// The offset that the next record will get.
    pub end: u64,
    /// Records kept and not committed.
    pub records: u64,
    /// When the oldest uncommitted record was appended; `None` when caught up.
    pub oldest_appended_at: Option<Time>,
}

/// Who reads for a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Members {
    /// The log cannot tell.
    Unknown,
    /// Members come or go: the partitions are being shared out anew.
    Rebalancing,
    /// So many.
    Present(u32),
}

/// How far a group is behind, and what may become of it. [`lag`] makes a verdict of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLag {
    /// Who reads.
    pub members: Members,
    /// By topic and number; empty for a group that nobody knows.
    pub partitions: Vec<PartitionLag>,
    /// The age at which records are deleted even if this group has not committed them; `None` if
    /// they are kept for it.
    pub lost_after: Option<Duration>,
}

impl GroupLag {
    /// Records kept and not committed, of all partitions.
    pub fn records(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.records).sum()
    }
}

/// The port of the log. See the module for what it promises.
#[async_trait]
pub trait EventLog: Send + Sync + fmt::Debug {
    /// Appends `records` in order and returns their places once they would survive a crash and a
    /// loss of power. All or none of one call is appended on the embedded backend. May wait
    /// (back-pressure) while a group is behind by too many records that it can still read.
    ///
    /// # Errors
    /// `Invalid` if a record breaks a bound (nothing is appended); `Unavailable` if the log cannot
    /// be written now: the caller must assume that any part may have been appended.
    async fn publish(&self, records: Vec<NewRecord>) -> Result<Vec<Place>>;

    /// Joins `group` as a new member reading `topics`. A new group starts at the oldest record.
    /// From now on the group's progress holds back [`trim`](Self::trim).
    ///
    /// # Errors
    /// `Invalid` for a bad group name; `Unavailable`.
    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>>;

    /// Up to `max` records of `partition` from `offset` on, outside any group, oldest first.
    /// Starts at the oldest record kept if `offset` is older; empty from the end on.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    async fn read(&self, partition: &Partition, offset: u64, max: usize) -> Result<Vec<Record>>;

    /// Every partition of `topic`, by number; empty if the topic has never been written.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn extents(&self, topic: &Topic) -> Result<Vec<PartitionExtent>>;

    /// How far `group` is behind on each partition of its topics, and who reads for it.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn lag(&self, group: &str) -> Result<GroupLag>;

    /// Deletes what is older than the log's retention at `now`, but nothing that a registered
    /// group has not committed. Returns how many records went. A partition loses its oldest up to
    /// the first record that must stay, so what is kept has no holes, even if a clock went back.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn trim(&self, now: Time) -> Result<u64>;

    /// The identity of this log: another one after it was deleted and made anew, even within one
    /// tick of the clock. Part of cursors; printable ASCII, at most 64 bytes.
    fn incarnation(&self) -> &str;
}

/// A member of a consumer group. Dropping it leaves the group: what it was given and has not
/// committed goes to the others. It outlives the log's handle that it came from.
#[async_trait]
pub trait Consumer: Send + fmt::Debug {
    /// Up to `max` further records of the assigned partitions; waits up to `wait` for the first
    /// (woken by a publish, not by the clock), then returns what is there, empty if nothing came.
    /// Each partition's records come in order, starting at what the group has committed.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    async fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>>;

    /// Commits, per partition, the next offset to consume; durable on return. Never goes back: an
    /// older position is ignored. Positions of partitions that were reassigned meanwhile are
    /// ignored.
    ///
    /// # Errors
    /// `Invalid` if a position lies beyond the end of its partition, which would skip what is still
    /// to come (nothing is committed); `Unavailable`: the records will come again.
    async fn commit(&mut self, next: &BTreeMap<Partition, u64>) -> Result<()>;

    /// Stops delivery (the sink is away), also of what is assigned later; membership is kept,
    /// commits go on, and `poll` still has to be called.
    async fn pause(&mut self);

    /// Takes delivery up again, where it stopped.
    async fn resume(&mut self);

    /// The partitions this member reads now.
    fn assignment(&self) -> Vec<Partition>;
}
