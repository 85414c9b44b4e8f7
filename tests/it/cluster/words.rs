//! What a service says when it cannot start: one sentence, and what to do.

use std::net::TcpListener;

use fleet_core::testkit::{self, OwnServer};

use super::program;

/// Must fail with one line that says all of `wanted`, and never a password.
#[track_caller]
fn fails(service: &str, arguments: &[&str], wanted: &[&str]) {
    let mut command = program(service);
    let output = command.args(["--listen", "127.0.0.1:0"]).args(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    let lines: Vec<&str> = said.lines().filter(|line| !line.contains("\"INFO\"")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    for wanted in wanted.iter().chain([&service]) {
        assert!(said.contains(wanted), "{wanted:?} is missing: {said}");
    }
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn every_bad_setting_of_a_service_is_told_at_once_and_no_password_ever() {
    for (service, more) in [
        ("fleet-sim", ["--trucks", "none", "--router", "ftp://x"]),
        ("fleet-telemetry-consumer", ["--retention-days", "0", "--allow-public", "perhaps"]),
        ("fleet-api", ["--quotas", "some", "--grpc-listen", "0.0.0.0:1"]),
    ] {
        let [a, _, b, _] = more.map(|flag| flag.trim_start_matches("--").replace('-', "_"));
        let urls = ["--log-url", "sqlite:/data/log.db"];
        let wanted = ["log_url", "belongs to one process", &a, &b];
        fails(service, &[&more[..], &urls].concat(), &wanted);
    }
    let output = program("fleet-trip-consumer")
        .args(["--log-url", "kafka://ann:s3cret@h:1/", "--store-url", "mongodb://ann:s3cret@h/"])
        .arg("--check-config")
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && printed.contains("ann:***@h:1"), "{printed}");
    assert!(!printed.contains("s3cret"), "{printed}");
}

#[test]
fn servers_that_are_not_there_or_do_not_let_us_in_are_told_in_a_sentence() {
    let (Some(kafka), Some(mongo), Some(redis)) =
        (testkit::server("kafka"), testkit::server("mongo"), testkit::server("redis"))
    else {
        return;
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = taken.local_addr().unwrap().to_string();
    drop(taken);
    let one = "partitions=4&replication=1&min_insync=1";
    let log = format!("{kafka}?{one}&registry={}", testkit::unique_name("words"));
    let sim = |log: &str, state: &str, wanted: &[&str]| {
        fails("fleet-sim", &["--log-url", log, "--state-url", state], wanted);
    };
    let recorder = |store: &str, wanted: &[&str]| {
        fails("fleet-trip-consumer", &["--log-url", &log, "--store-url", store], wanted);
    };

    let check = "check host, port";
    sim(&format!("kafka://{nowhere}/?{one}"), &redis, &[&nowhere, check, "Connection refused"]);
    sim(&log, &format!("redis://{nowhere}"), &[&nowhere, "check host and port"]);
    recorder(&format!("mongodb://{nowhere}/"), &[&nowhere, check, "Connection refused"]);

    let as_ann = |url: &str| url.replacen("://", "://ann:s3cret@", 1);
    sim(&as_ann(&kafka), &redis, &["user", "SASL"]);
    sim(&log, &as_ann(&redis), &["check user and password"]);
    recorder(&as_ann(&mongo), &["check user and password"]);

    // TLS wanted but not offered, or not built in.
    sim(&format!("{kafka}?tls=true"), &redis, &["tls", "built without it"]);
    sim(&log, &redis.replacen("redis", "rediss", 1), &["TLS to redis is not spoken"]);
    recorder(&format!("{mongo}&tls=true"), &["TLS", "no server answers"]);

    let never = testkit::unique_name("never-made");
    let missing = format!("{kafka}?{one}&create=false&registry={never}");
    sim(&missing, &redis, &[&never, "create is false: make it"]);
    // As it would be in a cluster of three, on a broker that is alone.
    let three = format!("{kafka}?registry={never}");
    sim(&three, &redis, &["more copies than there are brokers"]);

    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("evicting.conf");
    std::fs::write(&conf, "maxmemory-policy allkeys-lru\n").unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/servers/redis");
    let settings = [("FLEET_SERVICES_REDIS_CONF", conf.to_str().unwrap())];
    let evicting = OwnServer::start(script, &settings);
    sim(&log, evicting.url(), &["maxmemory-policy", "needs noeviction"]);
}
