//! The OpenAPI document: made from the handlers, and kept in `fleet-api/openapi.json` for those who
//! generate clients without a running server.

use utoipa::OpenApi;

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
    // Answers that are shared by all paths bring no schema along.
    components(schemas(ProblemBody)),
    tags(
        (name = "fleet", description = "Trucks: what they are and where."),
        (name = "telemetry", description = "Reports: history, the feed, the live stream."),
        (name = "trips", description = "Trips and how their promises ended."),
        (name = "pipeline", description = "Consumer groups and dead letters."),
        (name = "health", description = "For probes and operators."),
    )
)]
pub(super) struct Document;

/// The document as it is served and committed.
pub(super) fn render(document: &utoipa::openapi::OpenApi) -> String {
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
