//! The live line on a terminal, and the log beside it.

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use fleet_core::{
    stream::{
        EventLog,
        lag::{Board, Verdict},
    },
    time::{Clock, Time},
};
use fleet_pipeline::ARCHIVER;
use fleet_sim::Progress;
use tokio::time::{MissedTickBehavior, interval};

/// To the line's beginning, and nothing left on it.
const CLEAR: &str = "\r\x1b[K";
/// What is too long for the terminal is cut, not wrapped: a wrapped line cannot be drawn over.
const CUT: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// Says where the faces are, and then redraws one line a second until it is dropped.
pub(crate) async fn show(
    progress: Arc<Progress>,
    log: Arc<dyn EventLog>,
    (board, clock): (Arc<Board>, Arc<dyn Clock>),
    address: SocketAddr,
    grpc_address: String,
) {
    const EVERY: Duration = Duration::from_secs(1);
    say(&format!("http://{address}/: status page, REST\ngRPC: {grpc_address}; Ctrl-C stops it\n"));
    let _end = LineEnd;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = progress.events();
    loop {
        ticks.tick().await;
        let events = progress.events();
        let rate = events.saturating_sub(before);
        before = events;
        let lag = log.lag(ARCHIVER).await.ok();
        let health = board.health(ARCHIVER, clock.now());
        let lag = lag.map(|lag| (lag.records(), health.map(|health| health.verdict)));
        let line = line(progress.trucks(), rate, lag, progress.world_time(), address);
        say(&format!("{CLEAR}{CUT}{line}{WRAP}"));
    }
}

/// Eighty columns hold it, unless the fleet is large.
fn line(
    (moving, trucks): (usize, usize),
    rate: u64,
    lag: Option<(u64, Option<Verdict>)>,
    time: Time,
    address: SocketAddr,
) -> String {
    // What is well needs no word, and the line has room for one only.
    let lag = match lag {
        None => "?".to_owned(),
        Some((records, Some(verdict))) if verdict < Verdict::CatchingUp => {
            format!("{records} ({})", verdict.as_str().replace('_', " "))
        }
        Some((records, _)) => records.to_string(),
    };
    let time = time.to_string();
    let time = time.split('.').next().unwrap_or_default();
    format!("{moving}/{trucks} moving  {rate} events/s  lag {lag}  {time}Z  http://{address}/")
}

/// On standard error, in one piece. Nobody may be there.
fn say(text: &str) {
    drop(io::stderr().write_all(text.as_bytes()));
}

/// Leaves the line where it is, and the prompt below it.
struct LineEnd;

impl Drop for LineEnd {
    fn drop(&mut self) {
        say("\n");
    }
}

/// Where the log goes: standard error, on a terminal in the place of the live line.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) is_terminal: bool,
}

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.is_terminal {
            io::stderr().write_all(&[CLEAR.as_bytes(), line].concat())?;
        } else {
            io::stderr().write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eighty_columns_hold_the_line() {
        let time = "2026-01-05T12:34:56Z".parse().expect("a time");
        let address = "127.0.0.1:8080".parse().expect("an address");
        let line = line((22, 30), 60, Some((0, Some(Verdict::CaughtUp))), time, address);
        assert_eq!(
            line,
            "22/30 moving  60 events/s  lag 0  2026-01-05T12:34:56Z  http://127.0.0.1:8080/"
        );
        assert!(line.len() <= 80, "{}", line.len());
    }
}
