//! The built-in router and OSRM on the same roads: the same ways, as long and as fast.

use fleet_core::{
    ErrorKind,
    random::Stream,
    route::{BuiltinRouter, Ferries, Network, NodeIx, Router, SegmentIx, osrm::OsrmSettings},
    testkit,
};

use crate::laws::router;

/// How far two routers were apart, over many questions.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    asked: u32,
    other_ways: u32,
    distance_max: f64,
    duration: (f64, f64),
}

impl Differences {
    /// Takes in a pair of answers (metres and seconds), the built-in router's first.
    pub(crate) fn of(&mut self, ours: (f64, f64), theirs: (f64, f64), is_other_way: bool) {
        self.asked += 1;
        self.other_ways += u32::from(is_other_way);
        let off = |ours: f64, theirs: f64| (theirs - ours) / ours.max(1.0);
        self.distance_max = self.distance_max.max(off(ours.0, theirs.0).abs());
        let duration = off(ours.1, theirs.1);
        self.duration = (self.duration.0.min(duration), self.duration.1.max(duration));
    }

    /// Pairs that went by another way.
    pub(crate) fn other_ways(&self) -> u32 {
        self.other_ways
    }

    #[expect(clippy::print_stdout, reason = "the differences are what one wants to see")]
    pub(crate) fn print(&self, what: &str) {
        let percent = |share: f64| share * 100.0;
        println!(
            "{what}: {} pairs, {} by another way; distance within {:.4} %, duration {:+.3} to \
             {:+.3} %",
            self.asked,
            self.other_ways,
            percent(self.distance_max),
            percent(self.duration.0),
            percent(self.duration.1)
        );
    }
}

/// A place on a road: a town or any metre of a segment, by `draw`. Not on a boat: OSRM begins no way
/// in the middle of a river, as the built-in router does.
fn place(network: &Network, stream: Stream, draw: u64) -> fleet_core::geo::Position {
    let pick = |draw, count: usize| usize::try_from(stream.below(draw, count as u64)).unwrap();
    let segment = SegmentIx(pick(3 * draw + 1, network.segments().len()) as u32);
    if stream.uniform(3 * draw) < 0.5 || network.segments()[segment.index()].ferry {
        return network.node_at(NodeIx(pick(3 * draw + 1, network.nodes().len()) as u32)).position;
    }
    let line = network.line(segment);
    let edge = pick(3 * draw + 2, line.len() - 1);
    line[edge].lerp(line[edge + 1], stream.uniform(3 * draw + 2))
}

/// 1,000 random pairs, ferries left out in one half and allowed in the other.
#[tokio::test]
async fn a_thousand_pairs_on_the_bundled_roads_have_the_same_ways() {
    let Some(url) = testkit::server("osrm") else { return };
    let stream = Stream::new(1, "same roads", "pairs");
    for (ferries, draws) in [(Ferries::LeftOut, 0..500), (Ferries::Allowed, 500..1_000)] {
        let ours = BuiltinRouter::ne_india().with_ferries(ferries);
        let settings = OsrmSettings { ferries, ..OsrmSettings::new(&url) };
        let theirs = router(settings);
        let mut differences = Differences::default();
        for draw in draws {
            let network = Network::ne_india();
            let (from, to) =
                (place(network, stream, 2 * draw), place(network, stream, 2 * draw + 1));
            let plan = theirs.plan(from, to).await;
            let (route, plan) = (ours.route_between(from, to).unwrap(), plan.unwrap());
            let laid = plan.route(network).unwrap();
            let roads = |route: &fleet_core::route::Route| {
                let mut roads: Vec<_> = route.pieces.iter().map(|piece| piece.segment).collect();
                roads.dedup();
                roads
            };
            let is_other_way = roads(&route) != roads(&laid);
            let (ours, theirs) =
                ((route.length_m, route.duration_s), (plan.length_m(), plan.duration_s()));
            differences.of(ours, theirs, is_other_way);
            let (off_m, off_s) = ((theirs.0 - ours.0).abs(), (theirs.1 - ours.1).abs());
            // A metre and a few seconds of turns: short ways are not held to percents of nothing.
            assert!(off_m < 0.001 * ours.0 + 1.0, "{from:?} to {to:?}: {ours:?}, {theirs:?}");
            assert!(off_s < 0.015 * ours.1 + 8.0, "{from:?} to {to:?}: {ours:?}, {theirs:?}");
        }
        differences.print(&format!("bundled roads {ferries}"));
        assert!(differences.duration.0 > -0.015 && differences.asked == 500);
    }
}

#[tokio::test]
async fn what_one_cannot_reach_the_other_cannot_either() {
    let Some(url) = testkit::server("osrm") else { return };
    let (ours, theirs) = (BuiltinRouter::ne_india(), router(OsrmSettings::new(url)));
    let stream = Stream::new(2, "same roads", "pairs");
    for draw in 0..100 {
        // In and around the region, mostly far from roads.
        let at = |draw: u64| fleet_core::geo::Position {
            lat: 21.0 + 9.0 * stream.uniform(2 * draw),
            lon: 87.0 + 11.0 * stream.uniform(2 * draw + 1),
        };
        let (from, to) = (at(2 * draw), at(2 * draw + 1));
        let outcomes = (ours.route(from, to).await, theirs.route(from, to).await);
        match outcomes {
            (Ok(ours), Ok(theirs)) => {
                let off_m = (ours.length_m - theirs.length_m).abs();
                assert!(off_m < 0.001 * ours.length_m + 5.0, "{from:?} to {to:?}: {off_m}");
            }
            (Err(ours), Err(theirs)) => {
                let kinds = (ours.kind(), theirs.kind());
                assert_eq!(kinds, (ErrorKind::NotFound, ErrorKind::NotFound), "{ours}; {theirs}");
            }
            (ours, theirs) => panic!("{from:?} to {to:?}: {ours:?}, {theirs:?}"),
        }
    }
}
