//! Any bytes in place of a entry of the register: refused as invalid, or a valid value that comes back.
#![no_main]

use fleet_core::ErrorKind;
use fleet_proto::{decode_register_entry, encode_register_entry};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match decode_register_entry(bytes) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid, "{error}"),
        Ok(value) => {
            let again = decode_register_entry(&encode_register_entry(&value))
                .expect("what was decoded is valid");
            assert_eq!(again, value);
        }
    }
});
