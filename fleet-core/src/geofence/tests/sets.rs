//! An index answers what asking every fence answers.

use proptest::prelude::*;

use super::{super::Shape, at, fence, set};

proptest! {
    #[test]
    fn the_index_finds_what_asking_each_finds(
        centres in prop::collection::vec((-80.0..80.0, -180.0..180.0, 1_000.0..100_000.0), 1..60),
        places in prop::collection::vec((-85.0..85.0, -180.0..180.0), 1..20),
        near in prop::collection::vec((0_usize..60, -1.0..1.0, -1.0..1.0), 1..20),
    ) {
        let fences = centres.iter().enumerate().map(|(ix, (lat, lon, radius_m))| {
            fence(&format!("f{ix}"), Shape::circle(at(*lat, *lon), *radius_m).unwrap())
        });
        let fences = set(fences);
        let near = near.iter().map(|(ix, dlat, dlon)| {
            let (lat, lon, _) = centres[ix % centres.len()];
            (lat + dlat, (lon + dlon + 540.0).rem_euclid(360.0) - 180.0)
        });
        for (lat, lon) in places.iter().copied().chain(near) {
            let place = at(lat, lon);
            let found: Vec<_> = fences.holding(place).into_iter().map(|f| f.id.clone()).collect();
            let asked: Vec<_> = fences.fences().iter().filter(|f| f.shape.holds(place)).map(|f| f.id.clone()).collect();
            prop_assert_eq!(found, asked);
        }
    }
}

#[test]
fn an_empty_set_holds_nothing() {
    assert!(set([]).holding(at(26.0, 92.0)).is_empty());
}
