//! Letters keep the original within the bounds of a record.

use proptest::prelude::*;

use super::*;
use crate::stream::bounds;

fn why() -> Refusal {
    Refusal::new(Reason::Undecodable, "why")
}

fn record(headers: Vec<(String, Bytes)>) -> Record {
    let partition = Partition { topic: Topic::TELEMETRY, number: 3 };
    Record {
        place: Place { partition, offset: 41 },
        key: Bytes::from_static(b"TRK-000001"),
        headers,
        payload: Bytes::from_static(b"\xff"),
        appended_at: Time::MIN,
    }
}

fn delivered(new: NewRecord) -> Record {
    let partition = Partition { topic: new.topic, number: 0 };
    let place = Place { partition, offset: 7 };
    let (key, headers, payload) = (new.key, new.headers, new.payload);
    Record { place, key, headers, payload, appended_at: Time::MIN }
}

#[test]
fn a_letter_somebody_else_wrote_is_told_as_such() {
    let mut foreign = record(vec![header("x", "1")]);
    foreign.place.partition.topic = Topic::TRIPS.dead_letters();
    let letter = DeadLetter::parse(&foreign).expect("a dead-letter topic");
    assert_eq!((letter.topic, letter.origin), (Topic::TRIPS, None));
    assert_eq!(letter.reason, Reason::Unknown);
    assert!(letter.detail.contains("fleet-"), "{}", letter.detail);
    assert_eq!(letter.headers, [header("x", "1")]);
    assert!(DeadLetter::parse(&record(Vec::new())).is_err(), "no dead-letter topic");
}

#[test]
fn what_was_refused_at_the_door_is_a_letter_without_an_origin() {
    let sent = (Bytes::from_static(b"phone-7"), Bytes::from_static(b"lat=x"));
    let new = refused(
        &Topic::TELEMETRY,
        sent.clone(),
        "door",
        (&Refusal::new(Reason::OutOfRange, "lat: no number"), 5),
        Time::MIN,
    );
    let letter = DeadLetter::parse(&delivered(new)).expect("ours");
    assert_eq!((letter.topic, letter.origin, letter.attempts), (Topic::TELEMETRY, None, 5));
    assert_eq!((&*letter.group, letter.reason), ("door", Reason::OutOfRange));
    assert_eq!(
        (letter.detail, letter.key, letter.payload),
        ("lat: no number".into(), sent.0, sent.1)
    );
}

#[test]
fn what_others_write_in_our_name_neither_stays_nor_spoils_the_letter() {
    let forged = vec![header(REDRIVEN_FROM, vec![b'x'; HEADER_BYTES_MAX]), header(ATTEMPTS, "-1")];
    let new = set_aside(&record(forged), "group", &why(), Time::MIN);
    let letter = DeadLetter::parse(&delivered(new)).expect("ours");
    assert_eq!((letter.redriven_from, letter.attempts), (None, 1));
}

proptest! {
    #[test]
    fn a_letter_keeps_the_original_within_the_bounds_of_a_record(
        names in proptest::collection::vec("[a-z]{1,8}", 0..=HEADERS_MAX),
        size in 0_usize..=480,
        detail in "\\PC{0,1200}",
    ) {
        let own: Vec<_> =
            names.iter().map(|name| header(name, Bytes::from(vec![b'v'; size]))).collect();
        let original = record(own.clone());
        let new = set_aside(&original, "group", &Refusal::new(Reason::OutOfRange, detail.clone()), Time::MIN);
        let bytes: usize = new.headers.iter().map(|(n, v)| n.len() + v.len()).sum();
        prop_assert!(new.headers.len() <= HEADERS_MAX && bytes <= HEADER_BYTES_MAX);
        let letter = DeadLetter::parse(&delivered(new)).expect("ours");
        prop_assert_eq!(letter.origin, Some(original.place));
        prop_assert_eq!((letter.key, letter.payload), (original.key, original.payload));
        prop_assert!(detail.starts_with(&letter.detail));
        prop_assert!(own.starts_with(&letter.headers) && letter.headers.len() >= own.len().min(20));
        prop_assert_eq!(letter.attempts, 1);
    }
}

#[test]
fn of_what_is_larger_than_a_record_may_be_the_letter_keeps_the_beginning_and_says_so() {
    let huge = Record {
        key: vec![b'k'; KEY_BYTES_MAX + 1].into(),
        payload: vec![b'p'; PAYLOAD_BYTES_MAX + 1].into(),
        ..record(Vec::new())
    };
    let new = set_aside(&huge, "group", &why(), Time::MIN);
    assert!(bounds::check(&new).is_ok());
    let letter = DeadLetter::parse(&delivered(new)).expect("ours");
    assert!(letter.is_cut);
    assert_eq!((letter.key.len(), letter.payload.len()), (KEY_BYTES_MAX, PAYLOAD_BYTES_MAX));
    let headers = vec![header("own", vec![b'v'; HEADER_BYTES_MAX])];
    let new = set_aside(&record(headers), "group", &why(), Time::MIN);
    assert!(DeadLetter::parse(&delivered(new)).expect("ours").is_cut);
}
