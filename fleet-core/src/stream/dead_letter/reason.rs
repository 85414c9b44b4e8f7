//! Why a record is set aside.

use std::{fmt, str::FromStr};

use crate::{Error, ErrorKind, Result};

/// Why a record is set aside, from a closed list: what operators count, filter and alert by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// It is no message of its topic's contract.
    Undecodable,
    /// A field breaks its rule; the detail names it.
    OutOfRange,
    /// Key, headers or payload are larger than a record may be.
    TooLarge,
    /// Another record stands under its identity.
    Conflict,
    /// The store refuses it.
    Rejected,
    /// It says that it is of a major version that this reader does not know.
    UnknownVersion,
    /// Somebody else wrote the letter, or another version of this program, which knew more reasons.
    Unknown,
}

impl Reason {
    /// Every reason, in the order in which they are told.
    pub const ALL: [Self; 7] = [
        Self::Undecodable,
        Self::OutOfRange,
        Self::TooLarge,
        Self::Conflict,
        Self::Rejected,
        Self::UnknownVersion,
        Self::Unknown,
    ];

    /// The reason as a word for headers, metric labels and filters, e.g. `out_of_range`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::OutOfRange => "out_of_range",
            Self::TooLarge => "too_large",
            Self::Conflict => "conflict",
            Self::Rejected => "rejected",
            Self::UnknownVersion => "unknown_version",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or_else(|| {
            let words = Self::ALL.map(Self::as_str).join(", ");
            Error::invalid(format!("reason: expected one of {words}"))
        })
    }
}

/// What is said of a record that can never be handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// In a word.
    pub reason: Reason,
    /// In words.
    pub detail: String,
}

impl Refusal {
    /// A refusal for `reason`, told by `detail`.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// What a store says of a record that it refuses.
    pub fn by_store(error: &Error) -> Self {
        let reason = match error.kind() {
            ErrorKind::Conflict => Reason::Conflict,
            ErrorKind::Invalid
            | ErrorKind::NotFound
            | ErrorKind::RateLimited
            | ErrorKind::Unavailable
            | ErrorKind::Corrupt
            | ErrorKind::Internal => Reason::Rejected,
        };
        Self::new(reason, error.to_string())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}
