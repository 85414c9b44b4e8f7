//! The network fails, and every process lives on.

use std::time::Duration;

use super::{Servers, Supervisor, assert_equal, proxy::Proxy};
use crate::program::{START, Scratch, dump, run_flags, succeed};

const UNTIL: &str = "2026-01-05T03:00:00Z";

#[test]
fn a_network_that_is_slow_half_closed_cut_or_silent_loses_nothing_and_ends_no_process() {
    let proxies = [Proxy::new(), Proxy::new(), Proxy::new()];
    // The broker tells clients where to go: through the proxy, too.
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("kafka.conf");
    let advertised = format!("advertised.listeners=PLAINTEXT://{}\n", proxies[0].address);
    std::fs::write(&conf, advertised).unwrap();
    let settings = [("FLEET_SERVICES_KAFKA_CONF", conf.to_str().unwrap())];
    let Some(mut servers) = Servers::start_with(&settings) else { return };
    for (url, proxy) in servers.urls.iter_mut().zip(&proxies) {
        *url = proxy.lead_to(url);
    }

    let mut services = Supervisor::new();
    for consumer in ["fleet-telemetry-consumer", "fleet-trip-consumer"] {
        services.start(consumer, servers.arguments(consumer, &[]));
    }
    // Three hours in a quarter of a minute, unless the network holds them up.
    let flags = ["--seed", "7", "--start", START, "--until", UNTIL, "--speed", "720"];
    let sim = services.start("fleet-sim", servers.arguments("fleet-sim", &flags));
    let begun = services.watch(Duration::from_secs(60), |_, line| line.contains("\"simulating\""));
    assert!(begun.is_some(), "{}", services.log(sim));

    let faults: [fn(&Proxy); 5] = [
        |proxy| proxy.delay(Duration::from_millis(150)),
        |proxy| proxy.delay(Duration::ZERO),
        Proxy::half_close,
        Proxy::cut,
        Proxy::silence,
    ];
    for fault in faults {
        services.watch(Duration::from_secs(2), |_, _| false);
        proxies.iter().for_each(fault);
    }
    while !services.is_done(sim) {
        let ended = services.watch(Duration::from_secs(120), |_, _| false);
        assert!(ended.is_some(), "the simulator does not come to its end");
    }
    let scratch = Scratch::new();
    let calm = scratch.path("calm");
    succeed(&run_flags(&calm, UNTIL, &[]));
    let (cluster, letters) = servers.dump();
    assert_equal(&dump(&calm), &cluster);
    assert_eq!(letters, 0, "dead letters");
    assert!(
        !services.failures().contains(|c: char| ('1'..='9').contains(&c)),
        "{}",
        services.failures()
    );
}
