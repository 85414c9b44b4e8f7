//! Everything is killed; the data does not show it.

use std::time::Duration;

use fleet_core::{random::Stream, time::Time};

use super::{Servers, Supervisor, assert_equal, now};
use crate::program::{START, Scratch, dump, run_flags, succeed};

/// How hard: a little by itself; `scripts/torture --cluster` asks for more.
struct Torture {
    kills: u64,
    /// Of the world and of the moments.
    seed: u64,
    hours: u64,
}

impl Torture {
    #[expect(clippy::disallowed_methods, reason = "scripts/torture says it so")]
    fn asked_for() -> Self {
        let number = |name: &str, default| {
            let asked = std::env::var(name).ok();
            asked.map_or(default, |text| text.parse().expect("a whole number"))
        };
        Self {
            kills: number("TORTURE_CLUSTER_KILLS", 10),
            seed: number("TORTURE_SEED", 7),
            hours: number("TORTURE_CLUSTER_HOURS", 6),
        }
    }
}

const VICTIMS: [&str; 8] =
    ["simulator", "other simulator", "archiver", "recorder", "api", "broker", "store", "redis"];

/// Kills one and starts it again; what is a service comes back at once, a server when it is ready.
fn strike(victim: &str, servers: &Servers, services: &mut Supervisor) -> bool {
    let service = match victim {
        "archiver" => 0,
        "recorder" => 1,
        "simulator" => 2,
        "other simulator" => 3,
        "api" => 4,
        server => {
            let server = match server {
                "broker" => &servers.kafka,
                "store" => &servers.mongo,
                _ => &servers.redis,
            };
            server.kill();
            server.start_again();
            return true;
        }
    };
    let was_up = services.kill(service);
    if was_up {
        services.start_again(service);
    }
    was_up
}

#[test]
#[expect(clippy::print_stdout, reason = "scripts/torture shows it")]
fn with_every_process_killed_in_random_order_the_store_is_that_of_an_undisturbed_run() {
    let torture = Torture::asked_for();
    let Some(servers) = Servers::start() else { return };
    let start: Time = START.parse().unwrap();
    let until = start.plus(Duration::from_secs(3_600 * torture.hours)).to_string();
    let seed = torture.seed.to_string();

    let scratch = Scratch::new();
    let calm = scratch.path("calm");
    let mut flags = run_flags(&calm, &until, &[]);
    let at = flags.iter().position(|flag| *flag == "--seed").unwrap();
    flags[at + 1] = &seed;
    succeed(&flags);
    let calm = dump(&calm);

    let mut services = Supervisor::new();
    for consumer in ["fleet-telemetry-consumer", "fleet-trip-consumer"] {
        services.start(consumer, servers.arguments(consumer, &[]));
    }
    // One simulates, the other stands by. So slow that the kills fall into the run, as a rule.
    let speed = (3_600 * torture.hours / (2 * torture.kills)).to_string();
    let flags = ["--seed", &seed, "--start", START, "--until", &until, "--speed", &speed];
    for holder in ["a", "b"] {
        let more = ["--holder", holder, "--lease-ttl-ms", "2000"];
        services.start("fleet-sim", servers.arguments("fleet-sim", &[&flags[..], &more].concat()));
    }
    // Its history of service levels is kept beside the checkpoints.
    services.start("fleet-api", servers.arguments("fleet-api", &[]));

    let stream = Stream::new(torture.seed, "cluster test", "kills");
    let (began, mut killed) = (now(), 0);
    for draw in 0.. {
        if killed == torture.kills || (services.is_done(2) && services.is_done(3)) {
            break;
        }
        services.watch(Duration::from_millis(stream.below(2 * draw, 2_500)), |_, _| false);
        let (round, turn) = (draw / 8, usize::try_from(draw % 8).unwrap());
        // Each once in eight, in an order drawn anew.
        let mut order = VICTIMS;
        order.sort_by_key(|victim| {
            Stream::new(torture.seed, victim, "turns").below(round, u64::MAX)
        });
        let victim = order[turn];
        if strike(victim, &servers, &mut services) {
            killed += 1;
            println!("  kill {killed}: {victim}, {:.1} s", began.elapsed().as_secs_f64());
        }
    }
    while !(services.is_done(2) && services.is_done(3)) {
        let ended = services.watch(Duration::from_secs(120), |_, _| false);
        assert!(ended.is_some(), "the simulators do not come to their end");
    }
    let (cluster, letters) = servers.dump();
    assert_equal(&calm, &cluster);
    assert_eq!(letters, 0, "dead letters");
    for service in [0, 1, 4] {
        assert!(services.stop(service).success(), "{}", services.log(service));
    }
    println!("equal after {killed} kills; ended by themselves: {}", services.failures());
    assert_eq!(killed, torture.kills, "the run was over before all kills had struck");
}
