use axum::{
    body::Body,
    http::{HeaderMap, Request},
};
use fleet_core::{
    stream::{Partition, Record, dead_letter},
    testkit::ManualClock,
    time::Clock,
};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};

use super::*;
use crate::{
    Settings,
    guard::Auth,
    keys::{NewKey, Scope},
    testing::service_with,
};

struct Door {
    service: Arc<Service>,
    clock: Arc<ManualClock>,
    _dir: tempfile::TempDir,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn outcomes(&self) -> Vec<&str> {
        let results = self.body["results"].as_array().unwrap_or_else(|| panic!("{}", self.body));
        results.iter().map(|result| result["outcome"].as_str().expect("a word")).collect()
    }
}

const JSON: &str = "/v1/ingest/telemetry";
const OSMAND: &str = "/v1/ingest/osmand";

impl Door {
    fn new(auth: Auth) -> Self {
        let (service, clock, dir) = service_with(Settings { auth, ..Settings::open() });
        clock.advance_ms(86_400_000);
        Self { service, clock, _dir: dir }
    }

    async fn key(&self, trucks: &[&str], quotas: &str) -> (String, String) {
        let new = NewKey {
            name: "a device".into(),
            scopes: Scope::expand(["device"]).expect("a role"),
            trucks: trucks.iter().map(|id| id.parse().expect("an id")).collect(),
            quotas: quotas.parse().expect("quotas"),
            expires_at: None,
        };
        let (key, text) = self.service.keys.create(new, "local").await.expect("made");
        (key.key_id, text.reveal().to_owned())
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let router = TowerToHyperService::new(crate::rest::router(Arc::clone(&self.service)));
        let answer = router.call(request).await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = axum::body::to_bytes(answer.into_body(), 4 << 20).await.expect("body");
        Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    async fn send(&self, key: &str, events: Value) -> Answer {
        let mut request = Request::post(JSON).header("content-type", "application/json");
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let body = Body::from(json!({ "events": events }).to_string());
        self.ask(request.body(body).expect("a request")).await
    }

    async fn phone(&self, query: &str) -> Answer {
        let request = Request::get(format!("{OSMAND}?{query}")).body(Body::empty());
        self.ask(request.expect("a request")).await
    }

    /// What is in the log, of all partitions.
    async fn records(&self, topic: &Topic) -> Vec<Record> {
        let mut records = Vec::new();
        for number in 0..4 {
            let partition = Partition { topic: topic.clone(), number };
            records.extend(self.service.parts.log.read(&partition, 0, 10_000).await.expect("read"));
        }
        records
    }

    fn report(&self, truck: &str, seconds_ago: i64) -> Value {
        let at = self.clock.now().plus_ms(-seconds_ago * 1_000);
        json!({
            "truck_id": truck,
            "event_time": at,
            "position": {"lat": 26.18, "lon": 91.75},
            "signals": {"speed_kmh": 40.0},
        })
    }
}

#[tokio::test]
async fn a_batch_is_answered_report_by_report_and_what_is_accepted_is_in_the_log() {
    let door = Door::new(Auth::Open);
    let good = door.report("TRK-A", 1);
    let mut counted = door.report("TRK-B", 1);
    counted["seq"] = json!(7);
    let mut named = door.report("TRK-C", 1);
    named["source_id"] = json!("mine");
    named["status"] = json!("resting");
    let (mut far, mut both) = (door.report("TRK-A", 0), counted.clone());
    far["position"]["lat"] = json!(91.0);
    both["source_id"] = json!("x");
    let batch = json!([good, far, counted, 5, named, both, {"truck_id": "a b"}]);
    let answer = door.send("", batch).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (a, i) = ("accepted", "invalid");
    assert_eq!(answer.outcomes(), [a, i, a, i, a, i, i]);
    assert_eq!(answer.body["accepted"], 3);
    for (at, word) in [(1, "latitude"), (5, "seq"), (6, "truck_id")] {
        let detail = answer.body["results"][at]["detail"].as_str().expect("a reason");
        assert!(detail.contains(word), "{detail}");
    }
    assert_eq!(answer.body["results"][2]["event_id"], "TRK-B:7");
    let records = door.records(&Topic::TELEMETRY).await;
    let mut found: Vec<_> = records
        .iter()
        .map(|record| {
            let event = fleet_proto::decode_event(&record.payload).expect("valid");
            assert_eq!(record.key, event.truck_id.as_str().as_bytes());
            assert_eq!(
                (record.header(SENDER), record.header(FORM)),
                (Some("anonymous"), Some("json"))
            );
            (event.id().to_string(), event.status)
        })
        .collect();
    found.sort();
    let id = |at: usize| answer.body["results"][at]["event_id"].as_str().expect("an id").to_owned();
    assert_eq!(
        found,
        [(id(0), Status::EnRoute), (id(2), Status::EnRoute), (id(4), Status::Resting)]
    );
}

#[tokio::test]
async fn a_batch_that_is_none_is_refused_as_a_whole() {
    let door = Door::new(Auth::Open);
    for (events, status) in [(json!([]), 400), (json!(vec![0; 1_001]), 400), (json!(7), 422)] {
        let answer = door.send("", events).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body["type"].is_string());
    }
    let request = Request::post(JSON).body(Body::from("{}")).expect("a request");
    assert_eq!(door.ask(request).await.status, 415);
    let request = Request::post(JSON)
        .header("content-type", "application/json")
        .body(Body::from(vec![b' '; (1 << 20) + 1]));
    assert_eq!(door.ask(request.expect("a request")).await.status, 413);
    assert!(door.records(&Topic::TELEMETRY).await.is_empty());
}

