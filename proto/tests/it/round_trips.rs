//! What is valid comes back as it was, and no bytes do harm.

use std::fmt::Debug;

use fleet_core::{ErrorKind, Result};
use fleet_proto::{
    RegisterEntry, decode_event, decode_register_entry, decode_trip, encode_event,
    encode_register_entry, encode_trip,
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use crate::values;

/// The value comes back from JSON, and equal values are equal text.
fn survives_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).expect("any valid value has a JSON form");
    let back: T = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(back, *value, "{text}");
    assert_eq!(serde_json::to_string(&back).expect("as above"), text);
}

/// Bytes are refused as `Invalid`, or mean a value whose own bytes mean the same.
fn is_refused_or_means_something<T: PartialEq + Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T>,
    encode: impl Fn(&T) -> bytes::Bytes,
) {
    match decode(bytes) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid, "{error}"),
        Ok(value) => {
            let again = decode(&encode(&value)).expect("what was decoded is valid");
            assert_eq!(again, value);
        }
    }
}

fn any_decoder(bytes: &[u8]) {
    is_refused_or_means_something(bytes, decode_event, encode_event);
    is_refused_or_means_something(bytes, decode_trip, encode_trip);
    is_refused_or_means_something(bytes, decode_register_entry, encode_register_entry);
}

/// `bytes` with one byte changed, or cut off there.
fn damaged(bytes: &[u8], at: prop::sample::Index, to: Option<u8>) -> Vec<u8> {
    let (at, mut bytes) = (at.index(bytes.len()), bytes.to_vec());
    match to {
        Some(to) => bytes[at] = to,
        None => bytes.truncate(at),
    }
    bytes
}

proptest! {
    #[test]
    fn events_come_back_from_the_wire_and_from_json(event in values::event()) {
        prop_assert_eq!(event.validate().map_err(|e| e.to_string()), Ok(()));
        let back = decode_event(&encode_event(&event)).expect("valid");
        prop_assert_eq!(back.id(), event.id());
        prop_assert_eq!(&back, &event);
        survives_json(&event);
    }

    #[test]
    fn trips_come_back_from_the_wire_and_from_json(trip in values::trip()) {
        prop_assert_eq!(&decode_trip(&encode_trip(&trip)).expect("valid"), &trip);
        survives_json(&trip);
    }

    #[test]
    fn the_register_comes_back_from_the_wire_and_from_json(
        truck in values::truck(),
        genesis in values::genesis(),
    ) {
        survives_json(&truck);
        survives_json(&genesis);
        for entry in [RegisterEntry::Truck(truck), RegisterEntry::Genesis(genesis)] {
            let back = decode_register_entry(&encode_register_entry(&entry)).expect("valid");
            prop_assert_eq!(back, entry);
        }
    }

    #[test]
    fn counters_come_back_from_json(counters in values::counters()) {
        survives_json(&counters);
    }

    #[test]
    fn any_bytes_are_refused_or_mean_something(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        any_decoder(&bytes);
    }

    #[test]
    fn damaged_payloads_are_refused_or_mean_something(
        (event, trip, truck) in (values::event(), values::trip(), values::truck()),
        at in any::<prop::sample::Index>(),
        to in any::<Option<u8>>(),
    ) {
        let truck = encode_register_entry(&RegisterEntry::Truck(truck));
        for payload in [encode_event(&event), encode_trip(&trip), truck] {
            any_decoder(&damaged(&payload, at, to));
        }
    }
}
