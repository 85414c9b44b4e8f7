//! A network between services and a server that can be slow, silent or cut.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

/// A way to one server. Its address stays; what its connections meet can be changed at any time.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    target: Mutex<Option<SocketAddr>>,
    /// Before anything is passed on, either way.
    delay_ms: AtomicU64,
    links: Mutex<Vec<Link>>,
    is_over: AtomicBool,
}

/// One connection.
struct Link {
    client: TcpStream,
    server: TcpStream,
    /// What comes in is swallowed, and nobody is told.
    is_silent: Arc<AtomicBool>,
}

impl Proxy {
    pub(super) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), Arc::<Shared>::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.is_over.load(SeqCst) {
                    return;
                }
                let target = *accepting.target.lock().unwrap();
                if let Some(Ok(server)) = target.map(TcpStream::connect) {
                    accepting.connect(client, server);
                }
            }
        });
        Self { address, shared }
    }

    /// Leads to the server at `url`; the URL of the way to it.
    pub(super) fn lead_to(&self, url: &str) -> String {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (target, path) = rest.split_once('/').unwrap();
        *self.shared.target.lock().unwrap() = Some(target.parse().unwrap());
        format!("{scheme}://{}/{path}", self.address)
    }

    pub(super) fn delay(&self, delay: Duration) {
        self.shared.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), SeqCst);
    }

    /// Every connection that there is falls silent for good; new ones are sound.
    pub(super) fn silence(&self) {
        self.each(|link| link.is_silent.store(true, SeqCst));
    }

    /// The server's side of every connection closes; the client's stays open.
    pub(super) fn half_close(&self) {
        self.each(|link| drop(link.client.shutdown(Shutdown::Write)));
    }

    /// Every connection closes at once.
    pub(super) fn cut(&self) {
        self.each(Link::close);
    }

    fn each(&self, what: impl Fn(&Link)) {
        self.shared.links.lock().unwrap().iter().for_each(what);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, SeqCst);
        self.cut();
        drop(TcpStream::connect(self.address)); // wakes who accepts
    }
}

impl Link {
    fn close(&self) {
        for side in [&self.client, &self.server] {
            drop(side.shutdown(Shutdown::Both)); // it may be closed already
        }
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        for side in [&client, &server] {
            side.set_nodelay(true).unwrap();
        }
        let is_silent = Arc::<AtomicBool>::default();
        let pairs = [
            (client.try_clone().unwrap(), server.try_clone().unwrap()),
            (server.try_clone().unwrap(), client.try_clone().unwrap()),
        ];
        for (from, to) in pairs {
            let (shared, is_silent) = (Arc::clone(self), Arc::clone(&is_silent));
            thread::spawn(move || shared.pass_on(from, to, &is_silent));
        }
        self.links.lock().unwrap().push(Link { client, server, is_silent });
    }

    fn pass_on(&self, mut from: TcpStream, mut to: TcpStream, is_silent: &AtomicBool) {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let count = from.read(&mut bytes).unwrap_or(0);
            if is_silent.load(SeqCst) {
                if count == 0 {
                    return;
                }
                continue;
            }
            let delay_ms = self.delay_ms.load(SeqCst);
            if delay_ms > 0 {
                thread::park_timeout(Duration::from_millis(delay_ms));
            }
            if count == 0 || to.write_all(&bytes[..count]).is_err() {
                drop(to.shutdown(Shutdown::Write));
                return;
            }
        }
    }
}
