//! The feed by pages and by streams of both faces, and what tells whether anybody is there.

use std::collections::BTreeSet;

use fleet_proto::v1::{self, telemetry_service_client::TelemetryServiceClient};
use serde_json::{Value, json};
use tonic::{Code, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{v1 as reflection, v1alpha as reflection_alpha};

use super::{Still, connect, refused, same, shown};
use crate::program::{Platform, START, Scratch, run_flags, run_on, succeed};

type Telemetry = TelemetryServiceClient<Channel>;

/// The first `count` entries of a stream from `cursor` on, of all trucks or of one.
async fn watch(
    telemetry: &mut Telemetry,
    cursor: &str,
    truck_id: &str,
    count: usize,
) -> Vec<v1::FeedEntry> {
    let (cursor, truck_id) = (cursor.into(), truck_id.into());
    let request = v1::WatchFeedRequest { cursor, truck_id, ..Default::default() };
    let mut stream = telemetry.watch_feed(request).await.unwrap().into_inner();
    let mut entries = Vec::new();
    while entries.len() < count {
        let entry = stream.message().await.unwrap().unwrap();
        entries.extend(Some(entry).filter(|entry| entry.item.is_some())); // else only a place
    }
    entries
}

async fn feed(telemetry: &mut Telemetry, cursor: &str, page_size: u32) -> v1::GetFeedResponse {
    let request = v1::GetFeedRequest { cursor: cursor.into(), page_size };
    telemetry.get_feed(request).await.unwrap().into_inner()
}

/// Pages and streams of both faces from the same place.
pub(super) async fn compare_feeds(still: &mut Still) {
    let Still { rest, telemetry, .. } = still;
    let mut cursor = String::new();
    for _ in 0..3 {
        let page = feed(telemetry, &cursor, 60).await;
        let path = format!("/v1/feed?page_size=60&cursor={cursor}");
        page.next_cursor.clone_into(&mut cursor);
        let entries: Vec<Value> = page.entries.into_iter().map(shown::entry).collect();
        assert_eq!(entries.len(), 60);
        let more = page.has_more;
        let answer = json!({ "entries": entries, "next_cursor": cursor, "has_more": more });
        same(rest, &path, &answer);
    }
    let events = rest.events("/v1/stream/events", &cursor, 30);
    let watched = watch(telemetry, &cursor, "", 30).await;
    let page = feed(telemetry, &cursor, 30).await;
    let (by_entry, by_page) = (&page.entries.last().unwrap().cursor, &page.next_cursor);
    let (by_entry, by_page) =
        (feed(telemetry, by_entry, 30).await, feed(telemetry, by_page, 30).await);
    assert!(by_entry == by_page, "a page goes on where its last entry says");
    for ((id, data), entry) in events.into_iter().zip(watched) {
        assert_eq!(id, entry.cursor);
        assert_eq!(serde_json::from_str::<Value>(&data).unwrap(), shown::entry(entry));
    }
}

/// The first thing that a stream of positions says, on either face.
pub(super) async fn compare_live_positions(still: &mut Still) {
    let truck = still.rest.json("/v1/trucks/TRK-000001");
    let depot = truck["registered"]["depot"].as_str().unwrap();
    for (depot, count) in [("", 30), (depot, 1)] {
        let request = v1::WatchPositionsRequest { depot: depot.into(), ..Default::default() };
        let mut stream = still.fleet.watch_positions(request).await.unwrap().into_inner();
        let first = stream.message().await.unwrap().unwrap();
        assert!(first.is_snapshot && first.positions.len() >= count, "{depot}");
        let path = match depot {
            "" => "/v1/stream/positions".to_owned(),
            depot => format!("/v1/stream/positions?depot={depot}"),
        };
        let (_, data) = still.rest.events(&path, "", 1).remove(0);
        let positions: Vec<_> = first.positions.iter().map(shown::position).collect();
        assert_eq!(serde_json::from_str::<Value>(&data).unwrap(), json!({ "items": positions }));
    }
}

/// A browser's call: gRPC-Web over HTTP/1.1, with the status as the last frame of the body.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_calls_by_grpc_web() {
    use std::io::{Read, Write};
    let still = Still::start().await;
    let mut stream = std::net::TcpStream::connect(&still.grpc_address).unwrap();
    let head = "POST /fleet.v1.FleetService/GetTruck HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\ncontent-length: 17\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(b"\0\0\0\0\x0c\x0a\x0aTRK-000002").unwrap(); // field 1, ten bytes
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    assert!(text.contains("application/grpc-web+proto"), "{text}");
    assert!(text.contains("TRK-000002") && text.contains("grpc-status:0"), "{text}");
}