#[tokio::test]
async fn a_clock_may_be_five_minutes_ahead_and_late_is_never_too_late() {
    let door = Door::new(Auth::Open);
    let reports: Vec<Value> =
        [-300, -301, 300, 86_000].map(|ago| door.report("TRK-A", ago)).to_vec();
    let answer = door.send("", json!(reports)).await;
    assert_eq!(answer.outcomes(), ["accepted", "clock_ahead", "accepted", "accepted"]);
    let detail = answer.body["results"][1]["detail"].as_str().expect("a reason");
    assert!(detail.contains("301 s ahead"), "{detail}");
    let ahead = door.clock.now().plus_ms(301_000).as_ms();
    let answer = door.phone(&format!("id=A&lat=1&lon=2&timestamp={ahead}")).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
}

#[tokio::test]
async fn every_form_gives_one_report_one_identity() {
    let door = Door::new(Auth::Open);
    let at = door.clock.now();
    let report = json!({"truck_id": "A", "event_time": at, "position": {"lat": 26.18, "lon": 91.75},
        "signals": {"heading_deg": 90.0}});
    let by_json = door.send("", json!([report, report])).await;
    let first = &by_json.body["results"][0]["event_id"];
    assert_eq!(first, &by_json.body["results"][1]["event_id"]);
    let sent = format!("id=A&lat=26.18&lon=91.75&bearing=90&timestamp={}", at.as_ms());
    assert_eq!(door.phone(&sent).await.status, 200);
    let ids: std::collections::BTreeSet<_> = door
        .records(&Topic::TELEMETRY)
        .await
        .iter()
        .map(|record| fleet_proto::decode_event(&record.payload).expect("valid").id().to_string())
        .collect();
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), [first.as_str().expect("an id")]);
}

