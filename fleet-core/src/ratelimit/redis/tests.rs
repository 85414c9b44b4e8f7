//! The laws of the rate limiter on a real Redis server.

use super::*;
use crate::{
    ratelimit::Quota,
    testkit::{self, limiter_laws::Open},
};

/// Opens a limiter in a namespace of its own, on the law's clock.
fn open() -> Option<Open> {
    let url = testkit::server("redis")?;
    Some(Box::new(move |clock| {
        let namespace = testkit::unique_name("limiter");
        Arc::new(RedisLimiter::new(&url, &namespace).expect("a good URL").with_clock(clock))
    }))
}

crate::limiter_laws!(open());

#[tokio::test]
async fn the_servers_clock_is_one_for_all() {
    let Some(url) = testkit::server("redis") else { return };
    let namespace = testkit::unique_name("limiter");
    let [one, two] = [(); 2].map(|()| RedisLimiter::new(&url, &namespace).expect("a good URL"));
    // A token comes back in 1,000 s: more than this test takes.
    let policy = Policy::new("slow", Quota::with_interval(10, 1_000_000_000).expect("in range"));
    let policy = policy.expect("a name");
    let mut granted = 0;
    for _ in 0..8 {
        for limiter in [&one, &two] {
            granted +=
                u32::from(limiter.take("key", &policy, 1).await.expect("there").is_granted());
        }
    }
    assert_eq!(granted, 10, "both processes share one bucket");
}

#[tokio::test]
async fn a_bucket_is_gone_when_it_is_full() {
    let Some(url) = testkit::server("redis") else { return };
    let namespace = testkit::unique_name("limiter");
    let limiter = RedisLimiter::new(&url, &namespace).expect("a good URL");
    let policy = Policy::new("read", Quota::DEFAULT_READ).expect("a name");
    let _ = limiter.take("key", &policy, 3).await.expect("there");
    let mut ttl = ::redis::cmd("PTTL");
    ttl.arg(format!("{namespace}:rl:{{key}}:read"));
    let ttl_ms: i64 = limiter.connection.call(&ttl).await.expect("asked");
    assert!((1..=6_000).contains(&ttl_ms), "3 tokens are back in 6 s, not in {ttl_ms} ms");
}
