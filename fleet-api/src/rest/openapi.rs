//! The OpenAPI document: made from the handlers, and kept in `fleet-api/openapi.json` for those who
//! generate clients without a running server.

use axum::{
    Router,
    http::{HeaderValue, header},
    routing::get,
};
use bytes::Bytes;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{manners::PUBLIC, reader};
use crate::problem::ProblemBody;

/// What stands above the paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Data Fleet",
        description = "Trucks, their telemetry and trips, live and as history; and the pipeline behind it. \
                       Every call has its twin in gRPC (fleet/v1/services.proto).",
        contact(),
    ),
    // A key is checked wherever it is presented; whether one is needed is the server's setting.
    security((), ("key" = [])),
    modifiers(&Keys),
    // Answers that are shared by all paths bring no schema along.
    components(schemas(ProblemBody)),
    tags(
        (name = "fleet", description = "Trucks: what they are and where."),
        (name = "telemetry", description = "Reports: history, the feed, the live stream."),
        (name = "ingest", description = "Telemetry that is sent in."),
        (name = "trips", description = "Trips and how their promises ended."),
        (name = "places", description = "Depots, stations, zones; geofences and what trucks did there."),
        (name = "pipeline", description = "Consumer groups and dead letters."),
        (name = "reliability", description = "Service levels over 30 days and five minutes."),
        (name = "keys", description = "API keys, and the audit of what was changed."),
        (name = "health", description = "For probes and operators."),
    )
)]
pub(super) struct Document;

/// How a key is presented.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let description = "An API key, `df_live_...`: see `data-fleet keys create`.";
        let bearer =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(bearer.build()));
    }
}

/// The document for programs, and for people. Both are made once: they are the same for the
/// process's whole life.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(document: &openapi::OpenApi) -> Router<S> {
    const CSP: HeaderValue = HeaderValue::from_static(
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    );
    let page = reader::page(&serde_json::to_value(document).expect("plain values are JSON"));
    let asset = |kind, content: Bytes| {
        let kind = HeaderValue::from_static(kind);
        let headers = [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, PUBLIC),
            (header::CONTENT_SECURITY_POLICY, CSP),
        ];
        get(async move || (headers.clone(), content.clone()))
    };
    Router::new()
        .route("/openapi.json", asset("application/json", render(document).into()))
        .route("/docs/api", asset("text/html; charset=utf-8", page.into()))
        .route("/docs/api.css", asset("text/css", Bytes::from_static(reader::STYLE.as_bytes())))
}

/// The document as it is served and committed.
fn render(document: &openapi::OpenApi) -> String {
    let mut text = document.to_pretty_json().expect("a document of plain values is JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `FLEET_BLESS=1 cargo test -p fleet-api openapi` writes it anew.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "whoever runs the test says so by a variable")]
    fn the_committed_document_is_the_served_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let served = render(super::super::described().get_openapi());
        if std::env::var_os("FLEET_BLESS").is_some() {
            std::fs::write(path, &served).expect("written");
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == served, "openapi.json is stale: FLEET_BLESS=1 writes it anew");
    }

    /// A client that is generated knows what it may ask and how it may be refused.
    #[test]
    fn every_operation_is_told_with_its_refusals_and_examples() {
        let document = serde_json::to_value(super::super::described().get_openapi()).expect("JSON");
        let mut ids = std::collections::BTreeSet::new();
        for (path, calls) in document["paths"].as_object().expect("paths") {
            for (method, call) in calls.as_object().expect("calls") {
                let told = |field: &str| call[field].as_str().is_some_and(|text| !text.is_empty());
                assert!(told("operationId") && told("summary"), "{method} {path}");
                assert!(
                    ids.insert(call["operationId"].to_string()),
                    "{method} {path}: an id twice"
                );
                for status in ["4XX", "5XX"] {
                    assert!(path == "/healthz" || call["responses"][status].is_object(), "{path}");
                }
                let parameters = call["parameters"].as_array().into_iter().flatten();
                for parameter in parameters.filter(|one| one["required"] == true) {
                    assert!(!parameter["example"].is_null(), "{method} {path}: {parameter}");
                }
            }
        }
        let problem = &document["components"]["schemas"]["ProblemBody"];
        assert_eq!(problem["example"]["type"], "/problems/not-found");
        assert_eq!(document["openapi"], "3.1.0");
    }
}
