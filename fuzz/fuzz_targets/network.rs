//! Any text in place of a road network: refused as invalid, or a network.
#![no_main]

use fleet_core::{ErrorKind, route::Network};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Err(error) = Network::from_json(text) {
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
});
