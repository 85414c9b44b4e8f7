//! A log in memory, too simple to be wrong, and the ways to break it.

mod member;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use self::member::NaiveMember;
use super::*;
use crate::{
    Error, Result,
    stream::{GroupLag, Members, PartitionExtent, PartitionLag},
};

/// In which way a [`NaiveLog`] is broken; each breaks one law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "only the tests of the laws break the model")]
#[allow(missing_docs, reason = "the names say it")]
pub(super) enum Fault {
    SpreadsKeys,
    DropsHeaders,
    TakesAnything,
    AppendsHalfACall,
    ForgetsRecords,
    CountsAnew,
    ReadsThenWrites,
    ReadsOnlyFromTheStart,
    IsAlwaysTheSame,
    CommitsOnPoll,
    ForgetsCommits,
    GoesBack,
    CommitsAnything,
    SharesProgress,
    IgnoresMax,
    NeverWakes,
    IgnoresPause,
    RestartsOnResume,
    ClosesConsumers,
    GivesToAll,
    KeepsLeavers,
    ForgetsLeavers,
    CommitsForOthers,
    LagsFromZero,
    LagsSinceTheNewest,
    TrimsTheUncommitted,
    TrimsTheYoung,
    TrimsHoles,
    NeverWaits,
    TellsOneMember,
}

const PARTITIONS: u32 = 3;

#[derive(Default)]
struct Group {
    committed: BTreeMap<Partition, u64>,
    /// What members of it have ever subscribed to.
    reads: BTreeSet<Topic>,
}

/// What survives a kill.
#[derive(Default)]
struct Disk {
    records: BTreeMap<Partition, Vec<Record>>,
    ends: BTreeMap<Partition, u64>,
    groups: BTreeMap<String, Group>,
}

/// What does not: who is there, by group, with the topics asked for.
type Present = BTreeMap<String, BTreeMap<u64, Vec<Topic>>>;

#[derive(Clone)]
struct Shared {
    disk: Arc<Mutex<Disk>>,
    present: Arc<Mutex<Present>>,
    changes: watch::Sender<u64>,
    clock: Arc<ManualClock>,
    fault: Option<Fault>,
}

/// [`EventLog`] on plain lists in memory: the model that the laws were tried on.
pub struct NaiveLog {
    shared: Shared,
    name: String,
    alive: Arc<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for NaiveLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NaiveLog").field("name", &self.name).finish_non_exhaustive()
    }
}

impl NaiveLog {
    /// A naive log for the laws.
    pub fn subject() -> Subject {
        Self::subject_with(None)
    }

    /// The same, broken.
    pub(super) fn subject_with(fault: Option<Fault>) -> Subject {
        let clock = Arc::new(ManualClock::new(NOW));
        let disk = Arc::new(Mutex::new(Disk::default()));
        let open_on = |name: &'static str, disk: Arc<Mutex<Disk>>| -> Open {
            let clock = Arc::clone(&clock);
            Box::new(move || {
                let (disk, clock) = (Arc::clone(&disk), Arc::clone(&clock));
                let name = if fault == Some(Fault::IsAlwaysTheSame) { "log" } else { name };
                Arc::new(Self::open(name, disk, clock, fault))
            })
        };
        Subject {
            name: "law".into(),
            open: open_on("log", disk),
            another: open_on("another", Arc::default()),
            settle: Duration::ZERO,
            clock: Arc::clone(&clock),
        }
    }

    fn open(
        name: &str,
        disk: Arc<Mutex<Disk>>,
        clock: Arc<ManualClock>,
        fault: Option<Fault>,
    ) -> Self {
        match fault {
            Some(Fault::ForgetsRecords) => lock(&disk).records.clear(),
            Some(Fault::ForgetsCommits) => lock(&disk).groups.clear(),
            Some(Fault::CountsAnew) => {
                let Disk { records, ends, .. } = &mut *lock(&disk);
                ends.retain(|partition, _| records.get(partition).is_some_and(|r| !r.is_empty()));
            }
            _ => {}
        }
        let (present, changes) = (Arc::default(), watch::Sender::new(0));
        let shared = Shared { disk, present, changes, clock, fault };
        Self { shared, name: name.into(), alive: Arc::new(()) }
    }
}

