//! Stopped, killed, sped up, grown: the log a driver leaves is that of a run nobody disturbed.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use fleet_core::{
    ErrorKind, Result,
    hook::Hook,
    random::Stream,
    state::{StateStore, sqlite::SqliteState},
    stream::{
        EventLog, Topic,
        sqlite::{SqliteLog, SqliteLogSettings},
    },
    testkit::{FailingLog, ManualClock},
    time::{Clock, SystemClock, Time},
};
use fleet_sim::{Components, Finished, Progress, SimMetrics, SimSettings, Speed};
use tempfile::TempDir;
use tokio::sync::Notify;

const START: &str = "2026-01-05T00:00:00Z";

fn at(text: &str) -> Time {
    format!("2026-01-05T{text}Z").parse().unwrap()
}

/// Full speed from `START` to `until`, three trucks.
fn settings(until: &str) -> SimSettings {
    SimSettings {
        seed: Some(7),
        start: Some(START.parse().unwrap()),
        trucks: Some(3),
        speed: Speed::Max,
        until: Some(at(until)),
        holder: "a".to_owned(),
        ..SimSettings::default()
    }
}

struct Files {
    log: Arc<dyn EventLog>,
    state: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
}

fn open(dir: &Path, clock: Arc<dyn Clock>) -> Files {
    let settings = SqliteLogSettings::default();
    let log = SqliteLog::open(&dir.join("log.db"), settings, Arc::clone(&clock)).unwrap();
    let state = SqliteState::open(&dir.join("state.db"), Arc::clone(&clock)).unwrap();
    Files { log: Arc::new(log), state: Arc::new(state), clock }
}

/// The system's time, for what runs as fast as it can but not at [`Speed::Max`].
fn running() -> Arc<SystemClock> {
    Arc::new(SystemClock::new())
}

fn still() -> Arc<ManualClock> {
    Arc::new(ManualClock::new("2026-03-01T00:00:00Z".parse().unwrap()))
}

impl Files {
    fn parts(&self, hook: Hook) -> Components {
        Components {
            log: Arc::clone(&self.log),
            state: Arc::clone(&self.state),
            router: None,
            clock: Arc::clone(&self.clock),
            metrics: SimMetrics::register(&prometheus::Registry::new()).unwrap(),
            progress: Arc::new(Progress::default()),
            hook,
        }
    }

    async fn run(&self, settings: SimSettings) -> Result<Finished> {
        fleet_sim::run(settings, self.parts(Hook::default()), std::future::pending()).await
    }

    /// What each truck sent, in order, and how often something was sent that had been sent before.
    async fn sent(&self) -> (BTreeMap<(Topic, Bytes), Vec<Bytes>>, u64) {
        let (mut sent, mut repeated) = (BTreeMap::<_, Vec<Bytes>>::new(), 0);
        for topic in [Topic::TELEMETRY, Topic::TRIPS] {
            for extent in self.log.extents(&topic).await.unwrap() {
                let records = self.log.read(&extent.partition, 0, usize::MAX).await.unwrap();
                for record in records {
                    let of_truck = sent.entry((topic.clone(), record.key)).or_default();
                    if of_truck.contains(&record.payload) {
                        repeated += 1;
                    } else {
                        of_truck.push(record.payload);
                    }
                }
            }
        }
        (sent, repeated)
    }
}

/// The log of a run to `until` that nobody disturbed.
async fn undisturbed(settings: SimSettings) -> BTreeMap<(Topic, Bytes), Vec<Bytes>> {
    let dir = TempDir::new().unwrap();
    let files = open(dir.path(), still());
    let until = settings.until.unwrap();
    let finished = files.run(settings).await.unwrap();
    assert_eq!(finished, Finished { world_time: until, is_complete: true });
    let (sent, repeated) = files.sent().await;
    assert_eq!(repeated, 0);
    assert!(sent.values().map(Vec::len).sum::<usize>() > 100);
    sent
}

