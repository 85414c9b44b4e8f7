//! Any text in place of fences as GeoJSON: refused as invalid, or fences that come back from what is
//! written of them, and that can be asked for any place.
#![no_main]

use fleet_core::{
    ErrorKind,
    geo::Position,
    geofence::{FenceSet, from_geojson, to_geojson},
};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match from_geojson(text) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid, "{error}"),
        Ok(fences) => {
            let once = to_geojson(&fences);
            let again = from_geojson(&once).expect("what was written is read");
            assert_eq!(to_geojson(&again), once);
            let set = FenceSet::new(fences).expect("each was checked, and ids are unique");
            for (lat, lon) in [(26.1844, 91.7458), (-17.0, 180.0), (0.0, 0.0)] {
                for fence in set.holding(Position { lat, lon }) {
                    assert!(fence.shape.distance_m(Position { lat, lon }) <= 0.0);
                }
            }
        }
    }
});
