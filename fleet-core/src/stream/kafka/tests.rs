//! The laws of the log on a real broker, and what is particular to Kafka.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::*;
use crate::testkit::{
    self, ManualClock,
    event_log_laws::{NOW, Open, RETENTION, Subject, UNCOMMITTED_MAX},
};

/// Settings of a log of its own on a broker that others use too.
fn settings(url: &str, name: &str) -> KafkaSettings {
    let mut settings: KafkaSettings = url.parse().expect("the script's URL");
    settings.registry = format!("{name}.log").parse().expect("a word");
    // So that a group that has not shared out anew yet never looks as if it had: 3 + 3 + 0.
    settings.topics.partitions = 6;
    (settings.topics.replication, settings.topics.min_insync) = (1, 1);
    (settings.retention, settings.uncommitted_max) = (RETENTION, UNCOMMITTED_MAX);
    settings.session_timeout = Duration::from_secs(3);
    settings.linger = Duration::ZERO;
    settings
}

/// Each call opens the log as another process would; what was open before stays as it is.
fn starts(settings: KafkaSettings, clock: &Arc<ManualClock>) -> Open {
    let clock = Arc::clone(clock);
    Box::new(move || {
        let (settings, clock) = (settings.clone(), Arc::<ManualClock>::clone(&clock));
        // A law is in a runtime of one thread, which must not wait for itself.
        let open = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            runtime.block_on(KafkaLog::open(settings, &[], clock)).expect("the broker is there")
        });
        Arc::new(open.join().expect("opened"))
    })
}

fn subject(protocol: GroupProtocol) -> Option<Subject> {
    let url = testkit::server("kafka")?;
    let clock = Arc::new(ManualClock::new(NOW));
    let name = testkit::unique_name("law");
    let start = |name: &str| starts(KafkaSettings { protocol, ..settings(&url, name) }, &clock);
    let (open, another) = (start(&name), start(&format!("{name}.another")));
    Some(Subject { name, clock, open, another, settle: Duration::from_millis(300) })
}

crate::event_log_laws!(subject(GroupProtocol::Classic));

/// What depends on who shares out the partitions, where the brokers do (KIP-848).
mod shared_out_by_brokers {
    use super::{GroupProtocol, subject};

    crate::event_log_laws!(
        subject(GroupProtocol::Consumer),
        what_is_not_committed_comes_again,
        what_is_committed_does_not_come_again,
        members_share_the_partitions,
        a_leaving_member_hands_over_what_it_has_not_committed,
        a_commit_of_what_was_reassigned_changes_nothing
    );
}

