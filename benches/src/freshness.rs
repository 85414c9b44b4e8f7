//! From a truck to a watching client: log, archiver, store and stream in one process.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use fleet_core::{
    domain::{Signals, Status, TelemetryEvent},
    geo::Position,
    hook::Hook,
    ratelimit::MemoryLimiter,
    state::sqlite::SqliteState,
    store::sqlite::SqliteStore,
    stream::{
        EventLog, NewRecord, Topic,
        lag::{Board, LagSettings},
        sqlite::{SqliteLog, SqliteLogSettings},
    },
    time::{Clock, SystemClock},
};
use fleet_pipeline::{ARCHIVER, ConsumerSettings, PipelineMetrics, Sink, consumer};
use prometheus::Registry;
use tokio::{net::TcpListener, runtime::Runtime};

use crate::{
    Options,
    pairs::{Bound, Pair, Row, median},
};

const EVENTS: u64 = 4_000;
const EVERY: Duration = Duration::from_millis(1);
const TRUCKS: u64 = 30;
const SYNCS: usize = 400;
/// The first tenth is not counted.
const WARM_UP: u64 = EVENTS / 10;

/// What a truck measured: every signal has a value.
fn event(number: u64, clock: &dyn Clock) -> Result<TelemetryEvent> {
    let signals = Signals {
        altitude_m: Some(55.5),
        heading_deg: Some(271.3),
        speed_kmh: Some(47.25),
        fuel_l: Some(211.4),
        fuel_pct: Some(52.85),
        coolant_c: Some(88.1),
        engine_rpm: Some(1_480.0),
        gear: Some(9),
        vibration_rms_mps2: Some(1.37),
        odometer_km: Some(184_220.75),
        payload_kg: Some(12_000.0),
        fuel_burned_ml: Some(1_234_567),
        diesel_cost_paise: Some(11_234_567),
    };
    Ok(TelemetryEvent {
        truck_id: format!("TRK-{:06}", number % TRUCKS + 1).parse()?,
        seq: number / TRUCKS + 1,
        source_id: None,
        event_time: clock.now(),
        position: Position { lat: 26.1445, lon: 91.7362 },
        status: Status::EnRoute,
        signals,
        trip_id: None,
        driver_id: None,
        road_class: None,
        zone: None,
        refuelling: None,
    })
}

/// Starts archiver and API on `runtime`; they end with it.
fn start(runtime: &Runtime, dir: &Path) -> Result<(Arc<SqliteLog>, Arc<dyn Clock>, String)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let settings = SqliteLogSettings::default();
    let log = Arc::new(SqliteLog::open(&dir.join("log.db"), settings, Arc::clone(&clock))?);
    let store = Arc::new(SqliteStore::open(&dir.join("store.db"), Arc::clone(&clock))?);
    let state = Arc::new(SqliteState::open(&dir.join("state.db"), Arc::clone(&clock))?);
    let registry = Registry::new();
    let parts = consumer::Components {
        log: Arc::clone(&log) as _,
        store: Arc::clone(&store) as _,
        clock: Arc::clone(&clock),
        metrics: PipelineMetrics::register(&registry)?,
        hook: Hook::default(),
    };
    let sink = Sink::Archiver { retention: Duration::from_secs(86_400) };
    runtime.spawn(consumer::run(ConsumerSettings::new(sink), parts, std::future::pending()));
    let groups = vec![ARCHIVER.to_owned()];
    let parts = fleet_api::Components {
        log: Arc::clone(&log) as _,
        store,
        state,
        clock: Arc::clone(&clock),
        lag: Arc::new(Board::new(&groups, LagSettings::default())),
        groups,
        registry,
        limiter: Arc::new(MemoryLimiter::new(Arc::clone(&clock))),
        entropy: |_| Ok(()), // no keys are made
        tallies: fleet_api::slo::Tallies::new(),
        slo_source: None,
        local_key: None,
    };
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?.to_string();
    runtime.spawn(fleet_api::run(
        fleet_api::Settings::open(),
        parts,
        listener,
        None,
        std::future::pending(),
    ));
    Ok((log, clock, address))
}

