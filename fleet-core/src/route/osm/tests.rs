//! Whole extracts, from bytes to routes.

use std::sync::Arc;

use proptest::prelude::*;

use super::{made::Made, *};
use crate::{
    ErrorKind,
    geo::Position,
    route::{BuiltinRouter, Direction, NodeKind, TurnRule},
};

#[track_caller]
fn region(made: &Made) -> Region {
    region_with(made, &Options { least_island_km: 0.0, ..Options::default() })
}

#[track_caller]
fn region_with(made: &Made, options: &Options) -> Region {
    read(Source::Bytes(&made.pbf()), options, &mut |_| {}).unwrap()
}

/// Where a grid of hundredths of a degree has its points.
fn at(row: u8, column: u8) -> (f64, f64) {
    (26.0 + f64::from(row) / 100.0, 91.0 + f64::from(column) / 100.0)
}

/// An extract with nodes on a grid, numbered row × 10 + column.
fn grid(rows: u8, columns: u8) -> Made {
    let mut made = Made::default();
    for row in 0..rows {
        for column in 0..columns {
            let (lat, lon) = at(row, column);
            made.node(i64::from(row) * 10 + i64::from(column), lat, lon, &[]);
        }
    }
    made
}

const ROAD: &[(&str, &str)] = &[("highway", "primary")];

fn route_m(region: Region, from: &str, to: &str) -> Result<f64> {
    let router = BuiltinRouter::new(Arc::new(region.network));
    let node = |id: &str| router.network().node(id).unwrap_or_else(|| panic!("no {id}"));
    Ok(router.route_nodes(node(from), node(to))?.length_m)
}

#[test]
fn both_formats_and_both_packings_give_the_same_network() {
    let city = Made::city(20, 7);
    let options = Options::default();
    let read = |bytes: &[u8]| read(Source::Bytes(bytes), &options, &mut |_| {}).unwrap();
    let (xml, pbf) = (read(city.xml().as_bytes()), read(&city.pbf()));
    let raw = read(&made::pbf(&city, made::Packing::Raw));
    assert_eq!(xml.report, pbf.report);
    for other in [&pbf, &raw] {
        assert_eq!(xml.network.fingerprint(), other.network.fingerprint());
    }
    let report = &xml.report;
    assert_eq!(report.junctions, 400);
    assert!(report.one_ways > 40 && report.limited > 0 && report.by_hour > 0, "{report}");
    assert_eq!(report.turns.taken + report.turns.of_no_concern, city.counts().2 as u64, "{report}");
    assert_eq!(report.notes.count, 0, "{:?}", report.notes);
}

