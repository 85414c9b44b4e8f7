//! Bytes of version 1, recorded once and read for ever: what is in anybody's log, backup or dead
//! letters must still say what it said. A file here is never written anew.

use std::{fs, path::PathBuf};

use bytes::Bytes;
use fleet_core::stream::{Topic, dead_letter::Reason};
use fleet_proto::{Content, RegisterEntry, SCHEMA_VERSION, read};
use serde_json::Value;

/// Each record: its name in `tests/recorded` (`.hex` its bytes, `.json` what they say), its topic.
const RECORDED: [(&str, Topic); 5] = [
    ("telemetry-full.v1", Topic::TELEMETRY),
    ("telemetry-phone.v1", Topic::TELEMETRY),
    ("trip.v1", Topic::TRIPS),
    ("genesis.v1", Topic::TRUCKS),
    ("truck.v1", Topic::TRUCKS),
];

fn file(name: &str, kind: &str) -> String {
    let dir = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded"));
    fs::read_to_string(dir.join(format!("{name}.{kind}"))).expect("recorded")
}

fn payload(name: &str) -> Vec<u8> {
    let hex = file(name, "hex");
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| {
        u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal")
    };
    digits.chunks(2).map(byte).collect()
}

fn said(content: Content) -> Value {
    match content {
        Content::Event(event) => serde_json::to_value(event),
        Content::Trip(trip) => serde_json::to_value(trip),
        Content::Register(RegisterEntry::Genesis(genesis)) => serde_json::to_value(genesis),
        Content::Register(RegisterEntry::Truck(truck)) => serde_json::to_value(truck),
    }
    .expect("JSON")
}

#[test]
fn what_was_written_in_version_1_says_what_it_said() {
    for (name, topic) in RECORDED {
        let expected: Value = serde_json::from_str(&file(name, "json")).expect("JSON");
        let headers = |version: &'static str| {
            vec![(SCHEMA_VERSION.to_owned(), Bytes::from_static(version.as_bytes()))]
        };
        for headers in [Vec::new(), headers("1"), headers("1.7")] {
            let content = read(&topic, &headers, &payload(name)).expect(name);
            assert_eq!(said(content), expected, "{name}, {headers:?}");
        }
    }
}

/// Fields of every wire type, with numbers that no message of ours has: what a newer minor version
/// may add.
const NEW_FIELDS: [&[u8]; 4] = [
    &[0xc0, 0x3e, 0x96, 0x01],             // 1000: varint
    &[0xc9, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8], // 1001: 64 bits
    &[0xd2, 0x3e, 0x03, b'n', b'e', b'w'], // 1002: bytes
    &[0xdd, 0x3e, 1, 2, 3, 4],             // 1003: 32 bits
];

#[test]
fn an_old_reader_skips_fields_that_it_does_not_know() {
    for (name, topic) in RECORDED {
        let old = payload(name);
        let expected = read(&topic, &[], &old).expect(name);
        let after = [old.clone(), NEW_FIELDS.concat()].concat();
        let before = [NEW_FIELDS.concat(), old].concat();
        for newer in [after, before] {
            assert_eq!(read(&topic, &[], &newer).expect(name), expected, "{name}");
        }
    }
}

#[test]
fn a_record_of_an_unknown_major_version_is_refused_as_such_whatever_it_holds() {
    for (name, topic) in RECORDED {
        for version in ["2", "2.1", "11", "0", "one", "", "\u{ff}"] {
            let headers = [(SCHEMA_VERSION.to_owned(), Bytes::from(version))];
            for payload in [payload(name), b"\xff\xff".to_vec()] {
                let refusal = read(&topic, &headers, &payload).expect_err(version);
                assert_eq!(refusal.reason, Reason::UnknownVersion, "{refusal}");
            }
        }
        let refusal = read(&topic, &[], b"\xff\xff").expect_err("garbage");
        assert_eq!(refusal.reason, Reason::Undecodable, "{refusal}");
    }
}
