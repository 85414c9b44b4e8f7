use std::sync::Arc;

use axum::{body::Bytes, http::Request as Ask};
use fleet_core::{
    store::Watermarks,
    stream::{Partition, Topic},
};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use super::*;
use crate::{
    Auth, Service, Settings,
    testing::{report, service_with},
};

struct Door {
    service: Arc<Service>,
    _dir: tempfile::TempDir,
}

impl Door {
    fn new(settings: Settings) -> Self {
        let (service, _clock, dir) = service_with(settings);
        Self { service, _dir: dir }
    }

    fn open() -> Self {
        Self::new(Settings::open())
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Ask::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let router = TowerToHyperService::new(crate::rest::router(Arc::clone(&self.service)));
        let answer = router.call(request.body(Body::empty()).expect("a request")).await;
        answer.expect("an answer").map(Body::new)
    }

    /// A truck is heard of for the first time.
    async fn hear(&self, truck_id: &str, offset: u64) {
        let partition = Partition { topic: Topic::TELEMETRY, number: 0 };
        let marks: Watermarks = [(partition, offset + 1)].into();
        let writes = vec![report(truck_id, offset)];
        self.service.parts.store.write(writes, marks).await.expect("written");
    }
}

fn said<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
}

async fn content(answer: Response) -> Bytes {
    axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body")
}

#[tokio::test]
async fn who_has_an_answer_gets_304_until_it_changes() {
    let door = Door::open();
    door.hear("A", 0).await;
    for path in ["/v1/positions", "/v1/fleet/summary", "/v1/trucks/A", "/openapi.json", "/"] {
        let first = door.ask("GET", path, &[]).await;
        let tag = said(&first, "etag").to_owned();
        assert!(tag.starts_with("W/\""), "{path}: {tag}");
        for has in [&*tag, &tag[2..], "*", &format!("\"other\", {tag}")] {
            let again = door.ask("GET", path, &[("if-none-match", has)]).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path} {has}");
            assert_eq!(said(&again, "etag"), tag, "{path}");
            assert_eq!(said(&again, "cache-control"), said(&first, "cache-control"), "{path}");
            assert!(content(again).await.is_empty(), "{path}");
        }
        let other = door.ask("GET", path, &[("if-none-match", "W/\"other\"")]).await;
        assert_eq!(other.status(), StatusCode::OK, "{path}");
    }
    let tag = said(&door.ask("GET", "/v1/positions", &[]).await, "etag").to_owned();
    door.hear("B", 1).await;
    let changed = door.ask("GET", "/v1/positions", &[("if-none-match", &tag)]).await;
    assert_eq!(changed.status(), StatusCode::OK);
}

#[tokio::test]
async fn who_may_keep_an_answer_follows_from_who_may_read_it() {
    let public = Door::new(Settings { auth: Auth::PublicRead, ..Settings::open() });
    let open = Door::open();
    for (door, path, kept) in [
        (&public, "/v1/positions", "public, max-age=2, stale-while-revalidate=10"),
        (&open, "/v1/positions", "private, no-cache"),
        (&open, "/v1/trucks/nobody", "no-store"),
        (&open, "/v1/stream/events", "no-store"),
        (&open, "/v1/nothing", "no-store"),
        (&public, "/v1/keys", "no-store"),
        (&open, "/healthz", "no-store"),
        (&open, "/metrics", "no-cache"),
        (&open, "/", "no-cache"),
        (&open, "/openapi.json", "public, max-age=300, stale-while-revalidate=600"),
        (&open, "/problems", "public, max-age=300, stale-while-revalidate=600"),
    ] {
        let answer = door.ask("GET", path, &[]).await;
        assert_eq!(said(&answer, "cache-control"), kept, "{path}");
        assert!(said(&answer, "content-security-policy").contains("default-src 'none'"), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(said(&answer, name), value, "{path} {name}");
        }
    }
    let key = public.service.parts.local_key.as_ref().expect("one").reveal().to_owned();
    let bearer = format!("Bearer {key}");
    let own = public.ask("GET", "/v1/positions", &[("authorization", &bearer)]).await;
    assert_eq!(said(&own, "cache-control"), "private, no-cache");
    let mut varied = own.headers().get_all("vary").iter();
    assert!(varied.any(|value| value == "authorization"));
    let keys = public.ask("GET", "/v1/keys", &[("authorization", &bearer)]).await;
    assert_eq!((keys.status(), said(&keys, "cache-control")), (StatusCode::OK, "no-store"));
}

