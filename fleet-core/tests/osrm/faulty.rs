//! A server on loopback that does as it is told, in order, request by request.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What is done with one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers with this status line's number and body, and keeps the connection.
    Answer(u16, String),
    /// Answers so, says keep-alive, and closes the connection.
    AnswerAndClose(String),
    /// Closes the connection without a word.
    Close,
    /// Sends these bytes and closes.
    Raw(Vec<u8>),
    /// Announces a body longer than what comes before it closes.
    Truncate(String),
    /// Sends so many megabytes, chunked or with their length.
    Huge(usize, bool),
    /// Never says anything.
    Silent,
    /// Sends the head, and never the body.
    HeadOnly,
}

/// An answer with a route of so many metres.
pub(crate) fn good(metres: u32) -> String {
    format!(
        r#"{{"code":"Ok","routes":[{{"legs":[{{"duration":1,"distance":{metres}}}],"duration":1,"distance":{metres}}}],
        "waypoints":[{{"distance":0,"name":"","location":[91.7,26.1]}},{{"distance":0,"name":"","location":[91.8,26.1]}}]}}"#
    )
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: AtomicUsize,
    pub(crate) connections: AtomicUsize,
    pub(crate) open: AtomicUsize,
    pub(crate) open_max: AtomicUsize,
    /// Bytes of huge bodies that were taken.
    pub(crate) sent: AtomicUsize,
}

/// Runs until dropped.
#[derive(Debug)]
pub(crate) struct Faulty {
    pub(crate) url: String,
    pub(crate) seen: Arc<Seen>,
    acts: Arc<Mutex<VecDeque<Act>>>,
    _tasks: JoinSet<()>,
}

impl Faulty {
    /// Does `acts` in order, the last one for ever.
    pub(crate) async fn start(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let acts = Arc::new(Mutex::new(acts.into_iter().collect::<VecDeque<_>>()));
        let seen = Arc::new(Seen::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(listener, Arc::clone(&acts), Arc::clone(&seen)));
        Self { url, seen, acts, _tasks: tasks }
    }

    /// From now on it does these.
    pub(crate) fn now_does(&self, acts: impl IntoIterator<Item = Act>) {
        *self.acts.lock().unwrap() = acts.into_iter().collect();
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.requests.load(SeqCst)
    }
}

async fn listen(listener: TcpListener, acts: Arc<Mutex<VecDeque<Act>>>, seen: Arc<Seen>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        seen.connections.fetch_add(1, SeqCst);
        let (acts, seen) = (Arc::clone(&acts), Arc::clone(&seen));
        connections.spawn(async move {
            let open = seen.open.fetch_add(1, SeqCst) + 1;
            seen.open_max.fetch_max(open, SeqCst);
            serve(stream, &acts, &seen).await;
            seen.open.fetch_sub(1, SeqCst);
        });
    }
}

async fn serve(mut stream: TcpStream, acts: &Mutex<VecDeque<Act>>, seen: &Seen) {
    while read_request(&mut stream).await {
        seen.requests.fetch_add(1, SeqCst);
        let act = {
            let mut acts = acts.lock().unwrap();
            if acts.len() > 1 { acts.pop_front().unwrap() } else { acts[0].clone() }
        };
        if !perform(&mut stream, act, seen).await {
            return;
        }
    }
}

/// Whether a whole request came.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    true
}

/// Whether the connection goes on.
async fn perform(stream: &mut TcpStream, act: Act, seen: &Seen) -> bool {
    let head = |status: u16, length: usize| {
        format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: keep-alive\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    match act {
        Act::Answer(status, body) => {
            let whole = head(status, body.len()) + &body;
            stream.write_all(whole.as_bytes()).await.is_ok()
        }
        Act::AnswerAndClose(body) => {
            let whole = head(200, body.len()) + &body;
            stream.write_all(whole.as_bytes()).await.ok();
            false
        }
        Act::Close => false,
        Act::Raw(bytes) => {
            stream.write_all(&bytes).await.ok();
            false
        }
        Act::Truncate(body) => {
            let whole = head(200, body.len() * 2) + &body;
            stream.write_all(whole.as_bytes()).await.ok();
            false
        }
        Act::Huge(megabytes, is_chunked) => {
            let length = format!("Content-Length: {}", megabytes << 20);
            let how = if is_chunked { "Transfer-Encoding: chunked" } else { &length };
            let head = format!("HTTP/1.1 200 OK\r\n{how}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.ok();
            let part = vec![b' '; 1 << 20];
            for _ in 0..megabytes {
                let framed = if is_chunked { &b"100000\r\n"[..] } else { b"" };
                let end = if is_chunked { &b"\r\n"[..] } else { b"" };
                for bytes in [framed, &part, end] {
                    if stream.write_all(bytes).await.is_err() {
                        return false;
                    }
                }
                seen.sent.fetch_add(part.len(), SeqCst);
            }
            false
        }
        Act::Silent => {
            stream.read_u8().await.ok(); // until the client goes
            false
        }
        Act::HeadOnly => {
            stream.write_all(head(200, 100).as_bytes()).await.ok();
            stream.read_u8().await.ok();
            false
        }
    }
}
