//! Laws of dead letters on a log: each is found, and goes back once.

use std::collections::BTreeSet;

use super::*;
use crate::{
    store::FleetStore,
    stream::dead_letter::{
        self, DeadLetter, Filter, Mode, Reason, Redriven, Redriver, Refusal, set_aside,
    },
    testkit::{FailingLog, FailingStore, store_laws::NaiveStore},
};

/// How many records are given up; every fourth would be given up again.
const GIVEN_UP: u32 = 30;

/// A reader to whom what begins so is no message.
const BAD: &[u8] = b"bad";

fn read(
    _: &Topic,
    _: &[(String, Bytes)],
    payload: &[u8],
) -> Result<Option<Box<crate::domain::TelemetryEvent>>, Refusal> {
    if payload.starts_with(BAD) {
        return Err(Refusal::new(Reason::Undecodable, "bad"));
    }
    Ok(None)
}

/// Letters of three reasons, and three records that somebody else left among them.
fn letters(topic: &Topic) -> Vec<NewRecord> {
    let letter = |number: u32| {
        let fresh = record(topic, number % 5, number);
        let payload = if number % 4 == 3 { format!("bad {number}").into() } else { fresh.payload };
        let partition = Partition { topic: topic.clone(), number: 0 };
        let given_up = Record {
            place: Place { partition, offset: number.into() },
            key: fresh.key,
            headers: vec![("own".to_owned(), Bytes::from_static(b"kept"))],
            payload,
            appended_at: NOW,
        };
        let reason = [Reason::Undecodable, Reason::OutOfRange, Reason::Conflict];
        let reason = reason[usize::try_from(number % 3).expect("small")];
        set_aside(&given_up, "group", &Refusal::new(reason, "why"), NOW.plus_ms(number.into()))
    };
    let foreign = |name: &str, value: &'static [u8]| NewRecord {
        topic: topic.dead_letters(),
        key: "k1".into(),
        headers: vec![(name.to_owned(), Bytes::from_static(value))],
        payload: Bytes::from_static(b"bad, and not ours"),
    };
    let mut letters: Vec<NewRecord> = (0..GIVEN_UP).map(letter).collect();
    letters.insert(7, foreign("who", b"knows"));
    letters.insert(0, foreign("fleet-reason", b"\xff\xfe"));
    letters.push(foreign("fleet-offset", b"minus one"));
    letters
}

