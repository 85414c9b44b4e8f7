//! Telemetry that is sent in.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Query, RawQuery, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use fleet_core::{
    Error,
    domain::{DriverId, Refuelling, Signals, Status, TelemetryEvent, TripId, TruckId},
    geo::Position,
    route::RoadClass,
    time::Time,
};
use fleet_proto::v1::IngestTelemetryRequest;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::common::{Answer, Asked, NoParameters};
use crate::{
    Service,
    grpc::of_message,
    guard::{Caller, Payer},
    ingest::{
        Batch, Form, Outcome, Receipt, Repeated, Report, bounded, derived_status, identified,
        osmand::{REPORT_BYTES_MAX, Sent},
    },
    problem::{Problem, Refusals},
};

/// A report of a sender, which need not count.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "truck_id": "TRK-A",
    "event_time": "2026-01-05T00:00:00Z",
    "position": {"lat": 26.18, "lon": 91.75},
    "status": "en_route",
    "signals": {"speed_kmh": 42.5, "fuel_l": 180.0},
}))]
pub(super) struct SentReport {
    /// The truck. A key may be bound to some.
    truck_id: TruckId,
    /// From 1 without gaps, for a sender that counts; left out by one that does not.
    #[serde(default)]
    #[schema(minimum = 0)]
    seq: u64,
    /// The sender's own id of this report, 1 to 128 bytes; only without `seq`. A report with neither
    /// is known by its content.
    #[schema(min_length = 1, max_length = 128)]
    source_id: Option<String>,
    /// When it was measured.
    event_time: Time,
    /// Where.
    position: Position,
    /// What the truck was doing; unless given `en_route` from 3 km/h on, else `idle`.
    status: Option<Status>,
    /// What its sensors said.
    #[serde(default)]
    signals: Signals,
    /// The trip under way.
    trip_id: Option<TripId>,
    /// Who drove.
    driver_id: Option<DriverId>,
    /// Class of the road under the wheels.
    road_class: Option<RoadClass>,
    /// The traffic or weather zone in force there, by its id.
    zone: Option<String>,
    /// The refuelling that ended since the last report.
    refuelling: Option<Refuelling>,
}

/// Reports, which are answered one by one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SentBatch {
    /// 1 to 1,000, of any trucks, in any order.
    #[schema(value_type = Vec<SentReport>, min_items = 1, max_items = 1_000)]
    events: Vec<serde_json::Value>,
}

/// A `fleet.v1.IngestTelemetryRequest` whose reports are not looked into: a byte each can become
/// hundreds.
#[derive(prost::Message)]
struct Packed {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    events: Vec<Bytes>,
}

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchAnswer {
    /// How many were accepted.
    accepted: usize,
    /// One for each report, in their order.
    results: Vec<Receipt>,
}

fn report(value: serde_json::Value) -> Report {
    let sent = SentReport::deserialize(value)
        .map_err(|error| Error::invalid(format!("report: {error}")))?;
    let SentReport { truck_id, seq, source_id, event_time, position, status, signals, .. } = sent;
    identified(TelemetryEvent {
        truck_id,
        seq,
        source_id,
        event_time,
        position,
        status: status.unwrap_or_else(|| derived_status(&signals)),
        signals,
        trip_id: sent.trip_id,
        driver_id: sent.driver_id,
        road_class: sent.road_class,
        zone: sent.zone,
        refuelling: sent.refuelling,
    })
}

/// The batch in a body, by the kind that its sender names.
fn batch(headers: &HeaderMap, body: Bytes) -> Result<Batch, Problem> {
    let named = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = named.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    match kind.to_ascii_lowercase().as_str() {
        "application/json" => {
            let Json(SentBatch { events }) = Json::from_bytes(&body).map_err(|refused| {
                Problem::of_status(refused.status()).with_detail(refused.body_text())
            })?;
            bounded(events.len())?;
            Ok(Batch::new(Form::Json, events.into_iter().map(report).collect()))
        }
        "application/x-ndjson" | "application/ndjson" => {
            let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
            let lines = lines.filter(|line| !line.is_empty());
            bounded(lines.clone().count())?;
            let reports = lines.map(|line| {
                let value = serde_json::from_slice(line);
                report(value.map_err(|error| Error::invalid(format!("report: {error}")))?)
            });
            Ok(Batch::new(Form::NdJson, reports.collect()))
        }
        "application/x-protobuf" | "application/protobuf" => {
            let of_body = |error| Error::invalid(format!("body: {error}"));
            bounded(Packed::decode(body.clone()).map_err(of_body)?.events.len())?;
            let request = IngestTelemetryRequest::decode(body).map_err(of_body)?;
            Ok(Batch::new(Form::Protobuf, request.events.into_iter().map(of_message).collect()))
        }
        _ => Err(Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE).with_detail(
            "content-type: expected application/json, application/x-ndjson or \
             application/x-protobuf",
        )),
    }
}

