//! The kinds of problems: what each means, what to do about it, and what either face calls it.

use axum::http::StatusCode;
use tonic::Code;

/// Declares the kinds together with their texts, so that none can lack a page.
macro_rules! kinds {
    ($($name:ident, $slug:literal, $status:ident, $code:ident, $meaning:literal, $remedy:literal;)+) => {
        /// What went wrong, as a client sees it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind { $(#[doc = $meaning] $name,)+ }

        impl Kind {
            /// Every kind there is.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)+];

            /// The last part of its `type` in REST, the reason of its `ErrorInfo` in gRPC.
            pub(crate) const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)+ }
            }

            /// The HTTP status, where the framework has not chosen another one of its class.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }

            /// What gRPC calls it.
            pub(crate) const fn code(self) -> Code {
                match self { $(Self::$name => Code::$code,)+ }
            }

            /// What it means, in sentences that need no escaping in HTML.
            pub(crate) const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)+ }
            }

            /// What the client should do; needs no escaping in HTML either.
            pub(crate) const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }
        }
    };
}

kinds! {
    InvalidRequest, "invalid-request", BAD_REQUEST, InvalidArgument,
    "A parameter, a header or the body of the request breaks a rule.",
    "The detail names the field and the rule. Correct it; the same request will fail again.";

    Unauthenticated, "unauthenticated", UNAUTHORIZED, Unauthenticated,
    "There is no API key with the request, or the one there is does not count: it is mistyped, unknown, expired or revoked.",
    "Send a key that counts, as Authorization: Bearer and the key. Whoever runs the server makes keys with data-fleet keys create.";

    Forbidden, "forbidden", FORBIDDEN, PermissionDenied,
    "The key counts, but it may not do this.",
    "The answer names the scope that is needed. Ask for a key that has it.";

    NotFound, "not-found", NOT_FOUND, NotFound,
    "There is no such path, or nothing is stored under the id that was asked for.",
    "Check the path and the id. Lists show what there is.";

    MethodNotAllowed, "method-not-allowed", METHOD_NOT_ALLOWED, Unimplemented,
    "The path exists, but not for this method.",
    "Use a method that the Allow header of the answer names.";

    NotAcceptable, "not-acceptable", NOT_ACCEPTABLE, InvalidArgument,
    "The Accept header names no format in which there is an answer.",
    "The detail names the formats there are. Name one of them in Accept, or as the parameter format.";

    UnsupportedMediaType, "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, Unimplemented,
    "The body is of a kind that this path does not read.",
    "Say in Content-Type what the body is: the detail names what is read here. Content-Encoding may be gzip.";

    Timeout, "timeout", REQUEST_TIMEOUT, DeadlineExceeded,
    "The body of the request did not come in time.",
    "Send it again, smaller if the line is slow.";

    TooLarge, "too-large", PAYLOAD_TOO_LARGE, ResourceExhausted,
    "The body is larger than the server reads.",
    "Send less at once, in several requests.";

    Conflict, "conflict", CONFLICT, Aborted,
    "The request does not fit what is stored by now: somebody else was there first.",
    "Read the present state, then decide whether the request is still what you want.";

    ResumePointGone, "resume-point-gone", GONE, OutOfRange,
    "The place in the feed that the cursor names is no longer kept, or was never in this log.",
    "Begin again without a cursor. What lies in between is found in the history of each truck.";

    QuotaExceeded, "quota-exceeded", TOO_MANY_REQUESTS, ResourceExhausted,
    "More was asked for than the limit allows.",
    "Wait before the next request, as long as the Retry-After header says if there is one.";

    Unavailable, "unavailable", SERVICE_UNAVAILABLE, Unavailable,
    "Something that the server depends on does not answer, or it is full for now.",
    "Nothing is wrong with the request. Try again after the seconds in Retry-After, and wait longer each time.";

    CorruptData, "corrupt-data", INTERNAL_SERVER_ERROR, DataLoss,
    "What is stored cannot be what was written. It is not shown, so that nobody acts on it.",
    "Trying again does not help. Tell the operator, whose log has the cause.";

    Internal, "internal", INTERNAL_SERVER_ERROR, Internal,
    "The server failed in a way that it should not.",
    "Trying again may help once. Tell the operator, whose log has the cause.";
}
