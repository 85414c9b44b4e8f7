//! What surrounds every answer: time limits, who may keep it and for how long, compression, and which
//! pages of other sites may read it.
//!
//! A 304 saves the bytes, not the token: it is asked for by `If-None-Match` with the `ETag` of what
//! the client has. Who may keep an answer is decided where that is known (the guard, a page); what
//! nobody has decided is kept by nobody.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version,
        header::{self, Entry},
        response::Parts,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, Predicate},
    },
    cors::CorsLayer,
};

use super::etag::{ETag, not_modified};
use crate::{
    accept::{ANSWER_WITHIN, BODY_WITHIN, Held},
    problem::Problem,
};

/// For what is the same for everyone and changes with the program only.
pub(crate) const PUBLIC: HeaderValue =
    HeaderValue::from_static("public, max-age=300, stale-while-revalidate=600");
/// For pages and what they load: kept, but asked about before each use.
pub(crate) const FRESH: HeaderValue = HeaderValue::from_static("no-cache");
/// For what nobody may keep.
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What an answer to anybody who asks may load in a browser, unless it says more.
const CSP: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Gives up a request whose body does not come (408), and one whose answer does not (503).
pub(super) async fn in_time(request: Request, next: Next) -> Response {
    let arriving = Arc::new(());
    let has_arrived: Weak<()> = Arc::downgrade(&arriving);
    let request = request.map(|body| Body::new(Held::new(body, arriving)));
    let answer = next.run(request);
    tokio::pin!(answer);
    if let Ok(answer) = tokio::time::timeout(BODY_WITHIN, &mut answer).await {
        return answer;
    }
    if has_arrived.strong_count() > 0 {
        let problem = Problem::of_status(StatusCode::REQUEST_TIMEOUT);
        return problem.with_detail("the body did not come in time").into_response();
    }
    match tokio::time::timeout(ANSWER_WITHIN - BODY_WITHIN, answer).await {
        Ok(answer) => answer,
        Err(_late) => Problem::of_status(StatusCode::SERVICE_UNAVAILABLE).into_response(),
    }
}

/// Says who may keep the answer, answers 304 to one who has it, and keeps browsers in bounds.
pub(super) async fn polite(request: Request, next: Next) -> Response {
    let known: Vec<_> =
        request.headers().get_all(header::IF_NONE_MATCH).into_iter().cloned().collect();
    let is_get = request.method() == Method::GET;
    let may_keep_open = request.version() > Version::HTTP_11;
    let (mut parts, body) = next.run(request).await.into_parts();
    if parts.status == StatusCode::REQUEST_TIMEOUT && !may_keep_open {
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    for (name, value) in [
        (header::CACHE_CONTROL, NO_STORE),
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ] {
        if let Entry::Vacant(vacant) = parts.headers.entry(name) {
            vacant.insert(value);
        }
    }
    let is_kept = parts.status == StatusCode::OK
        && parts.headers.get(header::CACHE_CONTROL).is_none_or(|value| value != NO_STORE);
    if is_kept && is_get {
        tagged(parts, body, &known).await
    } else {
        Response::from_parts(parts, body)
    }
}

/// The answer with the tag of its content, or 304 if that is among what the client has. What is not
/// whole in memory is sent as it comes.
async fn tagged(parts: Parts, body: Body, known: &[HeaderValue]) -> Response {
    let (tag, body) = match ETag::among(&parts.headers) {
        Some(tag) => (tag, body),
        None if body.size_hint().exact().is_none() => return Response::from_parts(parts, body),
        None => {
            let Ok(content) = axum::body::to_bytes(body, usize::MAX).await else {
                return Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR).into_response();
            };
            (ETag::of_content(&content), Body::from(content))
        }
    };
    let is_known = tag.is_in(known);
    tag.on(if is_known { not_modified(parts.headers) } else { Response::from_parts(parts, body) })
}

/// gzip for what is worth it: never a stream of events, nor what nobody may keep (secrets in an
/// answer of which an attacker chose a part could be guessed by its length). There is no brotli
/// or zstd: the first is slow at answers made once, the second needs C.
pub(super) fn compression() -> CompressionLayer<impl Predicate> {
    let may_be_kept =
        |_: StatusCode, _: Version, headers: &HeaderMap, _: &axum::http::Extensions| {
            headers.get(header::CACHE_CONTROL).is_none_or(|value| value != NO_STORE)
        };
    let predicate = DefaultPredicate::new().and(may_be_kept);
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(predicate)
}

/// Which pages of other sites may ask: those of `origins`, with a key in its header, never with
/// cookies. No origins: none.
pub(crate) fn cors(origins: &[HeaderValue]) -> CorsLayer {
    if origins.is_empty() {
        return CorsLayer::new();
    }
    let own = |name| HeaderName::from_static(name);
    CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
            header::IF_NONE_MATCH,
            own("last-event-id"),
            own("grpc-timeout"),
            own("x-grpc-web"),
            own("x-user-agent"),
        ])
        .expose_headers([
            header::ETAG,
            header::RETRY_AFTER,
            own("next-page-token"),
            own("fleet-outcome"),
            own("ratelimit"),
            own("ratelimit-policy"),
            own("grpc-status"),
            own("grpc-message"),
            own("grpc-status-details-bin"),
        ])
        .max_age(Duration::from_secs(600))
}

#[cfg(test)]
mod tests;
