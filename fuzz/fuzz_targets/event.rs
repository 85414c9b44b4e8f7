//! Any bytes in place of a telemetry event: refused as invalid, or a valid value that comes back.
#![no_main]

use fleet_core::ErrorKind;
use fleet_proto::{decode_event, encode_event};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match decode_event(bytes) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid, "{error}"),
        Ok(value) => {
            let again = decode_event(&encode_event(&value)).expect("what was decoded is valid");
            assert_eq!(again, value);
        }
    }
});
