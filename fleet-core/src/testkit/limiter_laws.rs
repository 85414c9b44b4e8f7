//! The laws of the rate limiter: one suite that every backend passes.
//!
//! A backend earns its name with `limiter_laws!` and a function that opens it, empty, on a clock
//! that the law moves. Laws speak only through the port. The last tests hand the suite limiters
//! that are broken in one way each, because a suite that has never failed proves nothing.
#![allow(clippy::missing_panics_doc, reason = "a panic is how a law fails")]

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use crate::{
    ErrorKind,
    random::Stream,
    ratelimit::{Bucket, Decision, KEY_LEN_MAX, Policy, Quota, RateLimiter, Verdict},
    time::{Clock, Time},
};

/// Opens a limiter without any buckets, whose time is the given clock's `monotonic_us`.
pub type Open = Box<dyn Fn(Arc<dyn Clock>) -> Arc<dyn RateLimiter> + Send + Sync>;

/// Where the laws' time scale starts: an instant of 2026, because servers know such times.
const START_US: u64 = 1_767_571_200_000_000;
const S: u64 = 1_000_000;

/// A clock set by hand to the microsecond, back as well as forward.
#[derive(Debug)]
struct HandClock(AtomicU64);

impl Clock for HandClock {
    fn now(&self) -> Time {
        Time::from_ms(i64::try_from(self.0.load(SeqCst) / 1_000).unwrap_or(i64::MAX))
    }

    fn monotonic_us(&self) -> u64 {
        self.0.load(SeqCst)
    }
}

/// A limiter under test, its clock, and the default quota.
struct Subject {
    clock: Arc<HandClock>,
    limiter: Arc<dyn RateLimiter>,
    policy: Policy,
}

impl Subject {
    fn new(open: &Open) -> Self {
        let clock = Arc::new(HandClock(AtomicU64::new(START_US)));
        let limiter = open(Arc::<HandClock>::clone(&clock));
        Self { clock, limiter, policy: policy("law", Quota::DEFAULT_READ) }
    }

    /// Asks for `cost` tokens of one key at `at_us` from the start.
    async fn take(&self, at_us: u64, cost: u32) -> Decision {
        self.clock.0.store(START_US + at_us, SeqCst);
        self.limiter.take("key", &self.policy, cost).await.expect("the limiter answers")
    }
}

fn policy(name: &str, quota: Quota) -> Policy {
    Policy::new(name, quota).expect("a valid name")
}

/// Verdict, remaining and time to full agree with the kernel's, over a random week of one key.
pub async fn answers_agree_with_the_bucket(open: Open) {
    for (run, (capacity, interval_us)) in
        [(10, 2 * S), (1, 333_334), (1_000, 7), (3, 1)].into_iter().enumerate()
    {
        let quota = Quota::with_interval(capacity, interval_us).expect("in range");
        let subject = Subject { policy: policy("model", quota), ..Subject::new(&open) };
        let (mut bucket, mut at_us) = (Bucket::new(quota), 0);
        let random = Stream::new(run as u64, "limiter", "laws");
        for i in 0..200 {
            at_us += random.below(3 * i, interval_us * 3);
            let cost = random.below(3 * i + 1, u64::from(capacity.min(5) + 2)) as u32;
            let (got, expected) =
                (subject.take(at_us, cost).await, bucket.take(START_US + at_us, cost));
            assert_eq!(got, expected, "run {run}, step {i}: {cost} tokens at {at_us} µs");
        }
    }
}

/// A fresh key has its whole capacity at once, and then waits for each token.
pub async fn a_fresh_key_has_its_capacity_and_no_more(open: Open) {
    let subject = Subject::new(&open);
    for taken in 1..=10 {
        let decision = subject.take(0, 1).await;
        assert!(decision.is_granted() && decision.remaining() == 10 - taken, "{decision:?}");
        assert_eq!(decision.full_in_us(), u64::from(taken) * 2 * S);
    }
    assert_eq!(subject.take(0, 1).await.retry_after_us(), Some(2 * S));
}

