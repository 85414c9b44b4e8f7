//! One question to the server: bounded in time, size and number, asked again where that may help.
//!
//! OSRM ends connections without a word, after 512 answers and after 5 s of silence, though its
//! last answer still said keep-alive. So idle connections are dropped after 3 s, and a GET whose
//! connection was closed before an answer came is sent once more at once, on another one, without
//! counting as a failure: that is how HTTP wants it (RFC 9110, 9.2.2).

use std::{
    error::Error as _,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Empty};
use hyper::{Request, StatusCode, Uri, body::Incoming, header};
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::sync::Semaphore;

use super::{
    breaker::{Breaker, Circuit},
    fault::Fault,
    settings::OsrmSettings,
    stats::{Counts, OsrmStats},
};
use crate::{backoff::Backoff, random::Stream, time::Clock};

/// Less than the 5 s after which the server drops silent connections.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);
/// Between attempts.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// The way to one server.
pub(super) struct Http {
    client: Client<HttpConnector, Empty<Bytes>>,
    answer_timeout: Duration,
    attempts: u32,
    body_bytes_max: usize,
    slots: Semaphore,
    breaker: Mutex<Breaker>,
    pub(super) counts: Counts,
    clock: Arc<dyn Clock>,
    jitter: Stream,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("circuit", &self.circuit()).finish_non_exhaustive()
    }
}

/// Tells the breaker that a request was given up, unless it ended otherwise.
struct Permit<'a> {
    http: &'a Http,
    is_settled: bool,
}

impl Permit<'_> {
    fn settle(mut self, fault: Option<&Fault>) {
        self.is_settled = true;
        let mut breaker = self.http.breaker();
        match fault {
            Some(fault) if fault.is_of_the_server() => {
                breaker.failed(self.http.clock.monotonic_us());
            }
            _ => breaker.succeeded(),
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.http.breaker().given_up();
        }
    }
}

impl Http {
    pub(super) fn new(settings: &OsrmSettings, clock: Arc<dyn Clock>, jitter: Stream) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(settings.connect_timeout));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(settings.concurrent_max)
            .build(connector);
        Self {
            client,
            answer_timeout: settings.answer_timeout,
            attempts: settings.attempts,
            body_bytes_max: settings.body_bytes_max,
            slots: Semaphore::new(settings.concurrent_max),
            breaker: Mutex::new(Breaker::new(jitter)),
            counts: Counts::default(),
            clock,
            jitter,
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn circuit(&self) -> Circuit {
        self.breaker().circuit(self.clock.monotonic_us())
    }

    pub(super) fn stats(&self) -> OsrmStats {
        self.counts.snapshot(self.circuit())
    }

    /// Asks and has `read` make something of the answer; asks again after faults that pass. What
    /// `read` finds wrong with the server counts for the circuit too.
    pub(super) async fn get<T: Send>(
        &self,
        uri: &Uri,
        read: impl Fn(&Answer) -> Result<T, Fault> + Send + Sync,
    ) -> Result<T, Fault> {
        let outcome = self.attempts(uri, read).await;
        self.counts.ended(&outcome);
        outcome
    }

    async fn attempts<T: Send>(
        &self,
        uri: &Uri,
        read: impl Fn(&Answer) -> Result<T, Fault> + Send + Sync,
    ) -> Result<T, Fault> {
        let mut backoff = Backoff::new(BACKOFF_MIN, BACKOFF_MAX, self.jitter);
        loop {
            let outcome = self.attempt(uri).await.and_then(|(answer, permit)| {
                let outcome = read(&answer);
                permit.settle(outcome.as_ref().err());
                outcome
            });
            let Err(fault) = outcome else { return outcome };
            if !fault.is_passing() || backoff.attempts() + 1 >= self.attempts {
                return Err(fault);
            }
            self.counts.retried();
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    /// One attempt: an answer, whatever it says, or what kept it from coming.
    async fn attempt(&self, uri: &Uri) -> Result<(Answer, Permit<'_>), Fault> {
        let slot = self.slots.acquire().await;
        let _slot = slot.expect("the semaphore is never closed");
        let begun_us = self.clock.monotonic_us();
        let admitted = self.breaker().admit(begun_us);
        admitted.map_err(|retry_in| Fault::CircuitOpen { retry_in })?;
        let permit = Permit { http: self, is_settled: false };
        let whole = tokio::time::timeout(self.answer_timeout, self.once_or_twice(uri)).await;
        match whole.unwrap_or(Err(Fault::TimedOut(self.answer_timeout))) {
            Ok(answer) => {
                let took_us = self.clock.monotonic_us().saturating_sub(begun_us);
                self.counts.answered_in(took_us);
                Ok((answer, permit))
            }
            Err(fault) => {
                permit.settle(Some(&fault));
                Err(fault)
            }
        }
    }

    /// Twice if the first connection turned out to be closed.
    async fn once_or_twice(&self, uri: &Uri) -> Result<Answer, Fault> {
        match self.client.request(request(uri)).await {
            Err(error) if is_closed_before_an_answer(&error) => {
                self.counts.retried();
                self.whole(self.client.request(request(uri)).await).await
            }
            outcome => self.whole(outcome).await,
        }
    }

    async fn whole(
        &self,
        outcome: Result<hyper::Response<Incoming>, legacy::Error>,
    ) -> Result<Answer, Fault> {
        let response = outcome.map_err(|error| fault_of(&error))?;
        let status = response.status();
        let body = self.bounded(response.into_body()).await?;
        Ok(Answer { status, body })
    }

    /// The body, as far as the limit: beyond it nothing is read, and the connection is dropped.
    async fn bounded(&self, mut body: Incoming) -> Result<Bytes, Fault> {
        let limit = self.body_bytes_max;
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let broke_off = |error: hyper::Error| Fault::Unreachable(told(&error));
            let Ok(part) = frame.map_err(broke_off)?.into_data() else { continue };
            if whole.len() + part.len() > limit {
                return Err(Fault::TooLarge { limit });
            }
            whole.extend_from_slice(&part);
        }
        Ok(whole.freeze())
    }
}

fn request(uri: &Uri) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri.clone();
    let agent = concat!("data-fleet/", env!("CARGO_PKG_VERSION"));
    request.headers_mut().insert(header::USER_AGENT, header::HeaderValue::from_static(agent));
    request
}

/// Whether a connection ended that was thought to be alive: what was asked on it had no effect.
fn is_closed_before_an_answer(error: &legacy::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
    cause.is_some_and(|cause| {
        let reset = cause.source().and_then(|io| io.downcast_ref::<std::io::Error>());
        let is_reset = reset.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionReset);
        cause.is_incomplete_message() || cause.is_canceled() || cause.is_closed() || is_reset
    })
}

/// What answers in another language is no OSRM; all else is the connection's fault.
fn fault_of(error: &legacy::Error) -> Fault {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<hyper::Error>());
    if cause.is_some_and(hyper::Error::is_parse) {
        return Fault::NotOsrm(told(error));
    }
    Fault::Unreachable(told(error))
}

/// An error with its causes: hyper's own text leaves them out.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