#[test]
fn gzip_is_unpacked_unasked() {
    use std::io::Write;
    let xml = Made::city(3, 1).xml();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(xml.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let read = |bytes: &[u8]| read(Source::Bytes(bytes), &Options::default(), &mut |_| {});
    let prints = [read(xml.as_bytes()), read(&packed)].map(|r| r.unwrap().network.fingerprint());
    assert_eq!(prints[0], prints[1]);
    let error = read(&packed[..packed.len() / 2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

#[test]
fn a_crossroads_is_four_roads_and_points_between_are_kept() {
    let mut made = grid(3, 3);
    made.way(1, &[10, 11, 12], ROAD).way(2, &[1, 11, 21], ROAD);
    let Region { network, report } = region(&made);
    assert_eq!((report.junctions, report.segments), (5, 4));
    assert!(network.node("osm:11").is_some() && network.node("osm:0").is_none());
    // A way drawn through points without choice stays one road, bent where it is bent.
    let mut made = grid(3, 3);
    made.way(1, &[0, 1, 11, 12, 22], ROAD);
    let Region { network, report } = region(&made);
    assert_eq!((report.junctions, report.segments), (2, 1));
    assert_eq!(network.segments()[0].via.len(), 3);
}

#[test]
fn ways_that_go_on_alike_are_one_road_whichever_way_they_are_drawn() {
    let mut made = grid(1, 5);
    let name = |name| [("highway", "primary"), ("name", name)];
    made.way(1, &[0, 1], &name("A")).way(2, &[2, 1], &name("A")).way(3, &[2, 3], &name("A"));
    made.way(4, &[3, 4], &name("B"));
    let Region { network, report } = region(&made);
    assert_eq!((report.segments, network.segments()[0].via.len()), (2, 2), "{report}");
    // One way streets are joined where they lead on, and never against one another.
    let one_way = |tag| [("highway", "primary"), ("oneway", tag)];
    let mut made = grid(1, 3);
    made.way(1, &[0, 1], &one_way("yes")).way(2, &[2, 1], &one_way("-1"));
    let read = region(&made);
    assert_eq!((read.report.segments, read.report.one_ways), (1, 1));
    assert!(route_m(read.clone(), "osm:0", "osm:2").is_ok());
    assert!(route_m(read, "osm:2", "osm:0").is_err());
    let mut made = grid(1, 3);
    made.way(1, &[0, 1], &one_way("yes")).way(2, &[2, 1], &one_way("yes"));
    assert_eq!(region(&made).report.segments, 2);
}

#[test]
fn a_ring_without_a_junction_is_one_road() {
    let mut made = grid(2, 2);
    made.way(1, &[0, 1, 11], ROAD).way(2, &[11, 10, 0], ROAD);
    let Region { network, report } = region(&made);
    assert_eq!((report.junctions, report.segments), (1, 1));
    assert_eq!(network.segments()[0].via.len(), 3);
    let mut made = grid(2, 2);
    made.way(1, &[0, 1, 11, 10, 0], ROAD);
    assert_eq!(region(&made).report.segments, 1);
}

#[test]
fn a_roundabout_is_driven_round() {
    let mut made = grid(3, 3);
    let ring = [("highway", "primary"), ("junction", "roundabout")];
    made.way(1, &[1, 12, 21, 10, 1], &ring).way(2, &[0, 1], ROAD).way(3, &[20, 21], ROAD);
    let read = region(&made);
    let there = route_m(read.clone(), "osm:0", "osm:20").unwrap();
    let back = route_m(read, "osm:20", "osm:0").unwrap();
    assert!((there - back).abs() < 100.0, "half round each: {there} {back}");
}

#[test]
fn nothing_passes_what_is_shut_and_both_sides_are_reached() {
    let mut made = grid(1, 2);
    made.node(50, 26.0, 91.005, &[("barrier", "bollard")]).way(1, &[0, 50, 1], ROAD);
    made.node(51, 26.0, 91.02, &[("barrier", "gate")]);
    made.way(2, &[1, 51], &[("highway", "secondary")]);
    let read = region(&made);
    assert_eq!((read.report.shut_barriers, read.report.gates), (1, 1));
    assert!(route_m(read.clone(), "osm:0", "osm:50").is_ok());
    assert!(route_m(read.clone(), "osm:50#2", "osm:51").is_ok());
    assert_eq!(route_m(read, "osm:0", "osm:1").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn turns_are_forbidden_at_their_node() {
    // From the west, not to the north; the way round the block is open.
    let mut made = grid(3, 3);
    made.way(1, &[10, 11], ROAD).way(2, &[11, 12], ROAD).way(3, &[11, 21], ROAD);
    made.way(4, &[12, 22, 21], &[("highway", "secondary")]).turn(9, (1, 11, 3), "no_left_turn");
    let read = region(&made);
    assert_eq!((read.report.turns.taken, read.network.restrictions().len()), (1, 1));
    assert_eq!(read.network.restrictions()[0].rule, TurnRule::No);
    let around = route_m(read.clone(), "osm:10", "osm:21").unwrap();
    let straight = route_m(read, "osm:21", "osm:10").unwrap();
    assert!(around > straight + 1_900.0, "{around} {straight}");
}

#[test]
fn turns_that_are_not_modelled_are_counted_and_named() {
    let mut made = grid(3, 3);
    made.way(1, &[10, 11, 12], ROAD).way(2, &[11, 21], ROAD).way(3, &[1, 11], ROAD);
    let members = [("way", 2, "from"), ("way", 1, "via"), ("way", 3, "to")];
    made.relation(1, &members, &[("type", "restriction"), ("restriction", "no_u_turn")]);
    let members = [("way", 2, "from"), ("node", 11, "via"), ("way", 3, "to")];
    let sometimes = ("restriction:conditional", "no_left_turn @ (07:00-09:00)");
    made.relation(2, &members, &[("type", "restriction"), sometimes]);
    made.turn(3, (1, 11, 2), "no_left_turn"); // way 1 passes the via: from which side?
    let except = [("type", "restriction"), ("restriction", "no_left_turn"), ("except", "hgv;bus")];
    made.relation(4, &members, &except);
    made.turn(5, (2, 11, 3), "no_left_turn").turn(6, (2, 11, 99), "no_left_turn");
    made.turn(7, (2, 11, 3), "give_way").relation(8, &members[..2], &except[..2]);
    let report = region(&made).report;
    let expected = Turns { taken: 1, of_no_concern: 2, via_way: 1, conditional: 1, broken: 3 };
    assert_eq!(report.turns, expected, "{:?}", report.notes);
    for name in ["relation 1:", "relation 2:", "relation 3:", "relation 7:", "relation 8:"] {
        assert!(report.notes.shown.iter().any(|note| note.starts_with(name)), "{name}");
    }
}

#[test]
fn roads_end_where_the_extract_was_cut() {
    let mut made = grid(1, 6);
    made.way(1, &[99, 0, 1, 98, 2, 97, 3, 4, 5], ROAD);
    let report = region(&made).report;
    assert_eq!((report.segments, report.missing_nodes), (2, 3));
    assert!(report.notes.shown.contains(&"node 99: not in the extract, roads end there".into()));
}

#[test]
fn small_islands_are_dropped_and_told() {
    let mut made = grid(2, 5);
    made.way(1, &[0, 1, 2, 3], ROAD).way(2, &[10, 11], &[("highway", "service")]);
    let options = |least_island_km| Options { least_island_km, ..Options::default() };
    let dropped = region_with(&made, &options(5.0)).report.islands;
    assert_eq!((dropped.kept, dropped.dropped), (0, 1));
    assert!((dropped.dropped_km - 1.0).abs() < 0.01);
    assert_eq!(region_with(&made, &options(0.5)).report.islands.kept, 1);
}

#[test]
fn speeds_that_differ_by_direction_make_two_roads() {
    let mut made = grid(1, 2);
    made.way(1, &[0, 1], &[("highway", "primary"), ("maxspeed:forward", "30"), ("maxspeed", "50")]);
    let network = region(&made).network;
    let speeds: Vec<_> = network.segments().iter().map(|s| (s.from, s.truck_speed_kmh)).collect();
    let [from, to] = ["osm:0", "osm:1"].map(|id| network.node(id).unwrap());
    assert_eq!(speeds, [(from, 24.0), (to, 40.0)]);
    assert!(network.segments().iter().all(|s| s.direction == Direction::ForwardOnly));
}

#[test]
fn hours_are_those_of_the_region() {
    let mut made = grid(1, 2);
    made.way(1, &[0, 1], &[("highway", "primary"), ("hgv:conditional", "no @ (08:00-20:00)")]);
    let minutes = |utc_offset_min| {
        let options = Options { utc_offset_min, ..Options::default() };
        let network = region_with(&made, &options).network;
        let hours = network.segments()[0].hours_ist.clone();
        [450, 495, 1_170, 1_215].map(|minute| hours.is_open(minute))
    };
    assert_eq!(minutes(330), [true, false, false, true]);
    assert_eq!(minutes(300), [true, true, false, false], "an hour of theirs is half past of ours");
}

#[test]
fn a_boat_takes_as_long_as_it_says() {
    let mut made = grid(1, 3);
    let ferry = [("route", "ferry"), ("motor_vehicle", "yes"), ("duration", "00:30")];
    made.way(1, &[0, 1, 2], &ferry);
    let network = region(&made).network;
    let ferry = &network.segments()[0];
    assert!(ferry.ferry);
    assert!((ferry.length_m / ferry.truck_speed_kmh * 3.6 - 1_800.0).abs() < 1.0);
}

#[test]
fn places_name_a_junction_near_them_and_streets_the_others() {
    let mut made = grid(1, 4);
    let name = |name| [("highway", "primary"), ("name", name)];
    made.way(1, &[0, 1], &name("A")).way(2, &[1, 2], &name("B"));
    let town =
        [("place", "town"), ("name", "तेज़पुर"), ("name:en", "Tezpur"), ("population", "58,851")];
    made.node(70, 26.003, 91.0, &town).node(71, 26.5, 91.0, &[("place", "city"), ("name", "Far")]);
    made.node(72, 26.001, 91.009, &[("place", "village"), ("name", "Small")]);
    let Region { network, report } = region(&made);
    assert_eq!(report.places, 2);
    let node = |id| network.node_at(network.node(id).unwrap());
    let town = node("osm:0");
    assert_eq!((&*town.name, town.kind, town.population), ("Tezpur", NodeKind::Town, Some(58_851)));
    assert_eq!((&*node("osm:1").name, node("osm:1").kind), ("Small", NodeKind::Junction));
    assert_eq!(&*node("osm:2").name, "B");
}

#[test]
fn neighbours_at_one_place_are_one_node() {
    let mut made = grid(1, 3);
    made.node(80, 26.0, 91.01, &[]).node(81, 26.0, 91.01, &[]);
    made.way(1, &[0, 1, 80, 81], ROAD).way(2, &[81, 2], ROAD).way(3, &[81, 1], ROAD);
    let read = region(&made);
    assert_eq!(read.report.segments, 1);
    assert!((route_m(read, "osm:0", "osm:2").unwrap() - 2_002.0).abs() < 2.0);
}

#[test]
fn an_extract_without_roads_says_so() {
    for (made, said) in [
        (grid(1, 2), "no road that a truck may drive"),
        (
            {
                let mut made = grid(1, 1);
                made.way(1, &[0, 99], ROAD);
                made
            },
            "has two points in the extract",
        ),
    ] {
        let error = read(Source::Bytes(&made.pbf()), &Options::default(), &mut |_| {});
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn a_file_is_told_by_its_bytes_or_refused_by_what_it_looks_like() {
    let format = |bytes: &[u8]| Source::Bytes(bytes).format();
    assert_eq!(format(b"\xef\xbb\xbf \n<osm/>").unwrap(), Format::Xml);
    assert_eq!(format(b" {\"name\": 1}").unwrap(), Format::Json);
    assert_eq!(format(&Made::default().pbf()).unwrap(), Format::Pbf);
    for (bytes, said) in [
        (&b"BZh91AY"[..], "bzip2"),
        (b"PK\x03\x04", "zip"),
        (b"", "empty"),
        (b"lat,lon", "neither"),
    ] {
        let error = format(bytes).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    let nowhere = Source::File("/nonexistent/a.osm.pbf".as_ref()).format().unwrap_err();
    assert_eq!(nowhere.kind(), ErrorKind::NotFound);
    assert!(nowhere.to_string().contains("/nonexistent/a.osm.pbf"));
}

#[test]
fn a_network_is_loaded_from_json_too() {
    let json = include_bytes!("../../../data/ne_india_network.json");
    let load = |bytes: &[u8]| load(Source::Bytes(bytes), &Options::default(), &mut |_| {});
    let network = load(json).unwrap().into_network();
    assert_eq!(network.fingerprint(), Network::ne_india().fingerprint());
    let city = Made::city(4, 1).pbf();
    assert!(matches!(load(&city).unwrap(), Loaded::Osm(region) if region.report.ways > 0));
    assert!(read(Source::Bytes(json), &Options::default(), &mut |_| {}).is_err());
}

#[test]
fn options_that_cannot_be_are_refused_by_name() {
    let base = Options::default;
    for (options, name) in [
        (Options { grade_max: 0.0, ..base() }, "grade_max"),
        (Options { least_island_km: f64::NAN, ..base() }, "least_island_km"),
        (Options { utc_offset_min: 2_000, ..base() }, "utc_offset_min"),
        (Options { dem: Some("/nonexistent".into()), ..base() }, "/nonexistent"),
    ] {
        let error = read(Source::Bytes(b"<osm/>"), &options, &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn progress_goes_through_the_stages() {
    let mut stages = Vec::new();
    let mut told = |progress: Progress| stages.push(progress.stage);
    read(Source::Bytes(&Made::city(200, 1).pbf()), &Options::default(), &mut told).unwrap();
    assert!(stages.is_sorted());
    stages.dedup();
    assert_eq!(stages, [Stage::Nodes, Stage::Graph, Stage::Network]);
}

#[test]
fn the_bundled_network_comes_back_from_its_own_export() {
    let network = Network::ne_india();
    let mut xml = Vec::new();
    write(network, crate::route::Ferries::Allowed, SpeedTag::Truck, &mut xml).unwrap();
    let options = Options { speeds: SpeedProfile::osrm_car(), ..Options::default() };
    let read = read(Source::Bytes(&xml), &options, &mut |_| {}).unwrap();
    assert_eq!(read.report.notes.count, 0, "{:?}", read.report.notes);
    assert!((read.report.km() - 10_701.0).abs() < 1.0, "{}", read.report.km());
    // Towns where roads only pass through are points of a line; others keep their place.
    let (ours, theirs) = (BuiltinRouter::ne_india(), BuiltinRouter::new(read.network.into()));
    let (mut compared, mut worst) = (0, 0.0_f64);
    let nodes: Vec<_> = network.node_indices().step_by(7).collect();
    for from in &nodes {
        for to in &nodes {
            let position = |ix: &crate::route::NodeIx| network.node_at(*ix).position;
            let route = ours.route_nodes(*from, *to).unwrap();
            let (from, to): (Position, Position) = (position(from), position(to));
            let back = theirs.route_between(from, to).unwrap();
            if route.length_m > 0.0 {
                compared += 1;
                worst = worst.max((back.length_m / route.length_m - 1.0).abs());
                let time = back.duration_s / route.duration_s;
                assert!((time - 1.0).abs() < 0.005, "{from:?} {to:?}: {time}");
            }
        }
    }
    assert_eq!(compared, 870);
    assert!(worst < 5e-4, "{worst}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A byte that was changed, or an end that is missing, anywhere in a file.
    #[test]
    fn damaged_files_are_read_or_refused(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let city = Made::city(3, 1);
        for mut file in [made::pbf(&city, made::Packing::Raw), city.xml().into_bytes()] {
            let at = at.index(file.len());
            file[at] = byte;
            made::read_or_refused(&file);
            made::read_or_refused(&file[..cut.index(file.len())]);
            made::block_read_or_refused(&file[at..]);
        }
    }

    /// Ways that go anywhere, over nodes that may not be there, with tags of all kinds.
    #[test]
    fn any_ways_make_a_network_or_none(
        nodes in prop::collection::vec((0_i32..40, 0_i32..40, 0_usize..6), 2..12),
        ways in prop::collection::vec(
            (prop::collection::vec(0_i64..12, 0..7), 0_usize..8, 0_usize..5), 1..8,
        ),
        turns in prop::collection::vec((0_i64..8, 0_i64..12, 0_i64..8, any::<bool>()), 0..4),
    ) {
        let mut made = Made::default();
        let on_nodes: [&[(&str, &str)]; 6] = [
            &[],
            &[("barrier", "bollard")],
            &[("barrier", "gate")],
            &[("ele", "300")],
            &[("place", "town"), ("name", "T")],
            &[("mountain_pass", "yes")],
        ];
        for (id, (lat, lon, tags)) in (0..).zip(&nodes) {
            let (lat, lon) = (f64::from(*lat) / 1e3, f64::from(*lon) / 1e3);
            made.node(id, lat, lon, on_nodes[*tags]);
        }
        let kinds = ["primary", "residential", "motorway", "service", "track"];
        let more: [(&str, &str); 8] = [
            ("name", "A"),
            ("oneway", "yes"),
            ("oneway", "-1"),
            ("hgv", "destination"),
            ("maxspeed:forward", "20"),
            ("bridge", "yes"),
            ("hgv:conditional", "no @ (22:00-06:00)"),
            ("junction", "roundabout"),
        ];
        for (id, (nodes, tag, kind)) in (0..).zip(&ways) {
            made.way(id, nodes, &[("highway", kinds[*kind]), more[*tag]]);
        }
        for (id, (from, via, to, only)) in (0..).zip(&turns) {
            let rule = if *only { "only_straight_on" } else { "no_u_turn" };
            made.turn(id, (*from, *via, *to), rule);
        }
        made::read_or_refused(&made.pbf());
    }

    /// Cutting and joining never changes how long the roads are.
    #[test]
    fn roads_keep_their_length(seed in 0_u64..1_000, side in 2_u32..8) {
        let city = Made::city(side, seed);
        let report = region(&city).report;
        let nodes: std::collections::BTreeMap<i64, Position> = city
            .nodes
            .iter()
            .map(|node| (node.id, element::Point { lat_e7: node.what.0, lon_e7: node.what.1 }))
            .map(|(id, point)| (id, point.position()))
            .collect();
        let drawn_m: f64 = city
            .ways
            .iter()
            .map(|way| graph::length_m(way.what.iter().map(|id| nodes[id])))
            .sum();
        prop_assert!((report.km() * 1_000.0 - drawn_m).abs() < 1e-3);
    }
}