/// Waiting the told time is enough, and a microsecond less is not.
pub async fn waiting_retry_after_is_enough_and_no_less_is(open: Open) {
    for cost in [1, 3, 10] {
        let subject = Subject::new(&open);
        let _ = subject.take(0, 7).await;
        let _ = subject.take(1, 3).await;
        let wait_us = subject.take(5, cost).await.retry_after_us().expect("empty");
        let early = subject.take(5 + wait_us - 1, cost).await;
        assert_eq!(early.retry_after_us(), Some(1), "{cost} tokens after {wait_us} µs less one");
        assert!(subject.take(5 + wait_us, cost).await.is_granted(), "{cost} after {wait_us} µs");
    }
}

/// Neither a denial nor a peek nor an impossible request changes a later answer.
pub async fn what_is_not_granted_takes_nothing(open: Open) {
    let subject = Subject::new(&open);
    let _ = subject.take(0, 8).await;
    for cost in [3, 10, 11, u32::MAX, 0] {
        let decision = subject.take(0, cost).await;
        assert_eq!((decision.remaining(), decision.full_in_us()), (2, 16 * S), "cost {cost}");
    }
    assert!(subject.take(0, 2).await.is_granted());
}

/// More than the capacity is impossible, even for a full bucket.
pub async fn more_than_the_capacity_is_impossible(open: Open) {
    let subject = Subject::new(&open);
    assert_eq!(subject.take(0, 11).await.verdict(), Verdict::Impossible);
    assert!(subject.take(0, 10).await.is_granted());
    assert_eq!(subject.take(0, 11).await.verdict(), Verdict::Impossible);
}

/// A bucket that idles for a day holds its capacity, not a day's tokens.
pub async fn idling_never_overfills(open: Open) {
    let subject = Subject::new(&open);
    let _ = subject.take(0, 10).await;
    let idled = subject.take(86_400 * S, 0).await;
    assert_eq!((idled.remaining(), idled.full_in_us(), idled.next_token_us()), (10, 0, None));
    assert!(subject.take(86_400 * S, 10).await.is_granted());
    assert!(!subject.take(86_400 * S, 1).await.is_granted());
}

/// Requests of one instant leave the same bucket in whatever order they come.
pub async fn the_order_of_one_instant_does_not_matter(open: Open) {
    let mut left = Vec::new();
    for costs in [[1, 2, 4], [4, 2, 1], [2, 4, 1]] {
        let subject = Subject::new(&open);
        for cost in costs {
            assert!(subject.take(3 * S, cost).await.is_granted());
        }
        left.push(subject.take(4 * S + 1, 0).await);
    }
    assert!(left.iter().all(|decision| *decision == left[0]), "{left:?}");
}

/// A clock that goes back grants nothing extra, and the wait told then is enough.
pub async fn a_clock_that_goes_back_heals(open: Open) {
    let subject = Subject::new(&open);
    assert!(subject.take(100 * S, 10).await.is_granted());
    assert_eq!(subject.take(70 * S, 1).await.retry_after_us(), Some(2 * S));
    let healed = subject.take(72 * S, 1).await;
    assert!(healed.is_granted(), "what a denial healed must be kept: {healed:?}");
    assert_eq!(subject.take(90 * S, 1).await.remaining(), 8);
}

/// Buckets of other keys and of other policies are untouched, however their names run together.
pub async fn keys_and_policies_do_not_share(open: Open) {
    let subject = Subject::new(&open);
    let names = [
        ("a", "bc"),
        ("a", "b:c"),
        ("a", "b"),
        ("a", "c"),
        ("ab", "c"),
        ("a-b", "c"),
        ("b", "a:c"),
    ];
    for (name, key) in names {
        let policy = policy(name, Quota::DEFAULT_READ);
        let decision = subject.limiter.take(key, &policy, 10).await.expect("answers");
        assert!(decision.is_granted(), "policy {name}, key {key}");
    }
}

