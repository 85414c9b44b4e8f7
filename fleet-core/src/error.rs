//! One error type whose kind says what to do next.
//!
//! Callers branch on the [`ErrorKind`]; the text is for people and may change. Each table that maps
//! kinds (to a remedy here, to HTTP and gRPC in `fleet-api`) is one exhaustive `match`, so a new
//! kind is a decision in every one of them.
//!
//! ```
//! use fleet_core::{Error, ErrorKind};
//! let error = Error::invalid("speed_kmh: 300 is outside 0 to 150");
//! assert_eq!(error.kind(), ErrorKind::Invalid);
//! assert_eq!(error.to_string(), "speed_kmh: 300 is outside 0 to 150");
//! ```

use std::fmt;

/// What went wrong, by what the caller should do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The input breaks a rule: mend it, do not retry.
    Invalid,
    /// What was asked for does not exist.
    NotFound,
    /// It contradicts what is there already.
    Conflict,
    /// Too much at once: wait as told, then retry.
    RateLimited,
    /// A server or a disk does not answer now: retry with backoff.
    Unavailable,
    /// Our own files are damaged: stop and tell a person.
    Corrupt,
    /// A broken promise of this code: stop and report a bug.
    Internal,
}

/// What the pipeline does with a record whose handling failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The cause can heal: pause and try the same again.
    Retry,
    /// The record will never succeed: set it aside with the reason.
    DeadLetter,
    /// Going on would do damage: stop the partition loudly.
    Halt,
}

impl ErrorKind {
    /// The default remedy for a record that failed so.
    pub const fn remedy(self) -> Remedy {
        match self {
            Self::Unavailable | Self::RateLimited => Remedy::Retry,
            Self::Invalid | Self::NotFound | Self::Conflict => Remedy::DeadLetter,
            Self::Corrupt | Self::Internal => Remedy::Halt,
        }
    }

    /// The kind as a word for headers, logs and metric labels, e.g. `invalid`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Corrupt => "corrupt",
            Self::Internal => "internal",
        }
    }
}

/// A failure: its kind, a sentence for people, and the cause below it if there is one.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    context: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of every fallible call in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`, told by `context`: lower case, no full stop, naming field and rule.
    pub fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        Self { kind, context: context.into(), source: None }
    }

    /// The input breaks a rule.
    pub fn invalid(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, context)
    }

    /// What was asked for does not exist.
    pub fn not_found(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, context)
    }

    /// It contradicts what is there.
    pub fn conflict(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, context)
    }

    /// A dependency does not answer now.
    pub fn unavailable(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, context)
    }

    /// Our own data is damaged.
    pub fn corrupt(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, context)
    }

    /// A bug of ours.
    pub fn internal(context: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, context)
    }

    /// The same once more, for another who waited; of the cause its text.
    #[cfg(feature = "sqlite")]
    pub(crate) fn again(&self) -> Self {
        let source = self.source.as_ref().map(|source| source.to_string().into());
        Self { kind: self.kind, context: self.context.clone(), source }
    }

    /// Keeps the cause, which [`std::error::Error::source`] then returns.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What to do about it.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
