//! `scripts/cluster`: everything with one command, and gone with one.

use std::{fs, path::Path, process::Command, time::Duration};

use fleet_core::testkit;

use super::{now, program};
use crate::program::Rest;

/// A cluster in a folder of its own; whatever it started ends with this.
struct Cluster(tempfile::TempDir);

impl Cluster {
    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/cluster");
        let mut command = Command::new(script);
        command.args(arguments).env("FLEET_CLUSTER_DIR", self.0.path());
        let output = command.output().unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (output.status.success(), said)
    }

    fn succeed(&self, arguments: &[&str]) -> String {
        let (is_done, said) = self.run(arguments);
        assert!(is_done, "{arguments:?}: {said}");
        said
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.path().join(file)).unwrap().trim().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run(&["down"]);
    }
}

#[test]
fn one_command_starts_servers_and_services_and_one_ends_them() {
    for name in ["kafka", "mongo", "redis", "osrm"] {
        if testkit::server(name).is_none() {
            return; // neither can others be started here
        }
    }
    let programs = Path::new(env!("CARGO_BIN_EXE_data-fleet")).parent().unwrap();
    program("fleet-sim"); // it is there, or this says how it comes there
    let cluster = Cluster(tempfile::tempdir().unwrap());
    let up = ["up", "--programs", programs.to_str().unwrap(), "--speed", "60"];
    let said = cluster.succeed(&up);
    assert_eq!(said.matches(" ready").count(), 8, "{said}");

    let rest = Rest { address: format!("127.0.0.1:{}", cluster.read("fleet-api/port")) };
    let deadline = now() + Duration::from_secs(60);
    // Through simulator, broker, archiver and store to the API.
    while rest.json("/v1/fleet/summary")["newest_event_at"].is_null() {
        assert!(now() < deadline, "no event comes: {}", cluster.read("fleet-sim/log"));
        std::thread::yield_now();
    }
    let key = cluster.read("fleet-api/admin.key");
    assert_eq!(rest.request_as(&key, "GET", "/v1/keys", "").0, 200);

    let pids = || ["servers/kafka/pid", "fleet-sim/pid", "fleet-api/pid"].map(|f| cluster.read(f));
    let before = pids();
    cluster.succeed(&up); // nothing is missing, so nothing is started
    assert_eq!(pids(), before);
    cluster.succeed(&["down"]);
    let (is_ready, said) = cluster.run(&["status"]);
    assert!(!is_ready && said.matches(" down").count() == 8, "{said}");
    for pid in before {
        assert!(!Path::new("/proc").join(&pid).exists(), "{pid} is left");
    }
}
