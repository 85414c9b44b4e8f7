//! Connections: how many, for how long, and how they end.
//!
//! `axum::serve` accepts without a bound and lets a client that never finishes its request keep
//! its connection for ever. Here a connection that has not brought the head of a request in time is
//! closed, whichever protocol it was about to speak and however slowly it dribbles; a body that does
//! not come is given up (see [`BODY_WITHIN`]); one who does not read what is sent is cut, and so is
//! one who asks nothing more; dead peers are found by pings; and closing asks each connection to
//! finish what it answers.

mod patience;

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use hyper::service::{Service as _, service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

use self::patience::{Activity, Patient};
use crate::live::Closing;

pub(crate) use self::patience::Held;

/// Who is at the other end of a request's connection: a client, or a proxy before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What one listener puts up with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Connections at once; more wait in the kernel's queue.
    pub(crate) connections_max: usize,
    /// How long the first request may take to arrive.
    pub(crate) first_request_within: Duration,
    /// How long one who is sent something may take nothing of it.
    pub(crate) taken_within: Duration,
    /// How long a connection that could carry many requests may carry none.
    pub(crate) idle_max: Duration,
}

pub(crate) const BOUNDS: Bounds = Bounds {
    connections_max: 1_024,
    first_request_within: Duration::from_secs(10),
    taken_within: Duration::from_secs(30),
    idle_max: Duration::from_secs(300),
};

