//! Roads over land that is made up.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::route::{
    Network, Terrain,
    osm::{Options, Region, Source, made::Made, read},
};

/// A tile of 1,201 samples a side in a folder of its own.
fn tile(height: impl Fn(f64, f64) -> f64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = Vec::with_capacity(1_201 * 1_201 * 2);
    for row in 0..1_201 {
        for column in 0..1_201 {
            let (lat, lon) = (27.0 - f64::from(row) / 1_200.0, 91.0 + f64::from(column) / 1_200.0);
            bytes.extend((height(lat, lon).round() as i16).to_be_bytes());
        }
    }
    fs::write(folder.path().join("N26E091.hgt"), bytes).unwrap();
    folder
}

/// A road eastwards along 26.5° N with a point every 0.0005° (50 m), in pieces of 10 points.
fn road(tags: impl Fn(i64) -> Vec<(&'static str, &'static str)>) -> Made {
    let mut made = Made::default();
    for id in 0..=60 {
        made.node(id, 26.5, 91.5 + id as f64 * 5e-4, &[]);
    }
    for piece in 0..6 {
        let nodes: Vec<i64> = (piece * 10..=piece * 10 + 10).collect();
        made.way(piece, &nodes, &tags(piece));
    }
    made
}

fn on(made: &Made, folder: &tempfile::TempDir) -> Region {
    let options = Options { dem: Some(folder.path().into()), ..Options::default() };
    read(Source::Bytes(&made.pbf()), &options, &mut |_| {}).unwrap()
}

/// The heights along the first road.
fn profile(network: &Network) -> Vec<f64> {
    let segment = &network.segments()[0];
    network.drawn_line(segment).iter().map(|via| via.altitude_m).collect()
}

fn primary(_: i64) -> Vec<(&'static str, &'static str)> {
    vec![("highway", "primary")]
}

#[test]
fn a_steady_slope_comes_back_as_it_is() {
    // 500 m a degree of longitude: 0.5 %.
    let Region { network, report } =
        on(&road(primary), &tile(|_, lon| 100.0 + (lon - 91.0) * 500.0));
    assert_eq!((report.heights.from_dem, report.heights.unknown), (61, 0));
    let profile = profile(&network);
    for (id, height) in profile.iter().enumerate().skip(5).take(50) {
        let expected = 100.0 + (0.5 + id as f64 * 5e-4) * 500.0;
        assert!((height - expected).abs() < 0.6, "{id}: {height} {expected}");
    }
    assert_eq!(network.segments()[0].terrain, Terrain::Plain);
}

#[test]
fn noise_of_the_land_is_no_hill() {
    // 3 m up or down from one sample to the next: grades of up to 12 % if taken as they are.
    let checker = |lat: f64, lon: f64| {
        let cell = ((lat * 1_200.0).round() + (lon * 1_200.0).round()) as i64;
        if cell % 2 == 0 { 103.0 } else { 97.0 }
    };
    let profile = profile(&on(&road(primary), &tile(checker)).network);
    let climb: f64 = profile.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    assert!(climb < 10.0, "{climb} m over 3 km");
}

#[test]
fn mountains_are_slow_and_no_road_is_too_steep() {
    // Ridges of 100 m every 1.1 km: the land rises by 20 %.
    let ridges = |_: f64, lon: f64| 1_000.0 + 50.0 * (lon * 570.0).sin();
    let Region { network, .. } = on(&road(primary), &tile(ridges));
    let segment = &network.segments()[0];
    let profile = profile(&network);
    let steepest = profile.windows(2).map(|pair| (pair[1] - pair[0]).abs() / 50.0);
    assert!(steepest.fold(0.0, f64::max) <= GRADE_MAX * 1.01);
    assert_eq!(segment.terrain, Terrain::Mountainous);
    assert!((segment.truck_speed_kmh - 43.0 * 0.48).abs() < 1e-9);
}

#[test]
fn a_bridge_does_not_dip_into_its_valley() {
    let valley = |_: f64, lon: f64| if (lon - 91.515).abs() < 0.003 { 20.0 } else { 200.0 };
    let made = road(|piece| match piece {
        2 | 3 => vec![("highway", "primary"), ("bridge", "yes")],
        _ => vec![("highway", "primary")],
    });
    let profile = profile(&on(&made, &tile(valley)).network);
    assert_eq!(profile.len(), 61, "one road, bridge and all");
    assert!(profile.iter().all(|height| *height > 195.0), "{profile:?}");
}

#[test]
fn without_a_tile_heights_come_from_tags_or_are_unknown() {
    let mut made = Made::default();
    made.node(1, 26.0, 91.0, &[("ele", "100")]).node(2, 26.0, 91.01, &[]);
    made.node(3, 26.0, 91.03, &[("ele", "130 m")]).node(4, 26.0, 91.04, &[("ele", "high")]);
    made.way(1, &[1, 2, 3], &[("highway", "primary")]);
    made.way(2, &[3, 4], &[("highway", "secondary")]);
    let read = |made: &Made| read(Source::Bytes(&made.pbf()), &Options::default(), &mut |_| {});
    let Region { network, report } = read(&made).unwrap();
    assert_eq!(report.heights, Heights { from_dem: 0, from_tags: 3, unknown: 1 });
    assert!(report.has_unknown_grades());
    assert_eq!(report.notes.shown, ["node 4: ele=\"high\" is not a height"]);
    let height = |id| network.node_at(network.node(id).unwrap()).altitude_m;
    assert!((height("osm:4") - 130.0).abs() < 1e-9, "as its neighbour, not at sea level");
    let via = network.segments()[0].via[0].altitude_m;
    assert!((via - 110.0).abs() < 0.1, "a third of the way: {via}");
    made.nodes.iter_mut().for_each(|node| node.tags.clear());
    let report = read(&made).unwrap().report;
    assert_eq!(report.heights, Heights { from_dem: 0, from_tags: 0, unknown: 4 });
}

proptest! {
    #[test]
    fn no_leg_is_too_steep_and_what_is_not_stays(
        heights in prop::collection::vec(0.0_f64..3_000.0, 2..30),
        links in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1.0_f32..500.0), 1..60),
    ) {
        let legs: Vec<Leg> = links
            .iter()
            .map(|(a, b, length_m)| {
                let (a, b) = (a.index(heights.len()) as u32, b.index(heights.len()) as u32);
                Leg { a, b, length_m: *length_m }
            })
            .collect();
        let mut limited = heights.clone();
        limit(&mut limited, &legs, GRADE_MAX);
        let rise = |heights: &[f64], leg: &Leg| {
            let rise = (heights[leg.a as usize] - heights[leg.b as usize]).abs();
            rise - f64::from(leg.length_m) * GRADE_MAX
        };
        for leg in &legs {
            prop_assert!(rise(&limited, leg) < 2e-3, "{:?}: {}", leg, rise(&limited, leg));
        }
        if legs.iter().all(|leg| rise(&heights, leg) < -2e-3) {
            for (before, after) in heights.iter().zip(&limited) {
                prop_assert!((before - after).abs() < 2e-3);
            }
        }
    }
}
