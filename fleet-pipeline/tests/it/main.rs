//! Nothing is lost, nothing is double, and what cannot be handled is set aside with its reason.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod foretold;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use fleet_core::{
    domain::{Signals, Status, TelemetryEvent, TruckId},
    geo::Position,
    hook::Hook,
    store::{FleetStore, TelemetryQuery, sqlite::SqliteStore},
    stream::{
        EventLog, NewRecord, Topic,
        dead_letter::{self, Mode, Reason, Redriven, Redriver},
        sqlite::{SqliteLog, SqliteLogSettings},
    },
    testkit::{FailingLog, FailingStore, ManualClock},
    time::{Clock, Time},
};
use fleet_pipeline::{ARCHIVER, ConsumerSettings, PipelineMetrics, Sink, consumer};
use tokio::sync::oneshot;

struct World {
    log: Arc<dyn EventLog>,
    store: Arc<dyn FleetStore>,
    clock: Arc<dyn Clock>,
    _dir: tempfile::TempDir,
}

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new("2026-01-06T00:00:00Z".parse().unwrap()));
    let settings = SqliteLogSettings::default();
    let log = SqliteLog::open(&dir.path().join("log.db"), settings, Arc::clone(&clock)).unwrap();
    let store = SqliteStore::open(&dir.path().join("store.db"), Arc::clone(&clock)).unwrap();
    World { log: Arc::new(log), store: Arc::new(store), clock, _dir: dir }
}

fn event(truck: u32, seq: u64) -> TelemetryEvent {
    let start: Time = "2026-01-05T00:00:00Z".parse().unwrap();
    TelemetryEvent {
        truck_id: TruckId::simulated(truck),
        seq,
        source_id: None,
        event_time: start.plus_ms(seq.cast_signed() * 30_000),
        position: Position { lat: 26.18, lon: 91.75 },
        status: Status::EnRoute,
        signals: Signals { speed_kmh: Some(42.0), ..Signals::default() },
        trip_id: None,
        driver_id: None,
        road_class: None,
        zone: None,
        refuelling: None,
    }
}

fn record(truck: u32, payload: impl Into<Bytes>) -> NewRecord {
    let key = Bytes::from(TruckId::simulated(truck).to_string());
    NewRecord { topic: Topic::TELEMETRY, key, headers: Vec::new(), payload: payload.into() }
}

fn good(truck: u32, seq: u64) -> NewRecord {
    record(truck, fleet_proto::encode_event(&event(truck, seq)))
}

fn settings() -> ConsumerSettings {
    let sink = Sink::Archiver { retention: Duration::from_secs(7 * 86_400) };
    let fast = Duration::from_millis(1);
    let poll_wait = Duration::from_millis(20);
    let usual = ConsumerSettings::new(sink);
    ConsumerSettings { backoff_min: fast, backoff_max: fast, poll_wait, ..usual }
}

/// A running archiver: stopped and awaited by `stop`.
struct Archiver {
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<fleet_core::Result<()>>,
}

impl Archiver {
    fn start(world: &World) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let parts = consumer::Components {
            log: Arc::clone(&world.log),
            store: Arc::clone(&world.store),
            clock: Arc::clone(&world.clock),
            metrics: PipelineMetrics::register(&prometheus::Registry::new()).unwrap(),
            hook: Hook::default(),
        };
        let shutdown = async { drop(stopped.await) };
        Self { stop, task: tokio::spawn(consumer::run(settings(), parts, shutdown)) }
    }

    async fn stop(self) -> fleet_core::Result<()> {
        let _ = self.stop.send(()); // it may have ended already
        self.task.await.unwrap()
    }
}

