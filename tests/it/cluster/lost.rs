//! A state store that was lost, and a simulator that stands by.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use super::{Servers, Supervisor, Told, assert_equal, now, program};
use crate::program::{START, Scratch, dump, run_flags, succeed};

/// Runs the simulator to its end; whether it succeeded, and what it said.
fn simulate(servers: &Servers, until: &str, more: &[&str]) -> (bool, String) {
    let fast = ["--until", until, "--speed", "max", "--holder", "a"];
    let arguments = servers.arguments("fleet-sim", &[&fast, more].concat());
    let output = program("fleet-sim").args(arguments).output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

/// Sends one command, and reads the answer's first line.
fn redis(servers: &Servers, command: &str) -> String {
    let address = servers.redis.url().trim_start_matches("redis://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    writeln!(stream, "{command}\r\nQUIT\r").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap().to_owned()
}

#[test]
fn an_emptied_redis_is_refused_by_name_made_again_and_a_standby_takes_over_in_ten_seconds() {
    let Some(servers) = Servers::start() else { return };
    let mut services = Supervisor::new();
    for consumer in ["fleet-telemetry-consumer", "fleet-trip-consumer"] {
        services.start(consumer, servers.arguments(consumer, &[]));
    }
    let (early, until) = ("2026-01-05T02:00:00Z", "2026-01-05T03:00:00Z");
    let genesis = ["--seed", "7", "--start", START, "--trucks", "30"];
    let (is_done, said) = simulate(&servers, early, &genesis);
    assert!(is_done, "{said}");

    assert_eq!(redis(&servers, "FLUSHALL"), "+OK");
    for more in [&[][..], &genesis] {
        let (is_done, said) = simulate(&servers, until, more);
        assert!(!is_done && said.contains("the state store is empty, but the log knows"), "{said}");
        assert!(said.contains("rebuild"), "{said}");
    }
    let (is_done, said) = simulate(&servers, until, &["--rebuild", "true"]);
    assert!(!is_done && said.contains("name seed, start and trucks"), "{said}");
    let rebuild = [&genesis[..], &["--rebuild", "true"]].concat();
    let (is_done, said) = simulate(&servers, until, &rebuild);
    assert!(is_done, "{said}");

    let scratch = Scratch::new();
    let calm = scratch.path("calm");
    succeed(&run_flags(&calm, until, &[]));
    let (cluster, letters) = servers.dump();
    assert_equal(&dump(&calm), &cluster);
    assert_eq!(letters, 0, "dead letters");

    takes_over(&servers, &mut services);
}

/// In real time, with the usual lease.
fn takes_over(servers: &Servers, services: &mut Supervisor) {
    let is_on = |line: &str| line.contains("\"message\":\"simulating\"");
    let first = services.start("fleet-sim", servers.arguments("fleet-sim", &["--holder", "a"]));
    let begun = services.watch(Duration::from_secs(30), |_, line| is_on(line));
    assert!(matches!(begun, Some(Told::Line(number, _)) if number == first), "{begun:?}");
    let second = services.start("fleet-sim", servers.arguments("fleet-sim", &["--holder", "b"]));
    let waits = services.watch(Duration::from_secs(30), |number, line| {
        number == second && line.contains("standing")
    });
    assert!(waits.is_some(), "{}", services.log(second));
    assert!(ready(&services.address(first)).starts_with("200"));
    assert!(ready(&services.address(second)).starts_with("503 standing by"));

    services.kill(first);
    let died = now();
    let took =
        services.watch(Duration::from_secs(30), |number, line| number == second && is_on(line));
    let after = died.elapsed();
    assert!(took.is_some(), "{}", services.log(second));
    assert!(after < Duration::from_secs(10), "taken over after {after:?}");
    assert!(services.stop(second).success(), "{}", services.log(second));
}

/// Status and body of `/readyz`.
fn ready(address: &str) -> String {
    let rest = crate::program::Rest { address: address.to_owned() };
    let (status, body) = rest.get("/readyz");
    format!("{status} {body}")
}