/// Calls `then` at the n-th pass of `point`.
fn hook(point: &'static str, nth: u64, then: impl Fn() + Send + Sync + 'static) -> Hook {
    let passes = AtomicU64::new(0);
    Hook::new(move |passed| {
        if passed == point && passes.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            then();
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_at_any_moment_it_goes_on_and_sends_nothing_twice() {
    let calm = undisturbed(settings("05:00:00")).await;
    let dir = TempDir::new().unwrap();
    let stream = Stream::new(1, "driver", "stops");
    let mut stops = 0;
    for life in 0..8 {
        let files = open(dir.path(), running());
        let told = Arc::new(Notify::new());
        let teller = Arc::clone(&told);
        let stop = hook("after_publish", 1 + stream.below(life, 30), move || teller.notify_one());
        // Each small piece is sent alone, so that there are many moments.
        let live = SimSettings { speed: Speed::Real(1e6), ..settings("05:00:00") };
        let shutdown = async move { told.notified().await };
        let finished = fleet_sim::run(live, files.parts(stop), shutdown).await.unwrap();
        let saved = files.state.load().await.unwrap().unwrap();
        assert_eq!(saved.world_time, finished.world_time, "its last checkpoint is of its end");
        stops += u64::from(!finished.is_complete);
    }
    assert!(stops >= 4, "only {stops} stops");
    let files = open(dir.path(), running());
    assert!(files.run(settings("05:00:00")).await.unwrap().is_complete);
    assert!(files.sent().await == (calm, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_it_sends_the_same_again_and_nothing_else() {
    let calm = undisturbed(settings("05:00:00")).await;
    let stream = Stream::new(2, "driver", "kills");
    for (number, point) in (0..).zip(["after_publish", "before_checkpoint", "after_checkpoint"]) {
        let dir = TempDir::new().unwrap();
        let live = SimSettings { speed: Speed::Real(1e6), ..settings("05:00:00") };
        let mut kills = 0;
        for life in 0..4 {
            let files = open(dir.path(), running());
            let nth = if life == 0 { 1 } else { 1 + stream.below(10 * number + life, 20) };
            let kill = hook(point, nth, || std::panic::resume_unwind(Box::new("killed")));
            let parts = files.parts(kill);
            match fleet_sim::run(live.clone(), parts, std::future::pending()).await {
                Ok(finished) => assert!(finished.is_complete && life > 0),
                Err(died) => {
                    assert_eq!(died.kind(), ErrorKind::Internal, "{died}");
                    kills += 1;
                }
            }
            let saved = files.state.load().await.unwrap().unwrap();
            if life == 0 && point != "after_checkpoint" {
                let first = (saved.version, saved.world_time);
                assert_eq!(first, (1, at("00:00:00")), "it precedes every event");
            }
        }
        assert!(kills >= 2, "{point}: only {kills} kills");
        let files = open(dir.path(), running());
        assert!(files.run(live).await.unwrap().is_complete);
        let (sent, repeated) = files.sent().await;
        assert!(sent == calm, "{point}: other bytes, or another order");
        assert!(repeated > 0 || point == "after_checkpoint", "{point}: nothing came again?");
    }
}

/// Platform time that follows the paused time of the test's runtime.
#[derive(Debug)]
struct PausedClock(tokio::time::Instant);

impl Clock for PausedClock {
    fn now(&self) -> Time {
        let start: Time = "2026-03-01T00:00:00Z".parse().unwrap();
        start.plus(self.0.elapsed())
    }

    fn monotonic_us(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap()
    }
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "the runtime's time, which is the test's own")]
async fn neither_speed_nor_where_it_ended_before_changes_what_is_sent() {
    let calm = undisturbed(settings("03:17:13")).await;
    let dir = TempDir::new().unwrap();
    let began = tokio::time::Instant::now();
    for (speed, until) in [
        (Speed::Real(600.0), "00:20:00"),
        (Speed::Max, "01:00:01"),
        (Speed::Real(0.5), "01:00:31"),
        (Speed::Real(7.3), "01:07:00"),
        (Speed::Max, "00:30:00"), // behind already: nothing to do
        (Speed::Real(1e6), "03:17:13"),
    ] {
        let files = open(dir.path(), Arc::new(PausedClock(began)));
        let one = SimSettings { speed, ..settings(until) };
        let finished = files.run(one).await.unwrap();
        let end = at(until).max(at("00:20:00"));
        assert!(finished.is_complete && finished.world_time >= end, "{finished:?}");
    }
    let files = open(dir.path(), still());
    assert!(files.sent().await == (calm, 0));
    // 2 s, 60 s at half speed and 53 s: it kept its pace.
    let passed_s = began.elapsed().as_secs_f64();
    assert!((115.0..125.0).contains(&passed_s), "{passed_s} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_pace_of_the_clock_what_was_missed_is_sent_late() {
    let calm = undisturbed(settings("04:00:00")).await;
    let dir = TempDir::new().unwrap();
    let clock = still();
    let one = SimSettings { speed: Speed::Real(1.0), ..settings("04:00:00") };
    let files = open(dir.path(), Arc::clone(&clock) as _);
    let stopped = fleet_sim::run(one.clone(), files.parts(Hook::default()), async {}).await;
    assert_eq!(stopped.unwrap().world_time, at("00:00:00"));
    clock.advance_ms(3 * 3_600_000);
    let told = Arc::new(Notify::new());
    let teller = Arc::clone(&told);
    // The third hour's end is reached at once; then it waits for the clock.
    let stop = Hook::new(move |_| teller.notify_one());
    let shutdown = async move {
        loop {
            told.notified().await;
            let saved = files.state.load().await.unwrap().unwrap();
            if saved.world_time >= at("02:00:00") {
                return;
            }
        }
    };
    let files = open(dir.path(), Arc::clone(&clock) as _);
    let finished = fleet_sim::run(one.clone(), files.parts(stop), shutdown).await.unwrap();
    assert!(!finished.is_complete && finished.world_time <= at("03:00:00"), "{finished:?}");
    clock.advance_ms(86_400_000);
    assert!(files.run(one).await.unwrap().is_complete);
    assert!(files.sent().await == (calm, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn trucks_that_are_added_later_have_lived_from_the_start() {
    let five = SimSettings { trucks: Some(5), ..settings("04:00:00") };
    let calm = undisturbed(five.clone()).await;
    let dir = TempDir::new().unwrap();
    let files = open(dir.path(), still());
    files.run(settings("02:00:10")).await.unwrap();
    files.run(SimSettings { trucks: Some(4), ..settings("02:00:20") }).await.unwrap();
    files.run(SimSettings { trucks: None, ..settings("03:00:00") }).await.unwrap();
    files.run(five).await.unwrap();
    assert!(files.sent().await == (calm, 0));
    let counters = files.state.counters().await.unwrap().unwrap();
    assert_eq!(counters.trucks.len(), 5);
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "the runtime's time, which is the test's own")]
async fn trucks_that_are_added_catch_up_at_once_at_any_speed() {
    let dir = TempDir::new().unwrap();
    open(dir.path(), still()).run(settings("02:00:00")).await.unwrap();
    let began = tokio::time::Instant::now();
    let files = open(dir.path(), Arc::new(PausedClock(began)));
    let grown = SimSettings { trucks: Some(4), speed: Speed::Real(60.0), ..settings("02:10:00") };
    assert!(files.run(grown).await.unwrap().is_complete);
    let passed_s = began.elapsed().as_secs_f64();
    assert!((9.0..12.0).contains(&passed_s), "ten minutes at 60: {passed_s} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_the_fleet_is_refused_by_name_and_changes_nothing() {
    let dir = TempDir::new().unwrap();
    let clock = still();
    let files = open(dir.path(), Arc::clone(&clock) as _);
    let base = settings("01:00:00");
    let off_grid = at("00:30:00").plus_ms(500);
    for (name, bad) in [
        ("--trucks", SimSettings { trucks: Some(0), ..base.clone() }),
        ("--start", SimSettings { start: Some(off_grid), ..base.clone() }),
        ("--until", SimSettings { until: Some(off_grid), ..base.clone() }),
        ("--until", SimSettings { start: Some(at("02:00:00")), ..base.clone() }),
        ("--speed", SimSettings { speed: Speed::Real(0.0), ..base.clone() }),
        ("--speed", SimSettings { speed: Speed::Real(f64::NAN), ..base.clone() }),
    ] {
        let error = files.run(bad).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(files.state.get("genesis").await.unwrap().is_none(), "a bad start began a fleet");
    }
    files.run(base.clone()).await.unwrap();
    let halted = SimSettings { speed: Speed::Real(0.0), ..base.clone() };
    let error = files.run(halted).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "a fleet that is known stands still: {error}");
    let before = (files.sent().await, files.state.load().await.unwrap());
    for (name, other) in [
        ("--seed 8", SimSettings { seed: Some(8), ..base.clone() }),
        ("--start", SimSettings { start: Some(at("00:00:01")), ..base.clone() }),
        ("--trucks 2", SimSettings { trucks: Some(2), ..base.clone() }),
    ] {
        let error = files.run(SimSettings { until: None, ..other }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    // A process that died still has the lease; another one waits until it has run out.
    let (lease, ttl) = ("simulator", std::time::Duration::from_secs(60));
    files.state.acquire(lease, "a", ttl).await.unwrap();
    let other = SimSettings { holder: "b".to_owned(), ..base };
    let error = files.run(other.clone()).await.unwrap_err();
    assert!(error.to_string().contains("held by a"), "{error}");
    clock.advance_ms(60_000);
    files.run(other).await.unwrap();
    let (sent, saved) = (files.sent().await, files.state.load().await.unwrap());
    assert!(sent == before.0, "it sent something");
    let worlds = [before.1, saved].map(|saved| saved.unwrap().world);
    assert_eq!(worlds[0], worlds[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_old_the_checkpoint_is_can_be_told_before_the_next_one() {
    let dir = TempDir::new().unwrap();
    let clock = still();
    let files = open(dir.path(), Arc::clone(&clock) as _);
    for until in ["00:10:00", "00:20:00"] {
        let before = clock.now().as_secs();
        let registry = prometheus::Registry::new();
        let (seen, looking) = (Arc::new(AtomicI64::new(0)), registry.clone());
        let told = Arc::clone(&seen);
        let (late, usual) = (Arc::clone(&clock), files.parts(Hook::default()));
        let look = hook("before_checkpoint", 1, move || {
            let families = looking.gather();
            let name = "fleet_sim_checkpoint_timestamp_seconds";
            let family = families.iter().find(|family| family.name() == name).unwrap();
            told.store(family.get_metric()[0].get_gauge().get_value() as i64, Ordering::SeqCst);
            late.advance_ms(3_600_000);
        });
        let metrics = SimMetrics::register(&registry).unwrap();
        let parts = Components { metrics, hook: look, ..usual };
        fleet_sim::run(settings(until), parts, std::future::pending()).await.unwrap();
        assert_eq!(seen.load(Ordering::SeqCst), before, "{until}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_another_has_replaced_saves_nothing_more() {
    let calm = undisturbed(settings("02:00:00")).await;
    let dir = TempDir::new().unwrap();
    let clock = still();
    let files = Arc::new(open(dir.path(), Arc::clone(&clock) as _));
    // It hangs for more than a minute before its first checkpoint; the other one runs meanwhile.
    let (usurped, ttl) = (Arc::clone(&files), std::time::Duration::from_secs(60));
    let usurp = hook("before_checkpoint", 1, move || {
        clock.advance_ms(61_000);
        tokio::task::block_in_place(|| {
            let runtime = tokio::runtime::Handle::current();
            runtime.block_on(usurped.state.acquire("simulator", "b", ttl)).unwrap();
        });
    });
    let parts = files.parts(usurp);
    let error = fleet_sim::run(settings("02:00:00"), parts, std::future::pending()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(files.state.load().await.unwrap().unwrap().version, 1);
    files.run(SimSettings { holder: "b".to_owned(), ..settings("02:00:00") }).await.unwrap();
    let (sent, repeated) = files.sent().await;
    assert!(sent == calm && repeated > 0);
}

#[tokio::test(start_paused = true)]
async fn who_stands_by_goes_on_exactly_when_the_other_one_is_gone() {
    let calm = undisturbed(settings("02:00:00")).await;
    let dir = TempDir::new().unwrap();
    let clock = still();
    let files = open(dir.path(), Arc::clone(&clock) as _);
    files.run(settings("01:00:00")).await.unwrap();
    // One that died has the lease still.
    let ttl = std::time::Duration::from_secs(8);
    files.state.acquire("simulator", "a", ttl).await.unwrap();
    let next = SimSettings {
        holder: "b".to_owned(),
        lease_ttl: ttl,
        stand_by: true,
        ..settings("02:00:00")
    };
    let parts = files.parts(Hook::default());
    let (progress, told) = (Arc::clone(&parts.progress), Arc::new(Notify::new()));
    let stop = Arc::clone(&told);
    let mut waiting = tokio::spawn(fleet_sim::run(next.clone(), parts, async move {
        stop.notified().await;
    }));
    let second = std::time::Duration::from_secs(60);
    assert!(tokio::time::timeout(second, &mut waiting).await.is_err(), "it did not wait");
    assert!(tokio::time::timeout(second, progress.begun()).await.is_err());
    told.notify_one();
    let finished = waiting.await.unwrap().unwrap();
    assert!(!finished.is_complete, "told to stop, it never began");
    let waiting = files.run(next);
    let ends = async {
        tokio::task::yield_now().await;
        clock.advance_ms(8_000);
    };
    let (finished, ()) = tokio::join!(waiting, ends);
    assert!(finished.unwrap().is_complete);
    assert!(files.sent().await.0 == calm);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_whose_state_was_lost_is_made_again_only_when_asked_for() {
    let dir = TempDir::new().unwrap();
    let mut files = open(dir.path(), still());
    files.run(settings("02:00:00")).await.unwrap();
    let (sent, _) = files.sent().await;
    let lost = SqliteState::open(&dir.path().join("new.db"), Arc::clone(&files.clock)).unwrap();
    let known = std::mem::replace(&mut files.state, Arc::new(lost));
    let error = files.run(settings("02:00:00")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("the log knows a fleet"), "{error}");
    let again = SimSettings { rebuild: true, ..settings("02:00:00") };
    let unnamed = SimSettings { start: None, ..again.clone() };
    assert_eq!(files.run(unnamed).await.unwrap_err().kind(), ErrorKind::Invalid);
    files.run(again).await.unwrap();
    let (both, repeated) = files.sent().await;
    assert!(both == sent && repeated > 500, "another fleet was made");
    let of = |state: &Arc<dyn StateStore>| {
        let state = Arc::clone(state);
        async move { state.load().await.unwrap().unwrap().world }
    };
    assert_eq!(of(&known).await, of(&files.state).await);
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_while_the_log_is_away_it_ends_and_loses_nothing() {
    let calm = undisturbed(settings("03:00:00")).await;
    let dir = TempDir::new().unwrap();
    let mut files = open(dir.path(), still());
    files.run(settings("01:00:00")).await.unwrap();
    let (failing, faults) = FailingLog::new(Arc::clone(&files.log));
    let real = std::mem::replace(&mut files.log, Arc::new(failing));
    faults.fail_publishing_to(Topic::TELEMETRY);
    let parts = files.parts(Hook::default());
    let shutdown = faults.failed(3);
    let error = fleet_sim::run(settings("03:00:00"), parts, shutdown).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    files.log = real;
    assert!(files.run(settings("03:00:00")).await.unwrap().is_complete);
    assert!(files.sent().await == (calm, 0));
}
