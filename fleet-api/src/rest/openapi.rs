//! The OpenAPI document: made from the handlers, and kept in `fleet-api/openapi.json` for those who
//! generate clients without a running server.

use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

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

/// The document as it is served and committed.
pub(super) fn render(document: &openapi::OpenApi) -> String {
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
}
