use super::*;
use crate::{
    ErrorKind,
    testkit::{
        ManualClock,
        store_laws::{NOW, NaiveStore},
    },
};

fn failing_store() -> (FailingStore, StoreFaults) {
    FailingStore::new(Arc::new(NaiveStore::new(Arc::new(ManualClock::new(NOW)))))
}

fn document(id: &str) -> Vec<Write> {
    let (kind, body) = ("truck".to_owned(), "1".to_owned());
    vec![Write::Document(Document { kind, id: id.to_owned(), body })]
}

async fn kind_of_write(store: &FailingStore, id: &str) -> Option<ErrorKind> {
    store.write(document(id), Watermarks::new()).await.err().map(|error| error.kind())
}

async fn ids(store: &FailingStore) -> Vec<String> {
    let documents = store.documents("truck", None, None, 9).await.expect("it is up");
    documents.into_iter().map(|document| document.id).collect()
}

#[tokio::test]
async fn as_many_writes_fail_as_were_told_to() {
    let (store, faults) = failing_store();
    faults.fail_next_writes(2);
    for id in ["a", "b"] {
        assert_eq!(kind_of_write(&store, id).await, Some(ErrorKind::Unavailable));
    }
    assert_eq!(kind_of_write(&store, "c").await, None);
    assert_eq!(ids(&store).await, ["c"]);
    assert_eq!(faults.failures(), 2);
}

#[tokio::test]
async fn a_store_that_is_down_answers_nothing_until_healed() {
    let (store, faults) = failing_store();
    faults.fail_all();
    assert_eq!(kind_of_write(&store, "a").await, Some(ErrorKind::Unavailable));
    assert!(store.latest(None).await.is_err() && store.watermarks().await.is_err());
    faults.failed(3).await;
    faults.heal();
    assert_eq!(kind_of_write(&store, "a").await, None);
}

#[tokio::test]
async fn a_lost_answer_leaves_the_write_applied() {
    let (store, faults) = failing_store();
    faults.lose_next_answers(1);
    assert_eq!(kind_of_write(&store, "a").await, Some(ErrorKind::Unavailable));
    assert_eq!(ids(&store).await, ["a"]);
    assert_eq!(kind_of_write(&store, "b").await, None);
}

#[tokio::test]
async fn only_the_batches_of_a_refused_truck_are_invalid() {
    let (store, faults) = failing_store();
    faults.refuse_truck(TruckId::simulated(1));
    for (number, expected) in [(1, Some(ErrorKind::Invalid)), (2, None)] {
        let event = crate::testkit::store_laws::sample(number);
        let outcome = store.write(vec![event], Watermarks::new()).await;
        assert_eq!(outcome.err().map(|error| error.kind()), expected, "truck {number}");
    }
    assert_eq!(store.latest(None).await.expect("it is up").len(), 1);
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_topic_that_is_down_fails_alone() {
    use crate::stream::sqlite::{SqliteLog, SqliteLogSettings};

    let folder = tempfile::tempdir().expect("a folder for the test");
    let clock = Arc::new(ManualClock::new(NOW));
    let path = folder.path().join("log.db");
    let log = SqliteLog::open(&path, SqliteLogSettings::default(), clock).expect("a new log");
    let (log, faults) = FailingLog::new(Arc::new(log));
    let dead_letters = Topic::TELEMETRY.dead_letters();
    let record = |topic: &Topic| NewRecord {
        topic: topic.clone(),
        key: "TRK-000001".into(),
        headers: Vec::new(),
        payload: "x".into(),
    };
    faults.fail_publishing_to(dead_letters.clone());
    log.publish(vec![record(&Topic::TELEMETRY)]).await.expect("this topic is up");
    let both = vec![record(&Topic::TELEMETRY), record(&dead_letters)];
    let error = log.publish(both).await.expect_err("this topic is down");
    assert_eq!((error.kind(), faults.failures()), (ErrorKind::Unavailable, 1));
    let ends = |extents: Vec<PartitionExtent>| extents.iter().map(|e| e.end).sum::<u64>();
    assert_eq!(ends(log.extents(&Topic::TELEMETRY).await.expect("it is up")), 1);
    faults.heal();
    log.publish(vec![record(&dead_letters)]).await.expect("it has healed");
    assert_eq!(ends(log.extents(&dead_letters).await.expect("it is up")), 1);
}

#[tokio::test]
async fn who_answers_without_writing_has_written_nothing() {
    let (store, faults) = failing_store();
    faults.answer_without_writing();
    assert_eq!(kind_of_write(&store, "a").await, None);
    assert!(ids(&store).await.is_empty());
    faults.heal();
    assert_eq!(kind_of_write(&store, "b").await, None);
    assert_eq!(ids(&store).await, ["b"]);
}
