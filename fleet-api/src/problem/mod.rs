//! Errors as RFC 9457 problems, and as what gRPC calls them.

mod kinds;
mod pages;

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fleet_core::{Error, ErrorKind};
use serde::Serialize;
use tonic::Code;
use utoipa::{IntoResponses, ToSchema};

use crate::keys::Scope;
use kinds::Kind;

pub(crate) use pages::routes;

/// What `Retry-After` says where nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// An error on its way to a client.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: Kind,
    status: StatusCode,
    detail: String,
    required_scope: Option<Scope>,
    exceeded: Option<Exceeded>,
}

/// The limit that a request is over.
#[derive(Debug)]
struct Exceeded {
    policy: String,
    retry_after_us: u64,
}

/// What clients are told of each kind of error.
const fn told(kind: ErrorKind) -> Kind {
    match kind {
        ErrorKind::Invalid => Kind::InvalidRequest,
        ErrorKind::NotFound => Kind::NotFound,
        ErrorKind::Conflict => Kind::Conflict,
        ErrorKind::RateLimited => Kind::QuotaExceeded,
        ErrorKind::Unavailable => Kind::Unavailable,
        ErrorKind::Corrupt => Kind::CorruptData,
        ErrorKind::Internal => Kind::Internal,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = Self::of_kind(told(error.kind()));
        // Causes of our own failures are for the log, not for clients.
        if problem.status.is_server_error() {
            tracing::error!(%error, "request failed");
            problem.with_detail("the cause is in the server's log")
        } else {
            problem.with_detail(error.to_string())
        }
    }
}

impl Problem {
    /// A problem of this kind, with what HTTP says of its status as its sentence.
    pub(crate) fn of_kind(kind: Kind) -> Self {
        Self::new(kind, kind.status())
    }

    fn new(kind: Kind, status: StatusCode) -> Self {
        let detail = status.canonical_reason().unwrap_or("refused").to_owned();
        Self { kind, status, detail, required_scope: None, exceeded: None }
    }

    /// No key, or none that counts: never says which.
    pub(crate) fn unauthenticated(detail: &str) -> Self {
        Self::of_kind(Kind::Unauthenticated).with_detail(detail)
    }

    /// A key that lacks a scope.
    pub(crate) fn forbidden(scope: Scope) -> Self {
        let problem = Self::of_kind(Kind::Forbidden);
        let problem = problem.with_detail(format!("the key lacks the scope {scope}"));
        Self { required_scope: Some(scope), ..problem }
    }

    /// More than the policy of this name allows; the wait is enough, and is at least 1 µs.
    pub(crate) fn exceeded(policy: &str, retry_after_us: u64) -> Self {
        let problem = Self::of_kind(Kind::QuotaExceeded);
        let problem = problem.with_detail(format!(
            "over the limit {policy}: the same request is granted in {} ms",
            retry_after_us.div_ceil(1_000)
        ));
        let exceeded = Some(Exceeded { policy: policy.to_owned(), retry_after_us });
        Self { exceeded, ..problem }
    }

