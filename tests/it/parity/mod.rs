//! REST and gRPC are two faces of the same use cases: asked the same, they say the same.

mod fleet;
mod formats;
mod histories;
mod ingest;
mod keys;
mod pages;
mod pipeline;
mod places;
mod shown;
mod streams;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use bytes::Bytes;
use fleet_api::keys::KeyText;
use fleet_core::{
    ratelimit::MemoryLimiter,
    state::sqlite::SqliteState,
    store::{FleetStore, sqlite::SqliteStore},
    stream::{
        EventLog, NewRecord, Partition, Place, Record, Topic,
        dead_letter::{self, Reason, Refusal},
        lag::{Board, LagSettings},
        sqlite::{SqliteLog, SqliteLogSettings},
    },
    testkit::{FailingStore, ManualClock, failing::StoreFaults},
    time::{Clock, SystemClock},
};
use fleet_pipeline::{ARCHIVER, RECORDER};
use fleet_proto::v1::{
    self, fleet_service_client::FleetServiceClient, key_service_client::KeyServiceClient,
    pipeline_service_client::PipelineServiceClient,
    reliability_service_client::ReliabilityServiceClient,
    telemetry_service_client::TelemetryServiceClient, trip_service_client::TripServiceClient,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt;

use crate::program::{Rest, Scratch, run_flags, succeed};

/// The API alone, over what a fleet left behind in two days and a half and some dead letters:
/// nothing moves between one question and the next, and a trip was late.
struct Still {
    rest: Rest,
    grpc_address: String,
    channel: Channel,
    fleet: FleetServiceClient<Channel>,
    telemetry: TelemetryServiceClient<Channel>,
    trips: TripServiceClient<Channel>,
    pipeline: PipelineServiceClient<Channel>,
    keys: KeyServiceClient<Channel>,
    /// The key of commands on the machine.
    key: String,
    log: Arc<dyn EventLog>,
    store: Arc<dyn FleetStore>,
    clock: Arc<dyn Clock>,
    faults: StoreFaults,
    stop: oneshot::Sender<()>,
    served: JoinHandle<fleet_core::Result<()>>,
    _scratch: Scratch,
}

impl Still {
    async fn start() -> Self {
        let scratch = Scratch::new();
        let dir = scratch.path("data");
        succeed(&run_flags(&dir, "2026-01-07T12:00:00Z", &[]));
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(SystemClock::new().now()));
        let (components, faults) = open(&dir, &clock);
        let (log, store) = (Arc::clone(&components.log), Arc::clone(&components.store));
        let key = components.local_key.as_ref().unwrap().reveal().to_owned();
        set_aside(&*log, &*clock).await;
        components.lag.sample(&*log, clock.now()).await;
        let rest = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let grpc = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = rest.local_addr().unwrap().to_string();
        let grpc_address = grpc.local_addr().unwrap().to_string();
        let channel = connect(&grpc_address);
        let (stop, stopped) = oneshot::channel();
        let until = async { drop(stopped.await) };
        let served = tokio::spawn(fleet_api::run(
            fleet_api::Settings::open(),
            components,
            rest,
            Some(grpc),
            until,
        ));
        Self {
            rest: Rest { address },
            grpc_address,
            fleet: FleetServiceClient::new(channel.clone()),
            telemetry: TelemetryServiceClient::new(channel.clone()),
            trips: TripServiceClient::new(channel.clone()),
            pipeline: PipelineServiceClient::new(channel.clone()),
            keys: KeyServiceClient::new(channel.clone()),
            key,
            channel,
            log,
            store,
            clock,
            faults,
            stop,
            served,
            _scratch: scratch,
        }
    }
}