#[tokio::test]
async fn a_key_writes_for_its_own_trucks_only_and_may_stand_in_the_url_of_a_phone() {
    let door = Door::new(Auth::Required);
    let (id, key) = door.key(&["TRK-A"], "").await;
    let batch = json!([door.report("TRK-A", 1), door.report("TRK-B", 1)]);
    let answer = door.send(&key, batch.clone()).await;
    assert_eq!(answer.outcomes(), ["accepted", "forbidden"]);
    assert_eq!(door.send("", batch).await.status, 401);
    assert_eq!(door.phone("id=TRK-A&lat=1&lon=2").await.status, 401);
    assert_eq!(door.phone(&format!("id=TRK-A&lat=1&lon=2&key={key}")).await.status, 200);
    let other = door.phone(&format!("id=TRK-B&lat=1&lon=2&key={key}")).await;
    assert_eq!((other.status, &other.body["required_scope"]), (403, &json!("telemetry:write")));
    let twice = Request::get(format!("{OSMAND}?id=TRK-A&lat=1&lon=2&key={key}"))
        .header("authorization", format!("Bearer {key}"));
    assert_eq!(door.ask(twice.body(Body::empty()).expect("a request")).await.status, 401);
    let elsewhere = Request::get(format!("/v1/positions?key={key}")).body(Body::empty());
    assert_eq!(door.ask(elsewhere.expect("a request")).await.status, 401, "only of phones");
    let records = door.records(&Topic::TELEMETRY).await;
    assert_eq!(records.len(), 2);
    for record in &records {
        assert_eq!(record.header(SENDER), Some(&*id));
        let told = format!("{:?} {:?}", record.headers, record.payload);
        assert!(!told.contains(&key), "the secret is not kept");
    }
    let report = records.iter().find_map(|record| record.header("report")).expect("of the phone");
    assert_eq!(report, "id=TRK-A&lat=1&lon=2");
    assert!(records.iter().any(|record| record.header("time-from-server") == Some("1")));
}

