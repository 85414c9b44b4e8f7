//! Driver and groups on the embedded backends, killed at named points in this process: what they
//! leave is what an undisturbed run leaves. The real process is killed in `crash`.

mod controls;
mod feed;
mod points;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use fleet_core::{
    domain::{TelemetryEvent, TripSummary},
    hook::Hook,
    state::{StateStore, sqlite::SqliteState},
    store::{FeedItem, FleetStore, Watermarks, sqlite::SqliteStore},
    stream::{
        EventLog, NewRecord, Topic, dead_letter,
        sqlite::{SqliteLog, SqliteLogSettings},
    },
    time::{Clock, SystemClock},
};
use fleet_pipeline::{ARCHIVER, ConsumerSettings, PipelineMetrics, RECORDER, Sink, consumer};
use fleet_sim::{Progress, SimMetrics, SimSettings, Speed};
use tokio::task::JoinSet;

use crate::program::START;

/// Every point that driver and groups pass.
pub(crate) const POINTS: [&str; 7] = [
    "after_publish",
    "before_checkpoint",
    "after_checkpoint",
    "before_write",
    "after_write",
    "after_dead_letters",
    "after_commit",
];

const UNTIL: &str = "2026-01-05T04:00:00Z";

/// Everything of one directory. The ports are what the services see: a test may put something
/// between; the files behind them are what is looked at.
struct Parts {
    log: Arc<dyn EventLog>,
    store: Arc<dyn FleetStore>,
    state: Arc<dyn StateStore>,
    log_file: Arc<SqliteLog>,
    store_file: Arc<SqliteStore>,
    clock: Arc<dyn Clock>,
}

fn open(dir: &Path) -> Parts {
    std::fs::create_dir_all(dir).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let path = |name: &str| dir.join(name);
    let settings = SqliteLogSettings::default();
    let log = SqliteLog::open(&path("log.db"), settings, Arc::clone(&clock)).unwrap();
    let store = SqliteStore::open(&path("store.db"), Arc::clone(&clock)).unwrap();
    let state = SqliteState::open(&path("state.db"), Arc::clone(&clock)).unwrap();
    let (log_file, store_file) = (Arc::new(log), Arc::new(store));
    Parts {
        log: Arc::clone(&log_file) as _,
        store: Arc::clone(&store_file) as _,
        state: Arc::new(state),
        log_file,
        store_file,
        clock,
    }
}

/// Ends the task that passes a point for the n-th time, right there.
#[derive(Clone, Default)]
struct Killer {
    is_done: Arc<AtomicBool>,
    passed: Arc<Mutex<BTreeSet<&'static str>>>,
    at: Option<(&'static str, u64)>,
}

impl Killer {
    fn at(point: &'static str, nth: u64) -> Self {
        Self { at: Some((point, nth)), ..Self::default() }
    }

