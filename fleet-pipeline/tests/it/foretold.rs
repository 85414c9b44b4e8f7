//! A dry run says what the consumer will do, of each letter, and for the same reason.

use std::collections::BTreeMap;

use fleet_core::stream::dead_letter::{self, DeadLetter, Filter, Mode, Reason, Redriven, Redriver};

use super::*;

/// Every letter.
async fn found(world: &World) -> Vec<DeadLetter> {
    let (all, mut letters, mut after) = (Filter::all(), Vec::new(), None);
    loop {
        let page = dead_letter::list(&*world.log, &all, after.as_deref(), 500, 1 << 20);
        let page = page.await.unwrap();
        letters.extend(page.letters);
        after = page.next;
        if after.is_none() {
            return letters;
        }
    }
}

/// Of every kind of poison one, among six good records, for one truck.
fn mixed(truck: u32) -> Vec<NewRecord> {
    let mut fast = fleet_proto::v1::TelemetryEvent::from(&event(truck, 100));
    fast.speed_kmh = Some(999.0);
    let mut other = event(truck, 2);
    other.signals.speed_kmh = Some(1.0);
    let mut elsewhen = event(truck, 3);
    elsewhen.event_time = elsewhen.event_time.plus_ms(1);
    let of_version = |version: &'static str, record: NewRecord| {
        let header = ("schema-version".to_owned(), Bytes::from_static(version.as_bytes()));
        NewRecord { headers: vec![header], ..record }
    };
    vec![
        good(truck, 1),
        good(truck, 2),
        record(truck, "garbage"),
        good(truck, 3),
        record(truck, prost_bytes(&fast)),
        record(truck, fleet_proto::encode_event(&other)),
        record(truck, fleet_proto::encode_event(&elsewhen)),
        of_version("1.9", good(truck, 4)),
        of_version("2", good(truck, 5)),
        good(truck, 2), // the same again is no poison
        good(truck, 6),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_foretells_each_outcome_and_its_reason() {
    const TRUCKS: u32 = 60;
    let world = world();
    for truck in 1..=TRUCKS {
        world.log.publish(mixed(truck)).await.unwrap();
    }
    // What somebody put there by hand: a sound event that nobody has seen, and one that is stored.
    let by_hand =
        |record: NewRecord| NewRecord { topic: Topic::TELEMETRY.dead_letters(), ..record };
    world.log.publish(vec![by_hand(good(1, 50)), by_hand(good(1, 6))]).await.unwrap();
    let archiver = Archiver::start(&world);
    caught_up(&world).await;
    let letters = found(&world).await;
    let mut reasons: BTreeMap<Reason, u32> = BTreeMap::new();
    for letter in &letters {
        *reasons.entry(letter.reason).or_default() += 1;
    }
    let expected = [
        (Reason::Undecodable, TRUCKS),
        (Reason::OutOfRange, TRUCKS),
        (Reason::Conflict, 2 * TRUCKS),
        (Reason::UnknownVersion, TRUCKS),
        (Reason::Unknown, 2),
    ];
    assert_eq!(reasons, BTreeMap::from(expected));

    let (log, store) = (&*world.log, &*world.store);
    let redriver = Redriver { log, store, read: &fleet_proto::reread };
    let foretold = redriver.redrive(&letters, Mode::DryRun).await.unwrap();
    for (letter, foretold) in letters.iter().zip(&foretold) {
        match foretold {
            Redriven::Would => assert_eq!(letter.reason, Reason::Unknown),
            Redriven::WouldFail(refusal) => {
                assert_eq!((refusal.reason, &refusal.detail), (letter.reason, &letter.detail));
            }
            other => panic!("{}: {other:?}", letter.id()),
        }
    }
    assert_eq!(found(&world).await, letters, "a dry run changes nothing");
    redriver.redrive(&letters, Mode::PutBack).await.unwrap();
    caught_up(&world).await;
    assert_eq!(found(&world).await, letters, "what was put back was accepted");
    assert_eq!(seqs(&world, 1).await, [1, 2, 3, 4, 6, 50]);

    // Those that were said to fail do, if they are put back all the same.
    let careless = Redriver { log, store, read: &|_, _, _| Ok(None) };
    careless.redrive(&letters, Mode::PutBack).await.unwrap();
    caught_up(&world).await;
    archiver.stop().await.unwrap();
    let again = found(&world).await;
    let again: BTreeMap<String, &DeadLetter> =
        again.iter().filter_map(|letter| Some((letter.redriven_from.clone()?, letter))).collect();
    for (letter, foretold) in letters.iter().zip(&foretold) {
        let outcome = again.get(&letter.id()).map(|letter| (letter.reason, &letter.detail));
        let expected = match foretold {
            Redriven::WouldFail(refusal) => Some((refusal.reason, &refusal.detail)),
            _ => None,
        };
        assert_eq!(outcome, expected, "{}", letter.id());
        if let Some(again) = again.get(&letter.id()) {
            assert_eq!((again.attempts, again.first_failed_at), (2, letter.first_failed_at));
        }
    }
}