/// When each event arrived, by truck and number.
fn watch(stream: TcpStream, count: u64) -> Result<HashMap<(String, u64), Instant>> {
    let mut seen = HashMap::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let Some(data) = line.strip_prefix("data: ") else { continue };
        let at = Instant::now();
        let entry: serde_json::Value = serde_json::from_str(data)?;
        let event = &entry["event"];
        let truck = event["truck_id"].as_str().context("no truck")?.to_owned();
        seen.insert((truck, event["seq"].as_u64().context("no seq")?), at);
        if seen.len() as u64 == count {
            break;
        }
    }
    Ok(seen)
}

/// Open loop: each event at its time, whatever became of the ones before it. Latencies in ms, sorted.
fn latencies(options: &Options) -> Result<Vec<f64>> {
    let dir = tempfile::tempdir_in(&options.scratch)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (log, clock, address) = start(&runtime, dir.path())?;
    let mut stream = TcpStream::connect(&address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(stream, "GET /v1/stream/events HTTP/1.1\r\nhost: {address}\r\n\r\n")?;
    let mut answer = [0; 1];
    stream.peek(&mut answer)?; // the stream is open once it speaks
    let watcher = std::thread::spawn(move || watch(stream, EVENTS));
    let mut due = Instant::now() + EVERY;
    let mut measured = HashMap::new();
    for number in 0..EVENTS {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let event = event(number, &*clock)?;
        if number >= WARM_UP {
            measured.insert((event.truck_id.to_string(), event.seq), due);
        }
        let record = NewRecord {
            topic: Topic::TELEMETRY,
            key: Bytes::copy_from_slice(event.truck_id.as_str().as_bytes()),
            headers: Vec::new(),
            payload: fleet_proto::encode_event(&event),
        };
        let log = Arc::clone(&log);
        runtime.spawn(async move { log.publish(vec![record]).await.map(drop) });
        due += EVERY;
    }
    let seen = watcher.join().map_err(|_| anyhow::anyhow!("the watcher failed"))??;
    ensure!(seen.len() as u64 == EVENTS, "{} of {EVENTS} events were seen", seen.len());
    runtime.shutdown_background();
    let mut latencies = Vec::with_capacity(measured.len());
    for (id, due) in measured {
        let at = seen.get(&id).with_context(|| format!("{id:?} was not seen"))?;
        latencies.push(at.saturating_duration_since(due).as_secs_f64() * 1e3);
    }
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}

/// Median of appending 4 KiB and making it durable, ms.
fn sync_ms(options: &Options) -> Result<f64> {
    let dir = tempfile::tempdir_in(&options.scratch)?;
    let mut file = File::create(dir.path().join("probe"))?;
    let mut one = || -> Result<f64> {
        let began = Instant::now();
        file.write_all(&[0x5A; 4_096])?;
        file.sync_data()?;
        Ok(began.elapsed().as_secs_f64() * 1e3)
    };
    Ok(median((0..SYNCS).map(|_| one()).collect::<Result<Vec<_>>>()?))
}

/// Row 23, its median and its tail.
pub(crate) fn seen_by_a_client(options: &Options) -> Result<Vec<Row>> {
    let (mut medians, mut tails, mut most) = (Vec::new(), Vec::new(), 0.0_f64);
    for _ in 0..options.pairs {
        let sync_ms = sync_ms(options)?;
        let latencies = latencies(options)?;
        let at = |share: usize| latencies.get(latencies.len() * share / 1_000).copied();
        medians.push(Pair { ours: at(500).context("none")?, peer: sync_ms });
        tails.push(Pair { ours: at(990).context("none")?, peer: 1.0 });
        most = most.max(*latencies.last().context("none")?);
    }
    let samples = (EVENTS - WARM_UP) * medians.len() as u64;
    Ok(vec![
        Row {
            number: "23",
            title: "truck to SSE client at 1000/s, p50 / fdatasync p50",
            unit: "ms",
            must: Bound::AtMost(10.0),
            aim: Bound::AtMost(4.0),
            pairs: medians,
            note: format!("{samples} samples"),
        },
        Row {
            number: "23",
            title: "truck to SSE client at 1000/s, p99 / one millisecond",
            unit: "ms",
            must: Bound::AtMost(100.0),
            aim: Bound::AtMost(25.0),
            pairs: tails,
            note: format!("most {most:.1} ms"),
        },
    ])
}
