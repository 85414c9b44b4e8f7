//! One handler a path: parse, ask, render.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
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

use crate::{
    Service,
    live::{self, Subscription},
    messages::{
        Feed, FleetSummary, Group, HistoryQuestion, Letter, Page, RedriveResult, TripsQuestion,
        Truck, TruckPosition,
    },
    problem::Problem,
};

type Answer<T> = Result<Json<T>, Problem>;
type Asked = State<Arc<Service>>;

/// A list that is not paged.
#[derive(Serialize)]
pub(super) struct List<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrucksParameters {
    status: Option<Status>,
    page_size: Option<u32>,
    page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeadLettersParameters {
    topic: Option<String>,
    page_size: Option<u32>,
    page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedParameters {
    cursor: Option<String>,
    page_size: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParameters {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RedriveRequest {
    ids: Vec<String>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn summary(
    State(service): Asked,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<FleetSummary> {
    Ok(Json(service.summary().await?))
}

pub(super) async fn trucks(
    State(service): Asked,
    Query(asked): Query<TrucksParameters>,
) -> Answer<Page<Truck>> {
    let token = asked.page_token.as_deref();
    Ok(Json(service.trucks(asked.status, asked.page_size, token).await?))
}

pub(super) async fn truck(State(service): Asked, Path(truck_id): Path<TruckId>) -> Answer<Truck> {
    Ok(Json(service.truck(&truck_id).await?))
}

pub(super) async fn telemetry(
    State(service): Asked,
    Path(truck_id): Path<TruckId>,
    Query(question): Query<HistoryQuestion>,
) -> Answer<Page<TelemetryEvent>> {
    Ok(Json(service.telemetry(&truck_id, &question).await?))
}

pub(super) async fn positions(
    State(service): Asked,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<List<TruckPosition>> {
    Ok(Json(List { items: service.positions().await? }))
}

pub(super) async fn trips(
    State(service): Asked,
    Query(question): Query<TripsQuestion>,
) -> Answer<Page<TripSummary>> {
    Ok(Json(service.trips(question).await?))
}

pub(super) async fn trip(
    State(service): Asked,
    Path(trip_id): Path<TripId>,
) -> Answer<TripSummary> {
    Ok(Json(service.trip(&trip_id).await?))
}

pub(super) async fn feed(
    State(service): Asked,
    Query(asked): Query<FeedParameters>,
) -> Answer<Feed> {
    let feed = service.feed(asked.cursor.as_deref(), asked.page_size).await;
    Ok(Json(feed.map_err(Problem::of_cursor)?))
}

/// Live: from `Last-Event-ID`, else from `cursor`, else from now on.
pub(super) async fn stream(
    State(service): Asked,
    headers: HeaderMap,
    Query(asked): Query<FeedParameters>,
) -> Result<Response, Problem> {
    let subscription = Subscription::open(&service)?;
    let last_id = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let (places, resync) = match last_id.or(asked.cursor.as_deref()) {
        None => (service.parts.store.watermarks().await?, false),
        Some(cursor) => match service.places(Some(cursor)) {
            Ok(places) => (places, false),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                (service.parts.store.watermarks().await?, true)
            }
            Err(error) => return Err(error.into()),
        },
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

pub(super) async fn groups(
    State(service): Asked,
    Query(NoParameters {}): Query<NoParameters>,
) -> Answer<List<Group>> {
    Ok(Json(List { items: service.groups().await? }))
}

pub(super) async fn dead_letters(
    State(service): Asked,
    Query(asked): Query<DeadLettersParameters>,
) -> Answer<Page<Letter>> {
    let (topic, token) = (asked.topic.as_deref(), asked.page_token.as_deref());
    Ok(Json(service.dead_letters(topic, asked.page_size, token).await?))
}

pub(super) async fn dead_letter(State(service): Asked, Path(id): Path<String>) -> Answer<Letter> {
    Ok(Json(service.dead_letter(&id).await?))
}

pub(super) async fn redrive(
    State(service): Asked,
    Json(request): Json<RedriveRequest>,
) -> Answer<List<RedriveResult>> {
    Ok(Json(List { items: service.redrive(&request.ids, request.dry_run).await? }))
}

pub(super) async fn ready(State(service): Asked) -> Result<&'static str, Problem> {
    service.ready().await?;
    Ok("ready\n")
}

pub(super) async fn metrics(State(service): Asked) -> Result<Response, Problem> {
    let text = TextEncoder::new()
        .encode_to_string(&service.parts.registry.gather())
        .map_err(|e| Error::internal("metrics do not encode").with_source(e))?;
    let kind = HeaderValue::from_static(prometheus::TEXT_FORMAT);
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, kind)], text).into_response())
}
