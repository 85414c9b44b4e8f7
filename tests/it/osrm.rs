//! The platform on the ways of a real OSRM, which dies beside it: the data does not show it.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    time::Duration,
};

use fleet_core::{
    random::Stream,
    testkit::{self, OwnServer},
};

use crate::program::{Platform, Scratch, command, dump, fail, run_flags, run_on, succeed};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/servers/osrm");
const PROGRAM: (&str, &str) = ("FLEET_SERVICES_DATA_FLEET", env!("CARGO_BIN_EXE_data-fleet"));
const UNTIL: &str = "2026-01-05T12:00:00Z";

/// A server of the test's own on the bundled roads; `None` if OSRM is absent.
fn server() -> Option<OwnServer> {
    testkit::server("osrm")?;
    Some(OwnServer::start(SCRIPT, &[PROGRAM]))
}

/// The program at full speed on the ways of the server at `url`.
struct Running(Child, BufReader<ChildStderr>);

impl Running {
    fn start(dir: &Path, url: &str) -> Self {
        let flags = run_flags(dir, UNTIL, &["--router", url]);
        let mut child = command(&flags).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self(child, stderr)
    }

    /// Reads on until it has said `what`; false if it ended before.
    fn says(&mut self, what: &str) -> bool {
        let mut line = String::new();
        while self.1.read_line(&mut line).unwrap() > 0 {
            assert!(!line.contains("panicked"), "{line}");
            if line.contains(what) {
                return true;
            }
            line.clear();
        }
        false
    }

