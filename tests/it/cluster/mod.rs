//! The cluster as it is deployed: each service a process, on a real broker, store and Redis.
//!
//! A supervisor restarts what ends with a failure, as Kubernetes and systemd do; nothing else is
//! helped.

mod cut;
mod kills;
mod lost;
mod proxy;
mod script;
mod words;

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, Instant},
};

use fleet_core::{
    domain::TruckId,
    state::{StateStore, redis::RedisState},
    store::{
        FleetStore, TelemetryQuery, TripQuery,
        mongodb::{MongoStore, Sweep},
    },
    stream::{EventLog, dead_letter, kafka::KafkaLog},
    testkit::{self, OwnServer},
    time::{Clock, SystemClock, Time},
};
use tokio::runtime::Runtime;

pub(super) const GROUPS: [&str; 2] = ["fleet-telemetry-archiver", "fleet-trip-recorder"];

/// The program of a service, which stands beside the one under test.
#[track_caller]
pub(super) fn program(name: &str) -> Command {
    let path = Path::new(env!("CARGO_BIN_EXE_data-fleet")).with_file_name(name);
    assert!(path.exists(), "{path:?} is missing: cargo test --workspace --all-features builds it");
    let mut command = Command::new(path);
    command.stdin(Stdio::null());
    command
}

/// A broker, a store and a Redis of the test's own; `None` if they are absent here.
pub(super) struct Servers {
    pub(super) kafka: OwnServer,
    pub(super) mongo: OwnServer,
    pub(super) redis: OwnServer,
    /// Where services look for them.
    pub(super) urls: [String; 3],
}

impl Servers {
    pub(super) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same, with settings of the broker's script.
    pub(super) fn start_with(kafka: &[(&str, &str)]) -> Option<Self> {
        for name in ["kafka", "mongo", "redis"] {
            testkit::server(name)?; // where these run, others can be started
        }
        let own = |name: &str, settings: &[(&str, &str)]| {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/servers").join(name);
            OwnServer::start(script, settings)
        };
        let [kafka, mongo, redis] = std::thread::scope(|scope| {
            [("kafka", kafka), ("mongo", &[]), ("redis", &[])]
                .map(|(name, settings)| scope.spawn(move || own(name, settings)))
                .map(|server| server.join().unwrap())
        });
        let urls = [&kafka, &mongo, &redis].map(|server| server.url().to_owned());
        Some(Self { kafka, mongo, redis, urls })
    }

    /// The log's URL for one process: one broker, so one copy of each record.
    pub(super) fn log_url(&self, more: &str) -> String {
        format!("{}?partitions=4&replication=1&min_insync=1{more}", self.urls[0])
    }

    /// `arguments` and the addresses of what `service` works with.
    pub(super) fn arguments(&self, service: &str, arguments: &[&str]) -> Vec<String> {
        // The archiver comes back under its name, the recorder as another member.
        let more = match service {
            "fleet-telemetry-consumer" => "&session_timeout_ms=6000&instance=archiver-0",
            "fleet-trip-consumer" => "&session_timeout_ms=3000",
            _ => "",
        };
        let mut all = vec!["--log-url".to_owned(), self.log_url(more)];
        all.extend(["--listen", "127.0.0.1:0"].map(str::to_owned));
        if matches!(service, "fleet-sim" | "fleet-api") {
            all.extend(["--state-url".to_owned(), self.urls[2].clone()]);
        }
        if service != "fleet-sim" {
            all.extend(["--store-url".to_owned(), self.urls[1].clone()]);
        }
        if service == "fleet-api" {
            all.extend(["--grpc-listen", "127.0.0.1:0"].map(str::to_owned));
        }
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        all
    }

    /// Telemetry, trips and counters as `data-fleet dump` prints them, but in any order, and how
    /// many dead letters there are; once both groups have caught up.
    pub(super) fn dump(&self) -> ([String; 3], usize) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        runtime().block_on(async {
            let settings = self.log_url("").parse().unwrap();
            let log = KafkaLog::open(settings, &[], Arc::clone(&clock)).await.unwrap();
            tokio::time::timeout(Duration::from_secs(120), caught_up(&log)).await.unwrap();
            let all = dead_letter::Filter::all();
            let letters = dead_letter::list(&log, &all, None, 16, 1 << 20);
            let letters = letters.await.unwrap().letters;
            let store =
                MongoStore::open(self.mongo.url(), "fleet", Sweep::Server, Arc::clone(&clock));
            let store = store.await.unwrap();
            let state = RedisState::new(self.redis.url(), "fleet", clock).unwrap();
            let counted = state.counters().await.unwrap().unwrap().trucks;
            let counters = counted.iter().map(|(truck, counted)| counter_line(truck, counted));
            let telemetry = telemetry(&store, counted.keys()).await;
            ([telemetry, trips(&store).await, counters.collect()], letters.len())
        })
    }
}

