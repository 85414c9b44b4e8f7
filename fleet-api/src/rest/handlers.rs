//! One handler a path: parse, ask, render.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use fleet_core::{
    Error, ErrorKind,
    domain::{Status, TelemetryEvent, TripId, TripSummary, TruckId},
    store::Watermarks,
};
use futures::StreamExt;
use prometheus::TextEncoder;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Service,
    guard::Caller,
    live::{self, Subscription},
    messages::{
        Entry, Feed, FleetSummary, Group, HistoryQuestion, Letter, Page, RedriveResult,
        TripsQuestion, Truck, TruckPosition,
    },
    problem::{Problem, Refusals},
};

pub(super) type Answer<T> = Result<Json<T>, Problem>;
pub(super) type Asked = State<Arc<Service>>;

/// A list that is not paged.
#[derive(Serialize, ToSchema)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TrucksParameters {
    /// Only trucks whose newest report has this status.
    #[param(inline)]
    status: Option<Status>,
    /// 1 to 500; 50 unless given.
    #[param(minimum = 1, maximum = 500, default = 50)]
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeadLettersParameters {
    /// Only letters whose originals stood in this topic.
    topic: Option<String>,
    /// 1 to 500; 50 unless given.
    #[param(minimum = 1, maximum = 500, default = 50)]
    page_size: Option<u32>,
    /// From the page before.
    page_token: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FeedParameters {
    /// Go on after this place of the feed; the oldest that is kept unless given.
    cursor: Option<String>,
    /// 1 to 500; 50 unless given.
    #[param(minimum = 1, maximum = 500, default = 50)]
    page_size: Option<u32>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamParameters {
    /// Go on after this place of the feed; now unless given.
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParameters {}

/// Letters to be put back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RedriveRequest {
    /// Which, by their ids: 1 to 1,000.
    #[schema(min_items = 1, max_items = 1_000)]
    ids: Vec<String>,
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// The fleet at a glance.
#[utoipa::path(
    get, path = "/v1/fleet/summary", tag = "fleet",
    responses((status = 200, body = FleetSummary, description = "counts and totals"), Refusals),
)]
pub(super) async fn summary(
    State(service): Asked,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<FleetSummary> {
    Ok(Json(service.summary().await?))
}

/// Every truck with its newest report, by id.
#[utoipa::path(
    get, path = "/v1/trucks", tag = "fleet",
    params(TrucksParameters),
    responses((status = 200, body = Page<Truck>, description = "a page"), Refusals),
)]
pub(super) async fn trucks(
    State(service): Asked,
    Query(asked): Query<TrucksParameters>,
) -> Answer<Page<Truck>> {
    let token = asked.page_token.as_deref();
    Ok(Json(service.trucks(asked.status, asked.page_size, token).await?))
}

/// One truck with its newest report.
#[utoipa::path(
    get, path = "/v1/trucks/{truck_id}", tag = "fleet",
    params(
        ("truck_id" = TruckId, Path, example = "TRK-000007"),
    ),
    responses((status = 200, body = Truck, description = "the truck"), Refusals),
)]
pub(super) async fn truck(
    State(service): Asked,
    Path(truck_id): Path<TruckId>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<Truck> {
    Ok(Json(service.truck(&truck_id).await?))
}

/// One truck's reports by event time.
#[utoipa::path(
    get, path = "/v1/trucks/{truck_id}/telemetry", tag = "telemetry",
    params(
        ("truck_id" = TruckId, Path, example = "TRK-000007"),
        HistoryQuestion,
    ),
    responses((status = 200, body = Page<TelemetryEvent>, description = "a page"), Refusals),
)]
pub(super) async fn telemetry(
    State(service): Asked,
    Path(truck_id): Path<TruckId>,
    Query(question): Query<HistoryQuestion>,
) -> Answer<Page<TelemetryEvent>> {
    Ok(Json(service.telemetry(&truck_id, &question).await?))
}

/// Where every truck was last, at once.
#[utoipa::path(
    get, path = "/v1/positions", tag = "fleet",
    responses((status = 200, body = List<TruckPosition>, description = "by truck id"), Refusals),
)]
pub(super) async fn positions(
    State(service): Asked,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<List<TruckPosition>> {
    Ok(Json(List { items: service.positions().await? }))
}

/// Trips, newest departure first.
#[utoipa::path(
    get, path = "/v1/trips", tag = "trips",
    params(TripsQuestion),
    responses((status = 200, body = Page<TripSummary>, description = "a page"), Refusals),
)]
pub(super) async fn trips(
    State(service): Asked,
    Query(question): Query<TripsQuestion>,
) -> Answer<Page<TripSummary>> {
    Ok(Json(service.trips(question).await?))
}

/// One trip.
#[utoipa::path(
    get, path = "/v1/trips/{trip_id}", tag = "trips",
    params(
        ("trip_id" = TripId, Path, example = "TRK-000007.000001"),
    ),
    responses((status = 200, body = TripSummary, description = "the trip"), Refusals),
)]
pub(super) async fn trip(
    State(service): Asked,
    Path(trip_id): Path<TripId>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<TripSummary> {
    Ok(Json(service.trip(&trip_id).await?))
}

/// A page of everything that was stored, in order for each truck, from a cursor on.
#[utoipa::path(
    get, path = "/v1/feed", tag = "telemetry",
    params(FeedParameters),
    responses((status = 200, body = Feed, description = "a page"), Refusals),
)]
pub(super) async fn feed(
    State(service): Asked,
    Query(asked): Query<FeedParameters>,
) -> Answer<Feed> {
    let feed = service.feed(asked.cursor.as_deref(), asked.page_size).await;
    Ok(Json(feed.map_err(Problem::of_cursor)?))
}

