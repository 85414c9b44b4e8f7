//! What the OpenAPI document promises, held against what a running platform answers.

use serde_json::{Value, json};

use crate::program::{Platform, START, Scratch, run_flags, run_on, succeed};

/// The faults of `answer` against the schema that `content` of the document names.
fn faults(document: &Value, content: &Value, answer: &Value) -> Vec<String> {
    let mut schema = content["schema"].clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(answer).map(|fault| fault.to_string()).collect()
}

#[test]
fn every_answer_is_what_the_document_says() {
    let scratch = Scratch::new();
    let dir = scratch.path("data");
    succeed(&run_flags(&dir, "2026-01-05T12:00:00Z", &[]));
    let platform = Platform::start(&run_on(&dir, &["--speed", "60", "--start", START]));
    let document = platform.json("/openapi.json");
    let done = platform.json("/v1/trips?status=done&page_size=1");
    let trip_id = done["items"][0]["trip_id"].as_str().expect("a trip is done by noon");
    let mut asked = 0;
    for (path, calls) in document["paths"].as_object().unwrap() {
        let content = &calls["get"]["responses"]["200"]["content"]["application/json"];
        if content.is_null() {
            continue; // not JSON, or no GET
        }
        let url = path
            .replace("/series", "/series?signals=speed_kmh")
            .replace("/geofence-events", "/geofence-events?from=2026-01-05T00:00:00Z")
            .replace("{fence_id}", "depot")
            .replace("{truck_id}", "TRK-000002")
            .replace("{trip_id}", trip_id)
            .replace("{name}", "availability")
            .replace("{id}", "fleet.trips.v1.dlq:0:9");
        let (status, body) = platform.get(&url);
        let answer: Value = serde_json::from_str(&body).unwrap();
        let content = match status {
            200 => content,
            _ => &calls["get"]["responses"]["4XX"]["content"]["application/problem+json"],
        };
        assert_eq!(faults(&document, content, &answer), [""; 0], "{url}: {answer}");
        asked += 1;
    }
    assert_eq!(asked, 24);
}

#[test]
fn a_wrong_answer_would_be_noticed() {
    let document = json!({"components": {"schemas": {"A": {"type": "object", "required": ["a"]}}}});
    let content = json!({"schema": {"$ref": "#/components/schemas/A"}});
    assert_eq!(faults(&document, &content, &json!({"a": 1})), [""; 0]);
    assert_eq!(faults(&document, &content, &json!({"b": 1})).len(), 1);
}
