use axum::body::Body;
use fleet_core::{ratelimit::RateLimiter, testkit::ManualClock};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;

use super::*;
use crate::{
    keys::NewKey,
    testing::{service_with, service_with_limiter},
};

/// The router with the service behind it, asked by a client at 203.0.113.7 unless told otherwise.
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
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
    }
}

impl Door {
    fn new(settings: Settings) -> Self {
        let (service, clock, dir) = service_with(settings);
        Self { service, clock, _dir: dir }
    }

    async fn key(&self, scopes: &[&str], quotas: &str) -> (String, String) {
        let new = NewKey {
            name: "a test".into(),
            scopes: Scope::expand(scopes.iter().copied()).expect("known"),
            trucks: Vec::new(),
            quotas: quotas.parse().expect("quotas"),
            expires_at: None,
        };
        let (key, text) = self.service.keys.create(new, "local").await.expect("made");
        (key.key_id, text.reveal().to_owned())
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).expect("a request");
        request.extensions_mut().insert(Peer("203.0.113.7".parse().expect("an address")));
        let router = TowerToHyperService::new(crate::rest::router(Arc::clone(&self.service)));
        let answer = router.call(request).await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let is_stream = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let body = match is_stream {
            true => Value::Null,
            false => {
                let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("body");
                serde_json::from_slice(&body).unwrap_or_default()
            }
        };
        Answer { status, headers, body }
    }

    async fn get(&self, path: &str, key: &str) -> Answer {
        self.ask("GET", path, &[("authorization", &format!("Bearer {key}"))]).await
    }
}

fn settings(auth: Auth) -> Settings {
    Settings { auth, limit_addresses: auth != Auth::Open, ..Settings::open() }
}

const READ: &str = "/v1/positions";

#[tokio::test]
async fn without_a_key_the_setting_decides_and_keys_are_never_open() {
    let redrive = ("POST", "/v1/pipeline/dead-letters/redrive");
    for (auth, read, write) in [
        (Auth::Open, 200, 415), // let through: the handler misses the body
        (Auth::PublicRead, 200, 401),
        (Auth::Required, 401, 401),
    ] {
        let door = Door::new(settings(auth));
        assert_eq!(door.ask("GET", READ, &[]).await.status, read, "{auth}");
        let written = door.ask(redrive.0, redrive.1, &[]).await;
        assert_eq!(written.status, write, "{auth}: {}", written.body);
        for (method, path) in [("GET", "/v1/keys"), ("POST", "/v1/keys"), ("GET", "/v1/audit")] {
            let refused = door.ask(method, path, &[]).await;
            assert_eq!(refused.status, 401, "{auth} {method} {path}");
            assert_eq!(refused.header("www-authenticate"), "Bearer");
            assert_eq!(refused.body["type"], "/problems/unauthenticated");
        }
        for path in ["/healthz", "/metrics", "/openapi.json", "/problems", "/"] {
            assert_eq!(door.ask("GET", path, &[]).await.status, 200, "{auth} {path}");
        }
    }
}

#[tokio::test]
async fn a_presented_key_is_checked_even_where_none_is_needed() {
    let door = Door::new(settings(Auth::Open));
    let (id, key) = door.key(&["viewer"], "").await;
    assert_eq!(door.get(READ, &key).await.status, 200);
    for wrong in ["", "x", &key[1..], &format!("{key} {key}")] {
        let refused = door.get(READ, wrong).await;
        assert_eq!(refused.status, 401, "{wrong}");
        assert_eq!(refused.body["detail"], "the API key does not count", "which part is not said");
    }
    let basic = door.ask("GET", READ, &[("authorization", &format!("Basic {key}"))]).await;
    assert_eq!(basic.status, 401);
    let bearer = format!("Bearer {key}");
    let twice = [("authorization", &*bearer), ("authorization", &*bearer)];
    assert_eq!(door.ask("GET", READ, &twice).await.status, 401);
    door.service.keys.revoke(&id, "local").await.expect("known");
    assert_eq!(door.get(READ, &key).await.status, 401, "at once");
    let reasons = |reason| door.service.metrics.auth_failures.with_label_values(&[reason]).get();
    assert_eq!((reasons("revoked"), reasons("malformed")), (1, 6));
}

