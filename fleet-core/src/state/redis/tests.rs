//! The laws of the state store on a real Redis server, and what is particular to it.

use super::*;
use crate::{
    ErrorKind,
    testkit::{
        self, ManualClock,
        state_laws::{self, NOW, Subject},
    },
};

/// A namespace of its own on the shared server; each opening is a new connection.
fn subject() -> Option<Subject> {
    let url = testkit::server("redis")?;
    let namespace = testkit::unique_name("state");
    let clock = Arc::new(ManualClock::new(NOW));
    let own_clock = Arc::clone(&clock);
    let open = move || -> Arc<dyn StateStore> {
        let clock = Arc::<ManualClock>::clone(&own_clock);
        Arc::new(RedisState::new(&url, &namespace, clock).expect("a good URL"))
    };
    Some(Subject { clock, open: Box::new(open) })
}

crate::state_laws!(subject());

#[tokio::test]
async fn random_histories_agree_with_the_naive_store() {
    let random = crate::random::Stream::new(7, "redis", "histories");
    for history in 0..6 {
        let Some(subject) = subject() else { return };
        let words: Vec<u64> =
            (0..60).map(|step| random.below(history * 100 + step, u64::MAX)).collect();
        state_laws::follow(&subject, &words).await;
    }
}

#[tokio::test]
async fn two_namespaces_on_one_server_share_nothing() {
    let (Some(one), Some(two)) = (subject(), subject()) else { return };
    let (one, two) = ((one.open)(), (two.open)());
    one.put_once("genesis", "seed 7".into()).await.expect("put");
    assert_eq!(two.get("genesis").await.expect("there"), None);
    one.acquire("simulator", "a", Duration::from_secs(9)).await.expect("free");
    two.acquire("simulator", "b", Duration::from_secs(9)).await.expect("free too");
}

#[tokio::test]
async fn a_key_of_another_sort_is_corrupt_and_nothing_is_written() {
    let Some(url) = testkit::server("redis") else { return };
    let namespace = testkit::unique_name("state");
    let clock = Arc::new(ManualClock::new(NOW));
    let store = RedisState::new(&url, &namespace, clock).expect("a good URL");
    let lease = store.acquire("simulator", "a", Duration::from_secs(9)).await.expect("free");
    let mut spoil = cmd("SET");
    spoil.arg(store.key("checkpoint")).arg("not a hash");
    store.connection.call::<()>(&spoil).await.expect("set");
    let checkpoint = Checkpoint {
        version: 1,
        world_time: NOW,
        world: Bytes::from_static(b"w"),
        counters: BTreeMap::new(),
    };
    let error = store.save(&lease, &checkpoint).await.expect_err("another sort");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let mut exists = cmd("EXISTS");
    exists.arg(store.key("world"));
    assert_eq!(store.connection.call::<u32>(&exists).await.expect("asked"), 0);
}

#[tokio::test]
async fn a_script_cache_that_was_lost_is_filled_again() {
    let Some(subject) = subject() else { return };
    let store = (subject.open)();
    store.acquire("simulator", "a", Duration::from_secs(9)).await.expect("free");
    let url = testkit::server("redis").expect("as above");
    let connection = Connection::new(&url, ANSWER_TIMEOUT).expect("a good URL");
    let mut flush = cmd("SCRIPT");
    flush.arg("FLUSH");
    connection.call::<()>(&flush).await.expect("flushed");
    store.acquire("simulator", "a", Duration::from_secs(9)).await.expect("renewed");
}

#[tokio::test]
async fn durability_is_what_the_server_was_told() {
    let Some(url) = testkit::server("redis") else { return };
    let clock = Arc::new(ManualClock::new(NOW));
    let store = RedisState::new(&url, "durability", clock).expect("a good URL");
    // The tests' server runs with appendfsync always, as the laws of a crash need.
    assert_eq!(store.durability().await.expect("it tells"), Durability::Always);
}
