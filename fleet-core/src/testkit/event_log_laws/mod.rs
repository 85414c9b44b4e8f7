//! The laws of the event log: one suite that every backend passes.
//!
//! A backend earns its name with one macro call and a function that makes its [`Subject`]. Laws
//! speak only through the port, and grant a cluster what it needs: to take its time over sharing
//! out partitions, and to have as many of them as it likes. Beside them stands a [`NaiveLog`], too
//! simple to be wrong: it passes the suite, and broken in one way at a time it shows that each law
//! bites.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use fleet_core::testkit::event_log_laws::{self, NaiveLog};
//! event_log_laws::a_commit_never_goes_back(NaiveLog::subject()).await;
//! # });
//! ```
#![allow(clippy::missing_panics_doc, reason = "a panic is how a law fails")]

mod append;
mod groups;
mod histories;
mod letters;
mod naive;
mod retention;
mod sharing;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::Future,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;

pub use append::*;
pub use groups::*;
pub use histories::*;
pub use letters::*;
pub use naive::NaiveLog;
pub use retention::*;
pub use sharing::*;

use crate::{
    stream::{Consumer, EventLog, NewRecord, Partition, Place, Record, Topic},
    testkit::ManualClock,
    time::{Clock, Time},
};

/// Makes a log.
pub type Open = Box<dyn Fn() -> Arc<dyn EventLog> + Send + Sync>;

/// A log under test, empty at first, that keeps records for [`RETENTION`] and holds publishers
/// back while a group is behind by more than [`UNCOMMITTED_MAX`].
pub struct Subject {
    /// What the names of topics and groups begin with: a word that no other test on the same
    /// server has.
    pub name: String,
    /// The clock that the log asks, standing at [`NOW`].
    pub clock: Arc<ManualClock>,
    /// Opens the log; each call is a process that starts after the last one was killed.
    pub open: Open,
    /// Makes an empty log that is not this one.
    pub another: Open,
    /// How long a silence must last to be believed; zero if the log knows at once.
    pub settle: Duration,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where the clock of a [`Subject`] stands at first: 2026-01-05T00:00:00Z.
pub const NOW: Time = Time::from_ms(1_767_571_200_000);
/// How long a log under test keeps its records.
pub const RETENTION: Duration = Duration::from_secs(3_600);
/// How many records a group of a log under test may be behind before publishing waits.
pub const UNCOMMITTED_MAX: u64 = 400;

const RETENTION_MS: i64 = 3_600_000;
/// What should happen and has not by then will not: generous, because machines are slow.
const DEADLINE: Duration = Duration::from_secs(30);
/// Longer than any law takes: who waits so long must be woken.
const FOREVER: Duration = Duration::from_secs(3_600);
/// How long one member of several is asked before the next.
const TURN: Duration = Duration::from_millis(5);

impl Subject {
    fn topic(&self, name: &str) -> Topic {
        format!("{}.{name}", self.name).parse().expect("a short word")
    }

    /// The one topic that most laws need.
    fn events(&self) -> Topic {
        self.topic("events")
    }

    fn group(&self, name: &str) -> String {
        format!("{}.{name}", self.name)
    }
}

/// What `future` comes to before the deadline.
#[track_caller]
fn in_time<T>(what: &'static str, future: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    let limited = tokio::time::timeout(DEADLINE, future);
    async move { limited.await.unwrap_or_else(|_| panic!("{caller}: not in time: {what}")) }
}

/// A record of one of the keys `k0`, `k1`, … that says which it is.
fn record(topic: &Topic, key: u32, number: u32) -> NewRecord {
    NewRecord {
        topic: topic.clone(),
        key: format!("k{key}").into(),
        headers: Vec::new(),
        payload: number.to_string().into(),
    }
}

/// `count` records over `keys` keys, numbered from `from`.
fn records(topic: &Topic, from: u32, count: u32, keys: u32) -> Vec<NewRecord> {
    (from..from + count).map(|number| record(topic, number % keys, number)).collect()
}

async fn publish(log: &dyn EventLog, records: Vec<NewRecord>) -> Vec<Place> {
    let count = records.len();
    let places = in_time("a publish", log.publish(records)).await.expect("the log is there");
    assert_eq!(places.len(), count, "one place per record");
    places
}

async fn join(log: &dyn EventLog, group: &str, topic: &Topic) -> Box<dyn Consumer> {
    let topics = std::slice::from_ref(topic);
    in_time("a join", log.subscribe(group, topics)).await.expect("the log is there")
}

/// The next `count` records.
async fn receive(member: &mut dyn Consumer, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    while records.len() < count {
        let left = count - records.len();
        let poll = member.poll(left, FOREVER);
        let page = in_time("a record", poll).await.expect("the log is there");
        assert!(page.len() <= left, "{} records, {left} were asked for", page.len());
        records.extend(page);
    }
    records
}

/// Nothing comes.
#[track_caller]
fn silence(subject: &Subject, member: &mut dyn Consumer) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    let wait = subject.settle;
    async move {
        let records = member.poll(1_000, wait).await.expect("the log is there");
        let came = places(&records);
        assert!(came.is_empty(), "{caller}: nothing was to come, and {came:?} did");
    }
}

