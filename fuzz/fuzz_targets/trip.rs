//! Any bytes in place of a trip summary: refused as invalid, or a valid value that comes back.
#![no_main]

use fleet_core::ErrorKind;
use fleet_proto::{decode_trip, encode_trip};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match decode_trip(bytes) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid, "{error}"),
        Ok(value) => {
            let again = decode_trip(&encode_trip(&value)).expect("what was decoded is valid");
            assert_eq!(again, value);
        }
    }
});
