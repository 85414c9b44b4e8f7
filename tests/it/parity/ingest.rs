//! Telemetry that is sent in: both faces answer a report alike, and give it one identity.

use fleet_core::{
    stream::{Partition, Topic},
    time::Time,
};
use fleet_proto::v1;
use futures::stream;
use serde_json::{Value, json};
use tonic::{Code, Request};

use super::{Still, keys::as_key};

fn report(truck_id: &str, at: Time) -> v1::TelemetryEvent {
    v1::TelemetryEvent {
        truck_id: truck_id.into(),
        event_time_ms: at.as_ms(),
        position: Some(v1::Position { latitude_deg: 26.18, longitude_deg: 91.75 }),
        speed_kmh: Some(40.5),
        ..Default::default()
    }
}

/// The same report in the words of REST.
fn shown(report: &v1::TelemetryEvent) -> Value {
    let at = report.position.as_ref().unwrap();
    let mut shown = json!({
        "truck_id": report.truck_id,
        "event_time": Time::from_ms(report.event_time_ms),
        "position": {"lat": at.latitude_deg, "lon": at.longitude_deg},
        "signals": {"speed_kmh": report.speed_kmh},
    });
    if report.seq > 0 {
        shown["seq"] = json!(report.seq);
    }
    if !report.source_id.is_empty() {
        shown["source_id"] = json!(report.source_id);
    }
    shown
}

fn results(answer: &v1::IngestTelemetryResponse) -> Value {
    let shown = |result: &v1::IngestResult| {
        let event_id = (!result.event_id.is_empty()).then_some(&result.event_id);
        json!({"outcome": result.outcome, "event_id": event_id, "detail": result.detail})
    };
    answer.results.iter().map(shown).collect()
}

/// One report of each sort, and those that are refused.
fn batch(now: Time) -> Vec<v1::TelemetryEvent> {
    let good = report("DEV-1", now);
    let counted = v1::TelemetryEvent { seq: 3, ..report("DEV-2", now) };
    let named = v1::TelemetryEvent { source_id: "mine".into(), ..report("DEV-3", now) };
    let ahead = report("DEV-1", now.plus_ms(301_000));
    let fast = v1::TelemetryEvent { speed_kmh: Some(151.0), ..report("DEV-1", now) };
    let both = v1::TelemetryEvent { source_id: "x".into(), ..counted.clone() };
    vec![good, counted, named, ahead, fast, both]
}

pub(super) async fn compare(still: &mut Still) {
    let now = still.clock.now();
    let events = batch(now);
    let asked = json!({"events": events.iter().map(shown).collect::<Vec<_>>()}).to_string();
    let (status, by_rest) = still.rest.request("POST", "/v1/ingest/telemetry", &asked);
    assert_eq!(status, 200, "{by_rest}");
    let by_rest: Value = serde_json::from_str(&by_rest).unwrap();
    assert_eq!(by_rest["accepted"], 3);
    let request = v1::IngestTelemetryRequest { events: events.clone() };
    let telemetry = &mut still.telemetry;
    let by_call = telemetry.ingest_telemetry(request.clone()).await.unwrap().into_inner();
    assert_eq!(results(&by_call), by_rest["results"]);
    let one = v1::IngestTelemetryRequest { events: events[..1].to_vec() };
    let requests = stream::iter([request, one]);
    let mut answers = telemetry.stream_ingest(requests).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap();
    assert_eq!(results(&first), by_rest["results"]);
    assert_eq!(answers.message().await.unwrap().unwrap().results, first.results[..1]);
    assert!(answers.message().await.unwrap().is_none(), "the sender has ended");

    let query = format!("id=DEV-1&lat=26.18&lon=91.75&obdSpeed=40.5&timestamp={}", now.as_ms());
    for (method, path) in [("GET", format!("?{query}")), ("POST", format!("?{query}"))] {
        let (status, body) = still.rest.request(method, &format!("/v1/ingest/osmand{path}"), "");
        assert!(status == 200 && body.is_empty(), "{body}");
    }
    // Sent five times and more, the reports are three.
    let mut ids = std::collections::BTreeSet::new();
    let mut records = 0;
    for number in 0..4 {
        let partition = Partition { topic: Topic::TELEMETRY, number };
        let end = still.log.extents(&Topic::TELEMETRY).await.unwrap()[number as usize].end;
        let found = still.log.read(&partition, end.saturating_sub(20), 20).await.unwrap();
        for event in found.iter().map(|r| fleet_proto::decode_event(&r.payload).unwrap()) {
            if event.truck_id.as_str().starts_with("DEV-") {
                ids.insert(event.id().to_string());
                records += 1;
            }
        }
    }
    assert_eq!((ids.len(), records), (3, 12), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_none_is_refused_alike_and_ends_a_stream() {
    let mut still = Still::start().await;
    let (status, body) = still.rest.request("POST", "/v1/ingest/telemetry", r#"{"events":[]}"#);
    let problem: Value = serde_json::from_str(&body).unwrap();
    let empty = v1::IngestTelemetryRequest::default();
    let refused = still.telemetry.ingest_telemetry(empty.clone()).await.unwrap_err();
    assert_eq!((status, refused.code()), (400, Code::InvalidArgument));
    assert_eq!(problem["detail"], refused.message());
    let good = v1::IngestTelemetryRequest { events: vec![report("DEV-1", still.clock.now())] };
    let requests = stream::iter([good.clone(), empty, good]);
    let mut answers = still.telemetry.stream_ingest(requests).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().results[0].outcome, "accepted");
    assert_eq!(answers.message().await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_key_and_with_the_api() {
    let mut still = Still::start().await;
    let asked = r#"{"name": "a box", "scopes": ["device"], "trucks": ["DEV-1"]}"#;
    let (_, made) = still.rest.request_as(&still.key, "POST", "/v1/keys", asked);
    let made: Value = serde_json::from_str(&made).unwrap();
    let (id, key) = (made["key"]["key_id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let now = still.clock.now();
    let batch =
        || v1::IngestTelemetryRequest { events: vec![report("DEV-1", now), report("DEV-2", now)] };
    let (send, requests) = futures::channel::mpsc::unbounded();
    let stream = still.telemetry.stream_ingest(as_key(key, requests)).await;
    let mut answers = stream.unwrap().into_inner();
    send.unbounded_send(batch()).unwrap();
    let answer = answers.message().await.unwrap().unwrap();
    let outcomes: Vec<_> = answer.results.iter().map(|result| &*result.outcome).collect();
    assert_eq!(outcomes, ["accepted", "forbidden"]);
    let (status, _) = still.rest.request_as(&still.key, "DELETE", &format!("/v1/keys/{id}"), "");
    assert_eq!(status, 200);
    send.unbounded_send(batch()).unwrap();
    assert_eq!(answers.message().await.unwrap_err().code(), Code::Unauthenticated);

    let (_send, requests) = futures::channel::mpsc::unbounded();
    let stream = still.telemetry.stream_ingest(Request::new(requests)).await;
    let mut answers = stream.unwrap().into_inner();
    still.stop.send(()).unwrap();
    assert_eq!(answers.message().await.unwrap_err().code(), Code::Unavailable);
    still.served.await.unwrap().unwrap();
}
