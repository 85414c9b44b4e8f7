//! The laws of the log on a real broker, and what is particular to Kafka.

use std::time::Duration;

use super::*;
use crate::testkit::{
    self, ManualClock,
    event_log_laws::{NOW, Open, RETENTION, Subject, UNCOMMITTED_MAX},
};

/// Settings of a log of its own on a broker that others use too.
fn settings(url: &str, name: &str) -> KafkaSettings {
    let mut settings: KafkaSettings = url.parse().expect("the script's URL");
    settings.registry = format!("{name}.log").parse().expect("a word");
    // So that a group that has not shared out anew yet never looks as if it had: 3 + 3 + 0.
    settings.topics.partitions = 6;
    (settings.topics.replication, settings.topics.min_insync) = (1, 1);
    (settings.retention, settings.uncommitted_max) = (RETENTION, UNCOMMITTED_MAX);
    settings.session_timeout = Duration::from_secs(3);
    settings.linger = Duration::ZERO;
    settings
}

/// Each call opens the log as another process would; what was open before stays as it is.
fn starts(url: &str, name: &str, clock: &Arc<ManualClock>) -> Open {
    let (settings, clock) = (settings(url, name), Arc::clone(clock));
    Box::new(move || {
        let (settings, clock) = (settings.clone(), Arc::<ManualClock>::clone(&clock));
        // A law is in a runtime of one thread, which must not wait for itself.
        let open = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            runtime.block_on(KafkaLog::open(settings, &[], clock)).expect("the broker is there")
        });
        Arc::new(open.join().expect("opened"))
    })
}

fn subject() -> Option<Subject> {
    let url = testkit::server("kafka")?;
    let clock = Arc::new(ManualClock::new(NOW));
    let name = testkit::unique_name("law");
    let (open, another) =
        (starts(&url, &name, &clock), starts(&url, &format!("{name}.another"), &clock));
    Some(Subject { name, clock, open, another, settle: Duration::from_millis(300) })
}

crate::event_log_laws!(subject());
