//! Errors as RFC 9457 problems, and as what gRPC calls them.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fleet_core::{Error, ErrorKind};
use serde_json::json;
use tonic::Code;

/// An error on its way to a client.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: Code,
    kind: &'static str,
    detail: String,
}

/// The HTTP status, gRPC code and problem type of each kind: one exhaustive table, so that the
/// faces cannot drift apart.
const fn answer(kind: ErrorKind) -> (StatusCode, Code, &'static str) {
    match kind {
        ErrorKind::Invalid => (StatusCode::BAD_REQUEST, Code::InvalidArgument, "invalid-request"),
        ErrorKind::NotFound => (StatusCode::NOT_FOUND, Code::NotFound, "not-found"),
        ErrorKind::Conflict => (StatusCode::CONFLICT, Code::Aborted, "conflict"),
        ErrorKind::RateLimited => {
            (StatusCode::TOO_MANY_REQUESTS, Code::ResourceExhausted, "quota-exceeded")
        }
        ErrorKind::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, "unavailable")
        }
        ErrorKind::Corrupt => (StatusCode::INTERNAL_SERVER_ERROR, Code::DataLoss, "corrupt-data"),
        ErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, "internal"),
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let (status, code, kind) = answer(error.kind());
        // Causes of our own failures are for the log, not for clients.
        let detail = if status.is_server_error() {
            tracing::error!(%error, "request failed");
            "the cause is in the server's log".to_owned()
        } else {
            error.to_string()
        };
        Self { status, code, kind, detail }
    }
}

impl Problem {
    /// The place in the feed that was asked for is not there any more.
    pub(crate) fn gone(detail: impl Into<String>) -> Self {
        let (status, code) = (StatusCode::GONE, Code::OutOfRange);
        Self { status, code, kind: "resume-point-gone", detail: detail.into() }
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
        self.code
    }

    /// Its type, the last part of its `type` in REST.
    pub(crate) const fn kind(&self) -> &'static str {
        self.kind
    }

    /// What is wrong, in a sentence for the client.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// What the router itself refuses.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let (code, kind) = match status {
            StatusCode::NOT_FOUND => (Code::NotFound, "not-found"),
            StatusCode::METHOD_NOT_ALLOWED => (Code::Unimplemented, "method-not-allowed"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (Code::Unimplemented, "unsupported-media-type"),
            StatusCode::PAYLOAD_TOO_LARGE => (Code::ResourceExhausted, "too-large"),
            status if status.is_client_error() => (Code::InvalidArgument, "invalid-request"),
            _ => (Code::Internal, "internal"),
        };
        let detail = status.canonical_reason().unwrap_or("refused").to_owned();
        Self { status, code, kind, detail }
    }

    /// The same with another sentence.
    pub(crate) fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": format!("/problems/{}", self.kind),
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
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
            assert!(answer(kind).0.is_client_error(), "{kind:?}");
        }
        for kind in [Unavailable, Corrupt, Internal] {
            assert!(answer(kind).0.is_server_error(), "{kind:?}");
        }
    }
}