impl Disk {
    fn start(&self, partition: &Partition) -> u64 {
        let first = self.records.get(partition).and_then(|records| records.first());
        first.map_or(self.end(partition), |record| record.place.offset)
    }

    fn end(&self, partition: &Partition) -> u64 {
        self.ends.get(partition).copied().unwrap_or(0)
    }

    fn from(&self, partition: &Partition, offset: u64) -> impl Iterator<Item = &Record> {
        let records = self.records.get(partition).into_iter().flatten();
        records.filter(move |record| record.place.offset >= offset)
    }

    fn committed(&self, group: &str, partition: &Partition) -> Option<u64> {
        self.groups.get(group)?.committed.get(partition).copied()
    }
}

impl Shared {
    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn announce(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn check(&self, record: &NewRecord) -> Result<()> {
        let headers: usize =
            record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let broken = match record {
            _ if self.has(Fault::TakesAnything) => return Ok(()),
            record if record.key.len() > 1 << 10 => "key: above 1 KiB",
            record if record.payload.len() > 1 << 20 => "payload: above 1 MiB",
            record if record.headers.len() > 32 => "headers: more than 32",
            _ if headers > 16 << 10 => "headers: above 16 KiB together",
            _ => return Ok(()),
        };
        Err(Error::invalid(broken))
    }

    fn group_name(&self, group: &str) -> String {
        if self.has(Fault::SharesProgress) { "all".into() } else { group.into() }
    }

    fn lag_of(&self, disk: &Disk, group: &str, partition: Partition) -> PartitionLag {
        let (committed, end) = (disk.committed(group, &partition), disk.end(&partition));
        let open: Vec<Time> = disk
            .from(&partition, committed.unwrap_or(0))
            .map(|record| record.appended_at)
            .collect();
        let oldest_appended_at = match self.fault {
            Some(Fault::LagsSinceTheNewest) => open.last().copied(),
            _ => open.first().copied(),
        };
        let records = match self.fault {
            Some(Fault::LagsFromZero) => end - committed.unwrap_or(0),
            _ => open.len() as u64,
        };
        PartitionLag { partition, committed, end, records, oldest_appended_at }
    }

    fn lags(&self, group: &str) -> Vec<PartitionLag> {
        let (disk, name) = (lock(&self.disk), self.group_name(group));
        let topics = disk.groups.get(&name).map(|group| &group.reads);
        let partitions = topics.into_iter().flatten().flat_map(partitions);
        partitions.map(|partition| self.lag_of(&disk, &name, partition)).collect()
    }

    fn is_over(&self, topics: &BTreeSet<Topic>) -> bool {
        let groups: Vec<String> = lock(&self.disk).groups.keys().cloned().collect();
        groups.iter().any(|group| {
            let lags = self.lags(group);
            let lags = lags.iter().filter(|lag| topics.contains(&lag.partition.topic));
            lags.map(|lag| lag.records).sum::<u64>() > UNCOMMITTED_MAX
        })
    }

    async fn append(&self, record: NewRecord) -> Place {
        let NewRecord { topic, key, headers, payload } = record;
        let number = match self.fault {
            Some(Fault::SpreadsKeys) => {
                lock(&self.disk).ends.values().fold(0, |sum, end| (sum + *end as u32) % PARTITIONS)
            }
            _ => key.iter().fold(0, |sum, byte| (sum + u32::from(*byte)) % PARTITIONS),
        };
        let partition = Partition { topic, number };
        let mut offset = lock(&self.disk).end(&partition);
        if self.has(Fault::ReadsThenWrites) {
            tokio::task::yield_now().await;
        } else {
            offset = lock(&self.disk).end(&partition);
        }
        let headers = if self.has(Fault::DropsHeaders) { Vec::new() } else { headers };
        let place = Place { partition: partition.clone(), offset };
        let appended_at = self.clock.now();
        let mut disk = lock(&self.disk);
        let record = Record { place: place.clone(), key, headers, payload, appended_at };
        disk.records.entry(partition.clone()).or_default().push(record);
        disk.ends.insert(partition, offset + 1);
        place
    }
}

fn partitions(topic: &Topic) -> impl Iterator<Item = Partition> + use<> {
    let topic = topic.clone();
    (0..PARTITIONS).map(move |number| Partition { topic: topic.clone(), number })
}

#[async_trait]
impl EventLog for NaiveLog {
    async fn publish(&self, records: Vec<NewRecord>) -> Result<Vec<Place>> {
        let shared = &self.shared;
        let mut places = Vec::new();
        if !shared.has(Fault::AppendsHalfACall) {
            records.iter().try_for_each(|record| shared.check(record))?;
        }
        let topics: BTreeSet<Topic> = records.iter().map(|record| record.topic.clone()).collect();
        let mut changes = shared.changes.subscribe();
        while shared.is_over(&topics) && !shared.has(Fault::NeverWaits) {
            drop(changes.changed().await); // `shared` keeps a sender
        }
        for record in records {
            shared.check(&record)?;
            places.push(shared.append(record).await);
        }
        shared.announce();
        Ok(places)
    }