/// How long an answer may take to begin, the rest of the request included.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long the body of a request may take to come.
pub(crate) const BODY_WITHIN: Duration = Duration::from_secs(20);
/// How long a next request on the same HTTP/1 connection may take to come, with its head.
const NEXT_REQUEST_WITHIN: Duration = Duration::from_secs(60);
/// The largest head of a request, bytes.
const HEAD_BYTES_MAX: u32 = 32 << 10;
/// Requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;
const PING_EVERY: Duration = Duration::from_secs(20);
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait when no connection can be accepted, for want of file descriptors say.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves `router` until the API closes, then finishes the requests under way. Dropped before, it
/// cuts them.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    closing: &Closing,
    bounds: Bounds,
) {
    let mut connections = JoinSet::new();
    let closed = closing.closed();
    tokio::pin!(closed);
    loop {
        tokio::select! {
            () = &mut closed => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < bounds.connections_max => {
                match accepted {
                    Ok((stream, peer)) => {
                        let router = router.clone();
                        let closed = closing.closed();
                        connections.spawn(converse((stream, peer), router, closed, bounds));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "no connection accepted");
                        sleep(ACCEPT_AGAIN).await;
                    }
                }
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn converse(
    (stream, peer): (TcpStream, SocketAddr),
    router: Router,
    closed: impl Future<Output = ()> + Send,
    bounds: Bounds,
) {
    drop(stream.set_nodelay(true)); // merely slower if refused
    let has_asked = Arc::new(AtomicBool::new(false));
    let service = TowerToHyperService::new(router);
    let asked = Arc::clone(&has_asked);
    let activity = Activity::new();
    let opened = activity.clone();
    let service = service_fn(move |mut request: hyper::Request<_>| {
        asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(Peer(peer.ip()));
        let (answer, open) = (service.call(request), opened.open());
        async move { Ok::<_, Infallible>(answer.await?.map(|body| Body::new(Held::new(body, open)))) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(NEXT_REQUEST_WITHIN)
        .max_buf_size(HEAD_BYTES_MAX as usize)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN);
    let stream = Patient::new(stream, bounds.taken_within);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let late = sleep(bounds.first_request_within);
    let over = async {
        tokio::select! {
            () = closed => {}
            () = activity.idle(bounds.idle_max) => {}
        }
    };
    tokio::pin!(connection, over, late);
    let (mut is_closing, mut is_late) = (false, false);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            () = &mut late, if !is_late => {
                is_late = true;
                if !has_asked.load(Ordering::Relaxed) {
                    return;
                }
            }
            () = &mut over, if !is_closing => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::Notify,
    };

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    async fn start(bounds: Bounds) -> (SocketAddr, Arc<Closing>, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let closing = Arc::new(Closing::default());
        let held = Arc::clone(&closing);
        let router = Router::new().route("/", get(|| async { "hello" }));
        let serving = tokio::spawn(async move { serve(listener, router, &held, bounds).await });
        (address, closing, serving)
    }

    /// Sends `bytes` and reads until the server closes.
    async fn say(address: SocketAddr, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.expect("listening");
        stream.write_all(bytes).await.expect("open");
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await); // a reset is an end too
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn who_brings_no_whole_request_in_time_is_shown_out() {
        let (address, _closing, _serving) = start(BOUNDS).await;
        // Silent; in mid-head; in mid-preface; a preface and nothing more.
        for bytes in [&b""[..], b"GET / HT", b"PRI * HT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
            let answer = say(address, bytes).await;
            assert!(!answer.contains("200 OK"), "{bytes:?}: {answer}");
        }
        assert!(say(address, REQUEST).await.contains("hello"));
    }

    #[tokio::test(start_paused = true)]
    async fn dribbling_does_not_help() {
        let (address, _closing, _serving) = start(BOUNDS).await;
        let mut stream = TcpStream::connect(address).await.expect("listening");
        let mut sent = 0;
        for byte in REQUEST {
            sleep(Duration::from_secs(1)).await;
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            sent += 1;
        }
        assert!(sent < REQUEST.len(), "all {sent} bytes went out");
    }

    #[tokio::test(start_paused = true)]
    async fn one_too_many_waits_until_another_is_gone() {
        let bounds = Bounds { connections_max: 1, ..BOUNDS };
        let (address, _closing, _serving) = start(bounds).await;
        let first = TcpStream::connect(address).await.expect("listening");
        let mut second = tokio::spawn(async move { say(address, REQUEST).await });
        let waited = tokio::time::timeout(Duration::from_secs(5), &mut second).await;
        assert!(waited.is_err(), "answered beside the first: {waited:?}");
        drop(first);
        assert!(second.await.expect("no panic").contains("hello"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_of_http_2_is_shown_out() {
        let (address, _closing, _serving) = start(BOUNDS).await;
        let stream = TcpStream::connect(address).await.expect("listening");
        let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let (mut client, connection) =
            builder.handshake::<_, Body>(TokioIo::new(stream)).await.expect("a connection");
        let connection = tokio::spawn(connection);
        let request = hyper::Request::get(format!("http://{address}/")).body(Body::empty());
        let answer = client.send_request(request.expect("a request")).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        drop(answer);
        // It answers every ping, and is shown out none the less.
        let ended = tokio::time::timeout(BOUNDS.idle_max * 2, connection).await;
        drop(ended.expect("it ends").expect("no panic"));
        assert!(client.ready().await.is_err());
    }

    /// Tells that the answer it belongs to is gone.
    struct Told(Arc<Notify>);

    impl Drop for Told {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }

    #[tokio::test]
    async fn who_does_not_read_is_cut() {
        let bounds = Bounds { taken_within: Duration::from_millis(100), ..BOUNDS };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let gone = Arc::new(Notify::new());
        let told = Arc::clone(&gone);
        let endless = move || {
            let chunks = futures::stream::unfold(Told(Arc::clone(&told)), |told| async {
                Some((Ok::<_, Infallible>(vec![0_u8; 64 << 10]), told))
            });
            std::future::ready(Body::from_stream(chunks))
        };
        let router = Router::new().route("/", get(endless));
        let closing = Closing::default();
        let talking = async {
            let mut stream = TcpStream::connect(address).await.expect("listening");
            stream.write_all(REQUEST).await.expect("open");
            let waited = tokio::time::timeout(Duration::from_secs(30), gone.notified()).await;
            waited.expect("the answer is dropped with its connection");
            drop(stream);
        };
        tokio::select! {
            () = serve(listener, router, &closing, bounds) => {}
            () = talking => {}
        }
    }

    #[tokio::test]
    async fn closing_lets_idle_connections_go() {
        let (address, closing, serving) = start(BOUNDS).await;
        let mut stream = TcpStream::connect(address).await.expect("listening");
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("open");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.expect("an answer");
        closing.close();
        serving.await.expect("it ends");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
