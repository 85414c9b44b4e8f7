//! A real OSRM on the bundled roads, and a client that costs as little as one can.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{Options, process};

/// Questions on one connection: OSRM closes it after 512.
const QUESTIONS: usize = 500;

/// A server that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Osrm {
    dir: TempDir,
    address: String,
}

impl Osrm {
    pub(crate) fn start(options: &Options) -> Result<Self> {
        let dir = tempfile::tempdir_in(&options.scratch)?;
        let mut start = Command::new(script());
        start.arg("start").arg(dir.path()).arg("0");
        let url = process::output(start.env("FLEET_SERVICES_DATA_FLEET", &options.program))?;
        let address = url.trim().strip_prefix("http://").context("no address")?.to_owned();
        Ok(Self { dir, address })
    }

    /// Processor time since its start, s.
    pub(crate) fn cpu_s(&self) -> Result<f64> {
        let pid = std::fs::read_to_string(self.dir.path().join("pid"))?;
        process::cpu_s_of(pid.trim().parse()?)
    }

    pub(crate) fn connect(&self) -> Result<Client> {
        Client::new(&self.address)
    }
}

impl Drop for Osrm {
    fn drop(&mut self) {
        drop(Command::new(script()).arg("kill").arg(self.dir.path()).output());
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/servers/osrm")
}

/// A connection that is kept; answers are read and not looked into.
#[derive(Debug)]
pub(crate) struct Client {
    address: String,
    stream: BufReader<TcpStream>,
    asked: usize,
    body: Vec<u8>,
}

impl Client {
    fn new(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let stream = BufReader::with_capacity(1 << 16, stream);
        Ok(Self { address: address.to_owned(), stream, asked: 0, body: Vec::new() })
    }

    /// Asks and takes the answer, which must be good; its bytes.
    pub(crate) fn ask(&mut self, path: &str) -> Result<&[u8]> {
        if self.asked == QUESTIONS {
            *self = Self::new(&self.address)?;
        }
        self.asked += 1;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (mut line, mut length, mut status) = (String::new(), None, None);
        while self.stream.read_line(&mut line)? > 2 {
            let header = line.trim_end().to_ascii_lowercase();
            match header.split_once(": ") {
                Some(("content-length", text)) => length = Some(text.parse::<usize>()?),
                None => status = header.split(' ').nth(1).map(str::to_owned),
                _ => {}
            }
            line.clear();
        }
        self.body.resize(length.context("no length")?, 0);
        self.stream.read_exact(&mut self.body)?;
        if status.as_deref() != Some("200") {
            bail!("{path}: {status:?} {}", String::from_utf8_lossy(&self.body));
        }
        Ok(&self.body)
    }
}