/// Takes a batch of reports in.
///
/// Answered report by report: what is accepted is durable, and the rest says why not. Reports may
/// come late, twice or in any order.
#[utoipa::path(
    post, path = "/v1/ingest/telemetry", tag = "ingest",
    operation_id = "ingest_telemetry",
    params(
        (
            "content-encoding" = Option<String>,
            Header,
            description = "`gzip`; the bound of 1 MiB holds for what is unpacked",
        ),
    ),
    request_body(
        content(
            (SentBatch = "application/json"),
            (String = "application/x-ndjson"),
            (Vec<u8> = "application/x-protobuf"),
        ),
        description = "a batch; or a report a line (NDJSON); or a `fleet.v1.IngestTelemetryRequest`",
    ),
    responses(
        (status = 200, body = BatchAnswer, description = "one result for each report"),
        Refusals,
    ),
)]
pub(super) async fn telemetry(
    State(service): Asked,
    Extension(payer): Extension<Payer>,
    Query(NoParameters {}): Query<NoParameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer<BatchAnswer> {
    let results = service.ingest(&payer, batch(&headers, body)?).await?;
    let accepted = results.iter().filter(|r| r.outcome == Outcome::Accepted).count();
    Ok(Json(BatchAnswer { accepted, results }))
}

/// Takes one report in by its URL, as phone trackers send it.
///
/// More parameters are read as Traccar reads them: docs/devices.md. An API key may stand in the URL
/// as `key`. After five refusals of the same report it is kept as a dead letter and answered 200
/// with `fleet-outcome: dead_lettered`, so that it does not hold up those behind it.
#[utoipa::path(
    get, path = "/v1/ingest/osmand", tag = "ingest",
    operation_id = "osmand",
    params(
        ("id" = TruckId, Query, description = "the truck", example = "PHONE-7"),
        ("lat" = f64, Query, description = "degrees", example = 26.18),
        ("lon" = f64, Query, description = "degrees", example = 91.75),
        (
            "timestamp" = Option<String>,
            Query,
            description = "seconds or milliseconds since 1970, ISO 8601, or yyyy-MM-dd HH:mm:ss in UTC; the server's time unless given",
            example = "2026-01-05T00:00:00Z",
        ),
        ("speed" = Option<f64>, Query, description = "knots", example = 21.6),
        ("bearing" = Option<f64>, Query, description = "degrees from north"),
        ("altitude" = Option<f64>, Query, description = "m"),
        ("key" = Option<String>, Query, description = "an API key"),
    ),
    responses((status = 200, description = "accepted, and durable; no body"), Refusals),
)]
pub(super) async fn osmand(
    State(service): Asked,
    Extension(payer): Extension<Payer>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    // A HEAD asks for what a GET would say, and must not do it.
    if method == Method::HEAD {
        return Err(Problem::of_status(StatusCode::METHOD_NOT_ALLOWED));
    }
    refuse_pages(&payer.caller, &headers)?;
    if body.len() > REPORT_BYTES_MAX {
        return Err(Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let body = std::str::from_utf8(&body).map_err(|_| Error::invalid("body: not UTF-8"))?;
    let sent = Sent::new(query.as_deref().unwrap_or_default(), body)?;
    take_in(&service, &payer, &sent).await
}

/// The same in the body of a POST, as `application/x-www-form-urlencoded`, or in its URL.
#[utoipa::path(
    post, path = "/v1/ingest/osmand", tag = "ingest",
    operation_id = "osmand_form",
    params(("key" = Option<String>, Query, description = "an API key")),
    request_body(
        content = String,
        content_type = "application/x-www-form-urlencoded",
        description = "the parameters of the GET",
        example = "id=PHONE-7&lat=26.18&lon=91.75&timestamp=1767571200",
    ),
    responses((status = 200, description = "accepted, and durable; no body"), Refusals),
)]
pub(super) async fn osmand_form(
    service: Asked,
    payer: Extension<Payer>,
    method: Method,
    query: RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    osmand(service, payer, method, query, headers, body).await
}

