//! Any bytes in place of an OpenStreetMap extract: refused as invalid, or a network of roads with
//! length, the same each time. Plain tests run the same body on the seeds and on damaged files.
#![no_main]

use fleet_core::route::osm::made::read_or_refused;

libfuzzer_sys::fuzz_target!(|input: &[u8]| read_or_refused(input));
