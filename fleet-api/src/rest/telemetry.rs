//! Histories, and the feed in pages and as it grows.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use fleet_core::{
    Error, ErrorKind,
    domain::{TelemetryEvent, TruckId},
    store::Watermarks,
};
use futures::StreamExt;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    common::{Answer, Asked},
    csv,
    format::Format,
    manners,
};
use crate::{
    Service,
    live::{self, EntryKind, Filter, Subscription},
    messages::{Entry, Feed, History, HistoryQuestion, List, Page, SeriesQuestion, TruckPosition},
    problem::{Problem, Refusals},
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FeedParameters {
    /// Go on after this place of the feed; the oldest that is kept unless given.
    cursor: Option<String>,
    /// 1 or more, of which 500 are taken at most; 50 unless given.
    #[param(minimum = 1, default = 50)]
    page_size: Option<u32>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamParameters {
    /// Go on after this place of the feed; now unless given.
    cursor: Option<String>,
    /// Only this truck.
    #[param(value_type = Option<String>, example = "TRK-000007")]
    truck_id: Option<TruckId>,
    /// Only trucks of this depot.
    #[param(example = "guwahati")]
    depot: Option<String>,
    /// Only such entries.
    #[param(inline)]
    kind: Option<EntryKind>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PositionsParameters {
    /// Only this truck.
    #[param(value_type = Option<String>, example = "TRK-000007")]
    truck_id: Option<TruckId>,
    /// Only trucks of this depot.
    #[param(example = "guwahati")]
    depot: Option<String>,
    /// How often to be told at most, ms; 500 unless given.
    #[param(minimum = 100, maximum = 60_000, default = 500)]
    min_interval_ms: Option<u32>,
}

/// One truck's reports by event time.
///
/// As CSV the token of the next page is in the header `next-page-token`.
#[utoipa::path(
    get, path = "/v1/trucks/{truck_id}/telemetry", tag = "telemetry",
    params(
        ("truck_id" = TruckId, Path, example = "TRK-000007"),
        HistoryQuestion,
    ),
    responses(
        (
            status = 200,
            description = "a page",
            content((Page<TelemetryEvent> = "application/json"), (String = "text/csv")),
        ),
        Refusals,
    ),
)]
pub(super) async fn telemetry(
    State(service): Asked,
    Path(truck_id): Path<TruckId>,
    headers: HeaderMap,
    Query(question): Query<HistoryQuestion>,
) -> Result<Response, Problem> {
    let format = Format::choose(question.format, &headers, &[Format::Json, Format::Csv])?;
    let page = service.telemetry(&truck_id, &question).await?;
    if format != Format::Csv {
        return Ok(format.answer(Json(page)));
    }
    let mut response = format.answer(csv::reports(&page.items, &question.signals));
    if let Ok(token) = HeaderValue::try_from(page.next_page_token) {
        response.headers_mut().insert("next-page-token", token);
    }
    Ok(response)
}

/// Signals of one truck over time, short enough to be drawn.
#[utoipa::path(
    get, path = "/v1/trucks/{truck_id}/series", tag = "telemetry",
    params(
        ("truck_id" = TruckId, Path, example = "TRK-000007"),
        SeriesQuestion,
    ),
    responses(
        (status = 200, body = History, description = "a series for each signal"),
        Refusals,
    ),
)]
pub(super) async fn series(
    State(service): Asked,
    Path(truck_id): Path<TruckId>,
    Query(question): Query<SeriesQuestion>,
) -> Answer<History> {
    Ok(Json(service.series(&truck_id, &question).await?))
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
    let StreamParameters { truck_id, depot, kind, .. } = asked;
    let filter = Filter { truck_id, depot, kind };
    let events = futures::stream::iter(first).chain(live::events(subscription, places, filter));
    Ok(streamed(events))
}

/// Positions as they change, as server-sent events.
///
/// Of each truck its newest position, however slow the reader: what lies between is left out. A
/// `snapshot` comes first, and again when a truck's last report has expired.
#[utoipa::path(
    get, path = "/v1/stream/positions", tag = "fleet",
    operation_id = "stream_positions",
    params(PositionsParameters),
    responses(
        (
            status = 200,
            content_type = "text/event-stream",
            body = List<TruckPosition>,
            description = "events `snapshot` (all that is asked for) and `positions` (what has changed)",
        ),
        Refusals,
    ),
)]
pub(super) async fn stream_positions(
    State(service): Asked,
    Query(asked): Query<PositionsParameters>,
) -> Result<Response, Problem> {
    let PositionsParameters { truck_id, depot, min_interval_ms } = asked;
    let every = live::every(min_interval_ms)?;
    let subscription = Subscription::open(&service)?;
    let filter = Filter { truck_id, depot, kind: None };
    let moves = live::positions(subscription, filter, every).filter_map(|moved| async move {
        let moved = match moved {
            Ok(moved) => moved,
            Err(error) => {
                tracing::warn!(%error, "a live stream ends");
                return None;
            }
        };
        let name = if moved.is_snapshot { "snapshot" } else { "positions" };
        let event = Event::default().event(name).json_data(List { items: moved.positions });
        Some(Ok(event.expect("ids, times and numbers are JSON")))
    });
    let hello = Event::default().retry(Duration::from_secs(3)).comment("data-fleet");
    Ok(streamed(futures::stream::iter([Ok(hello)]).chain(moves)))
}

/// Events with a heartbeat, kept by nobody and held up by no proxy.
fn streamed(
    events: impl futures::Stream<Item = Result<Event, Infallible>> + Send + 'static,
) -> Response {
    let heartbeat = KeepAlive::new().interval(Duration::from_secs(15));
    let mut response = Sse::new(events).keep_alive(heartbeat).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, manners::NO_STORE);
    response
}

/// The place to resume from is gone: here is where every truck is now.
async fn resync_event(service: &Service, places: &Watermarks) -> Result<Event, Problem> {
    let snapshot = service.snapshot().await?;
    let event = Event::default().event("resync").id(service.cursor(places));
    let event = event.json_data(&snapshot.positions);
    event.map_err(|e| Error::internal("snapshot does not encode").with_source(e).into())
}