/// Keys that are empty or too long are refused; every other byte is a key like any.
pub async fn keys_are_bounded_and_otherwise_free(open: Open) {
    let subject = Subject::new(&open);
    for key in ["", &"k".repeat(KEY_LEN_MAX + 1)] {
        let error = subject.limiter.take(key, &subject.policy, 1).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{} bytes", key.len());
    }
    for key in ["k".repeat(KEY_LEN_MAX).as_str(), "2001:db8::/64", "{a} b\n\0", "Guwahati গুৱাহাটী"]
    {
        for left in [5, 0] {
            let decision = subject.limiter.take(key, &subject.policy, 5).await.expect("answers");
            assert_eq!(decision.remaining(), left, "{key:?}");
        }
    }
}

/// Takers that race for one key get its capacity together, whole, and no token more.
pub async fn racing_takers_share_one_capacity(open: Open) {
    let quota = Quota::with_interval(100, 1_000 * S).expect("in range");
    let subject = Subject { policy: policy("race", quota), ..Subject::new(&open) };
    let (limiter, policy) = (Arc::clone(&subject.limiter), Arc::new(subject.policy));
    let takers: Vec<_> = (0..8)
        .map(|_| {
            let (limiter, policy) = (Arc::clone(&limiter), Arc::clone(&policy));
            tokio::spawn(async move {
                let mut granted = 0;
                for _ in 0..50 {
                    let decision = limiter.take("key", &policy, 1).await.expect("answers");
                    granted += u32::from(decision.is_granted());
                }
                granted
            })
        })
        .collect();
    let mut granted = 0;
    for taker in takers {
        granted += taker.await.expect("a taker ends");
    }
    assert_eq!(granted, 100, "of 400 asked for at one instant");
}

/// Makes every law a test of its own, under the law's name. `$open` is an `Option<Open>`: `None`
/// says that the server is absent: the law is skipped, or with `FLEET_TEST_REQUIRE=1` broken.
#[macro_export]
macro_rules! limiter_laws {
    ($open:expr) => {
        $crate::limiter_laws!(
            $open,
            answers_agree_with_the_bucket,
            a_fresh_key_has_its_capacity_and_no_more,
            waiting_retry_after_is_enough_and_no_less_is,
            what_is_not_granted_takes_nothing,
            more_than_the_capacity_is_impossible,
            idling_never_overfills,
            the_order_of_one_instant_does_not_matter,
            a_clock_that_goes_back_heals,
            keys_and_policies_do_not_share,
            keys_are_bounded_and_otherwise_free,
            racing_takers_share_one_capacity,
        );
    };
    ($open:expr, $($law:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $law() {
            let open: Option<$crate::testkit::limiter_laws::Open> = $open;
            match open {
                Some(open) => $crate::testkit::limiter_laws::$law(open).await,
                None => assert!(!$crate::testkit::required(), "no server to test against"),
            }
        }
    )+};
}

#[cfg(test)]
mod memory {
    use super::*;
    use crate::ratelimit::MemoryLimiter;

    crate::limiter_laws!(Some(Box::new(|clock| Arc::new(MemoryLimiter::new(clock)))));
}

#[cfg(test)]
mod broken {
    use std::{collections::HashMap, sync::Mutex};

    use super::*;
    use crate::{Result, ratelimit::check_key};