/// What an entry of the feed is about, once in the world.
fn id(entry: &Value) -> String {
    match entry["kind"].as_str().unwrap() {
        "telemetry" => format!("{}:{}", entry["event"]["truck_id"], entry["event"]["seq"]),
        _ => format!("{}:{}", entry["trip"]["trip_id"], entry["trip"]["revision"]),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_cursor_goes_round_all_faces_without_loss_or_double() {
    let scratch = Scratch::new();
    let dir = scratch.path("data");
    succeed(&run_flags(&dir, "2026-01-05T04:00:00Z", &[]));
    let platform = Platform::start(&run_on(&dir, &["--speed", "60", "--start", START]));
    let mut telemetry = Telemetry::new(connect(&platform.grpc_address));
    let (mut ids, mut cursor, mut doubles) = (BTreeSet::new(), String::new(), 0);
    for turn in 0..60 {
        let entries: Vec<Value> = match turn % 4 {
            0 => {
                let page = platform.json(&format!("/v1/feed?page_size=400&cursor={cursor}"));
                page["next_cursor"].as_str().unwrap().clone_into(&mut cursor);
                page["entries"].as_array().unwrap().clone()
            }
            1 => {
                let page = feed(&mut telemetry, &cursor, 400).await;
                cursor = page.next_cursor;
                page.entries.into_iter().map(shown::entry).collect()
            }
            2 => {
                let events = platform.events("/v1/stream/events", &cursor, 100);
                events.last().unwrap().0.clone_into(&mut cursor);
                events.iter().map(|(_, data)| serde_json::from_str(data).unwrap()).collect()
            }
            _ => {
                let entries = watch(&mut telemetry, &cursor, "", 100).await;
                entries.last().unwrap().cursor.clone_into(&mut cursor);
                entries.into_iter().map(shown::entry).collect()
            }
        };
        doubles += entries.iter().filter(|entry| !ids.insert(id(entry))).count();
    }
    assert_eq!(doubles, 0);
    for truck in ["TRK-000001", "TRK-000030"] {
        let of_one = ids.iter().filter(|id| id.starts_with(&format!("\"{truck}\":"))).count();
        assert!(of_one > 300, "{truck}: {of_one}");
        for seq in 1..=of_one {
            assert!(ids.contains(&format!("\"{truck}\":{seq}")), "{truck}: {seq} is missing");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_one_truck_leaves_out_the_others_and_nothing_else() {
    let mut still = Still::start().await;
    let first = feed(&mut still.telemetry, "", 1).await.entries.remove(0);
    // From behind the first entry on: the truck that is asked for is another one than that.
    let truck_id = match first.item.unwrap() {
        v1::feed_entry::Item::Telemetry(event) => event.truck_id,
        v1::feed_entry::Item::Trip(trip) => trip.truck_id,
    };
    let truck = if truck_id == "TRK-000005" { "TRK-000006" } else { "TRK-000005" };
    let entries = watch(&mut still.telemetry, &first.cursor, truck, 200).await;
    let mut expected = 1;
    for entry in entries {
        match entry.item.unwrap() {
            v1::feed_entry::Item::Telemetry(event) => {
                assert_eq!((event.truck_id.as_str(), event.seq), (truck, expected));
                expected += 1;
            }
            v1::feed_entry::Item::Trip(trip) => assert_eq!(trip.truck_id, truck),
        }
    }
    assert!(expected > 150, "{expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_whose_telemetry_has_expired_is_gone_on_both_faces_and_streams() {
    let mut still = Still::start().await;
    let cursor = feed(&mut still.telemetry, "", 60).await.next_cursor;
    let in_a_year = still.clock.now().plus(std::time::Duration::from_secs(366 * 86_400));
    assert!(still.store.expire(in_a_year).await.unwrap() > 1_000);
    let path = format!("/v1/feed?cursor={cursor}");
    let request = v1::GetFeedRequest { cursor: cursor.clone(), page_size: 0 };
    let page = still.telemetry.get_feed(request).await;
    refused(&still.rest, &path, page, Code::OutOfRange);
    assert_eq!(still.rest.get(&path).0, 410);
    let request = v1::WatchFeedRequest { cursor: cursor.clone(), ..Default::default() };
    let stream = still.telemetry.watch_feed(request).await;
    refused(&still.rest, &path, stream, Code::OutOfRange);
    let (id, data) = still.rest.events("/v1/stream/events", &cursor, 1).remove(0);
    let snapshot: Value = serde_json::from_str(&data).unwrap();
    assert!(snapshot["items"].is_array(), "a resync with every position: {data}");
    assert_eq!(still.rest.get(&format!("/v1/feed?cursor={id}")).0, 200);
    let anew = feed(&mut still.telemetry, "", 500).await;
    assert!(!anew.entries.is_empty(), "trips do not expire");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_when_the_api_closes_and_closing_ends() {
    let mut still = Still::start().await;
    let request = v1::WatchFeedRequest::default();
    let mut stream = still.telemetry.watch_feed(request).await.unwrap().into_inner();
    still.stop.send(()).unwrap();
    let status = stream.message().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    still.served.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn health_follows_readiness() {
    let still = Still::start().await;
    let mut health = HealthClient::new(still.channel.clone());
    for service in ["", "fleet.v1.FleetService", "fleet.v1.PipelineService"] {
        let request = HealthCheckRequest { service: service.into() };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let request = HealthCheckRequest { service: "fleet.v1.Nobody".into() };
    assert_eq!(health.check(request).await.unwrap_err().code(), Code::NotFound);
    let mut changes = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    let mut next = async || changes.message().await.unwrap().unwrap().status();
    assert_eq!(next().await, ServingStatus::Serving);
    still.faults.fail_all();
    assert_eq!(next().await, ServingStatus::NotServing);
    still.faults.heal();
    assert_eq!(next().await, ServingStatus::Serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_describes_itself() {
    let still = Still::start().await;
    let expected = [
        "fleet.v1.FleetService",
        "fleet.v1.PipelineService",
        "fleet.v1.TelemetryService",
        "fleet.v1.TripService",
        "grpc.health.v1.Health",
    ];
    // The two versions have the same names and share no type.
    macro_rules! services {
        ($pb:ident) => {{
            use $pb::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
                server_reflection_request::MessageRequest,
                server_reflection_response::MessageResponse,
            };
            let list = Some(MessageRequest::ListServices(String::new()));
            let request = ServerReflectionRequest { host: String::new(), message_request: list };
            let mut client = ServerReflectionClient::new(still.channel.clone());
            let requests = futures::stream::iter([request]);
            let mut answers = client.server_reflection_info(requests).await.unwrap().into_inner();
            let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
            let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
            list.service.into_iter().map(|service| service.name).collect::<BTreeSet<_>>()
        }};
    }
    for names in [services!(reflection), services!(reflection_alpha)] {
        for name in expected {
            assert!(names.contains(name), "{name} is not among {names:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn live_streams_have_a_bound_for_both_faces_together() {
    let still = Still::start().await;
    let address = still.grpc_address.clone();
    let mut open = Vec::new();
    // A connection carries 128 calls: 256 streams need a second one, and more a third.
    for _ in 0..256_u32.div_ceil(100) {
        let mut telemetry = Telemetry::new(connect(&address));
        for _ in 0..100.min(256 - open.len()) {
            let stream = telemetry.watch_feed(v1::WatchFeedRequest::default()).await;
            open.push(stream.unwrap().into_inner());
        }
    }
    let mut telemetry = Telemetry::new(connect(&address));
    let refused = telemetry.watch_feed(v1::WatchFeedRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    assert_eq!(still.rest.get("/v1/stream/events").0, 503);
    open.truncate(255);
    // The server hears of it by and by; each refusal is a round trip, so this does not spin.
    let again =
        async { while telemetry.watch_feed(v1::WatchFeedRequest::default()).await.is_err() {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), again).await.unwrap();
}