#[tokio::test]
async fn a_member_that_comes_back_under_its_name_gets_its_own_partitions_and_others_keep_theirs() {
    let Some(url) = testkit::server("kafka") else { return };
    let name = testkit::unique_name("static");
    let topic: Topic = format!("{name}.events").parse().expect("a word");
    let log = async |instance: &str| {
        let mut settings = settings(&url, &name);
        settings.instance = Some(instance.to_owned());
        settings.session_timeout = Duration::from_secs(30);
        let clock = Arc::new(ManualClock::new(NOW));
        KafkaLog::open(settings, &[], clock).await.expect("the broker is there")
    };
    let (a, b) = (log("a").await, log("b").await);
    let topics = std::slice::from_ref(&topic);
    let mut first = a.subscribe("g", topics).await.expect("joined");
    let mut second = b.subscribe("g", topics).await.expect("joined");
    let sharing = async {
        while first.assignment().len() != 3 || second.assignment().len() != 3 {
            drop(first.poll(1, Duration::from_millis(50)).await.expect("it is there"));
            drop(second.poll(1, Duration::from_millis(50)).await.expect("it is there"));
        }
    };
    tokio::time::timeout(Duration::from_secs(60), sharing).await.expect("shared out");
    let (own, others) = (first.assignment(), second.assignment());
    drop((first, a)); // it does not leave the group
    let a = log("a").await;
    let coming_back = async {
        // Until the one before is closed it may be told to be the other of two.
        loop {
            let mut again = a.subscribe("g", topics).await.expect("joined");
            for _ in 0..20 {
                let polled = again.poll(1, Duration::from_millis(100)).await;
                assert_eq!(second.assignment(), others, "another member was disturbed");
                if polled.is_ok() && again.assignment() == own {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(25), coming_back).await.expect("it is back");
}

/// Another setting.
type Change = fn(&mut KafkaSettings);

#[tokio::test]
async fn a_topic_that_is_not_as_it_should_be_is_named() {
    let Some(url) = testkit::server("kafka") else { return };
    let name = testkit::unique_name("check");
    let clock = Arc::new(ManualClock::new(NOW));
    let topic: Topic = format!("{name}.events").parse().expect("a word");
    let open = async |change: Change| {
        let mut settings = settings(&url, &name);
        change(&mut settings);
        let clock = Arc::<ManualClock>::clone(&clock);
        KafkaLog::open(settings, std::slice::from_ref(&topic), clock).await
    };
    open(|_| ()).await.expect("made");
    open(|s| s.topics.create = false).await.expect("there");
    let cases: [(Change, &str); 3] = [
        (|s| s.topics.partitions = 5, "partitions: found 6, wanted 5"),
        (|s| s.topics.replication = 2, "replication: found 1, wanted 2"),
        (
            |s| s.topics.retention = Some(Duration::from_secs(60)),
            "retention.ms: found -1, wanted 60000",
        ),
    ];
    for (change, what) in cases {
        let error = open(change).await.expect_err(what);
        assert_eq!(error.kind(), crate::ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
    let missing: Change = |s| {
        s.topics.create = false;
        s.registry = "never-made".parse().expect("a word");
    };
    let error = open(missing).await.expect_err("missing").to_string();
    assert!(error.contains("never-made is missing, and create is false"), "{error}");
}

#[tokio::test]
async fn brokers_that_are_not_there_are_unavailable_and_the_password_is_not_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    drop(taken);
    let settings = format!("kafka://u:s3cret@127.0.0.1:{port}/").parse().expect("a URL");
    let clock = Arc::new(ManualClock::new(NOW));
    let error = KafkaLog::open(settings, &[], clock).await.expect_err("not there");
    assert_eq!(error.kind(), crate::ErrorKind::Unavailable, "{error}");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains(&port.to_string()) && !shown.contains("s3cret"), "{shown}");
    assert!(shown.contains("refused") && shown.contains("check host, port"), "{shown}");
}

/// Kills the broker in the midst of publishing, consuming and committing; each tries again, as
/// simulator and pipeline do.
#[tokio::test]
async fn what_was_answered_survives_the_death_of_the_broker_and_is_committed_after_it() {
    if testkit::server("kafka").is_none() {
        return; // neither can another be started here
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/servers/kafka");
    let start = move || testkit::OwnServer::start(script, &[]);
    let server = tokio::task::spawn_blocking(start).await.expect("a broker");
    let (clock, name) = (Arc::new(ManualClock::new(NOW)), "faults");
    let log = KafkaLog::open(settings(server.url(), name), &[], clock).await.expect("there");
    let log = Arc::new(log);
    let mut member = log.subscribe("g", &[Topic::TRIPS]).await.expect("joined");
    let publisher = tokio::spawn(publish_one_by_one(Arc::clone(&log)));
    let (mut came, mut numbers, mut next) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    let mut server = Some(server);
    let mut killing = None;
    let consume = async {
        loop {
            // What fails because the broker is away comes again, and twice is no harm.
            let Ok(page) = member.poll(100, Duration::from_secs(1)).await else { continue };
            next.extend(page.iter().map(|r| (r.place.partition.clone(), r.place.offset + 1)));
            numbers.extend(page.iter().map(|record| record.payload.clone()));
            came.extend(page.into_iter().map(|record| record.place));
            if let Some(server) = server.take_if(|_| numbers.len() > 50) {
                killing = Some(tokio::task::spawn_blocking(move || {
                    server.kill();
                    server.start_again();
                    server
                }));
            }
            // The broker that keeps the group's positions is not ready as soon as it answers.
            if member.commit(&next).await.is_ok() && numbers.len() == RECORDS {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(90), consume).await.expect("all in time");
    let answered = publisher.await.expect("published");
    assert!(killing.is_some() && answered.is_subset(&came), "{} came", came.len());
    let lag = log.lag("g").await.expect("there again");
    assert_eq!(lag.records(), 0, "{lag:?}");
    drop((log, member));
    drop(killing.expect("killed").await);
}

const RECORDS: usize = 300;

/// Each as long as it takes; where they are.
async fn publish_one_by_one(log: Arc<KafkaLog>) -> BTreeSet<Place> {
    let mut answered = BTreeSet::new();
    for number in 0..RECORDS {
        let record = NewRecord {
            topic: Topic::TRIPS,
            key: format!("k{}", number % 9).into(),
            headers: Vec::new(),
            payload: number.to_string().into(),
        };
        loop {
            match log.publish(vec![record.clone()]).await {
                Ok(places) => break answered.extend(places),
                Err(error) => assert_eq!(error.kind(), crate::ErrorKind::Unavailable, "{error}"),
            }
        }
    }
    answered
}