async fn all(log: &dyn EventLog, filter: &Filter) -> Vec<DeadLetter> {
    let (mut found, mut after): (Vec<DeadLetter>, _) = (Vec::new(), None);
    loop {
        let page = dead_letter::list(log, filter, after.as_deref(), 7, 1 << 20).await;
        let page = page.expect("no record of strangers makes it fail");
        assert!(page.letters.len() <= 7);
        found.extend(page.letters);
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn of(topic: &Topic) -> Filter {
    Filter { topics: vec![topic.clone()], ..Filter::all() }
}

/// Every letter is listed once, whatever strangers put among them; reasons and times select, and
/// counts agree with the list.
pub async fn dead_letters_are_found_by_reason_and_time(subject: Subject) {
    let (topic, log) = (subject.events(), (subject.open)());
    publish(&*log, letters(&topic)).await;
    let found = all(&*log, &of(&topic)).await;
    let ids: BTreeSet<String> = found.iter().map(DeadLetter::id).collect();
    assert_eq!((ids.len(), found.len()), (GIVEN_UP as usize + 3, GIVEN_UP as usize + 3));
    let counted = dead_letter::count(&*log, &of(&topic), 1_000).await.expect("counted");
    assert!(counted.is_complete);
    for (reason, letters) in [
        (Reason::Undecodable, 10),
        (Reason::OutOfRange, 10),
        (Reason::Conflict, 10),
        (Reason::Unknown, 3),
    ] {
        let filter = Filter { reason: Some(reason), ..of(&topic) };
        let found = all(&*log, &filter).await;
        assert!(found.iter().all(|letter| letter.reason == reason), "{found:?}");
        let group = counted.groups.iter().find(|group| group.reason == reason);
        let group = group.unwrap_or_else(|| panic!("{reason} is not counted"));
        assert_eq!((found.len(), group.letters), (letters, letters as u64), "{reason}");
    }
    let (from, to) = (Some(NOW.plus_ms(10)), Some(NOW.plus_ms(14)));
    let filter = Filter { from, to, ..of(&topic) };
    let mut times: Vec<_> = all(&*log, &filter).await;
    times.sort_by_key(|letter| letter.dead_lettered_at);
    let times: Vec<i64> = times.iter().map(|l| l.dead_lettered_at.ms_since(NOW)).collect();
    assert_eq!(times, [10, 11, 12, 13]);
}

/// Letters that have gone back, asked for by their names, among names of none.
async fn named_letters_are_told_of_alike(
    redriver: &Redriver<'_>,
    found: &[DeadLetter],
    foretold: &[Redriven],
) {
    let mut ids: Vec<String> = found.iter().map(DeadLetter::id).collect();
    let nowhere = ids[0].rsplit_once(':').map(|(partition, _)| format!("{partition}:999999"));
    ids.extend(["no id".to_owned(), nowhere.expect("an id")]);
    let told = redriver.redrive_named(&ids, Mode::DryRun).await.expect("foretold");
    for (told, foretold) in told.iter().zip(foretold) {
        let is_back = *foretold == Redriven::Would;
        assert_eq!(told, if is_back { &Redriven::Already } else { foretold });
    }
    let words: Vec<_> = told[found.len()..].iter().map(Redriven::as_str).collect();
    assert_eq!(words, ["invalid", "not_found"]);
}

/// What a dry run foretells is what happens; cut off before or after its publish, a redrive goes on
/// where it ended, and a second one delivers nothing.
pub async fn dead_letters_go_back_once(subject: Subject) {
    let (topic, real) = (subject.events(), (subject.open)());
    publish(&*real, letters(&topic)).await;
    publish(&*real, records(&topic, 1_000, 3, 3)).await; // what was there before
    let found = all(&*real, &of(&topic)).await;
    let (log, log_faults) = FailingLog::new(Arc::clone(&real));
    let naive = Arc::new(NaiveStore::new(Arc::clone(&subject.clock) as Arc<dyn Clock>));
    let (store, store_faults) = FailingStore::new(naive as Arc<dyn FleetStore>);
    let redriver = Redriver { log: &log, store: &store, read: &read };

    let foretold = redriver.redrive(&found, Mode::DryRun).await.expect("foretold");
    let good = foretold.iter().filter(|answer| **answer == Redriven::Would).count();
    assert_eq!(good, 23, "{foretold:?}");
    // Cut off: before the mark; after it, nothing published; and with the answer lost.
    store_faults.fail_next_writes(1);
    redriver.redrive(&found, Mode::PutBack).await.expect_err("the store is away");
    log_faults.fail_publishing_to(topic.clone());
    redriver.redrive(&found, Mode::PutBack).await.expect_err("the log is away");
    log_faults.heal();
    let mut lost: Vec<usize> = Vec::new();
    for (ix, letter) in found.iter().enumerate().filter(|(ix, _)| foretold[*ix] == Redriven::Would)
    {
        if lost.len() < 5 {
            let headers = vec![("fleet-redriven-from".to_owned(), letter.id().into())];
            let (key, payload) = (letter.key.clone(), letter.payload.clone());
            publish(&*real, vec![NewRecord { topic: topic.clone(), key, headers, payload }]).await;
            lost.push(ix);
        }
    }
    let again = redriver.redrive(&found, Mode::DryRun).await.expect("foretold");
    for (ix, foretold) in foretold.iter().enumerate() {
        let expected = if lost.contains(&ix) { &Redriven::Already } else { foretold };
        assert_eq!(again[ix], *expected, "{}", found[ix].id());
    }
    let done = redriver.redrive(&found, Mode::PutBack).await.expect("put back");
    for (ix, foretold) in foretold.iter().enumerate() {
        let expected = match foretold {
            Redriven::Would if lost.contains(&ix) => &Redriven::Already,
            Redriven::Would => &Redriven::Done,
            other => other,
        };
        assert_eq!(done[ix], *expected, "{}", found[ix].id());
    }
    for answer in redriver.redrive(&found, Mode::PutBack).await.expect("nothing is left") {
        assert_ne!(answer, Redriven::Done, "a second delivery");
    }
    named_letters_are_told_of_alike(&redriver, &found, &foretold).await;
    let mut delivered = Vec::new();
    for extent in real.extents(&topic).await.expect("there") {
        delivered.extend(real.read(&extent.partition, 0, 1_000).await.expect("there"));
    }
    let back = delivered.iter().filter(|record| !record.headers.is_empty());
    let back: Vec<&str> = back.filter_map(|r| r.header("fleet-redriven-from")).collect();
    assert_eq!((back.len(), back.iter().collect::<BTreeSet<_>>().len()), (good, good));
    let whole = delivered.iter().filter(|record| record.header("own") == Some("kept")).count();
    assert_eq!(whole, good - lost.len(), "the original's headers come along");
}