/// A channel that connects when it is first used.
fn connect(address: &str) -> Channel {
    Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

fn open(dir: &Path, clock: &Arc<dyn Clock>) -> (fleet_api::Components, StoreFaults) {
    let settings = SqliteLogSettings::default();
    let log = SqliteLog::open(&dir.join("log.db"), settings, Arc::clone(clock)).unwrap();
    let store = SqliteStore::open(&dir.join("store.db"), Arc::clone(clock)).unwrap();
    let state = SqliteState::open(&dir.join("state.db"), Arc::clone(clock)).unwrap();
    let (store, faults) = FailingStore::new(Arc::new(store) as Arc<dyn FleetStore>);
    let groups = [ARCHIVER, RECORDER].map(str::to_owned).to_vec();
    let components = fleet_api::Components {
        log: Arc::new(log),
        store: Arc::new(store),
        state: Arc::new(state),
        clock: Arc::clone(clock),
        lag: Arc::new(Board::new(&groups, LagSettings::default())),
        groups,
        registry: prometheus::Registry::new(),
        limiter: Arc::new(MemoryLimiter::new(Arc::clone(clock))),
        entropy: counted,
        tallies: fleet_api::slo::Tallies::new(),
        slo_source: None,
        local_key: Some(KeyText::generate(counted).unwrap()),
    };
    (components, faults)
}

/// Bytes that are others in every call.
#[allow(clippy::unnecessary_wraps, reason = "it stands for a source that can fail")]
fn counted(bytes: &mut [u8]) -> fleet_core::Result<()> {
    static CALLS: AtomicU8 = AtomicU8::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = (at as u8).wrapping_mul(37).wrapping_add(call.wrapping_mul(11));
    }
    Ok(())
}

/// The record that sets `payload` aside.
fn letter(clock: &dyn Clock, topic: Topic, offset: u64, payload: impl Into<Bytes>) -> NewRecord {
    let record = Record {
        place: Place { partition: Partition { topic, number: 0 }, offset },
        key: Bytes::from_static(b"TRK-\xff"),
        headers: vec![("device".to_owned(), Bytes::from_static(b"\x00\xff"))],
        payload: payload.into(),
        appended_at: clock.now(),
    };
    let refusal = Refusal::new(Reason::OutOfRange, "not wanted");
    dead_letter::set_aside(&record, ARCHIVER, &refusal, clock.now())
}

/// Four dead letters: two that would fail again, one that would not, one that somebody else wrote.
async fn set_aside(log: &dyn EventLog, clock: &dyn Clock) {
    let letter = |topic, offset, payload: &'static [u8]| letter(clock, topic, offset, payload);
    let register_entry = fleet_proto::RegisterEntry::Truck(fleet_core::domain::RegisteredTruck {
        truck_id: "TRK-000001".parse().unwrap(),
        model: "rigid_6x2_31t".into(),
        model_name: "a truck".into(),
        depot: "guwahati".into(),
        kerb_kg: 9_000.0,
        payload_max_kg: 22_000.0,
        fuel_tank_l: 400.0,
    });
    let sound = NewRecord {
        payload: fleet_proto::encode_register_entry(&register_entry),
        ..letter(Topic::TRUCKS, 3, b"")
    };
    let foreign = NewRecord { headers: Vec::new(), ..letter(Topic::TRIPS, 9, b"who wrote this?") };
    let bad = [letter(Topic::TELEMETRY, 7, b"\xff\x00"), letter(Topic::TRIPS, 8, b"garbage")];
    for record in bad.into_iter().chain([sound, foreign]) {
        log.publish(vec![record]).await.unwrap();
    }
}

/// What REST and gRPC call one question: `GET /v1/trucks` and `FleetService/ListTrucks`, as the
/// contract has them.
fn twins() -> Vec<(String, String)> {
    let contract = concat!(env!("CARGO_MANIFEST_DIR"), "/proto/fleet/v1/services.proto");
    let contract = std::fs::read_to_string(contract).unwrap();
    let (mut twins, mut service, mut routes) = (Vec::new(), String::new(), Vec::new());
    for line in contract.lines() {
        if let Some(rest) = line.strip_prefix("service ") {
            service = rest.split(' ').next().unwrap().to_owned();
        } else if let Some((_, rest)) = line.split_once("REST: ") {
            routes.extend(rest.trim_end_matches(" (SSE)").split(", "));
        } else if let Some(rest) = line.trim().strip_prefix("rpc ") {
            let method = rest.split('(').next().unwrap();
            assert!(!routes.is_empty(), "{method} has no twin");
            let call = format!("{service}/{method}");
            twins.extend(routes.drain(..).map(|route| (route.to_owned(), call.clone())));
        }
    }
    twins
}

