//! Laws of leases and their tokens.

use super::*;
use crate::ErrorKind;

async fn refused(store: &dyn StateStore, holder: &str, by: &str) {
    let error = store.acquire(NAME, holder, TTL).await.expect_err("it is held");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains(by), "{error}: does not name {by}");
}

/// While a lease lasts nobody else gets it; its holder renews it and keeps the token; the moment
/// it ends, or is given back, it is free.
pub async fn a_lease_has_one_holder_at_a_time(subject: Subject) {
    let store = (subject.open)();
    let lease = take(&*store, "worker-a").await;
    assert_eq!((lease.name.as_str(), lease.holder.as_str()), (NAME, "worker-a"));
    assert_eq!(lease.expires_at, NOW.plus(TTL));
    refused(&*store, "worker-b", "worker-a").await;
    subject.clock.advance_ms(TTL_MS - 1);
    refused(&*store, "worker-b", "worker-a").await;
    let renewed = take(&*store, "worker-a").await;
    assert_eq!(renewed.token, lease.token, "a renewal is no new holder");
    assert_eq!(renewed.expires_at, NOW.plus_ms(2 * TTL_MS - 1));
    subject.clock.advance_ms(TTL_MS - 1);
    refused(&*store, "worker-b", "worker-a").await;
    subject.clock.advance_ms(1);
    take(&*store, "worker-b").await;
    refused(&*store, "worker-a", "worker-b").await;
    let renewed = take(&*store, "worker-b").await;
    store.release(&renewed).await.expect("the store is there");
    take(&*store, "worker-a").await;
}

/// Each new holder's token is larger than any before, over expiry, release and crashes.
pub async fn a_token_grows_with_each_holder(subject: Subject) {
    let mut last = 0;
    for (round, holder) in ["a", "b", "a", "c", "b", "a"].into_iter().enumerate() {
        let store = (subject.open)();
        let lease = take(&*store, holder).await;
        assert!(lease.token > last, "{holder} got {}, after {last}", lease.token);
        last = lease.token;
        if round % 2 == 0 {
            store.release(&lease).await.expect("the store is there");
        } else {
            subject.clock.advance_ms(TTL_MS);
        }
    }
    let store = (subject.open)();
    let lease = take(&*store, "x").await;
    store.release(&lease).await.expect("the store is there");
    let again = take(&*store, "x").await;
    assert!(again.token > lease.token, "given back and taken anew by the same");
}

/// Once a lease has passed on, its old holder saves nothing, not even what would be next.
pub async fn who_lost_the_lease_saves_nothing(subject: Subject) {
    let store = (subject.open)();
    let old = take(&*store, "a").await;
    save(&*store, &old, &checkpoint(1, 2)).await;
    subject.clock.advance_ms(TTL_MS);
    let new = take(&*store, "b").await;
    for version in [1, 2, 3] {
        let error = store.save(&old, &checkpoint(version, 2)).await.expect_err("a stale token");
        assert_eq!(error.kind(), ErrorKind::Conflict, "version {version}: {error}");
    }
    save(&*store, &new, &checkpoint(2, 2)).await;
    store.release(&new).await.expect("the store is there");
    let error = store.save(&new, &checkpoint(3, 2)).await.expect_err("it was given back");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let forged = [
        Lease { token: new.token + 1, ..new.clone() },
        Lease { name: "another".into(), ..new.clone() },
        Lease { holder: "c".into(), ..new },
    ];
    let newest = take(&*store, "d").await;
    for lease in forged {
        assert!(store.save(&lease, &checkpoint(3, 2)).await.is_err(), "{lease:?} was never given");
    }
    save(&*store, &newest, &checkpoint(3, 2)).await;
}

/// A lease that has ended and was not taken over still saves: the token is the fence, not the
/// time, so that a slow disk or a clock that jumps stops nobody who is still alone.
pub async fn an_expired_lease_saves_until_it_is_taken_over(subject: Subject) {
    let store = (subject.open)();
    let lease = take(&*store, "a").await;
    subject.clock.advance_ms(100 * TTL_MS);
    save(&*store, &lease, &checkpoint(1, 2)).await;
    let renewed = take(&*store, "a").await;
    assert_eq!(renewed.token, lease.token, "nobody came between");
    subject.clock.advance_ms(TTL_MS);
    take(&*store, "b").await;
    assert!(store.save(&renewed, &checkpoint(2, 2)).await.is_err(), "somebody did");
}

/// Giving back a lease that another one has by now, or twice, takes nothing from that one.
pub async fn releasing_what_has_passed_on_does_nothing(subject: Subject) {
    let store = (subject.open)();
    let old = take(&*store, "a").await;
    subject.clock.advance_ms(TTL_MS);
    let new = take(&*store, "b").await;
    for _ in 0..2 {
        store.release(&old).await.expect("nothing to do");
        refused(&*store, "c", "b").await;
    }
    save(&*store, &new, &checkpoint(1, 2)).await;
}

/// What happens to one name is nothing to another.
pub async fn leases_of_two_names_are_two(subject: Subject) {
    let store = (subject.open)();
    let one = take(&*store, "a").await;
    let two = store.acquire("sweeper", "b", TTL).await.expect("another name is free");
    store.release(&two).await.expect("the store is there");
    refused(&*store, "b", "a").await;
    assert!(store.save(&two, &checkpoint(1, 2)).await.is_err(), "it was given back");
    save(&*store, &one, &checkpoint(1, 2)).await;
}

/// Of takers at once exactly one gets the lease, first and after it has ended.
pub async fn of_racing_takers_one_gets_the_lease(subject: Subject) {
    let store = (subject.open)();
    let mut last = 0;
    for round in 0..10 {
        let takers: Vec<_> = (0..8)
            .map(|taker| {
                let (store, holder) = (Arc::clone(&store), format!("{round}-{taker}"));
                tokio::spawn(async move { store.acquire(NAME, &holder, TTL).await })
            })
            .collect();
        let mut tokens = Vec::new();
        for taker in takers {
            match taker.await.expect("a taker") {
                Ok(lease) => tokens.push(lease.token),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
            }
        }
        assert_eq!(tokens.len(), 1, "round {round}: {tokens:?}");
        assert!(tokens[0] > last, "round {round}: {tokens:?} after {last}");
        last = tokens[0];
        subject.clock.advance_ms(TTL_MS);
    }
}
