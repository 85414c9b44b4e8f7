//! What went wrong with an OSRM server, exactly.
//!
//! An [`Error`] says by its kind what to do; the fault behind it says what happened, for those who
//! want to know: [`Fault::of`] finds it. OSRM answers nearly everything with HTTP 400, the
//! unreachable included, so a fault is told by the answer's `code`, never by its status.

use std::{fmt, time::Duration};

use crate::{Error, ErrorKind};

/// Why a request to OSRM gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `NoRoute`, `NoTrips`: both places are on roads, and there is no way between them.
    NoRoute,
    /// `NoSegment`: a place has no road within its radius and bearing.
    NoSegment {
        /// Which of the points, from 0, if the server told.
        point: Option<usize>,
    },
    /// `NoMatch`: a trace follows no road.
    NoMatch,
    /// `NoTable`: no duration could be computed.
    NoTable,
    /// `TooBig`, or an address too long for the server to read: ask for less at once.
    TooBig(String),
    /// `InvalidQuery`, `InvalidValue`, `InvalidOptions`, `NotImplemented`: a question that makes
    /// no sense to it, or has an option that the server's profile lacks.
    InvalidQuery(String),
    /// `InvalidUrl`, `InvalidService`, `InvalidVersion`: what answers is OSRM, but not there.
    WrongUrl(String),
    /// `DisabledDataset`: the server was started without what the answer needs.
    DisabledDataset(String),
    /// A code that this program does not know.
    Other {
        /// The code.
        code: String,
        /// What the server said to it.
        message: String,
    },
    /// Its data is not that which was asked for.
    WrongData {
        /// The version that the settings name.
        expected: String,
        /// The version that the answer names, if it names one.
        found: Option<String>,
    },
    /// The answer is not one of OSRM's: another server, a proxy, or damage on the way.
    NotOsrm(String),
    /// The answer is larger than the settings allow.
    TooLarge {
        /// The largest body, bytes.
        limit: usize,
    },
    /// No connection, or one that broke off.
    Unreachable(String),
    /// No whole answer in time.
    TimedOut(Duration),
    /// A status of 500 and above, without one of OSRM's codes.
    ServerError(u16),
    /// It failed again and again, and is left alone for a while.
    CircuitOpen {
        /// When it is tried again.
        retry_in: Duration,
    },
}

impl Fault {
    /// The fault behind an error, if a request to OSRM caused it.
    pub fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }

    /// The fault of an answer's `code` (not `Ok`) and `message`.
    pub(super) fn of_code(code: &str, message: &str) -> Self {
        let message = message.to_owned();
        match code {
            "NoRoute" | "NoTrips" => Self::NoRoute,
            "NoSegment" => Self::NoSegment { point: last_number(&message) },
            "NoMatch" => Self::NoMatch,
            "NoTable" => Self::NoTable,
            "TooBig" => Self::TooBig(message),
            "InvalidQuery" | "InvalidValue" | "InvalidOptions" | "NotImplemented" => {
                Self::InvalidQuery(message)
            }
            "InvalidUrl" | "InvalidService" | "InvalidVersion" => Self::WrongUrl(message),
            "DisabledDataset" => Self::DisabledDataset(message),
            code => Self::Other { code: code.to_owned(), message },
        }
    }

    /// What a caller should do about it.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::NoRoute | Self::NoSegment { .. } | Self::NoMatch | Self::NoTable => {
                ErrorKind::NotFound
            }
            Self::TooBig(_) | Self::InvalidQuery(_) | Self::Other { .. } => ErrorKind::Invalid,
            Self::WrongUrl(_) | Self::DisabledDataset(_) | Self::NotOsrm(_) => ErrorKind::Invalid,
            Self::TooLarge { .. } => ErrorKind::Invalid,
            Self::WrongData { .. } => ErrorKind::Conflict,
            Self::Unreachable(_) | Self::TimedOut(_) | Self::ServerError(_) => {
                ErrorKind::Unavailable
            }
            Self::CircuitOpen { .. } => ErrorKind::Unavailable,
        }
    }

    /// Whether the same request may be answered a moment later: faults of the connection and 5xx.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::TimedOut(_) | Self::ServerError(_))
    }

    /// Whether the server itself is ill, as against the question.
    pub(super) const fn is_of_the_server(&self) -> bool {
        self.is_passing() || matches!(self, Self::NotOsrm(_) | Self::TooLarge { .. })
    }

    /// The fault as a word for metric labels, e.g. `no_route`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NoRoute => "no_route",
            Self::NoSegment { .. } => "no_segment",
            Self::NoMatch => "no_match",
            Self::NoTable => "no_table",
            Self::TooBig(_) => "too_big",
            Self::InvalidQuery(_) => "invalid_query",
            Self::WrongUrl(_) => "wrong_url",
            Self::DisabledDataset(_) => "disabled_dataset",
            Self::Other { .. } => "other",
            Self::WrongData { .. } => "wrong_data",
            Self::NotOsrm(_) => "not_osrm",
            Self::TooLarge { .. } => "too_large",
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut(_) => "timed_out",
            Self::ServerError(_) => "server_error",
            Self::CircuitOpen { .. } => "circuit_open",
        }
    }
}

