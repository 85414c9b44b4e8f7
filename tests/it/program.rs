//! Running the program.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Output, Stdio},
};

pub(crate) const START: &str = "2026-01-05T00:00:00Z";

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_data-fleet"));
    command.args(args).stdin(Stdio::null());
    command
}

pub(crate) fn output(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

/// Runs to the end and must succeed.
#[track_caller]
pub(crate) fn succeed(args: &[&str]) -> String {
    let output = output(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs to the end and must fail; returns what it said.
#[track_caller]
pub(crate) fn fail(args: &[&str]) -> String {
    let output = output(args);
    assert!(!output.status.success(), "{args:?} succeeded");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

/// A directory of its own for each test.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The flags of a run on ports that are free.
pub(crate) fn run_on<'a>(dir: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let mut flags = vec!["run", "--data-dir", text(dir)];
    flags.extend(["--listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"]);
    flags.extend(more);
    flags
}

/// The flags of a run at full speed.
pub(crate) fn run_flags<'a>(dir: &'a Path, until: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let fast = ["--speed", "max", "--seed", "7", "--start", START, "--until", until];
    run_on(dir, &[&fast, more].concat())
}

/// Everything a fleet's data says, without what depends on when it was processed.
pub(crate) fn dump(dir: &Path) -> [String; 3] {
    ["telemetry", "trips", "counters"].map(|what| succeed(&["dump", what, "--data-dir", text(dir)]))
}

/// A platform that runs until it is dropped.
pub(crate) struct Platform {
    child: Child,
    _stderr: BufReader<ChildStderr>,
    rest: Rest,
    /// Where it speaks gRPC.
    pub(crate) grpc_address: String,
}

impl std::ops::Deref for Platform {
    type Target = Rest;
    fn deref(&self) -> &Rest {
        &self.rest
    }
}

/// A client of REST at one address.
pub(crate) struct Rest {
    pub(crate) address: String,
}

impl Platform {
    /// Starts it and waits until it says where it listens.
    #[expect(clippy::zombie_processes, reason = "drop waits; a failed start fails the test")]
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = command(args).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended, saying {said}");
            said.push_str(&line);
            let address = |name: &str| {
                let (_, rest) = line.split_once(name)?;
                rest.split_whitespace().next().map(str::to_owned)
            };
            if let Some(rest) = address("listening address=") {
                let (rest, grpc_address) = (Rest { address: rest }, address("grpc_address="));
                return Self { child, _stderr: stderr, rest, grpc_address: grpc_address.unwrap() };
            }
        }
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Rest {
    fn connect(&self, head: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    /// Status and body of a request.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.request_with("", method, path, body)
    }

    /// The same with this API key.
    pub(crate) fn request_as(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> (u16, String) {
        self.request_with(&format!("authorization: Bearer {key}\r\n"), method, path, body)
    }

    /// The same with these header lines.
    pub(crate) fn request_with(
        &self,
        more: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> (u16, String) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut answer = String::new();
        self.connect(&head).read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.request("GET", path, "")
    }

    #[track_caller]
    pub(crate) fn json(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// The first `count` (id, data) of a live stream.
    pub(crate) fn events(&self, path: &str, last_id: &str, count: usize) -> Vec<(String, String)> {
        self.live(path, last_id).take(count).collect()
    }

    /// A live stream's (id, data), as they come.
    pub(crate) fn live(
        &self,
        path: &str,
        last_id: &str,
    ) -> impl Iterator<Item = (String, String)> + use<> {
        let last = if last_id.is_empty() {
            String::new()
        } else {
            format!("last-event-id: {last_id}\r\n")
        };
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{last}\r\n");
        let (mut id, mut data) = (String::new(), String::new());
        BufReader::new(self.connect(&head)).lines().filter_map(move |line| {
            let line = line.unwrap();
            if let Some(value) = line.strip_prefix("id: ") {
                value.clone_into(&mut id);
            } else if let Some(value) = line.strip_prefix("data: ") {
                value.clone_into(&mut data);
            } else if line.is_empty() && !data.is_empty() {
                return Some((std::mem::take(&mut id), std::mem::take(&mut data)));
            }
            None
        })
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The newest file's size, to see that a run has come some way.
pub(crate) fn store_bytes(dir: &Path) -> u64 {
    ["store.db", "store.db-wal"]
        .iter()
        .filter_map(|name| fs::metadata(dir.join(name)).ok())
        .map(|metadata| metadata.len())
        .sum()
}
