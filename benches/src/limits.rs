//! Rate limits in memory against governor.

use std::{
    hint::black_box,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use fleet_core::{
    ratelimit::{Bucket, MemoryLimiter, Policy, Quota},
    time::{Clock, SystemClock},
};
use governor::RateLimiter;

use crate::{
    Options,
    pairs::{Bound, Row, alternate},
};

const RUN: Duration = Duration::from_millis(500);
const ROUND: usize = 10_000;
const KEYS: usize = 10_000;

/// Nanoseconds a call.
fn ns(mut call: impl FnMut(usize)) -> f64 {
    let (began, mut calls) = (Instant::now(), 0);
    while began.elapsed() < RUN {
        (calls..calls + ROUND).for_each(&mut call);
        calls += ROUND;
    }
    began.elapsed().as_secs_f64() * 1e9 / calls as f64
}

/// A fixed walk over the keys that does not take them in order.
fn nth(call: usize) -> usize {
    (call.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % KEYS
}

/// Rows 10 and 11: all granted, a million tokens a second.
pub(crate) fn buckets(options: &Options) -> Result<Vec<Row>> {
    let quota = Quota::new(1_000_000, 1_000_000, 1_000_000)?;
    let peers = governor::Quota::per_second(NonZeroU32::MAX);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let one = RateLimiter::direct(peers);
    let peer = || Ok(ns(|_| _ = black_box(one.check().is_ok())));
    let mut bucket = Bucket::new(quota);
    let read = alternate(
        options.pairs,
        || {
            Ok(ns(|call| {
                if call % 500_000 == 0 {
                    bucket = Bucket::new(quota); // calls outrun the quota: none shall be denied
                }
                black_box(bucket.take(clock.monotonic_us(), 1).is_granted());
            }))
        },
        peer,
    )?;
    let mut bucket = Bucket::new(quota);
    let passed = alternate(
        options.pairs,
        || Ok(ns(|call| _ = black_box(bucket.take(call as u64, 1).is_granted()))),
        peer,
    )?;
    let keys: Vec<String> = (0..KEYS).map(|number| format!("client-{number:05}")).collect();
    let many = RateLimiter::dashmap(peers);
    let policy = Policy::new("bench", quota)?;
    let limiter = MemoryLimiter::new(Arc::clone(&clock));
    let keyed = alternate(
        options.pairs,
        || {
            Ok(ns(|call| {
                let taken = limiter.take(&keys[nth(call)], &policy, 1);
                black_box(taken.is_ok_and(|decision| decision.is_granted()));
            }))
        },
        || Ok(ns(|call| _ = black_box(many.check_key(&keys[nth(call)]).is_ok()))),
    )?;
    let row = |number, title, must, aim, pairs| Row {
        number,
        title,
        unit: "ns",
        must: Bound::AtMost(must),
        aim: Bound::AtMost(aim),
        pairs,
        note: String::new(),
    };
    Ok(vec![
        row("10", "one bucket, clock read / governor direct", 1.2, 1.0, read),
        row("10", "one bucket, time passed in / governor direct", 0.9, 0.7, passed),
        row("11", "10,000 keys, clock read / governor keyed", 1.2, 0.8, keyed),
    ])
}
