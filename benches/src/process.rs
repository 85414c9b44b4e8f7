//! Other processes: started, spoken to, looked at, ended.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// A process that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    /// From its start to the first good answer.
    pub(crate) first_answer_s: f64,
}

impl Server {
    /// Starts `command` and asks for `path` until the answer satisfies `is_good`.
    pub(crate) fn start(
        mut command: Command,
        port: u16,
        path: &str,
        is_good: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let began = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = child.spawn().with_context(|| format!("{command:?}"))?;
        let address = format!("127.0.0.1:{port}");
        let mut server = Self { child, address, first_answer_s: 0.0 };
        loop {
            if get(&server.address, path)
                .is_ok_and(|(status, body)| status == 200 && is_good(&body))
            {
                server.first_answer_s = began.elapsed().as_secs_f64();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("{command:?} ended: {status}");
            }
            if began.elapsed() > Duration::from_secs(60) {
                bail!("{command:?} gives no good answer to {path}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let (status, body) = get(&self.address, path)?;
        if status == 200 { Ok(body) } else { bail!("{path}: {status}") }
    }

    /// Resident memory now, MiB.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        self.memory_mib("VmRSS:")
    }

    /// The most resident memory there ever was, MiB.
    pub(crate) fn resident_peak_mib(&self) -> Result<f64> {
        self.memory_mib("VmHWM:")
    }

    fn memory_mib(&self, name: &str) -> Result<f64> {
        memory_mib(&self.child.id().to_string(), name)
    }

    /// Processor time since its start, s.
    pub(crate) fn cpu_s(&self) -> Result<f64> {
        cpu_s_of(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Two neighbouring fields of a `stat` file, in ticks of 10 ms, as seconds.
fn stat_s(path: &str, field: usize) -> Result<f64> {
    let stat = std::fs::read_to_string(path)?;
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    let ticks: f64 = fields
        .split_whitespace()
        .skip(field - 2) // the first two went with the name
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    Ok(ticks / 100.0)
}

/// Processor time of a process since its start, s.
pub(crate) fn cpu_s_of(pid: u32) -> Result<f64> {
    stat_s(&format!("/proc/{pid}/stat"), 13)
}

fn memory_mib(pid: &str, name: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no memory")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1_024.0)
}

/// Resident memory of this process, now and at most, MiB.
pub(crate) fn own_memory_mib() -> Result<(f64, f64)> {
    Ok((memory_mib("self", "VmRSS:")?, memory_mib("self", "VmHWM:")?))
}

/// Processor time of all children that have ended, s.
pub(crate) fn children_cpu_s() -> Result<f64> {
    stat_s("/proc/self/stat", 15)
}

/// Processor time of this thread, s.
pub(crate) fn thread_cpu_s() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let ns: f64 = text.split_whitespace().next().context("no schedstat")?.parse()?;
    Ok(ns / 1e9)
}

/// The machine's load over the last minute.
pub(crate) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Status and body of a request.
pub(crate) fn get(address: &str, path: &str) -> Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no head")?;
    let status = head.split_whitespace().nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}

/// Runs to its end and gives its output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The platform on a data directory and a port, with further flags.
pub(crate) fn platform(program: &Path, dir: &Path, port: u16, flags: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg("run").arg("--data-dir").arg(dir).args(["--grpc-listen", "127.0.0.1:0"]);
    command.args(["--listen", &format!("127.0.0.1:{port}")]).args(flags);
    command
}