    fn hook(&self) -> Hook {
        let (killer, passes) = (self.clone(), AtomicU64::new(0));
        Hook::new(move |point| {
            killer.passed.lock().unwrap().insert(point);
            let Some((wanted, nth)) = killer.at else { return };
            if point == wanted && passes.fetch_add(1, Ordering::SeqCst) + 1 == nth {
                killer.is_done.store(true, Ordering::SeqCst);
                std::panic::resume_unwind(Box::new("killed")); // no message: it is meant
            }
        })
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs driver and groups until all is archived (`true`) or the killer has struck; everything is
/// dropped then, wherever it stands. `beside` runs along and never ends by itself.
fn run(parts: &Parts, killer: &Killer, beside: impl Future<Output = ()>) -> bool {
    let registry = prometheus::Registry::new();
    let metrics = PipelineMetrics::register(&registry).unwrap();
    let retention = Duration::from_secs(7 * 86_400);
    let sim = fleet_sim::Components {
        log: Arc::clone(&parts.log),
        state: Arc::clone(&parts.state),
        router: None,
        clock: Arc::clone(&parts.clock),
        metrics: SimMetrics::register(&registry).unwrap(),
        progress: Arc::new(Progress::default()),
        hook: killer.hook(),
    };
    let log_file = Arc::clone(&parts.log_file);
    runtime().block_on(async {
        let mut tasks = JoinSet::new();
        for sink in [Sink::Archiver { retention }, Sink::Recorder] {
            let parts = consumer::Components {
                log: Arc::clone(&parts.log),
                store: Arc::clone(&parts.store),
                clock: Arc::clone(&parts.clock),
                metrics: metrics.clone(),
                hook: sim.hook.clone(),
            };
            let settings = ConsumerSettings { batch_max: 100, ..ConsumerSettings::new(sink) };
            tasks.spawn(consumer::run(settings, parts, std::future::pending()));
        }
        tasks.spawn(async move {
            fleet_sim::run(sim_settings(), sim, std::future::pending()).await?;
            log_file.caught_up(ARCHIVER).await;
            log_file.caught_up(RECORDER).await;
            Ok(())
        });
        let ended = tokio::select! {
            ended = tasks.join_next() => ended.unwrap(),
            () = beside => unreachable!("what runs beside does not end"),
        };
        tasks.shutdown().await;
        let was_killed = killer.is_done.load(Ordering::SeqCst);
        assert!(was_killed || matches!(ended, Ok(Ok(()))), "{ended:?}");
        !was_killed
    })
}

fn sim_settings() -> SimSettings {
    SimSettings {
        seed: Some(7),
        start: Some(START.parse().unwrap()),
        trucks: Some(4),
        // As fast as at full speed, but what each half minute brings is sent alone: many points.
        speed: Speed::Real(1e6),
        until: Some(UNTIL.parse().unwrap()),
        holder: "exact".to_owned(),
        ..SimSettings::default()
    }
}

fn undisturbed(dir: &Path) -> Dump {
    assert!(run(&open(dir), &Killer::default(), std::future::pending()));
    dump(dir)
}

/// What a fleet's data says, without what depends on when it was processed.
#[derive(Debug, PartialEq)]
struct Dump {
    telemetry: Vec<String>,
    trips: Vec<String>,
    counters: String,
    register: String,
    /// Where set-aside records lay: at least one letter each.
    set_aside: BTreeSet<String>,
}

fn dump(dir: &Path) -> Dump {
    let parts = open(dir);
    let (mut telemetry, mut trips) = (Vec::new(), Vec::new());
    let store = &parts.store_file;
    let events = &mut |event: &TelemetryEvent| {
        telemetry.push(serde_json::to_string(event).unwrap());
        Ok(())
    };
    store.export_telemetry(events).unwrap();
    let summaries = &mut |trip: &TripSummary| {
        trips.push(serde_json::to_string(trip).unwrap());
        Ok(())
    };
    store.export_trips(summaries).unwrap();
    runtime().block_on(async {
        let counters = parts.state.counters().await.unwrap().map(|snapshot| snapshot.trucks);
        let register = parts.store.documents("truck", None, None, 100).await.unwrap();
        let letters =
            dead_letter::list(&*parts.log, &dead_letter::Filter::all(), None, 1_000, 1 << 20)
                .await
                .unwrap()
                .letters;
        let payload = |letter: &dead_letter::DeadLetter| format!("{:?}", letter.payload);
        Dump {
            telemetry,
            trips,
            counters: format!("{counters:?}"),
            register: format!("{register:?}"),
            set_aside: letters.iter().map(payload).collect(),
        }
    })
}

/// Records that can never be handled, so that there are dead letters to lose.
fn poison(dir: &Path) {
    let parts = open(dir);
    let records = (0..3).map(|number| NewRecord {
        topic: Topic::TELEMETRY,
        key: Bytes::from_static(b"TRK-000002"),
        headers: Vec::new(),
        payload: Bytes::from(format!("garbage {number}")),
    });
    runtime().block_on(parts.log.publish(records.collect())).unwrap();
}

/// The feed from `from` to its end.
async fn feed(store: &dyn FleetStore, mut from: Watermarks) -> (Vec<FeedItem>, Watermarks) {
    let mut items = Vec::new();
    loop {
        let page = store.feed(&from, 97, Duration::ZERO).await.unwrap();
        items.extend(page.items);
        from = page.next;
        if !page.has_more {
            return (items, from);
        }
    }
}