#[track_caller]
fn same(rest: &Rest, path: &str, grpc: &Value) {
    assert_eq!(rest.json(path), *grpc, "{path}");
}

async fn compare_fleet(still: &mut Still) {
    let Still { rest, fleet, .. } = still;
    let summary = fleet.get_fleet_summary(v1::GetFleetSummaryRequest {}).await.unwrap();
    let summary = summary.into_inner();
    assert!(summary.trips > summary.trips_on_time, "no two totals are the same: {summary:?}");
    same(rest, "/v1/fleet/summary", &shown::summary(&summary));
    let request = v1::ListTrucksRequest { page_size: 4, ..Default::default() };
    let trucks = fleet.list_trucks(request.clone()).await.unwrap().into_inner();
    assert_eq!(trucks.trucks.len(), 4);
    same(rest, "/v1/trucks?page_size=4", &shown::trucks(trucks));
    let request = v1::ListTrucksRequest { status: v1::Status::EnRoute.into(), ..request };
    let moving = fleet.list_trucks(request).await.unwrap().into_inner();
    same(rest, "/v1/trucks?page_size=4&status=en_route", &shown::trucks(moving));
    let truck = fleet.get_truck(v1::GetTruckRequest { truck_id: "TRK-000007".into() }).await;
    same(rest, "/v1/trucks/TRK-000007", &shown::truck(truck.unwrap().into_inner()));
    fleet::compare_choices(rest, fleet).await;
    fleet::compare_positions(rest, fleet).await;
}

async fn compare_telemetry_and_trips(still: &mut Still) {
    let Still { rest, telemetry, trips, .. } = still;
    let at = |text: &str| Some(text.parse::<fleet_core::time::Time>().unwrap().as_ms());
    let (from, to) = ("2026-01-05T01:00:00Z", "2026-01-05T02:00:00Z");
    for (order, newest_first) in [("oldest_first", false), ("newest_first", true)] {
        let request = v1::ListTelemetryRequest {
            truck_id: "TRK-000003".into(),
            from_ms: at(from),
            to_ms: at(to),
            page_size: 20,
            newest_first,
            ..Default::default()
        };
        let page = telemetry.list_telemetry(request).await.unwrap().into_inner();
        assert_eq!(page.events.len(), 20);
        let path = format!(
            "/v1/trucks/TRK-000003/telemetry?from={from}&to={to}&order={order}&page_size=20"
        );
        same(rest, &path, &shown::events(page));
    }
    for (path, request) in [
        ("", v1::ListTripsRequest::default()),
        ("&status=done", v1::ListTripsRequest { status: 2, ..Default::default() }),
        ("&on_time=true", v1::ListTripsRequest { on_time: Some(true), ..Default::default() }),
        (
            "&truck_id=TRK-000002&to=2026-01-05T02:00:00Z",
            v1::ListTripsRequest {
                truck_id: "TRK-000002".into(),
                to_ms: at(to),
                ..Default::default()
            },
        ),
    ] {
        let request = v1::ListTripsRequest { page_size: 5, ..request };
        let page = trips.list_trips(request).await.unwrap().into_inner();
        same(rest, &format!("/v1/trips?page_size=5{path}"), &shown::trips(page));
    }
    let page = trips.list_trips(v1::ListTripsRequest::default()).await.unwrap().into_inner();
    let trip_id = page.trips[0].trip_id.clone();
    let request = v1::ListTelemetryRequest { truck_id: "NOBODY".into(), ..Default::default() };
    let page = telemetry.list_telemetry(request).await;
    refused(rest, "/v1/trucks/NOBODY/telemetry", page, Code::NotFound);
    let request = v1::ListTripsRequest { truck_id: "NOBODY".into(), ..Default::default() };
    refused(rest, "/v1/trips?truck_id=NOBODY", trips.list_trips(request).await, Code::NotFound);
    let (from_ms, to_ms) = (Some(1_767_571_201_000), Some(1_767_571_200_000));
    let window = "from=2026-01-05T00:00:01Z&to=2026-01-05T00:00:00Z";
    let request = v1::ListTripsRequest { from_ms, to_ms, ..Default::default() };
    let page = trips.list_trips(request).await;
    refused(rest, &format!("/v1/trips?{window}"), page, Code::InvalidArgument);
    let truck_id = "TRK-000001".to_owned();
    let request = v1::ListTelemetryRequest { truck_id, from_ms, to_ms, ..Default::default() };
    let page = telemetry.list_telemetry(request).await;
    let path = format!("/v1/trucks/TRK-000001/telemetry?{window}");
    refused(rest, &path, page, Code::InvalidArgument);
    let trip = trips.get_trip(v1::GetTripRequest { trip_id: trip_id.clone() }).await.unwrap();
    same(rest, &format!("/v1/trips/{trip_id}"), &shown::trip(trip.into_inner()));
}

