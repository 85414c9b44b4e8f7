//! Problems as gRPC statuses: the same sentence, with the problem's type as the reason.

use std::collections::HashMap;

use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};

use crate::problem::Problem;

/// Whose reasons these are, in `google.rpc.ErrorInfo`.
const DOMAIN: &str = "data-fleet";
impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        let code = problem.code();
        // The contract of ErrorInfo wants RESUME_POINT_GONE where REST says resume-point-gone.
        let reason = problem.kind().replace('-', "_").to_ascii_uppercase();
        let scope =
            problem.required_scope().map(|scope| ("required_scope".to_owned(), scope.to_string()));
        let policy =
            problem.violated_policy().map(|name| ("violated_policy".to_owned(), name.to_owned()));
        let metadata: HashMap<_, _> = scope.into_iter().chain(policy).collect();
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
        if let Some(wait) = problem.retry_after() {
            details.set_retry_info(Some(wait)); // what REST says by `Retry-After`
        }
        Self::with_error_details(code, problem.detail(), details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_core::{Error, ErrorKind};
    use tonic::Code;

    #[test]
    fn a_status_says_what_the_problem_says() {
        let check = |problem: Problem, code: Code, reason: &str| {
            let detail = problem.detail().to_owned();
            let status = Status::from(problem);
            assert_eq!((status.code(), status.message()), (code, detail.as_str()));
            let info = status.get_details_error_info().expect("every status has a reason");
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, DOMAIN));
            let retries = status.get_details_retry_info().is_some();
            assert_eq!(retries, matches!(code, Code::Unavailable | Code::ResourceExhausted));
        };
        let of = |kind| Problem::from(Error::new(kind, "field: rule"));
        check(of(ErrorKind::Invalid), Code::InvalidArgument, "INVALID_REQUEST");
        check(of(ErrorKind::NotFound), Code::NotFound, "NOT_FOUND");
        check(of(ErrorKind::Conflict), Code::Aborted, "CONFLICT");
        check(of(ErrorKind::RateLimited), Code::ResourceExhausted, "QUOTA_EXCEEDED");
        check(of(ErrorKind::Unavailable), Code::Unavailable, "UNAVAILABLE");
        check(of(ErrorKind::Corrupt), Code::DataLoss, "CORRUPT_DATA");
        check(of(ErrorKind::Internal), Code::Internal, "INTERNAL");
        check(Problem::gone("cursor: of another log"), Code::OutOfRange, "RESUME_POINT_GONE");
    }
}