pub(super) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn caught_up(log: &KafkaLog) {
    for group in GROUPS {
        loop {
            let lag = log.lag(group).await.unwrap();
            if lag.records() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await; // nobody tells another process
        }
    }
}

/// A line for each event of these trucks.
async fn telemetry(store: &MongoStore, trucks: impl Iterator<Item = &TruckId>) -> String {
    let mut lines = String::new();
    for truck_id in trucks {
        let (from, to) = (Time::MIN, Time::MAX);
        let (truck_id, limit) = (truck_id.clone(), 5_000);
        let mut query =
            TelemetryQuery { truck_id, from, to, after: None, newest_first: false, limit };
        loop {
            let page = store.telemetry(&query).await.unwrap();
            for stored in &page {
                writeln!(lines, "{}", serde_json::to_string(&stored.event).unwrap()).unwrap();
            }
            let Some(last) = page.last().filter(|_| page.len() == limit) else { break };
            query.after = Some((last.event.event_time, last.event.id()));
        }
    }
    lines
}

/// A line for each trip.
async fn trips(store: &MongoStore) -> String {
    let query = TripQuery { limit: 5_000, ..TripQuery::default() };
    let page = store.trips(&query).await.unwrap();
    assert!(page.len() < query.limit, "more trips than a page holds");
    page.iter().fold(String::new(), |mut lines, stored| {
        writeln!(lines, "{}", serde_json::to_string(&stored.trip).unwrap()).unwrap();
        lines
    })
}

/// As `data-fleet dump counters` has it.
fn counter_line(truck: &TruckId, counted: &fleet_core::domain::Counters) -> String {
    let counted = serde_json::to_string(counted).unwrap();
    format!("{{\"truck_id\":\"{truck}\",{}\n", &counted[1..])
}

/// What a service has told: a line, or its end.
#[derive(Debug)]
pub(super) enum Told {
    Line(usize, String),
    End(usize),
}

/// A service under supervision.
struct Service {
    name: String,
    arguments: Vec<String>,
    child: Child,
    /// Still running, as far as was told.
    is_up: bool,
    /// It ended by itself, with exit code 0.
    is_done: bool,
    /// Restarts after failures that were not ours.
    failures: u32,
    log: Arc<Mutex<String>>,
}

/// Services, and who restarts them.
pub(super) struct Supervisor {
    services: Vec<Service>,
    told: (Sender<Told>, Receiver<Told>),
}

impl Supervisor {
    pub(super) fn new() -> Self {
        Self { services: Vec::new(), told: channel() }
    }

    /// Starts a service; its number.
    pub(super) fn start(&mut self, name: &str, arguments: Vec<String>) -> usize {
        let log = Arc::new(Mutex::new(String::new()));
        let number = self.services.len();
        let child = self.spawn(number, name, &arguments, &log);
        let name = name.to_owned();
        let (is_up, is_done, failures) = (true, false, 0);
        self.services.push(Service { name, arguments, child, is_up, is_done, failures, log });
        number
    }

