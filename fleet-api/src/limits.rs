//! Rate limits: what the limiter says, and what holds when it does not answer.

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
};

use fleet_core::{
    Error, ErrorKind, Result,
    ratelimit::{Decision, MemoryLimiter, Policy, RateLimiter},
    time::Clock,
};

use crate::{metrics::ApiMetrics, problem::Problem};

/// What happens to requests while the limiter does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnavailable {
    /// A bucket of this process decides, and says so.
    FailOpenLocal,
    /// They are turned away.
    FailClosed,
}

impl FromStr for OnUnavailable {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "fail-open-local" => Ok(Self::FailOpenLocal),
            "fail-closed" => Ok(Self::FailClosed),
            _ => Err(Error::invalid("expected fail-open-local or fail-closed")),
        }
    }
}

impl fmt::Display for OnUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FailOpenLocal => "fail-open-local",
            Self::FailClosed => "fail-closed",
        })
    }
}

/// Failures in a row after which the limiter is left alone for a while.
const FAILURES_MAX: u32 = 5;
/// How long.
const LEAVE_ALONE_US: u64 = 1_000_000;

/// The limiter with its stand-in.
#[derive(Debug)]
pub(crate) struct Limiter {
    first: Arc<dyn RateLimiter>,
    local: MemoryLimiter,
    on_unavailable: OnUnavailable,
    clock: Arc<dyn Clock>,
    metrics: ApiMetrics,
    failures: AtomicU32,
    left_alone_until_us: AtomicU64,
}

/// What became of a request for tokens.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) policy: Policy,
    /// `None` if nothing could decide, and the setting lets it through.
    pub(crate) decision: Option<Decision>,
    /// Whether this process decided for itself.
    pub(crate) is_local: bool,
}

impl Taken {
    /// The values of `RateLimit-Policy` and `RateLimit`.
    pub(crate) fn headers(&self) -> Option<(String, String)> {
        let decision = self.decision.as_ref()?;
        let scope = if self.is_local { ";fleet-scope=\"local\"" } else { "" };
        let policy = format!("{}{scope}", self.policy.policy_header());
        Some((policy, self.policy.limit_header(decision)))
    }
}

impl Limiter {
    pub(crate) fn new(
        first: Arc<dyn RateLimiter>,
        on_unavailable: OnUnavailable,
        clock: &Arc<dyn Clock>,
        metrics: ApiMetrics,
    ) -> Self {
        Self {
            first,
            local: MemoryLimiter::new(Arc::clone(clock)),
            on_unavailable,
            clock: Arc::clone(clock),
            metrics,
            failures: AtomicU32::new(0),
            left_alone_until_us: AtomicU64::new(0),
        }
    }

    /// Takes `cost` tokens of `key`'s bucket, or none.
    ///
    /// # Errors
    /// `unavailable` if nothing decides and the setting is to fail closed.
    pub(crate) async fn take(
        &self,
        key: &str,
        policy: Policy,
        cost: u32,
    ) -> Result<Taken, Problem> {
        let taken = match self.ask(key, &policy, cost).await {
            Some(decision) => Taken { policy, decision: Some(decision), is_local: false },
            None => self.stand_in(key, policy, cost)?,
        };
        let word = match &taken.decision {
            Some(decision) if decision.is_granted() => "granted",
            Some(_) => "denied",
            None => "open",
        };
        self.metrics.limit_decisions.with_label_values(&[word, taken.policy.name()]).inc();
        Ok(taken)
    }

    /// What the limiter says, unless it does not answer or has not for some time.
    async fn ask(&self, key: &str, policy: &Policy, cost: u32) -> Option<Decision> {
        let now_us = self.clock.monotonic_us();
        if now_us < self.left_alone_until_us.load(Relaxed) {
            return None;
        }
        match self.first.take(key, policy, cost).await {
            Ok(decision) => {
                self.failures.store(0, Relaxed);
                Some(decision)
            }
            Err(error) => {
                let failures = self.failures.fetch_add(1, Relaxed) + 1;
                if failures >= FAILURES_MAX {
                    self.left_alone_until_us.store(now_us + LEAVE_ALONE_US, Relaxed);
                }
                if failures == 1 || error.kind() != ErrorKind::Unavailable {
                    tracing::warn!(%error, policy = policy.name(), "the limiter does not answer");
                }
                None
            }
        }
    }

    fn stand_in(&self, key: &str, policy: Policy, cost: u32) -> Result<Taken, Problem> {
        let count = |outcome| self.metrics.limit_fallbacks.with_label_values(&[outcome]).inc();
        match self.on_unavailable {
            OnUnavailable::FailClosed => {
                count("refused");
                let problem = Problem::from(Error::unavailable("rate limiter"));
                Err(problem.with_detail("the rate limiter does not answer"))
            }
            OnUnavailable::FailOpenLocal => match self.local.take(key, &policy, cost) {
                Ok(decision) => {
                    count("local");
                    Ok(Taken { policy, decision: Some(decision), is_local: true })
                }
                Err(_full) => {
                    count("open");
                    Ok(Taken { policy, decision: None, is_local: true })
                }
            },
        }
    }
}