#[tokio::test]
async fn a_key_without_the_scope_is_told_which_and_admin_calls_are_audited() {
    let door = Door::new(settings(Auth::Required));
    let (id, key) = door.key(&["fleet:read"], "").await;
    let refused = door.get("/v1/trips", &key).await;
    assert_eq!((refused.status, &refused.body["required_scope"]), (403, &"trips:read".into()));
    door.clock.advance_ms(1); // the audit is in the order of time
    assert_eq!(door.get("/v1/keys", &key).await.status, 403);
    let told = door.service.keys.audit(None, 10).await.expect("read").pop().expect("told");
    assert_eq!((&*told.actor, &*told.action), (&*id, "KeyService/ListKeys"));
    assert_eq!(told.outcome, "refused");
    let local = door.service.parts.local_key.as_ref().expect("one").reveal().to_owned();
    for path in [READ, "/v1/trips", "/v1/keys", "/v1/audit"] {
        assert_eq!(door.get(path, &local).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_key_is_made_used_and_revoked_over_rest() {
    let door = Door::new(settings(Auth::Required));
    let (_, admin) = door.key(&["admin"], "").await;
    let router = TowerToHyperService::new(crate::rest::router(Arc::clone(&door.service)));
    let body =
        r#"{"name":"phone 7","scopes":["device"],"trucks":["TRK-000007"],"quotas":"ingest=9@1"}"#;
    let request = Request::post("/v1/keys")
        .header("authorization", format!("Bearer {admin}"))
        .header("content-type", "application/json")
        .body(Body::from(body));
    let answer = router.call(request.expect("a request")).await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["cache-control"]),
        (201, &"no-store".parse().expect("text"))
    );
    let made = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("body");
    let made: Value = serde_json::from_slice(&made).expect("JSON");
    let (id, secret) = (made["key"]["key_id"].as_str(), made["secret"].as_str());
    let (id, secret) = (id.expect("an id"), secret.expect("a secret"));
    assert_eq!(made["key"]["quotas"], "ingest=9@1");
    assert_eq!(door.get(READ, secret).await.status, 403, "a device sends, it does not read");
    let device = identify(&door.service, &bearer(secret), None).await.expect("it counts");
    assert!(device.may_write_for(&"TRK-000007".parse().expect("an id")).is_ok());
    assert!(device.may_write_for(&"TRK-000008".parse().expect("an id")).is_err());
    let listed = door.get("/v1/keys", &admin).await.body.to_string();
    assert!(listed.contains(id) && !listed.contains(secret), "{listed}");
    let path = format!("/v1/keys/{id}");
    let revoked = door.ask("DELETE", &path, &[("authorization", &format!("Bearer {admin}"))]).await;
    assert!(revoked.status == 200 && revoked.body["revoked_at"].is_string(), "{}", revoked.body);
    assert_eq!(door.get(READ, secret).await.status, 401);
    let audit = door.get("/v1/audit", &admin).await;
    assert_eq!(audit.body["items"].as_array().expect("a list").len(), 3);
}

fn bearer(key: &str) -> HeaderMap {
    let value = HeaderValue::from_str(&format!("Bearer {key}")).expect("a header");
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}

#[tokio::test]
async fn ten_requests_are_granted_the_next_is_told_its_wait_and_the_wait_is_enough() {
    let door = Door::new(settings(Auth::Open));
    let ((_, key), (_, other)) = (door.key(&["viewer"], "").await, door.key(&["viewer"], "").await);
    for left in (0..10).rev() {
        let granted = door.get(READ, &key).await;
        assert_eq!(granted.status, 200);
        assert_eq!(granted.header("ratelimit-policy"), r#""read";q=10;w=20"#);
        assert_eq!(granted.header("ratelimit"), format!(r#""read";r={left};t=2"#));
    }
    let denied = door.get(READ, &key).await;
    assert_eq!((denied.status, denied.header("retry-after")), (429, "2"));
    assert_eq!(denied.header("ratelimit"), r#""read";r=0;t=2"#);
    assert_eq!(denied.body["violated-policies"], serde_json::json!(["read"]));
    assert_eq!(denied.body["retry_after_ms"], 2_000);
    assert_eq!(denied.body["type"], "/problems/quota-exceeded");
    assert_eq!(door.get(READ, &other).await.status, 200, "keys do not share");
    assert_eq!(door.get("/v1/stream/events", &key).await.status, 200, "nor do classes");
    assert_eq!(door.ask("GET", READ, &[]).await.status, 200, "nor do those without, on loopback");
    door.clock.advance_ms(1_999);
    assert_eq!(door.get(READ, &key).await.status, 429);
    door.clock.advance_ms(1);
    assert_eq!(door.get(READ, &key).await.status, 200);
}

#[tokio::test]
async fn limits_of_a_key_go_before_those_of_the_settings() {
    let quotas = "read=2@1".parse().expect("quotas");
    let door = Door::new(Settings { quotas, ..settings(Auth::Required) });
    let ((_, plain), (_, wide)) =
        (door.key(&["viewer"], "").await, door.key(&["viewer"], "read=50@5").await);
    assert_eq!(door.get(READ, &plain).await.header("ratelimit-policy"), r#""read";q=2;w=2"#);
    assert_eq!(door.get(READ, &wide).await.header("ratelimit-policy"), r#""read";q=50;w=10"#);
}

#[tokio::test]
async fn without_a_key_the_address_is_limited_and_guessing_too() {
    let door = Door::new(settings(Auth::PublicRead));
    let granted = door.ask("GET", READ, &[]).await;
    assert_eq!(granted.header("ratelimit-policy"), r#""ui";q=60;w=6"#);
    for _ in 0..10 {
        assert_eq!(door.get(READ, "guess").await.status, 401);
    }
    let denied = door.get(READ, "guess").await;
    assert_eq!((denied.status, &denied.body["violated-policies"][0]), (429, &"auth".into()));
    assert_eq!(door.ask("GET", READ, &[]).await.status, 200);
}

#[test]
fn forwarded_addresses_are_believed_from_trusted_proxies_only() {
    let at = |text: &str| text.parse::<IpAddr>().expect("an address");
    let headers = |value: &'static str| {
        HeaderMap::from_iter([(
            HeaderName::from_static("x-forwarded-for"),
            HeaderValue::from_static(value),
        )])
    };
    let trusted = [at("10.0.0.1"), at("10.0.0.2")];
    let found = |peer: &str, value| client(Some(at(peer)), &headers(value), &trusted);
    assert_eq!(found("203.0.113.7", "198.51.100.9"), "203.0.113.7", "not trusted");
    assert_eq!(found("10.0.0.1", "198.51.100.9"), "198.51.100.9");
    assert_eq!(found("10.0.0.1", "1.2.3.4, 198.51.100.9, 10.0.0.2"), "198.51.100.9");
    assert_eq!(found("10.0.0.1", "1.2.3.4, nonsense"), "10.0.0.1", "nobody vouches for the rest");
    assert_eq!(found("10.0.0.1", "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    assert_eq!(found("10.0.0.1", "::ffff:198.51.100.9"), "198.51.100.9");
    assert_eq!(client(None, &HeaderMap::new(), &trusted), "unknown");
}

/// A limiter whose server is away.
#[derive(Debug)]
struct Away;

#[tonic::async_trait]
impl RateLimiter for Away {
    async fn take(
        &self,
        _: &str,
        _: &fleet_core::ratelimit::Policy,
        _: u32,
    ) -> Result<fleet_core::ratelimit::Decision> {
        Err(Error::unavailable("redis is away"))
    }
}

#[tokio::test]
async fn while_the_limiter_is_away_the_setting_decides_and_metrics_show_it() {
    for (on_unavailable, last, outcome) in
        [(OnUnavailable::FailOpenLocal, 429, "local"), (OnUnavailable::FailClosed, 503, "refused")]
    {
        let settings = Settings { on_unavailable, ..settings(Auth::PublicRead) };
        let (service, clock, dir) = service_with_limiter(settings, |_| Arc::new(Away));
        let door = Door { service, clock, _dir: dir };
        let (_, key) = door.key(&["viewer"], "").await;
        let first = door.get(READ, &key).await;
        if on_unavailable == OnUnavailable::FailOpenLocal {
            assert_eq!(first.header("ratelimit-policy"), r#""read";q=10;w=20;fleet-scope="local""#);
            for _ in 1..10 {
                assert_eq!(door.get(READ, &key).await.status, 200);
            }
        }
        let refused = door.get(READ, &key).await;
        assert_eq!(refused.status, last, "{on_unavailable}");
        assert!(!refused.header("retry-after").is_empty());
        let count = door.service.metrics.limit_fallbacks.with_label_values(&[outcome]).get();
        assert!(count >= 2, "{count}");
    }
}

#[test]
fn a_caller_of_grpc_says_how_long_it_waits() {
    let said = |text: &str| {
        let value = HeaderValue::from_str(text).expect("text");
        HeaderMap::from_iter([(HeaderName::from_static("grpc-timeout"), value)])
    };
    for (text, within) in [
        ("2S", Duration::from_secs(2)),
        ("150m", Duration::from_millis(150)),
        ("1H", Duration::from_secs(3_600)),
        ("7n", Duration::from_nanos(7)),
        ("", Duration::MAX),
        ("S", Duration::MAX),
        ("123456789S", Duration::MAX),
        ("5€", Duration::MAX),
    ] {
        let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) else { continue };
        let headers = HeaderMap::from_iter([(HeaderName::from_static("grpc-timeout"), value)]);
        assert_eq!(deadline(Tongue::Grpc, &headers), within, "{text:?}");
    }
    assert_eq!(deadline(Tongue::Rest, &said("2S")), Duration::MAX);
}