/// What to commit once all of `records` are done with.
fn after(records: &[Record]) -> BTreeMap<Partition, u64> {
    let mut next = BTreeMap::new();
    for Record { place, .. } in records {
        let slot = next.entry(place.partition.clone()).or_insert(0);
        *slot = (place.offset + 1).max(*slot);
    }
    next
}

async fn commit(member: &mut dyn Consumer, records: &[Record]) {
    let next = after(records);
    in_time("a commit", member.commit(&next)).await.expect("the log is there");
}

fn places(records: &[Record]) -> BTreeSet<Place> {
    records.iter().map(|record| record.place.clone()).collect()
}

/// The numbers in the payloads of one key, in the order given.
fn numbers(records: &[Record], key: &str) -> Vec<u32> {
    let of_key = records.iter().filter(|record| record.key == key);
    of_key.map(number).collect()
}

fn number(record: &Record) -> u32 {
    let text = std::str::from_utf8(&record.payload).expect("the laws write numbers");
    text.parse().expect("the laws write numbers")
}

fn now(subject: &Subject) -> Time {
    subject.clock.now()
}

/// How many records `group` is behind by, over all partitions.
async fn behind(log: &dyn EventLog, group: &str) -> u64 {
    log.lag(group).await.expect("the log is there").records()
}

/// Everything that is kept of `topic`, by partition and offset.
async fn kept(log: &dyn EventLog, topic: &Topic) -> Vec<Record> {
    let mut all = Vec::new();
    for extent in log.extents(topic).await.expect("the log is there") {
        let page = log.read(&extent.partition, 0, 100_000).await.expect("the log is there");
        all.extend(page);
    }
    all
}

/// Makes every law a test of its own, under the law's name. `$subject` is an `Option<Subject>`:
/// `None` says that the server is absent: the law is skipped, or with `FLEET_TEST_REQUIRE=1`
/// broken.
#[macro_export]
macro_rules! event_log_laws {
    ($subject:expr) => {
        $crate::event_log_laws!(
            $subject,
            a_key_keeps_its_partition_and_its_order,
            records_come_back_as_they_went_in,
            what_breaks_a_bound_is_invalid_and_appends_nothing,
            what_was_published_survives_a_crash,
            offsets_grow_over_a_full_trim_and_a_crash,
            publishers_at_once_share_no_place,
            reading_starts_at_the_oldest_kept_and_ends_at_the_end,
            an_incarnation_names_one_log,
            what_is_not_committed_comes_again,
            what_is_committed_does_not_come_again,
            a_commit_never_goes_back,
            a_commit_beyond_the_end_is_invalid,
            groups_progress_alone,
            a_poll_keeps_its_bounds,
            a_waiting_poll_is_woken_by_a_publish,
            a_paused_member_goes_on_where_it_stopped,
            a_consumer_outlives_its_log,
            members_share_the_partitions,
            a_leaving_member_hands_over_what_it_has_not_committed,
            a_commit_of_what_was_reassigned_changes_nothing,
            members_are_counted,
            lag_counts_what_is_kept_and_not_committed,
            trim_keeps_what_is_young_or_not_committed,
            trim_leaves_no_holes_when_a_clock_goes_back,
            publishing_waits_for_a_group_that_is_behind,
            a_new_group_is_not_behind_by_what_is_gone,
            histories_agree_with_a_naive_model,
            dead_letters_are_found_by_reason_and_time,
            dead_letters_go_back_once
        );
    };
    ($subject:expr, $($law:ident),+) => {$(
        #[tokio::test]
        async fn $law() {
            match $subject {
                Some(subject) => $crate::testkit::event_log_laws::$law(subject).await,
                None => assert!(!$crate::testkit::required(), "no server, and it is required"),
            }
        }
    )+};
}

#[cfg(test)]
mod tests;
