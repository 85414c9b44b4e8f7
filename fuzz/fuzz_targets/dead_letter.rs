//! Any headers on a record of a dead-letter topic: refused as invalid, or a letter whose headers,
//! written anew, say the same. The input is `name=value` lines; the rest is the payload.
#![no_main]

use bytes::Bytes;
use fleet_core::{
    ErrorKind,
    stream::{Partition, Place, Record, Topic, dead_letter::DeadLetter},
    time::Time,
};

fn record(input: &[u8]) -> Record {
    let mut headers = Vec::new();
    let mut rest = input;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, tail) = (&rest[..end], &rest[end + 1..]);
        let cut = line.iter().position(|byte| *byte == b'=').unwrap_or(line.len());
        let name = String::from_utf8_lossy(&line[..cut]).into_owned();
        let value = Bytes::copy_from_slice(line.get(cut + 1..).unwrap_or_default());
        headers.push((name, value));
        rest = tail;
    }
    Record {
        place: Place {
            partition: Partition { topic: Topic::TELEMETRY.dead_letters(), number: 0 },
            offset: 7,
        },
        key: Bytes::from_static(b"TRK-000001"),
        headers,
        payload: Bytes::copy_from_slice(rest),
        appended_at: Time::MIN,
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let record = record(input);
    match DeadLetter::parse(&record) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid, "{error}"),
        Ok(letter) => {
            assert_eq!((&letter.key, &letter.payload), (&record.key, &record.payload));
            assert_eq!(letter.id(), "fleet.telemetry.v1.dlq:0:7");
            assert!(letter.dead_lettered_at.as_ms() >= 0, "a number was read as a time");
        }
    }
});