/// Waits until the group has committed everything (or the deadline has passed, which fails).
async fn caught_up(world: &World) {
    let wait = async {
        loop {
            let lag = world.log.lag(ARCHIVER).await.unwrap();
            if !lag.partitions.is_empty() && lag.records() == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("caught up in time");
}

async fn seqs(world: &World, truck: u32) -> Vec<u64> {
    let query = TelemetryQuery {
        truck_id: TruckId::simulated(truck),
        from: Time::MIN,
        to: Time::MAX,
        after: None,
        newest_first: false,
        limit: 5_000,
    };
    world.store.telemetry(&query).await.unwrap().iter().map(|stored| stored.event.seq).collect()
}

async fn letters(world: &World) -> Vec<dead_letter::DeadLetter> {
    let all = dead_letter::Filter::all();
    dead_letter::list(&*world.log, &all, None, 100, 1 << 20).await.unwrap().letters
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_among_good_is_set_aside_alone_and_can_be_put_back_once() {
    let world = world();
    let mut fast = fleet_proto::v1::TelemetryEvent::from(&event(1, 3));
    fast.speed_kmh = Some(999.0);
    let too_fast = prost_bytes(&fast);
    let records =
        vec![good(1, 1), record(1, "garbage"), good(1, 2), record(1, too_fast), good(1, 4)];
    world.log.publish(records).await.unwrap();
    let archiver = Archiver::start(&world);
    caught_up(&world).await;
    assert_eq!(seqs(&world, 1).await, [1, 2, 4]);
    let letters = letters(&world).await;
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().all(|letter| letter.group == ARCHIVER));
    let reasons: Vec<Reason> = letters.iter().map(|letter| letter.reason).collect();
    assert_eq!(reasons, [Reason::Undecodable, Reason::OutOfRange]);
    assert_eq!(
        letters.iter().map(|letter| letter.origin.as_ref().unwrap().offset).collect::<Vec<_>>(),
        [1, 3]
    );
    assert!(letters[1].detail.contains("speed_kmh: 999"), "{}", letters[1].detail);
    assert_eq!(&letters[0].payload[..], b"garbage");

    let (log, store) = (&*world.log, &*world.store);
    let (id, letter) = (letters[1].id(), &letters[1..]);
    let redriver = Redriver { log, store, read: &fleet_proto::reread };
    let still_bad = redriver.redrive(letter, Mode::PutBack).await.unwrap();
    assert!(matches!(still_bad[..], [Redriven::WouldFail(_)]), "{still_bad:?}");
    // The fix: a reader that accepts it. It goes back, is refused again by this archiver, and the
    // second redrive of the same letter does nothing.
    let redriver = Redriver { log, store, read: &|_, _, _| Ok(None) };
    assert_eq!(redriver.redrive(letter, Mode::DryRun).await.unwrap(), [Redriven::Would]);
    for expected in [Redriven::Done, Redriven::Already] {
        assert_eq!(redriver.redrive(letter, Mode::PutBack).await.unwrap(), [expected]);
    }
    caught_up(&world).await;
    archiver.stop().await.unwrap();
    let again = self::letters(&world).await.pop().unwrap();
    assert_eq!((again.redriven_from, again.attempts), (Some(id), 2));
}

fn prost_bytes(message: &impl prost::Message) -> Bytes {
    message.encode_to_vec().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_it_pauses_and_nothing_is_lost() {
    let mut world = world();
    let (failing, faults) = FailingStore::new(Arc::clone(&world.store));
    world.store = Arc::new(failing);
    faults.fail_all();
    let archiver = Archiver::start(&world);
    world.log.publish((1..=50).map(|seq| good(1, seq)).collect()).await.unwrap();
    faults.failed(3).await;
    world.log.publish((51..=80).map(|seq| good(1, seq)).collect()).await.unwrap();
    let lag = world.log.lag(ARCHIVER).await.unwrap().records();
    assert_eq!(lag, 80, "lag is told while nothing can be written");
    faults.heal();
    faults.lose_next_answers(1); // applied, but the answer is lost: written again, stored once
    caught_up(&world).await;
    assert!(seqs(&world, 1).await.into_iter().eq(1..=80));
    assert!(letters(&world).await.is_empty());
    archiver.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_even_the_dead_letters_fail_their_partition_halts_uncommitted() {
    let mut world = world();
    let (failing, faults) = FailingLog::new(Arc::clone(&world.log));
    let real = std::mem::replace(&mut world.log, Arc::new(failing));
    faults.fail_publishing_to(Topic::TELEMETRY.dead_letters());
    let places =
        world.log.publish(vec![good(1, 1), record(1, "garbage"), good(2, 1)]).await.unwrap();
    let archiver = Archiver::start(&world);
    let error = archiver.task.await.unwrap().expect_err("halted");
    let halted = &places[0].partition;
    assert!(error.to_string().contains(&halted.to_string()), "{error}");
    assert_ne!(*halted, places[2].partition);
    let committed: BTreeMap<_, _> = real
        .lag(ARCHIVER)
        .await
        .unwrap()
        .partitions
        .into_iter()
        .filter_map(|lag| Some((lag.partition, lag.committed?)))
        .collect();
    assert_eq!(committed, BTreeMap::from([(places[2].partition.clone(), 1)]));
    let served = |marks: BTreeMap<_, u64>| marks[halted];
    assert_eq!(
        served(world.store.watermarks().await.unwrap()),
        1,
        "not past what may yet be stored"
    );
    faults.heal();
    let archiver = Archiver::start(&world);
    caught_up(&world).await;
    assert_eq!(served(world.store.watermarks().await.unwrap()), 2);
    assert_eq!((seqs(&world, 1).await, letters(&world).await.len()), (vec![1], 1));
    archiver.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_changes_nothing_and_a_conflict_keeps_the_first() {
    let world = world();
    let all: Vec<NewRecord> = (1..=20).map(|seq| good(1, seq)).collect();
    let mut other = event(1, 7);
    other.signals.speed_kmh = Some(1.0);
    let conflict = record(1, fleet_proto::encode_event(&other));
    let archiver = Archiver::start(&world);
    world.log.publish(all.clone()).await.unwrap();
    world.log.publish(all[5..].to_vec()).await.unwrap();
    world.log.publish(vec![conflict]).await.unwrap();
    caught_up(&world).await;
    assert!(seqs(&world, 1).await.into_iter().eq(1..=20));
    let letters = letters(&world).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, Reason::Conflict);
    archiver.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_the_store_refuses_is_set_aside_even_if_it_comes_alone() {
    let mut world = world();
    let (failing, faults) = FailingStore::new(Arc::clone(&world.store));
    world.store = Arc::new(failing);
    faults.refuse_truck(TruckId::simulated(2));
    let archiver = Archiver::start(&world);
    world.log.publish(vec![good(2, 1)]).await.unwrap();
    caught_up(&world).await;
    let mut batch: Vec<NewRecord> = (1..=40).map(|seq| good(1, seq)).collect();
    batch.insert(7, good(2, 2));
    batch.insert(30, good(2, 3));
    batch[0].headers.push(("trace".to_owned(), Bytes::from_static(b"t")));
    batch[7].headers.push(("trace".to_owned(), Bytes::from_static(b"u")));
    world.log.publish(batch).await.unwrap();
    caught_up(&world).await;
    assert!(seqs(&world, 1).await.into_iter().eq(1..=40));
    let letters = letters(&world).await;
    let found: Vec<_> = letters.iter().map(|l| (l.payload.clone(), l.headers.len())).collect();
    let expected = [(good(2, 1).payload, 0), (good(2, 2).payload, 1), (good(2, 3).payload, 0)];
    assert_eq!(found, expected);
    archiver.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_is_made_up_for_even_if_nothing_comes_after() {
    let mut world = world();
    let (failing, faults) = FailingLog::new(Arc::clone(&world.log));
    world.log = Arc::new(failing);
    faults.fail_next_commits(3);
    world.log.publish((1..=5).map(|seq| good(1, seq)).collect()).await.unwrap();
    let archiver = Archiver::start(&world);
    faults.failed(3).await;
    caught_up(&world).await;
    assert!(seqs(&world, 1).await.into_iter().eq(1..=5));
    archiver.stop().await.unwrap();
}
