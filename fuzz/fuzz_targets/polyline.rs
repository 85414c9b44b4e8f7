//! Any text in place of a polyline: refused as invalid, or a line on the globe whose own text means
//! the same line. The first byte is the precision.
#![no_main]

use fleet_core::{ErrorKind, geo::polyline};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((precision, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    match polyline::decode(text, *precision) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid, "{error}"),
        Ok(line) => {
            assert!(line.len() <= text.len() / 2, "more points than the text can hold");
            let again = polyline::decode(&polyline::encode(&line, *precision), *precision);
            assert_eq!(again.expect("what was decoded is on the globe"), line);
        }
    }
});