    /// How long to wait before the next try, if waiting helps.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match (&self.exceeded, self.status) {
            (Some(exceeded), _) => Some(Duration::from_micros(exceeded.retry_after_us)),
            (None, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => {
                Some(RETRY_AFTER)
            }
            (None, _) => None,
        }
    }

    /// The scope that the key lacks.
    pub(crate) const fn required_scope(&self) -> Option<Scope> {
        self.required_scope
    }

    /// The policy that the request is over.
    pub(crate) fn violated_policy(&self) -> Option<&str> {
        self.exceeded.as_ref().map(|exceeded| &*exceeded.policy)
    }

    /// The place in the feed that was asked for is not there any more.
    pub(crate) fn gone(detail: impl Into<String>) -> Self {
        Self::of_kind(Kind::ResumePointGone).with_detail(detail)
    }

    /// The failure of a question that came with a cursor: what is not found is not merely unknown,
    /// its place is gone.
    pub(crate) fn of_cursor(error: Error) -> Self {
        if error.kind() == ErrorKind::NotFound {
            Self::gone(error.to_string())
        } else {
            error.into()
        }
    }

    /// What gRPC calls it.
    pub(crate) const fn code(&self) -> Code {
        self.kind.code()
    }

    /// Its type, the last part of its `type` in REST.
    pub(crate) const fn kind(&self) -> &'static str {
        self.kind.slug()
    }

    /// Whether the server is at fault, and not the client.
    pub(crate) fn is_server_error(&self) -> bool {
        self.status.is_server_error()
    }

    /// What is wrong, in a sentence for the client.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// What the router itself refuses.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let kind = match status {
            StatusCode::NOT_FOUND => Kind::NotFound,
            StatusCode::UNAUTHORIZED => Kind::Unauthenticated,
            StatusCode::FORBIDDEN => Kind::Forbidden,
            StatusCode::TOO_MANY_REQUESTS => Kind::QuotaExceeded,
            StatusCode::METHOD_NOT_ALLOWED => Kind::MethodNotAllowed,
            StatusCode::NOT_ACCEPTABLE => Kind::NotAcceptable,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::UnsupportedMediaType,
            StatusCode::REQUEST_TIMEOUT => Kind::Timeout,
            StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
            StatusCode::SERVICE_UNAVAILABLE => Kind::Unavailable,
            status if status.is_client_error() => Kind::InvalidRequest,
            _ => Kind::Internal,
        };
        Self::new(kind, status)
    }

    /// The same with another sentence.
    pub(crate) fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }
}

/// A problem (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "/problems/not-found",
    "title": "Not Found",
    "status": 404,
    "detail": "truck TRK-999999: not known",
}))]
pub(crate) struct ProblemBody {
    /// A page that says what it means and what to do about it.
    #[schema(example = "/problems/not-found")]
    r#type: String,
    /// The status in words.
    title: &'static str,
    /// The HTTP status again.
    status: u16,
    /// What is wrong with this request, for a person.
    detail: String,
    /// `forbidden`: the scope that the key lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    required_scope: Option<Scope>,
    /// `quota-exceeded`: the limits that the request is over.
    #[serde(rename = "violated-policies", skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    violated_policies: Vec<String>,
    /// `quota-exceeded`: the wait that is enough, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

/// How any request may be refused.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "it describes answers; it is none")]
pub(crate) enum Refusals {
    /// The request is at fault.
    #[response(status = "4XX", content_type = "application/problem+json")]
    Client(ProblemBody),
    /// The server is.
    #[response(status = "5XX", content_type = "application/problem+json")]
    Server(ProblemBody),
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after();
        let exceeded_ms = self.exceeded.as_ref().map(|e| e.retry_after_us.div_ceil(1_000));
        let policy = self.violated_policy().map(str::to_owned);
        let body = ProblemBody {
            r#type: format!("/problems/{}", self.kind()),
            title: self.status.canonical_reason().unwrap_or("refused"),
            status: self.status.as_u16(),
            detail: self.detail,
            required_scope: self.required_scope,
            violated_policies: policy.into_iter().collect(),
            retry_after_ms: exceeded_ms,
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = retry_after {
            let wait_s = wait.as_micros().div_ceil(1_000_000).max(1);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait_s as u64));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_tell_its_own_faults_from_ours() {
        use ErrorKind::{Conflict, Corrupt, Internal, Invalid, NotFound, RateLimited, Unavailable};
        for kind in [Invalid, NotFound, Conflict, RateLimited] {
            assert!(told(kind).status().is_client_error(), "{kind:?}");
        }
        for kind in [Unavailable, Corrupt, Internal] {
            assert!(told(kind).status().is_server_error(), "{kind:?}");
        }
    }
}