/// Nothing is counted between the two questions but the questions themselves, so only what does not
/// count requests is compared number by number.
async fn compare_slos(still: &mut Still) {
    let Still { rest, channel, .. } = still;
    let mut reliability = ReliabilityServiceClient::new(channel.clone());
    let slos = reliability.list_slos(v1::ListSlosRequest {}).await.unwrap().into_inner().slos;
    let told = rest.json("/v1/slo");
    let told = told["items"].as_array().unwrap();
    assert_eq!((slos.len(), told.len()), (7, 7));
    for (slo, told) in slos.into_iter().zip(told) {
        let name = slo.name.clone();
        let counts_requests = matches!(name.as_str(), "availability" | "latency");
        if !counts_requests {
            assert_eq!(shown::slo(slo), *told, "{name}");
        }
        let one = reliability.get_slo(v1::GetSloRequest { name: name.clone() }).await.unwrap();
        let (mut one, mut told) =
            (shown::slo(one.into_inner()), rest.json(&format!("/v1/slo/{name}")));
        if counts_requests {
            let total = |slo: &Value| slo["window_30d"]["total"].as_u64().unwrap();
            assert_eq!((total(&told), &told["window_30d"]["bad"]), (total(&one) + 1, &json!(0)));
            for slo in [&mut one, &mut told] {
                for window in ["window_30d", "window_5m"] {
                    slo[window]["total"] = Value::Null;
                }
                for burn in slo["burn_rates"].as_array_mut().unwrap() {
                    burn["total"] = Value::Null;
                }
            }
        }
        assert_eq!(one, told, "{name}");
    }
    let unknown = reliability.get_slo(v1::GetSloRequest { name: "speed".into() }).await;
    refused(rest, "/v1/slo/speed", unknown, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_answers_like_its_twin() {
    let mut still = Still::start().await;
    compare_fleet(&mut still).await;
    compare_telemetry_and_trips(&mut still).await;
    histories::compare(&mut still).await;
    places::compare(&mut still).await;
    pipeline::compare(&mut still).await;
    compare_slos(&mut still).await;
    streams::compare_feeds(&mut still).await;
    streams::compare_live_positions(&mut still).await;
    keys::compare(&mut still).await;
    ingest::compare(&mut still).await;
    // Nothing was left out: what the contract calls twins has been counted on both sides.
    let metrics = still.rest.get("/metrics").1;
    let twins = twins();
    assert_eq!(twins.len(), 36);
    for (route, method) in twins {
        let (verb, path) = route.split_once(' ').unwrap();
        let rest = format!("code_class=\"2xx\",method=\"{verb}\",route=\"{path}\"");
        let grpc = format!("code=\"Ok\",method=\"{method}\"");
        for labels in [rest, grpc] {
            assert!(metrics.contains(&labels), "not asked: {labels}");
        }
    }
}

/// A refusal of both faces: the same case, the same sentence.
#[track_caller]
fn refused<T: std::fmt::Debug>(rest: &Rest, path: &str, grpc: Result<T, Status>, code: Code) {
    let (_, body) = rest.get(path);
    let problem: Value = serde_json::from_str(&body).unwrap();
    let status = grpc.unwrap_err();
    assert_eq!(status.code(), code, "{path}: {status}");
    assert_eq!(problem["detail"], status.message(), "{path}");
    let kind = problem["type"].as_str().unwrap().trim_start_matches("/problems/");
    let reason = status.get_details_error_info().unwrap().reason;
    assert_eq!(kind.replace('-', "_").to_ascii_uppercase(), reason, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_the_same_on_both_faces() {
    let (mut still, other) = (Still::start().await, Still::start().await);
    let token = still.rest.json("/v1/trips?page_size=1")["next_page_token"].clone();
    let token = token.as_str().unwrap();
    let foreign = other.rest.json("/v1/feed?page_size=1")["next_cursor"].clone();
    let foreign = foreign.as_str().unwrap();
    let Still { rest, fleet, telemetry, trips, pipeline, faults, .. } = &mut still;

    let truck_id = "TRK-999999".to_owned();
    let truck = fleet.get_truck(v1::GetTruckRequest { truck_id }).await;
    refused(rest, "/v1/trucks/TRK-999999", truck, Code::NotFound);
    let trip = trips.get_trip(v1::GetTripRequest { trip_id: "none".into() }).await;
    refused(rest, "/v1/trips/none", trip, Code::NotFound);
    for token in ["x", token] {
        let page_token = token.to_owned();
        let request = v1::ListTrucksRequest { page_token, ..Default::default() };
        let page = fleet.list_trucks(request).await;
        refused(rest, &format!("/v1/trucks?page_token={token}"), page, Code::InvalidArgument);
    }
    for (cursor, code) in [("x", Code::InvalidArgument), (foreign, Code::OutOfRange)] {
        let path = format!("/v1/feed?cursor={cursor}");
        let request = v1::GetFeedRequest { cursor: cursor.into(), page_size: 0 };
        refused(rest, &path, telemetry.get_feed(request).await, code);
        let request = v1::WatchFeedRequest { cursor: cursor.into(), ..Default::default() };
        refused(rest, &path, telemetry.watch_feed(request).await, code);
    }
    for (id, code) in [("x", Code::InvalidArgument), ("fleet.trips.v1.dlq:0:99", Code::NotFound)] {
        let letter = pipeline.get_dead_letter(v1::GetDeadLetterRequest { id: id.into() }).await;
        refused(rest, &format!("/v1/pipeline/dead-letters/{id}"), letter, code);
    }
    let request = v1::ListDeadLettersRequest { topic: "other".into(), ..Default::default() };
    let page = pipeline.list_dead_letters(request).await;
    refused(rest, "/v1/pipeline/dead-letters?topic=other", page, Code::InvalidArgument);
    let request = v1::ListDeadLettersRequest { reason: "bad".into(), ..Default::default() };
    let page = pipeline.list_dead_letters(request).await;
    refused(rest, "/v1/pipeline/dead-letters?reason=bad", page, Code::InvalidArgument);
    faults.fail_all();
    let truck = fleet.list_positions(v1::ListPositionsRequest::default()).await;
    refused(rest, "/v1/positions", truck, Code::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_messages_can_say_wrongly_is_refused_by_name() {
    let mut still = Still::start().await;
    let request = v1::ListTrucksRequest { status: 99, ..Default::default() };
    let status = still.fleet.list_trucks(request).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::InvalidArgument, "status: 99 is not a status")
    );
    let truck_id = "a b".to_owned();
    let status = still.fleet.get_truck(v1::GetTruckRequest { truck_id }).await.unwrap_err();
    assert!(status.code() == Code::InvalidArgument && status.message().contains("truck_id"));
    let request = v1::ListTripsRequest { from_ms: Some(-1), ..Default::default() };
    let status = still.trips.list_trips(request).await.unwrap_err();
    assert!(status.code() == Code::InvalidArgument && status.message().contains("from_ms"));
    let request = v1::RedriveDeadLettersRequest::default();
    let status = still.pipeline.redrive_dead_letters(request).await.unwrap_err();
    assert!(status.code() == Code::InvalidArgument && status.message().contains("ids"));
    let cursor = "A".repeat(2 << 20);
    let request = v1::GetFeedRequest { cursor, page_size: 0 };
    let status = still.telemetry.get_feed(request).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "a request has a largest size: {status}");
}