/// The feed as it grows, as server-sent events.
///
/// Goes on from `Last-Event-ID`, else from `cursor`, else from now.
#[utoipa::path(
    get, path = "/v1/stream/events", tag = "telemetry",
    params(
        (
            "last-event-id" = Option<String>,
            Header,
            description = "the id of the last event seen: goes before `cursor`",
        ),
        StreamParameters,
    ),
    responses(
        (
            status = 200,
            content_type = "text/event-stream",
            body = Entry,
            description = "events `telemetry` and `trip`, each with an entry as its data and the cursor after it as its id; `resync` with all positions if the place to resume from is gone",
        ),
        Refusals,
    ),
)]
pub(super) async fn stream(
    State(service): Asked,
    headers: HeaderMap,
    Query(asked): Query<StreamParameters>,
) -> Result<Response, Problem> {
    let subscription = Subscription::open(&service)?;
    let unreadable = |_| Error::invalid("last-event-id: not one of this API");
    let last_id = headers.get("last-event-id").map(HeaderValue::to_str);
    let last_id = last_id.transpose().map_err(unreadable)?;
    let cursor = last_id.or(asked.cursor.as_deref()).filter(|cursor| !cursor.is_empty());
    let (places, resync) = match service.resume(cursor).await {
        Ok(places) => (places, false),
        Err(error) if error.kind() == ErrorKind::NotFound => (service.resume(None).await?, true),
        Err(error) => return Err(error.into()),
    };
    let resync = if resync { Some(resync_event(&service, &places).await?) } else { None };
    let hello = Event::default().retry(Duration::from_secs(3)).comment("data-fleet");
    let first = [Some(hello), resync].into_iter().flatten().map(Ok);
    let events = futures::stream::iter(first).chain(live::events(subscription, places));
    let heartbeat = KeepAlive::new().interval(Duration::from_secs(15));
    let mut response = Sse::new(events).keep_alive(heartbeat).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The place to resume from is gone: here is where every truck is now.
async fn resync_event(service: &Service, places: &Watermarks) -> Result<Event, Problem> {
    let list = List { items: service.positions().await? };
    let event = Event::default().event("resync").id(service.cursor(places)).json_data(list);
    event.map_err(|e| Error::internal("snapshot does not encode").with_source(e).into())
}

/// Consumer groups, and how far each is behind.
#[utoipa::path(
    get, path = "/v1/pipeline/groups", tag = "pipeline",
    responses((status = 200, body = List<Group>, description = "by name"), Refusals),
)]
pub(super) async fn groups(
    State(service): Asked,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<List<Group>> {
    Ok(Json(List { items: service.groups().await? }))
}

/// Records that were set aside, oldest first.
#[utoipa::path(
    get, path = "/v1/pipeline/dead-letters", tag = "pipeline",
    params(DeadLettersParameters),
    responses((status = 200, body = Page<Letter>, description = "a page"), Refusals),
)]
pub(super) async fn dead_letters(
    State(service): Asked,
    Query(asked): Query<DeadLettersParameters>,
) -> Answer<Page<Letter>> {
    let (topic, token) = (asked.topic.as_deref(), asked.page_token.as_deref());
    Ok(Json(service.dead_letters(topic, asked.page_size, token).await?))
}

/// One record that was set aside.
#[utoipa::path(
    get, path = "/v1/pipeline/dead-letters/{id}", tag = "pipeline",
    params(
        (
            "id" = String,
            Path,
            description = "topic:partition:offset",
            example = "fleet.telemetry.v1.dlq:2:0",
        ),
    ),
    responses((status = 200, body = Letter, description = "the letter"), Refusals),
)]
pub(super) async fn dead_letter(
    State(service): Asked,
    Path(id): Path<String>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<Letter> {
    Ok(Json(service.dead_letter(&id).await?))
}

/// Puts records back where they came from.
#[utoipa::path(
    post, path = "/v1/pipeline/dead-letters/redrive", tag = "pipeline",
    request_body = RedriveRequest,
    responses(
        (
            status = 200,
            body = List<RedriveResult>,
            description = "one result for each id, in their order",
        ),
        Refusals,
    ),
)]
pub(super) async fn redrive(
    State(service): Asked,
    Extension(caller): Extension<Caller>,
    Json(request): Json<RedriveRequest>,
) -> Answer<List<RedriveResult>> {
    Ok(Json(List { items: service.redrive_as(&caller, &request.ids, request.dry_run).await? }))
}

/// Whether the process lives.
#[utoipa::path(
    get, path = "/healthz", tag = "health",
    responses(
        (status = 200, body = String, content_type = "text/plain", description = "it does"),
    ),
)]
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// Whether log, store and state answer.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, body = String, content_type = "text/plain", description = "they do"),
        Refusals,
    ),
)]
pub(super) async fn ready(State(service): Asked) -> Result<&'static str, Problem> {
    service.ready().await?;
    Ok("ready\n")
}

/// What the platform counts, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses(
        (
            status = 200,
            body = String,
            content_type = "text/plain",
            description = "text format 0.0.4",
        ),
        Refusals,
    ),
)]
pub(super) async fn metrics(State(service): Asked) -> Result<Response, Problem> {
    service.watch.sample(service.parts.clock.now()); // what is shown is what was counted by now
    let text = TextEncoder::new()
        .encode_to_string(&service.parts.registry.gather())
        .map_err(|e| Error::internal("metrics do not encode").with_source(e))?;
    let kind = HeaderValue::from_static(prometheus::TEXT_FORMAT);
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, kind)], text).into_response())
}