    /// One way each to get a limiter wrong; all have been seen in the wild.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Fault {
        None,
        ReadsThenWrites,
        ChargesDenials,
        ForgetsHealing,
        JoinsNames,
        Overfills,
        RoundsWaitsDown,
        TakesAnyKey,
        ClampsCosts,
    }

    #[derive(Debug)]
    struct Naive {
        fault: Fault,
        clock: Arc<dyn Clock>,
        tats_us: Mutex<HashMap<String, u64>>,
        reads: AtomicU64,
    }

    impl Naive {
        /// Lets another taker read in between, if there is one: a race that is not left to chance.
        async fn let_another_read(&self) {
            let mine = self.reads.fetch_add(1, SeqCst) + 1;
            for _ in 0..10_000 {
                if self.reads.load(SeqCst) != mine {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }

        fn get(&self, id: &str) -> u64 {
            self.tats_us.lock().expect("whole").get(id).copied().unwrap_or(0)
        }
    }

    #[async_trait::async_trait]
    impl RateLimiter for Naive {
        async fn take(&self, key: &str, policy: &Policy, cost: u32) -> Result<Decision> {
            if self.fault != Fault::TakesAnyKey {
                check_key(key)?;
            }
            let joint = if self.fault == Fault::JoinsNames { "" } else { ":" };
            let id = format!("{}{joint}{key}", policy.name());
            let (now_us, quota) = (self.clock.monotonic_us(), policy.quota());
            let cost =
                if self.fault == Fault::ClampsCosts { cost.min(quota.capacity()) } else { cost };
            if self.fault == Fault::ReadsThenWrites {
                let mut tat_us = self.get(&id);
                self.let_another_read().await;
                let decision = quota.decide(&mut tat_us, now_us, cost);
                self.tats_us.lock().expect("whole").insert(id, tat_us);
                return Ok(decision);
            }
            let mut tats_us = self.tats_us.lock().expect("whole");
            let tat_us = tats_us.entry(id).or_default();
            let before_us = *tat_us;
            if self.fault == Fault::Overfills && before_us > 0 && before_us < now_us {
                let spare = u32::try_from((now_us - before_us) / quota.interval_us());
                let quota = Quota::with_interval(spare.unwrap_or(99).clamp(11, 99), S)?;
                return Ok(quota.decide(tat_us, now_us, cost));
            }
            let decision = quota.decide(tat_us, now_us, cost);
            match (self.fault, decision.verdict()) {
                (Fault::ForgetsHealing, Verdict::Denied { .. }) => *tat_us = before_us,
                (Fault::ChargesDenials, Verdict::Denied { .. }) => *tat_us += 1,
                (Fault::RoundsWaitsDown, Verdict::Denied { retry_after_us }) => {
                    let retry_after_us = retry_after_us / 1_000 * 1_000;
                    let verdict = Verdict::Denied { retry_after_us };
                    return Ok(Decision::from_parts(quota, verdict, decision.full_in_us()));
                }
                _ => {}
            }
            Ok(decision)
        }
    }

    fn open(fault: Fault) -> Open {
        Box::new(move |clock| {
            Arc::new(Naive { fault, clock, tats_us: Mutex::default(), reads: AtomicU64::new(0) })
        })
    }

    crate::limiter_laws!(Some(open(Fault::None)));

    /// Runs a law on a limiter that breaks it, in a task, so that its panic can be seen.
    macro_rules! rejects {
        ($($fault:ident: $law:ident),+ $(,)?) => {$(
            let law = tokio::spawn(super::$law(open(Fault::$fault)));
            assert!(law.await.is_err(), "{} passes {}", stringify!($fault), stringify!($law));
        )+};
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn each_fault_fails_the_law_it_breaks() {
        rejects!(
            ReadsThenWrites: racing_takers_share_one_capacity,
            ChargesDenials: what_is_not_granted_takes_nothing,
            ChargesDenials: answers_agree_with_the_bucket,
            ForgetsHealing: a_clock_that_goes_back_heals,
            JoinsNames: keys_and_policies_do_not_share,
            Overfills: idling_never_overfills,
            RoundsWaitsDown: waiting_retry_after_is_enough_and_no_less_is,
            TakesAnyKey: keys_are_bounded_and_otherwise_free,
            ClampsCosts: more_than_the_capacity_is_impossible,
        );
    }
}