/// "Could not find a matching segment for coordinate 1".
fn last_number(message: &str) -> Option<usize> {
    message.rsplit(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty())?.parse().ok()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoute => f.write_str("there is no way"),
            Self::NoSegment { point: Some(point) } => {
                write!(f, "no road within reach of point {point} (from 0)")
            }
            Self::NoSegment { point: None } => f.write_str("no road within reach of a point"),
            Self::NoMatch => f.write_str("the trace follows no road"),
            Self::NoTable => f.write_str("no table could be made"),
            Self::TooBig(said) => write!(f, "too much at once: {said}"),
            Self::InvalidQuery(said) => write!(f, "the question is refused: {said}"),
            Self::WrongUrl(said) => write!(f, "the server's URL is not right: {said}"),
            Self::DisabledDataset(said) => write!(f, "the server lacks data for it: {said}"),
            Self::Other { code, message } => write!(f, "unknown code {code}: {message}"),
            Self::WrongData { expected, found: Some(found) } => {
                write!(f, "the server's data is version {found}, expected {expected}")
            }
            Self::WrongData { expected, found: None } => {
                write!(f, "the server's data has no version (osrm-extract -d), expected {expected}")
            }
            Self::NotOsrm(why) => write!(f, "not an answer of OSRM: {why}"),
            Self::TooLarge { limit } => write!(f, "the answer is larger than {limit} bytes"),
            Self::Unreachable(why) => write!(f, "no connection: {why}"),
            Self::TimedOut(after) => write!(f, "no answer within {} ms", after.as_millis()),
            Self::ServerError(status) => write!(f, "status {status}: it is not ready"),
            Self::CircuitOpen { retry_in } => {
                write!(f, "it kept failing and is left alone for {} ms", retry_in.as_millis())
            }
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_code_is_a_fault_of_its_own_and_others_are_other() {
        let kind = |code| Fault::of_code(code, "said").kind();
        for code in ["NoRoute", "NoTrips", "NoSegment", "NoMatch", "NoTable"] {
            assert_eq!(kind(code), ErrorKind::NotFound, "{code}");
        }
        for code in ["InvalidQuery", "InvalidValue", "InvalidOptions", "NotImplemented"] {
            assert_eq!(Fault::of_code(code, "x"), Fault::InvalidQuery("x".into()), "{code}");
        }
        for code in ["InvalidUrl", "InvalidService", "InvalidVersion"] {
            assert_eq!(Fault::of_code(code, "x"), Fault::WrongUrl("x".into()), "{code}");
        }
        assert_eq!(Fault::of_code("TooBig", "x"), Fault::TooBig("x".into()));
        let other = Fault::of_code("NoCoffee", "x");
        assert_eq!(other, Fault::Other { code: "NoCoffee".into(), message: "x".into() });
        assert!(other.to_string().contains("NoCoffee"), "{other}");
    }

    #[test]
    fn the_point_without_a_road_is_named() {
        let said = "Could not find a matching segment for coordinate 1";
        assert_eq!(Fault::of_code("NoSegment", said), Fault::NoSegment { point: Some(1) });
        assert_eq!(Fault::of_code("NoSegment", ""), Fault::NoSegment { point: None });
    }

    #[test]
    fn a_fault_is_found_behind_its_error() {
        let error = Error::not_found("from A to B").with_source(Fault::NoRoute);
        assert_eq!(Fault::of(&error), Some(&Fault::NoRoute));
        assert_eq!(error.to_string(), "from A to B: there is no way");
        assert_eq!(Fault::of(&Error::not_found("another")), None);
    }
}
