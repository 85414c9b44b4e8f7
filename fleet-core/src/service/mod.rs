//! What every service of a cluster has alike: logs, signals, and its health over HTTP.
//!
//! ```no_run
//! use std::{process::ExitCode, sync::Arc};
//! use fleet_core::service::{self, Health};
//!
//! fn main() -> ExitCode {
//!     service::execute("fleet-example", async {
//!         let stop = service::stop_signal()?;
//!         let health = Health::new(prometheus::Registry::new(), "starting");
//!         let listener = service::bind("listen", ([127, 0, 0, 1], 9100).into()).await?;
//!         let serving = tokio::spawn(service::serve(listener, Arc::clone(&health)));
//!         health.set_ready();
//!         stop.await;
//!         serving.abort();
//!         Ok(())
//!     })
//! }
//! ```

mod flags;

use std::{
    convert::Infallible,
    io::{ErrorKind, IsTerminal, Write},
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus::{Registry, TextEncoder};
use tokio::{net::TcpListener, sync::Semaphore};
use tracing::warn;
use tracing_subscriber::EnvFilter;

pub use self::flags::{LISTEN, Setting, configure, listen, read_url};
use crate::{Error, Result};

/// Probes and scrapers at once.
const CONNECTIONS_MAX: usize = 64;
/// A request's head has to be here by then.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// Between two failures of accept, which are mostly too many open files.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Runs a service to its end: log lines go to standard error (JSON unless it is a terminal), and an
/// error is told in one line that begins with the program's `name`.
pub fn execute(name: &str, service: impl Future<Output = Result<()>>) -> ExitCode {
    let is_terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info"))
        .with_writer(std::io::stderr)
        .log_internal_errors(false); // they would go to standard error, and panic where it is closed
    if is_terminal {
        lines.init();
    } else {
        lines.json().flatten_event(true).init();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(service),
        Err(cause) => Err(Error::internal("no runtime").with_source(cause)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be listening; the exit code says it too.
            drop(writeln!(std::io::stderr(), "{name}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Resolves at the first interrupt or termination signal from now on, not from when it is first
/// polled: one that comes while servers are still asked for is not lost.
///
/// # Errors
/// `Internal` if the system takes no handler.
pub fn stop_signal() -> Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| {
        signal(kind).map_err(|cause| Error::internal("a signal's handler").with_source(cause))
    };
    let mut interrupted = listen(SignalKind::interrupt())?;
    let mut terminated = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

/// Listens on `address`, which the setting `name` gave.
///
/// # Errors
/// `Invalid`, saying what to do about it.
pub async fn bind(name: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|cause| {
        let what = match cause.kind() {
            ErrorKind::AddrInUse => "the port is in use; stop what listens there or name another",
            ErrorKind::AddrNotAvailable => "this machine has no such address; name one of its own",
            ErrorKind::PermissionDenied => "not permitted; name a port from 1024 on",
            _ => "not possible; name another address",
        };
        Error::invalid(format!("{name} {address}: {what}")).with_source(cause)
    })
}

/// Where `listener` listens: the port is known now if the system chose it.
///
/// # Errors
/// `Unavailable` if the system does not tell.
pub fn local_address(listener: &TcpListener) -> Result<SocketAddr> {
    listener.local_addr().map_err(|e| Error::unavailable("an address").with_source(e))
}

/// What a service tells about itself.
#[derive(Debug)]
pub struct Health {
    registry: Registry,
    /// Why it is not ready; empty if it is.
    why_not: Mutex<String>,
}

impl Health {
    /// Not ready yet, with what `registry` counts.
    pub fn new(registry: Registry, why_not: &str) -> Arc<Self> {
        Arc::new(Self { registry, why_not: Mutex::new(why_not.to_owned()) })
    }

    /// From now on it does its work.
    pub fn set_ready(&self) {
        self.set_why_not("");
    }

    /// From now on it does not, and why: said at `/readyz`.
    pub fn set_why_not(&self, why_not: &str) {
        why_not.clone_into(&mut self.why_not.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn answer(&self, method: &Method, path: &str) -> (StatusCode, String) {
        if method != Method::GET && method != Method::HEAD {
            return (StatusCode::METHOD_NOT_ALLOWED, "expected GET\n".to_owned());
        }
        match path {
            "/healthz" => (StatusCode::OK, "alive\n".to_owned()),
            "/readyz" => {
                let why_not = self.why_not.lock().unwrap_or_else(PoisonError::into_inner);
                match why_not.as_str() {
                    "" => (StatusCode::OK, "ready\n".to_owned()),
                    why_not => (StatusCode::SERVICE_UNAVAILABLE, format!("{why_not}\n")),
                }
            }
            "/metrics" => match TextEncoder::new().encode_to_string(&self.registry.gather()) {
                Ok(text) => (StatusCode::OK, text),
                Err(cause) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{cause}\n")),
            },
            _ => (
                StatusCode::NOT_FOUND,
                "there are /healthz, /readyz and /metrics here\n".to_owned(),
            ),
        }
    }
}

/// Answers `/healthz` (alive), `/readyz` (ready, or 503 and why not) and `/metrics` until dropped.
pub async fn serve(listener: TcpListener, health: Arc<Health>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Never closed: an error cannot come.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "no connection for a probe; will try again");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let health = Arc::clone(&health);
        tokio::spawn(async move {
            let _place = place;
            let service = hyper::service::service_fn(|request: Request<Incoming>| {
                let (status, text) = health.answer(request.method(), request.uri().path());
                let mut response = Response::new(Full::new(Bytes::from(text)));
                *response.status_mut() = status;
                std::future::ready(Ok::<_, Infallible>(response))
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX).keep_alive(false);
            // A peer that breaks off is its own affair.
            drop(http.serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_whether_it_is_ready_and_why_not() {
        let health = Health::new(Registry::new(), "starting");
        let get = |path: &str| health.answer(&Method::GET, path);
        assert_eq!(get("/readyz"), (StatusCode::SERVICE_UNAVAILABLE, "starting\n".to_owned()));
        assert_eq!(get("/healthz").0, StatusCode::OK);
        health.set_ready();
        assert_eq!(get("/readyz").0, StatusCode::OK);
        assert_eq!(get("/").0, StatusCode::NOT_FOUND);
        assert_eq!(health.answer(&Method::POST, "/readyz").0, StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn it_answers_over_http() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let registry = Registry::new();
        let counter = prometheus::IntCounter::new("fleet_example_total", "For this test").unwrap();
        registry.register(Box::new(counter)).unwrap();
        let listener = bind("listen", ([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(listener, Health::new(registry, "")));
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("fleet_example_total 0"));
        let taken = bind("listen", address).await.unwrap_err().to_string();
        assert!(taken.contains("the port is in use"), "{taken}");
        serving.abort();
    }
}