/// A page of another site must not send positions by the browser of whoever looks at it.
fn refuse_pages(caller: &Caller, headers: &HeaderMap) -> Result<(), Problem> {
    let is_page = headers.contains_key("origin")
        || headers.get("sec-fetch-site").is_some_and(|site| site != "none");
    match caller {
        Caller::Anonymous if is_page => {
            let problem = Problem::unauthenticated("a page in a browser needs an API key to send");
            Err(problem)
        }
        Caller::Anonymous | Caller::Local | Caller::Key(_) => Ok(()),
    }
}

async fn take_in(service: &Service, payer: &Payer, sent: &Sent<'_>) -> Result<Response, Problem> {
    let report = sent.event(service.parts.clock.now());
    let mut batch = Batch::new(Form::Osmand, vec![report]);
    batch.headers.push(("report".to_owned(), sent.text().to_owned().into()));
    if !sent.is_dated() {
        batch.headers.push(("time-from-server".to_owned(), Bytes::from_static(b"1")));
    }
    let receipt = service.ingest(payer, batch).await?.pop().expect("one for one");
    match receipt.outcome {
        Outcome::Accepted => Ok(StatusCode::OK.into_response()),
        Outcome::Forbidden => {
            let problem = Problem::forbidden(crate::keys::Scope::TelemetryWrite);
            Err(problem.with_detail(receipt.detail))
        }
        Outcome::Invalid | Outcome::ClockAhead => {
            match service.refused(sent.device(), sent.text(), &receipt.detail).await? {
                Repeated::Refuse => Err(Error::invalid(receipt.detail).into()),
                Repeated::SetAside => {
                    let outcome = HeaderValue::from_static("dead_lettered");
                    Ok((StatusCode::OK, [("fleet-outcome", outcome)]).into_response())
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KINDS: [&str; 3] = ["application/json", "application/x-ndjson", "application/x-protobuf"];
    /// What a sender might have meant, to be cut and damaged.
    const WHOLE: &str = r#"{"events":[{"truck_id":"TRK-A","seq":1,"event_time":"2026-01-05T00:00:00Z",
        "position":{"lat":26.18,"lon":91.75},"status":"en_route","signals":{"speed_kmh":42.5}}]}"#;

    fn read(kind: &'static str, body: Vec<u8>) -> Result<Batch, Problem> {
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static(kind));
        batch(&HeaderMap::from_iter([kind]), body.into())
    }

    #[test]
    fn what_is_too_many_is_refused_before_it_is_looked_into() {
        let many = 1_001;
        for (kind, body) in [
            (KINDS[0], format!("{{\"events\":[1{}]}}", ",1".repeat(many - 1)).into_bytes()),
            (KINDS[1], "1\n".repeat(many).into_bytes()),
            (KINDS[2], [0x0a, 0x00].repeat(many)),
        ] {
            let Err(problem) = read(kind, body) else { panic!("{kind}: taken in") };
            assert_eq!(problem.detail(), "events: 1001, expected 1 to 1000 in a batch", "{kind}");
        }
        let few = read(KINDS[2], [0x0a, 0x00].repeat(1_000)).map(|batch| batch.reports.len());
        assert_eq!(few.ok(), Some(1_000));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_batch_or_the_sender_s_fault(
            kind in prop::sample::select(&KINDS[..]),
            bytes in prop::collection::vec(any::<u8>(), 0..600),
        ) {
            if let Err(problem) = read(kind, bytes) {
                prop_assert!(!problem.is_server_error(), "{problem:?}");
            }
        }

        #[test]
        fn a_damaged_batch_is_read_or_refused_and_what_is_read_is_valid(
            kind in prop::sample::select(&KINDS[..]),
            (at, byte, end) in (0..WHOLE.len(), any::<u8>(), 0..=WHOLE.len()),
        ) {
            let mut bytes = WHOLE.as_bytes().to_vec();
            bytes[at] = byte;
            bytes.truncate(end);
            let reports = read(kind, bytes).map(|batch| batch.reports).unwrap_or_default();
            for event in reports.into_iter().flatten() {
                prop_assert!(event.validate().is_ok(), "{event:?}");
                let again = fleet_proto::decode_event(&fleet_proto::encode_event(&event));
                prop_assert_eq!(again.expect("valid"), event);
            }
        }

        #[test]
        fn any_text_is_a_token_of_this_api_or_the_client_s_fault(text in "\\PC{0,80}|[A-Za-z0-9_-]{0,200}") {
            let token = crate::page::after::<(Time, TripId)>("trips", Some(&text));
            prop_assert!(text.is_empty() || token.is_err());
            let cursor = crate::cursor::decode("one", &text);
            prop_assert!(cursor.is_err(), "{cursor:?}");
        }
    }
}
