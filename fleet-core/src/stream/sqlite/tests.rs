//! The laws of the log on SQLite, and what is particular to its file.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use proptest::prelude::*;

use super::*;
use crate::{
    ErrorKind,
    testkit::{
        ManualClock,
        event_log_laws::{self, NOW, Open, RETENTION, Subject, UNCOMMITTED_MAX},
    },
};

const SETTINGS: SqliteLogSettings =
    SqliteLogSettings { retention: RETENTION, uncommitted_max: UNCOMMITTED_MAX };

/// Opens a log in a folder of its own; a kill is a copy of its files as they lie there, taken
/// behind the back of a process that has not closed them.
fn starts(clock: &Arc<ManualClock>) -> Open {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (clock, runs) = (Arc::clone(clock), AtomicU32::new(0));
    Box::new(move || {
        let run = runs.fetch_add(1, Ordering::Relaxed);
        let path = |run: u32| folder.path().join(format!("log-{run}.db"));
        for suffix in ["", "-wal"].into_iter().filter(|_| run > 0) {
            let name = |run: u32| format!("{}{suffix}", path(run).display());
            // A log that was closed in good order has no write-ahead log any more.
            if Path::new(&name(run - 1)).exists() {
                std::fs::copy(name(run - 1), name(run)).expect("copied");
            }
        }
        let clock = Arc::<ManualClock>::clone(&clock);
        Arc::new(SqliteLog::open(&path(run), SETTINGS, clock).expect("whole"))
    })
}

fn subject() -> Subject {
    let clock = Arc::new(ManualClock::new(NOW));
    let (open, another) = (starts(&clock), starts(&clock));
    Subject { name: "law".into(), clock, open, another, settle: Duration::ZERO }
}

crate::event_log_laws!(Some(subject()));

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_history_agrees_with_the_model(words in prop::collection::vec(any::<u64>(), 0..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(event_log_laws::follow(&subject(), &words));
    }
}

fn record(number: u32) -> NewRecord {
    let (key, payload) = ("k".into(), number.to_string().into());
    NewRecord { topic: Topic::TELEMETRY, key, headers: Vec::new(), payload }
}

#[tokio::test]
async fn a_reader_beside_the_writer_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (path, clock) = (folder.path().join("log.db"), Arc::new(ManualClock::new(NOW)));
    let log = SqliteLog::open(&path, SETTINGS, Arc::<ManualClock>::clone(&clock)).expect("new");
    let places = log.publish(vec![record(1), record(2)]).await.expect("published");
    let reader = SqliteLog::open_read_only(&path, clock).expect("beside it");
    assert_eq!(reader.incarnation(), log.incarnation());
    let read = reader.read(&places[0].partition, 0, 9).await.expect("read");
    assert!(read.iter().map(|record| &record.place).eq(&places));
    for refused in [
        reader.publish(vec![record(3)]).await.expect_err("read-only"),
        reader.subscribe("group", &[Topic::TELEMETRY]).await.expect_err("read-only"),
        reader.trim(NOW).await.expect_err("read-only"),
    ] {
        assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    }
}

#[tokio::test]
async fn a_trim_of_many_chunks_takes_all() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (path, clock) = (folder.path().join("log.db"), Arc::new(ManualClock::new(NOW)));
    let log = SqliteLog::open(&path, SETTINGS, Arc::<ManualClock>::clone(&clock)).expect("new");
    let count = u32::try_from(TRIM_CHUNK).expect("small") * 2 + 3;
    let places = log.publish((0..count).map(record).collect()).await.expect("published");
    log.publish(vec![record(count)]).await.expect("published");
    let now = NOW.plus(RETENTION).plus_ms(1);
    assert_eq!(log.trim(now).await.expect("trimmed"), u64::from(count) + 1);
    assert!(log.read(&places[0].partition, 0, 9).await.expect("read").is_empty());
}

#[tokio::test]
async fn who_waits_for_a_group_is_told_when_it_has_caught_up() {
    let subject = subject();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let log = SqliteLog::open(&folder.path().join("log.db"), SETTINGS, subject.clock);
    let log = log.expect("new");
    log.caught_up("nobody").await;
    log.publish((0..9).map(record).collect()).await.expect("published");
    let mut member = log.subscribe("group", &[Topic::TELEMETRY]).await.expect("joined");
    let read = member.poll(9, Duration::from_secs(60)).await.expect("read");
    let next = read.iter().map(|r| (r.place.partition.clone(), r.place.offset + 1)).collect();
    let (_, committed) = tokio::join!(log.caught_up("group"), member.commit(&next));
    committed.expect("committed");
}

#[tokio::test]
async fn what_the_file_holds_but_nobody_has_been_told_of_is_not_delivered() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (path, clock) = (folder.path().join("log.db"), Arc::new(ManualClock::new(NOW)));
    let log = SqliteLog::open(&path, SETTINGS, clock).expect("a new log");
    let place = log.publish(vec![record(1)]).await.expect("it is there").remove(0);
    // As in the moment between a transaction's end and its announcement.
    let columns = "first + 1, count, appended_at, records";
    Connection::open(&path)
        .and_then(|file| {
            file.execute(&format!("INSERT INTO lane_1 SELECT {columns} FROM lane_1"), [])?;
            file.execute("UPDATE lanes SET next = next + 1", [])
        })
        .expect("appended");
    let mut member = log.subscribe("g", &[Topic::TELEMETRY]).await.expect("joined");
    let records = member.poll(9, Duration::ZERO).await.expect("it is there");
    assert_eq!(records.iter().map(|r| &r.place).collect::<Vec<_>>(), [&place]);
    let next = BTreeMap::from([(place.partition, place.offset + 1)]);
    member.commit(&next).await.expect("within what has been told");
}
