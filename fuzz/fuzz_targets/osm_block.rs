//! Any bytes in place of the block of a PBF extract, behind zlib and framing: as `osm`.
#![no_main]

use fleet_core::route::osm::made::block_read_or_refused;

libfuzzer_sys::fuzz_target!(|input: &[u8]| block_read_or_refused(input));