    fn spawn(
        &self,
        number: usize,
        name: &str,
        arguments: &[String],
        log: &Arc<Mutex<String>>,
    ) -> Child {
        let mut command = program(name);
        let mut child = command.args(arguments).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (told, log) = (self.told.0.clone(), Arc::clone(log));
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut log = log.lock().unwrap();
                writeln!(log, "{line}").unwrap();
                drop(log);
                if told.send(Told::Line(number, line)).is_err() {
                    return;
                }
            }
            drop(told.send(Told::End(number)));
        });
        child
    }

    /// Starts it again, as it was.
    pub(super) fn start_again(&mut self, number: usize) {
        let service = &self.services[number];
        let child = self.spawn(number, &service.name, &service.arguments, &service.log);
        let service = &mut self.services[number];
        (service.child, service.is_up, service.is_done) = (child, true, false);
    }

    /// Kills it (SIGKILL), if it runs.
    pub(super) fn kill(&mut self, number: usize) -> bool {
        let service = &mut self.services[number];
        let was_up = service.is_up && service.child.try_wait().unwrap().is_none();
        if was_up {
            service.child.kill().unwrap();
            service.child.wait().unwrap();
            service.is_up = false; // its end is told later, and is of no interest then
            self.wait_for_end(number);
        }
        was_up
    }

    /// Takes what is told until that service's output has ended.
    fn wait_for_end(&mut self, number: usize) {
        loop {
            match self.told.1.recv().unwrap() {
                Told::End(ended) if ended == number => return,
                Told::End(ended) => self.ended(ended),
                Told::Line(..) => {}
            }
        }
    }

    /// Restarts what has failed, for `time`; the line that `is_wanted` wants ends it sooner.
    pub(super) fn watch(
        &mut self,
        time: Duration,
        mut is_wanted: impl FnMut(usize, &str) -> bool,
    ) -> Option<Told> {
        let deadline = now() + time;
        loop {
            match self.told.1.recv_timeout(deadline.saturating_duration_since(now())) {
                Ok(Told::Line(number, line)) if is_wanted(number, &line) => {
                    return Some(Told::Line(number, line));
                }
                Ok(Told::Line(..)) => {}
                Ok(Told::End(number)) => {
                    self.ended(number);
                    if self.services[number].is_done {
                        return Some(Told::End(number));
                    }
                }
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => unreachable!("a sender is kept"),
            }
        }
    }

    fn ended(&mut self, number: usize) {
        let service = &mut self.services[number];
        let status = service.child.wait().unwrap();
        service.is_up = false;
        if status.success() {
            service.is_done = true;
            return;
        }
        service.failures += 1;
        let last = service.log.lock().unwrap().lines().last().unwrap_or_default().to_owned();
        #[expect(clippy::print_stdout, reason = "scripts/torture shows it")]
        {
            println!("  ended by itself: {last}");
        }
        assert!(service.failures < 50, "it fails again and again: {}", self.log(number));
        self.start_again(number);
    }

    pub(super) fn is_done(&self, number: usize) -> bool {
        self.services[number].is_done
    }

    /// Ends it gracefully; its exit status.
    pub(super) fn stop(&mut self, number: usize) -> ExitStatus {
        let service = &mut self.services[number];
        let pid = service.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        service.child.wait().unwrap()
    }

    /// All that it said, in all its lives.
    pub(super) fn log(&self, number: usize) -> String {
        self.services[number].log.lock().unwrap().clone()
    }

    /// How often each was restarted because it had ended by itself.
    pub(super) fn failures(&self) -> String {
        let one = |service: &Service| format!("{} {}", service.name, service.failures);
        self.services.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Where a service listens, by what it said last.
    #[track_caller]
    pub(super) fn address(&self, number: usize) -> String {
        let log = self.log(number);
        let (_, rest) = log.rsplit_once("\"address\":\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        for service in &mut self.services {
            drop(service.child.kill());
            drop(service.child.wait());
            if std::thread::panicking() {
                let log = service.log.lock().map(|log| log.clone()).unwrap_or_default();
                let from = log.char_indices().rev().nth(6_000).map_or(0, |(at, _)| at);
                let said = &log[from..];
                #[expect(clippy::print_stderr, reason = "why it failed")]
                {
                    eprintln!("== {}: {said}", service.name);
                }
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "deadlines of this test")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// The lines of a dump, in one order.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// Holds what the cluster has against what an undisturbed run in one process left.
#[track_caller]
#[expect(clippy::print_stdout, reason = "what was compared")]
pub(super) fn assert_equal(calm: &[String; 3], cluster: &[String; 3]) {
    for ((what, calm), other) in ["telemetry", "trips", "counters"].iter().zip(calm).zip(cluster) {
        let (calm, other) = (sorted(calm), sorted(other));
        let differs = calm.iter().zip(&other).find(|(a, b)| a != b);
        let (lines, others) = (calm.len(), other.len());
        assert!(calm == other, "{what}: {lines} lines against {others}, first: {differs:?}");
        println!("  {what}: {lines} lines, equal");
    }
}