#[tokio::test]
async fn fresh_and_old_reports_have_buckets_of_their_own_and_a_denial_takes_from_neither() {
    let door = Door::new(Auth::Open);
    let (_, key) = door.key(&[], "ingest=10@1,backlog=20@1").await;
    let batch = |fresh: usize, old: usize| {
        let fresh = std::iter::repeat_n(door.report("TRK-A", 300), fresh);
        json!(fresh.chain(std::iter::repeat_n(door.report("TRK-A", 301), old)).collect::<Vec<_>>())
    };
    let answer = door.send(&key, batch(4, 15)).await;
    assert_eq!(answer.status, 200);
    let limit = answer.headers["ratelimit"].to_str().expect("text");
    assert!(limit.contains(r#""ingest";r=6"#) && limit.contains(r#""backlog";r=5"#), "{limit}");
    // The door's own token is gone for each try; of the others none.
    for (fresh, old, policy, wait_ms) in [(2, 6, "backlog", 1_000), (8, 3, "ingest", 3_000)] {
        let answer = door.send(&key, batch(fresh, old)).await;
        assert_eq!(answer.status, 429, "{}", answer.body);
        assert_eq!(answer.body["violated-policies"], json!([policy]));
        assert_eq!(answer.body["retry_after_ms"], wait_ms);
    }
    assert_eq!(door.send(&key, batch(4, 5)).await.status, 200);
    let never = door.send(&key, batch(0, 21)).await;
    assert_eq!(
        (never.status, never.body["type"].as_str()),
        (429, Some("/problems/quota-exceeded"))
    );
    door.clock.advance_ms(60_000);
    let never = door.send(&key, batch(0, 21)).await;
    assert_eq!(never.status, 400, "no wait helps: {}", never.body);
    assert_eq!(door.records(&Topic::TELEMETRY).await.len(), 19 + 9);
}

#[tokio::test]
async fn a_report_that_is_refused_again_and_again_is_set_aside_and_answered() {
    let door = Door::new(Auth::Open);
    let bad = "id=PHONE&lat=1&lon=2&timestamp=soon&notificationToken=secret";
    for _ in 0..4 {
        let refused = door.phone(bad).await;
        assert_eq!(refused.status, 400);
        assert!(refused.body["detail"].as_str().expect("a reason").contains("timestamp"));
    }
    let taken = door.phone(bad).await;
    assert_eq!(
        (taken.status, &taken.headers["fleet-outcome"]),
        (200, &"dead_lettered".parse().expect("text"))
    );
    assert_eq!(door.phone(bad).await.status, 400, "the count begins anew");
    let letters = door.records(&Topic::TELEMETRY.dead_letters()).await;
    let letter = dead_letter::DeadLetter::parse(&letters[0]).expect("ours");
    assert_eq!((letters.len(), letter.attempts, &*letter.group), (1, 5, "fleet-ingest"));
    assert_eq!(
        (&letter.key[..], &letter.payload[..]),
        (&b"PHONE"[..], &b"id=PHONE&lat=1&lon=2&timestamp=soon"[..])
    );
    let count =
        |outcome| door.service.metrics.ingested.with_label_values(&["osmand", outcome]).get();
    assert_eq!((count("invalid"), count("dead_lettered")), (6, 1));
}

#[tokio::test]
async fn a_phone_may_post_and_a_page_of_another_site_may_not_send_at_all() {
    let door = Door::new(Auth::Open);
    let post = |uri: &str, body: &str| {
        Request::post(uri).body(Body::from(body.to_owned())).expect("a request")
    };
    assert_eq!(door.ask(post(OSMAND, "id=A&lat=1&lon=2")).await.status, 200);
    assert_eq!(door.ask(post(&format!("{OSMAND}?id=A&lat=1&lon=2"), "")).await.status, 200);
    assert_eq!(door.ask(post(OSMAND, &"x".repeat(9_000))).await.status, 413);
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let request = Request::get(format!("{OSMAND}?id=A&lat=1&lon=2")).header(name, value);
        let request = request.body(Body::empty()).expect("a request");
        assert_eq!(door.ask(request).await.status, 401, "{name}");
    }
    let head = Request::head(format!("{OSMAND}?id=A&lat=1&lon=2")).body(Body::empty());
    assert_eq!(door.ask(head.expect("a request")).await.status, 405);
    assert_eq!(door.records(&Topic::TELEMETRY).await.len(), 2);
}

#[tokio::test]
async fn every_kind_of_body_is_read_packed_or_not_and_bounded_once_unpacked() {
    use flate2::{Compression, write::GzEncoder};
    use prost::Message as _;
    use std::io::Write as _;
    let packed = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    };
    let door = Door::new(Auth::Open);
    let send = async |kind: &str, encoding: &str, body: Vec<u8>| {
        let mut request = Request::post(JSON).header("content-type", kind);
        if !encoding.is_empty() {
            request = request.header("content-encoding", encoding);
        }
        door.ask(request.body(Body::from(body)).expect("a request")).await
    };
    let (one, two) = (door.report("TRK-A", 1), door.report("TRK-B", 1));
    let lines = format!("{one}\n\n{two}\r\nnonsense\n").into_bytes();
    let message = fleet_proto::v1::IngestTelemetryRequest {
        events: vec![fleet_proto::v1::TelemetryEvent {
            truck_id: "TRK-C".into(),
            event_time_ms: door.clock.now().as_ms(),
            position: Some(fleet_proto::v1::Position { latitude_deg: 26.0, longitude_deg: 91.0 }),
            ..Default::default()
        }],
    };
    let json = json!({ "events": [one] }).to_string().into_bytes();
    for (kind, body, outcomes) in [
        ("application/json", json, &["accepted"][..]),
        ("application/x-ndjson", lines, &["accepted", "accepted", "invalid"]),
        ("application/x-protobuf", message.encode_to_vec(), &["accepted"]),
    ] {
        for (encoding, body) in [("gzip", packed(&body)), ("", body)] {
            let answer = send(kind, encoding, body).await;
            assert_eq!(answer.status, 200, "{kind} {encoding}: {}", answer.body);
            assert_eq!(answer.outcomes(), outcomes, "{kind} {encoding}");
        }
    }
    let bomb = packed(&vec![b'\n'; 64 << 20]);
    assert!(bomb.len() < 100_000, "{} bytes", bomb.len());
    for (kind, encoding, body, status) in [
        ("application/x-ndjson", "gzip", bomb, 413),
        ("application/x-ndjson", "gzip", b"no gzip".to_vec(), 400),
        ("application/x-ndjson", "br", b"{}".to_vec(), 415),
        ("application/x-ndjson", "", b" \n".to_vec(), 400),
        ("application/x-protobuf", "", vec![0xff; 9], 400),
        ("text/csv", "", b"a,b".to_vec(), 415),
        ("", "", b"{}".to_vec(), 415),
    ] {
        let answer = send(kind, encoding, body).await;
        assert_eq!(answer.status, status, "{kind} {encoding}: {}", answer.body);
        assert!(answer.body["type"].is_string(), "{kind} {encoding}: {}", answer.body);
    }
}