    async fn subscribe(&self, group: &str, topics: &[Topic]) -> Result<Box<dyn Consumer>> {
        let group = self.shared.group_name(group);
        if group.parse::<Topic>().is_err() {
            return Err(Error::invalid("group: expected 1 to 249 of A-Z a-z 0-9 . _ -"));
        }
        lock(&self.shared.disk)
            .groups
            .entry(group.clone())
            .or_default()
            .reads
            .extend(topics.to_vec());
        let id = {
            let mut present = lock(&self.shared.present);
            let members = present.entry(group.clone()).or_default();
            let id = members.last_key_value().map_or(0, |(id, _)| id + 1);
            members.insert(id, topics.to_vec());
            id
        };
        let shared = self.shared.clone();
        shared.announce();
        let (next, alive) = (BTreeMap::new(), Arc::downgrade(&self.alive));
        Ok(Box::new(NaiveMember { shared, group, id, next, is_paused: false, alive }))
    }

    async fn read(&self, partition: &Partition, offset: u64, max: usize) -> Result<Vec<Record>> {
        let disk = lock(&self.shared.disk);
        if self.shared.has(Fault::ReadsOnlyFromTheStart) && offset < disk.start(partition) {
            return Ok(Vec::new());
        }
        Ok(disk.from(partition, offset).take(max).cloned().collect())
    }

    async fn extents(&self, topic: &Topic) -> Result<Vec<PartitionExtent>> {
        let disk = lock(&self.shared.disk);
        let written = partitions(topic).filter(|partition| disk.ends.contains_key(partition));
        let extent = |partition: Partition| {
            let (start, end) = (disk.start(&partition), disk.end(&partition));
            PartitionExtent { partition, start, end }
        };
        Ok(written.map(extent).collect())
    }

    async fn lag(&self, group: &str) -> Result<GroupLag> {
        let partitions = self.shared.lags(group);
        let present = lock(&self.shared.present);
        let members = match present.get(&self.shared.group_name(group)).map(BTreeMap::len) {
            Some(_) if self.shared.has(Fault::TellsOneMember) => 1,
            members => u32::try_from(members.unwrap_or(0)).unwrap_or(u32::MAX),
        };
        Ok(GroupLag { members: Members::Present(members), partitions, lost_after: None })
    }

    async fn trim(&self, now: Time) -> Result<u64> {
        let cutoff = now.plus_ms(-RETENTION_MS);
        let (shared, mut trimmed) = (&self.shared, 0);
        let Disk { records, groups, .. } = &mut *lock(&shared.disk);
        for (partition, records) in records {
            let readers = groups.values().filter(|group| group.reads.contains(&partition.topic));
            let committed = readers.map(|group| group.committed.get(partition).copied());
            let bound = committed.map(|at| at.unwrap_or(0)).min().unwrap_or(u64::MAX);
            let may_go = |record: &Record| {
                (record.appended_at < cutoff || shared.has(Fault::TrimsTheYoung))
                    && (record.place.offset < bound || shared.has(Fault::TrimsTheUncommitted))
            };
            let before = records.len();
            let first_kept = records.iter().position(|r| !may_go(r)).unwrap_or(before);
            if shared.has(Fault::TrimsHoles) {
                records.retain(|record| !may_go(record));
            } else {
                records.drain(..first_kept);
            }
            trimmed += before - records.len();
        }
        Ok(trimmed as u64)
    }

    fn incarnation(&self) -> &str {
        &self.name
    }
}