#[tokio::test]
async fn what_is_long_is_compressed_but_no_stream_and_no_secret() {
    let door = Door::open();
    let bearer = format!("Bearer {}", door.service.parts.local_key.as_ref().expect("one").reveal());
    for n in 0..30 {
        door.hear(&format!("TRUCK-{n}"), n).await;
    }
    for (path, encoding) in [
        ("/openapi.json", "gzip"),
        ("/v1/positions", "gzip"),
        ("/healthz", ""),
        ("/v1/stream/events", ""),
        ("/v1/keys", ""),
    ] {
        let asked = [("accept-encoding", "gzip, br"), ("authorization", &*bearer)];
        let answer = door.ask("GET", path, &asked).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(said(&answer, "content-encoding"), encoding, "{path}");
        let plain = door.ask("GET", path, &[("authorization", &bearer)]).await;
        assert_eq!(said(&plain, "content-encoding"), "", "{path}");
        if encoding == "gzip" {
            let (packed, plain) = (content(answer).await.len(), content(plain).await.len());
            assert!(packed * 2 < plain, "{path}: {packed} of {plain} bytes");
        }
    }
}

#[tokio::test]
async fn pages_of_other_sites_are_let_in_by_name_and_never_with_cookies() {
    let preflight = |origin| {
        [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type"),
        ]
    };
    let (ours, other) = ("https://fleet.example", "https://fleet.example.evil");
    let closed = Door::open();
    for (method, headers) in [("OPTIONS", &preflight(ours)[..]), ("GET", &[("origin", ours)])] {
        let answer = closed.ask(method, "/v1/positions", headers).await;
        assert_eq!(said(&answer, "access-control-allow-origin"), "", "{method}");
    }
    let named = Settings {
        auth: Auth::Required,
        cors_origins: vec![HeaderValue::from_static("https://fleet.example")],
        ..Settings::open()
    };
    let door = Door::new(named);
    for (origin, allowed) in [(ours, ours), (other, ""), ("null", "")] {
        let answer = door.ask("OPTIONS", "/v1/positions", &preflight(origin)).await;
        assert_eq!(answer.status(), StatusCode::OK, "a preflight needs no key");
        assert_eq!(said(&answer, "access-control-allow-origin"), allowed, "{origin}");
        assert_eq!(said(&answer, "access-control-allow-credentials"), "");
        let refused = door.ask("GET", "/v1/positions", &[("origin", origin)]).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(said(&refused, "access-control-allow-origin"), allowed, "a page reads why");
        assert!(said(&refused, "vary").contains("origin"));
    }
}

#[tokio::test]
async fn an_answer_that_follows_accept_says_so_in_every_format() {
    let door = Door::open();
    door.hear("A", 0).await;
    let paths = ["positions", "depots", "stations", "zones", "geofences", "trips"];
    let paths = paths.map(|name| format!("/v1/{name}"));
    for path in paths.iter().map(String::as_str).chain(["/v1/trucks/A/telemetry"]) {
        for accept in ["application/json", "*/*", "application/geo+json, text/csv"] {
            let answer = door.ask("GET", path, &[("accept", accept)]).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path} {accept}");
            let mut varied = answer.headers().get_all("vary").iter();
            assert!(varied.any(|value| value == "accept"), "{path} {accept}");
        }
    }
}

#[tokio::test]
async fn a_page_of_another_site_makes_no_fence() {
    let door = Door::open();
    for (method, path) in [("POST", "/v1/geofences"), ("PUT", "/v1/geofences/depot")] {
        for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
            let answer = door.ask(method, path, &[("content-type", kind)]).await;
            assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{method} {kind}");
        }
        let kind = "application/geo+json; charset=utf-8";
        let answer = door.ask(method, path, &[("content-type", kind)]).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{method}: it has no body");
    }
}

#[tokio::test]
async fn one_too_many_is_turned_away_and_probes_are_not() {
    let door = Door::open();
    let all = door.service.places.available_permits();
    let taken = door.service.places.acquire_many(all.try_into().expect("few")).await;
    let refused = door.ask("GET", "/v1/positions", &[]).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(said(&refused, "retry-after"), "1");
    assert_eq!(door.ask("GET", "/healthz", &[]).await.status(), StatusCode::OK);
    drop(taken);
    assert_eq!(door.ask("GET", "/v1/positions", &[]).await.status(), StatusCode::OK);
}
