//! No way leads through, and every place is still reached.

use std::sync::Arc;

use proptest::prelude::*;

use crate::{
    geo::Position,
    route::{
        BuiltinRouter, Piece, RoadClass,
        osm::{Options, Region, Source, made::Made, read},
    },
};

const OPEN: &[(&str, &str)] = &[("highway", "primary")];
const LOCAL: &[(&str, &str)] = &[("highway", "residential"), ("hgv", "destination")];

fn region(made: &Made) -> Region {
    let options = Options { least_island_km: 0.0, ..Options::default() };
    read(Source::Bytes(&made.pbf()), &options, &mut |_| {}).unwrap()
}

/// A primary road around three sides of a square, a local one across: 1 - 2 - 3 - 4 and 1 - 5 - 4.
fn shortcut(local: &[(&str, &str)]) -> Made {
    let mut made = Made::default();
    for (id, lat, lon) in
        [(1, 26.0, 91.0), (2, 26.03, 91.0), (3, 26.03, 91.02), (4, 26.0, 91.02), (5, 26.0, 91.005)]
    {
        made.node(id, lat, lon, &[]);
    }
    made.node(6, 26.01, 91.005, &[]).way(1, &[1, 2, 3, 4], OPEN);
    made.way(2, &[1, 5], local).way(3, &[5, 4], local).way(4, &[5, 6], LOCAL);
    made
}

/// The way from each end of the shortcut to the other and to place 6, in halves of a kilometre.
fn lengths_km(made: &Made) -> Vec<f64> {
    let router = BuiltinRouter::new(Arc::new(region(made).network));
    let [one, four, six] =
        [(26.0, 91.0), (26.0, 91.02), (26.01, 91.005)].map(|(lat, lon)| Position { lat, lon });
    let length = |(from, to)| router.route_between(from, to).unwrap().length_m;
    let pairs = [(one, four), (four, one), (one, six), (four, six)].into_iter();
    pairs.map(|pair| (length(pair) / 500.0).round() / 2.0).collect()
}

#[test]
fn a_way_ends_on_a_local_road_and_does_not_lead_through() {
    assert_eq!(lengths_km(&shortcut(OPEN)), [2.0, 2.0, 1.5, 2.5]);
    // Round the square, and to place 6 by its nearest door, node 1, from both sides.
    assert_eq!(lengths_km(&shortcut(LOCAL)), [8.5, 8.5, 1.5, 10.5]);
    let report = region(&shortcut(LOCAL)).report.local;
    assert_eq!(report.cuts, 1);
    assert!((report.km - 3.1).abs() < 0.1 && report.open_km < 1e-9, "{report:?}");
}

#[test]
fn local_one_way_streets_are_left_open_and_told() {
    let one_way = [LOCAL[0], LOCAL[1], ("oneway", "yes")];
    let report = region(&shortcut(&one_way)).report.local;
    assert_eq!(report.cuts, 0);
    assert!((report.open_km - report.km).abs() < 1e-9 && report.km > 3.0, "{report:?}");
}

#[test]
fn a_local_road_with_one_door_stays_as_it_is() {
    let mut made = Made::default();
    made.node(1, 26.0, 91.0, &[]).node(2, 26.0, 91.01, &[]).node(3, 26.01, 91.0, &[]);
    made.way(1, &[1, 2], OPEN).way(2, &[1, 3], LOCAL);
    let report = region(&made).report;
    assert_eq!((report.local.cuts, report.segments), (0, 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// On a grid whose lines are open or local at random: no route between places on open roads
    /// has a local piece in it, and what could be reached still can.
    #[test]
    fn nothing_leads_through_and_nothing_is_lost(seed in any::<u64>()) {
        const SIDE: i64 = 5;
        let mut made = Made::default();
        let node = |row: i64, column: i64| row * SIDE + column + 1;
        for (row, column) in (0..SIDE).flat_map(|row| (0..SIDE).map(move |column| (row, column))) {
            made.node(
                node(row, column), 26.0 + row as f64 / 100.0, 91.0 + column as f64 / 90.0, &[],
            );
        }
        let (mut way, mut streets) = (0, Vec::new());
        for (row, column) in (0..SIDE).flat_map(|row| (0..SIDE).map(move |column| (row, column))) {
            for (to_row, to_column) in [(row, column + 1), (row + 1, column)] {
                if to_row == SIDE || to_column == SIDE {
                    continue;
                }
                way += 1;
                // The outer ring is open, so that all open roads hang together by it.
                let on_rim = |at: i64| at == 0 || at + 1 == SIDE;
                let ring = (row == to_row && on_rim(row)) || (column == to_column && on_rim(column));
                let open = ring || seed >> (way % 64) & 1 == 0;
                let ends = [node(row, column), node(to_row, to_column)];
                if open {
                    streets.push(ends);
                }
                made.way(way, &ends, if open { OPEN } else { LOCAL });
            }
        }
        // What open streets join to the ring; other open streets lie inside of local parts.
        let mut joined = std::collections::BTreeSet::from([1]);
        for _ in 0..SIDE * SIDE {
            for ends in &streets {
                if ends.iter().any(|end| joined.contains(end)) {
                    joined.extend(ends);
                }
            }
        }
        let router = BuiltinRouter::new(Arc::new(region(&made).network));
        let network = Arc::clone(router.network());
        let on_ring = |id: &i64| (id - 1) / SIDE == 0;
        let start = (1..=SIDE).filter(on_ring).find_map(|id| network.node(&format!("osm:{id}")));
        let Some(start) = start else { return Ok(()) };
        for id in 1..=SIDE * SIDE {
            // Where two roads go on alike there is no node.
            let Some(node) = network.node(&format!("osm:{id}")) else { continue };
            let route = router.route_nodes(start, node).unwrap();
            let is_local = |piece: Piece| piece.road_class == RoadClass::Residential;
            if joined.contains(&id) {
                prop_assert!(!route.pieces.iter().any(is_local), "{}", id);
            }
        }
    }
}