    fn kill_after(mut self, delay: Duration) {
        let id = self.0.id().to_string();
        let (ended, end) = std::sync::mpsc::sync_channel::<()>(1);
        let lines = self.1;
        let reader = std::thread::spawn(move || {
            let said: Vec<_> = lines.lines().map_while(Result::ok).collect();
            ended.send(()).ok();
            said.join("\n")
        });
        if end.recv_timeout(delay).is_err() {
            assert!(Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
        }
        let said = reader.join().unwrap();
        assert!(!said.contains("panicked"), "{said}");
        self.0.wait().unwrap();
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what was compared")]
fn killed_beside_a_server_that_is_killed_the_data_is_byte_for_byte_that_of_a_calm_run() {
    let Some(server) = server() else { return };
    let scratch = Scratch::new();
    let (calm, rough) = (scratch.path("calm"), scratch.path("rough"));
    succeed(&run_flags(&calm, UNTIL, &["--router", server.url()]));
    let stream = Stream::new(1, "osrm", "kills");
    for life in 0..10_u64 {
        let mut platform = Running::start(&rough, server.url());
        if life % 3 == 1 {
            // The server dies before it; a truck is left that waits, and the server comes back.
            server.kill();
            if platform.says("no way yet") && life % 2 == 0 {
                server.start_again();
            }
        }
        platform.kill_after(Duration::from_micros(stream.below(life, 400_000)));
        server.start_again();
    }
    succeed(&run_flags(&rough, UNTIL, &["--router", server.url()]));
    let (calm, rough) = (dump(&calm), dump(&rough));
    assert!(calm[1].lines().count() > 30, "too few trips");
    for (calm, rough) in calm.iter().zip(&rough) {
        let differs = calm.lines().zip(rough.lines()).find(|(a, b)| a != b);
        assert!(calm == rough, "first difference: {differs:?}");
        println!("  {} lines, {} bytes, equal", calm.lines().count(), calm.len());
    }
}

#[test]
fn while_the_server_is_away_trucks_wait_and_all_else_goes_on() {
    let Some(server) = server() else { return };
    let scratch = Scratch::new();
    let (calm, rough) = (scratch.path("calm"), scratch.path("rough"));
    succeed(&run_flags(&calm, UNTIL, &["--router", server.url()]));
    server.kill();
    let flags =
        run_on(&rough, &["--speed", "max", "--seed", "7", "--start", crate::program::START]);
    let platform =
        Platform::start(&[&flags[..], &["--until", UNTIL, "--router", server.url()]].concat());
    // All thirty come to where they need a way; the API tells of it meanwhile.
    let metrics = || platform.get("/metrics").1;
    for line in [
        "fleet_sim_trucks_awaiting_plan 30\n",
        "fleet_osrm_circuit_state{state=\"open\"} 1\n",
        "fleet_osrm_requests_total{outcome=\"circuit_open\"}",
    ] {
        while !metrics().contains(line) {
            std::thread::yield_now();
        }
    }
    while metrics().contains("fleet_sim_plan_failures_total 0\n") {
        std::thread::yield_now();
    }
    server.start_again();
    drop(platform);
    succeed(&run_flags(&rough, UNTIL, &["--router", server.url()]));
    assert!(dump(&calm) == dump(&rough), "other data");
}

#[test]
fn through_a_slow_and_broken_line_the_ways_are_the_same() {
    let Some(server) = server() else { return };
    let scratch = Scratch::new();
    let (calm, rough) = (scratch.path("calm"), scratch.path("rough"));
    succeed(&run_flags(&calm, UNTIL, &["--router", server.url()]));
    let line = Line::start(&server, &[Act::Slow, Act::Close, Act::Pass, Act::Cut, Act::Pass]);
    succeed(&run_flags(&rough, UNTIL, &["--router", &line.url]));
    assert!(dump(&calm) == dump(&rough), "other data");
}

#[test]
fn a_server_that_is_no_osrm_ends_the_run_by_name_and_the_next_one_goes_on_exactly() {
    let Some(server) = server() else { return };
    let scratch = Scratch::new();
    let (calm, rough) = (scratch.path("calm"), scratch.path("rough"));
    succeed(&run_flags(&calm, UNTIL, &["--router", server.url()]));
    for (acts, expected) in [
        ([Act::Pass, Act::Pass, Act::Pass, Act::Garbage], "not an answer of OSRM"),
        ([Act::Pass, Act::Pass, Act::Pass, Act::Huge], "larger than 8388608 bytes"),
    ] {
        let line = Line::start(&server, &acts);
        let said = fail(&run_flags(&rough, UNTIL, &["--router", &line.url]));
        assert!(said.contains(&line.url) && said.contains(expected), "{said}");
    }
    succeed(&run_flags(&rough, UNTIL, &["--router", server.url()]));
    assert!(dump(&calm) == dump(&rough), "other data");
}

/// What happens to a question on its way.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// It is answered.
    Pass,
    /// It is answered after a third of a second.
    Slow,
    /// The line breaks before the answer.
    Close,
    /// Half of the answer comes.
    Cut,
    /// Something else answers.
    Garbage,
    /// 50 MB come.
    Huge,
}

/// A line to a server, on which one act follows the other, over and over.
struct Line {
    url: String,
}

impl Line {
    fn start(server: &OwnServer, acts: &[Act]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let to = server.url().trim_start_matches("http://").to_owned();
        let acts = acts.to_vec();
        std::thread::spawn(move || {
            for (client, act) in listener.incoming().zip(acts.iter().copied().cycle()) {
                let to = to.clone();
                // A line that breaks is what some acts are about.
                std::thread::spawn(move || client.and_then(|client| carry(client, &to, act)).ok());
            }
        });
        Self { url }
    }
}

/// One question; then the line is closed, as OSRM's may be at any time.
fn carry(mut client: TcpStream, to: &str, act: Act) -> io::Result<()> {
    let mut question = Vec::new();
    while !question.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        question.push(byte[0]);
    }
    let mut answer = Vec::new();
    if matches!(act, Act::Pass | Act::Slow | Act::Cut) {
        let mut server = TcpStream::connect(to)?;
        question.truncate(question.len() - 2);
        question.extend(b"Connection: close\r\n\r\n");
        server.write_all(&question)?;
        server.read_to_end(&mut answer)?;
    }
    match act {
        Act::Pass => {}
        Act::Slow => {
            client.set_read_timeout(Some(Duration::from_millis(333)))?;
            client.peek(&mut [0]).ok(); // it says nothing more
        }
        Act::Close => return Ok(()),
        Act::Cut => answer.truncate(answer.len() / 2),
        Act::Garbage => answer.extend(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        Act::Huge => {
            answer.extend(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n");
            answer.resize(50_000_000, b' ');
        }
    }
    client.write_all(&answer)
}

/// Plans are kept: another server's data, or none at all, changes nothing of what has been planned.
#[test]
fn what_is_planned_outlives_the_data_it_came_from_and_the_router_is_fixed() {
    let Some(mut server) = server() else { return };
    let scratch = Scratch::new();
    let (calm, rough) = (scratch.path("calm"), scratch.path("rough"));
    // All have chosen their first load by then, and no trip is over that soon.
    let (early, soon) = ("2026-01-05T00:05:00Z", "2026-01-05T00:45:00Z");
    succeed(&run_flags(&calm, soon, &["--router", server.url(), "--trucks", "3"]));
    succeed(&run_flags(&rough, early, &["--router", server.url(), "--trucks", "3"]));
    let ring = scratch.path("ring.osm");
    std::fs::write(&ring, RING).unwrap();
    server.start_again_with(&[PROGRAM, ("FLEET_SERVICES_OSRM_EXTRACT", ring.to_str().unwrap())]);
    succeed(&run_flags(&rough, soon, &["--router", server.url(), "--trucks", "3"]));
    assert!(dump(&calm) == dump(&rough), "other data");

    let said = fail(&run_flags(&rough, soon, &[]));
    assert!(said.contains("--router") && said.contains("OSRM"), "{said}");
    let builtin = scratch.path("builtin");
    succeed(&run_flags(&builtin, early, &[]));
    let said = fail(&run_flags(&builtin, early, &["--router", server.url()]));
    assert!(said.contains("--router") && said.contains("built-in"), "{said}");
    let said = fail(&run_flags(&builtin, early, &["--router", "ftp://x"]));
    assert!(said.contains("router"), "{said}");
}

/// A road around nothing.
const RING: &str = r#"<?xml version="1.0"?><osm version="0.6">
<node id="1" lat="26.18" lon="91.74"/><node id="2" lat="26.19" lon="91.75"/>
<node id="3" lat="26.18" lon="91.76"/>
<way id="1"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/>
<tag k="highway" v="primary"/></way></osm>
"#;
