//! A city with one-way streets and forbidden turns: the built-in router and OSRM take the same ways.

use std::sync::Arc;

use fleet_core::{
    geo::{Position, destination},
    random::Stream,
    route::{
        BuiltinRouter, Network, SegmentIx,
        osm::{self, Options, Region, Source, SpeedProfile, made::Made},
        osrm::{OsrmClient, OsrmSettings, RouteQuery},
    },
    testkit::OwnServer,
};

use crate::{client, own_with, same_roads::Differences};

const PROFILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/osrm/no_turn_costs.lua");
const PAIRS: u64 = 200;

/// The same city on both sides.
struct City {
    network: Arc<Network>,
    /// Without the rules for turning.
    lawless: Arc<Network>,
    /// Junctions with such a rule for who comes from the west.
    ruled: Vec<Position>,
    osrm: OsrmClient,
    _server: OwnServer,
}

impl City {
    /// Of `side` × `side` junctions; `None` if OSRM is absent.
    fn start(side: u32) -> Option<Self> {
        let xml = Made::city(side, 1).xml();
        let folder = tempfile::tempdir().unwrap();
        let extract = folder.path().join("city.osm");
        std::fs::write(&extract, &xml).unwrap();
        let server = own_with(&extract, PROFILE)?;
        let region = read(&xml);
        assert!(region.report.one_ways > 100 && region.report.turns.taken > 20);
        let (roads, _) = xml.split_once(" <relation").unwrap();
        let lawless = read(&format!("{roads}</osm>"));
        let osrm = client(OsrmSettings::new(server.url()));
        let network = region.network;
        let via = xml.lines().filter(|line| line.contains("role=\"via\""));
        let via = via.filter_map(|line| line.split('"').nth(3));
        let ruled =
            via.map(|id| network.node_at(network.node(&format!("osm:{id}")).unwrap()).position);
        let ruled = ruled.collect();
        let (network, lawless) = (network.into(), lawless.network.into());
        Some(Self { network, lawless, ruled, osrm, _server: server })
    }

    /// Where a pair begins: every other one just before a junction with a rule.
    fn start_of(&self, stream: Stream, draw: u64) -> Position {
        match usize::try_from(draw / 4).unwrap() {
            ix if draw.is_multiple_of(4) => {
                destination(self.ruled[ix % self.ruled.len()], 270.0, 25.0)
            }
            _ => self.place(stream, draw),
        }
    }

    /// A place on a road, away from the points of its line: there several roads would be as near,
    /// and which of them is meant is anybody's guess.
    fn place(&self, stream: Stream, draw: u64) -> Position {
        let pick = |draw, count: usize| stream.below(draw, count as u64);
        let segment = pick(3 * draw, self.network.segments().len());
        let line = self.network.line(SegmentIx(u32::try_from(segment).unwrap()));
        let edge = usize::try_from(pick(3 * draw + 1, line.len() - 1)).unwrap();
        line[edge].lerp(line[edge + 1], 0.2 + 0.6 * stream.uniform(3 * draw + 2))
    }
}

pub(crate) fn read(xml: &str) -> Region {
    let options = Options { speeds: SpeedProfile::osrm_car(), ..Options::default() };
    osm::read(Source::Bytes(xml.as_bytes()), &options, &mut |_| {}).unwrap()
}

#[tokio::test]
async fn two_hundred_pairs_in_a_city_of_one_ways_and_forbidden_turns_have_the_same_ways() {
    let Some(city) = City::start(40) else { return };
    let router = BuiltinRouter::new(Arc::clone(&city.network));
    let lawless = BuiltinRouter::new(Arc::clone(&city.lawless));
    let stream = Stream::new(1, "same city", "pairs");
    let mut differences = Differences::default();
    let mut ruled = 0;
    for draw in 0..PAIRS {
        let (from, to) = (city.start_of(stream, 2 * draw), city.place(stream, 2 * draw + 1));
        let ours = router.route_between(from, to);
        let theirs = city.osrm.route(&RouteQuery::between(from, to)).await;
        let (ours, theirs) = match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                let theirs = &theirs.routes[0];
                ((ours.length_m, ours.duration_s), (theirs.distance_m, theirs.duration_s))
            }
            (ours, theirs) => panic!("{from:?} to {to:?}: {ours:?}, {theirs:?}"),
        };
        let (off_m, off_s) = ((theirs.0 - ours.0).abs(), (theirs.1 - ours.1).abs());
        // OSRM tells tenths of metres, and of seconds for each of some dozens of edges.
        let is_same_way = off_m < 0.001 * ours.0 + 0.2;
        differences.of(ours, theirs, !is_same_way);
        // Ties may go by another way, and are no slower.
        let within_s = if is_same_way { 0.015 * ours.1 + 0.2 } else { 0.002 * ours.1 };
        assert!(off_s < within_s, "{from:?} to {to:?}: {ours:?}, {theirs:?}");
        ruled += u64::from(lawless.route_between(from, to).unwrap().duration_s < ours.1 - 0.1);
    }
    differences.print(&format!("a city, {ruled} pairs slower by rules for turning"));
    assert!(ruled >= PAIRS / 10, "the rules hardly matter here: {ruled}");
    assert!(differences.other_ways() <= 2);
}
