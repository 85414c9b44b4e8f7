//! Every search finds what a search too simple to be wrong finds, on small random cities with
//! one-way streets, loops, ferries, dead ends and forbidden turns.

use proptest::prelude::*;

use super::{
    ends::{End, Span},
    engine::{Engine, Finder, Way},
    graph::{Cost, EdgeIx},
    *,
};

/// A road of a random city: its ends, whether it is one-way, a ferry, how fast, and for light ones only.
type Street = (usize, usize, bool, bool, u8, bool);

/// A small city. The first street of a rule comes to a node, the second leaves it.
#[derive(Clone, Debug)]
pub(super) struct City {
    corners: Vec<(u8, u8)>,
    streets: Vec<Street>,
    rules: Vec<(prop::sample::Index, prop::sample::Index, bool, bool)>,
}

pub(super) fn city() -> impl Strategy<Value = City> {
    (2_usize..10).prop_flat_map(|size| {
        let corners = prop::collection::vec((any::<u8>(), any::<u8>()), size);
        let way = prop::bool::weighted(0.4);
        let street =
            (0..size, 0..size, way, prop::bool::weighted(0.1), 1_u8..4, prop::bool::weighted(0.15));
        let streets = prop::collection::vec(street, 1..3 * size);
        let index = any::<prop::sample::Index>;
        let rules = prop::collection::vec((index(), index(), any::<bool>(), any::<bool>()), 0..8);
        (corners, streets, rules).prop_map(|(corners, streets, rules)| City {
            corners,
            streets,
            rules,
        })
    })
}

impl City {
    pub(super) fn build(&self) -> Network {
        let mut builder = NetworkBuilder::new("city");
        for (ix, (y, x)) in self.corners.iter().enumerate() {
            // No two nodes in one place, or their road would have no length.
            let lat = 26.0 + f64::from(*y) * 1e-4 + ix as f64 * 1e-6;
            let position = Position { lat, lon: 91.0 + f64::from(*x) * 1e-4 };
            builder.add_node(Node::junction(format!("n{ix}"), position));
        }
        for (ix, (from, to, one_way, ferry, speed, light)) in self.streets.iter().enumerate() {
            let [from, to] = [*from, *to].map(|corner| NodeIx(u32::try_from(corner).unwrap()));
            let Position { lat, lon } = builder.nodes()[from.index()].position;
            let bulge = [(1e-4, 1e-4), (1e-4, -1e-4)].map(|(north, east)| Via {
                position: Position { lat: lat + north, lon: lon + east },
                altitude_m: 0.0,
            });
            builder.add_segment(Segment {
                direction: if *one_way { Direction::ForwardOnly } else { Direction::Both },
                ferry: *ferry,
                truck_speed_kmh: 10.0 * f64::from(*speed),
                limits: light.then(|| Limits { weight_t: Some(10.0), ..Limits::default() }.into()),
                via: if from == to { bulge.into() } else { Box::default() },
                ..Segment::between(format!("s{ix}"), from, to)
            });
        }
        for (first, second, at_start, only) in &self.rules {
            let ends = |ix: usize| [builder.segments()[ix].from, builder.segments()[ix].to];
            let from = first.index(self.streets.len());
            let via = ends(from)[usize::from(*at_start)];
            let meeting: Vec<_> =
                (0..self.streets.len()).filter(|to| ends(*to).contains(&via)).collect();
            let to = meeting[second.index(meeting.len())];
            let [from, to] = [from, to].map(|ix| SegmentIx(u32::try_from(ix).unwrap()));
            let rule = if *only { TurnRule::Only } else { TurnRule::No };
            builder.add_restriction(TurnRestriction { from, via, to, rule });
        }
        builder.build().unwrap()
    }
}

/// The rules in plain words, from the network's own lists.
struct Naive<'a> {
    network: &'a Network,
    ferries: Ferries,
    is_heavy: bool,
}

impl Naive<'_> {
    fn edges(&self) -> Vec<EdgeIx> {
        let all = (0..2 * u32::try_from(self.network.segments().len()).unwrap()).map(EdgeIx);
        all.filter(|edge| self.is_open(*edge)).collect()
    }

    fn road(&self, edge: EdgeIx) -> &Segment {
        &self.network.segments()[edge.segment().index()]
    }

    fn is_open(&self, edge: EdgeIx) -> bool {
        let road = self.road(edge);
        (edge.is_forward() || road.direction == Direction::Both)
            && (!road.ferry || self.ferries == Ferries::Allowed)
    }

    /// Open, and it carries the vehicle.
    fn is_passable(&self, edge: EdgeIx) -> bool {
        self.is_open(edge) && !(self.is_heavy && self.road(edge).limits.is_some())
    }

    fn passable(&self) -> Vec<EdgeIx> {
        self.edges().into_iter().filter(|edge| self.is_passable(*edge)).collect()
    }

    fn tail(&self, edge: EdgeIx) -> NodeIx {
        if edge.is_forward() { self.road(edge).from } else { self.road(edge).to }
    }

    fn head(&self, edge: EdgeIx) -> NodeIx {
        self.tail(edge.reversed())
    }

    fn is_ruled_out(&self, from: EdgeIx, to: EdgeIx) -> bool {
        let via = self.head(from);
        let rules = self.network.restrictions().iter();
        let mut here = rules.filter(|rule| rule.via == via && rule.from == from.segment());
        here.any(|rule| match rule.rule {
            TurnRule::No => rule.to == to.segment(),
            TurnRule::Only => {
                let lawful = Naive { ferries: Ferries::Allowed, ..*self };
                let can = lawful.edges().into_iter();
                let can = can.filter(|exit| self.tail(*exit) == via);
                rule.to != to.segment() && can.into_iter().any(|e| e.segment() == rule.to)
            }
        })
    }

    fn may_turn(&self, from: EdgeIx, to: EdgeIx) -> bool {
        if self.head(from) != self.tail(to) || self.is_ruled_out(from, to) {
            return false;
        }
        let exits: Vec<_> =
            self.edges().into_iter().filter(|e| self.tail(*e) == self.head(from)).collect();
        let lawful = exits.iter().filter(|exit| !self.is_ruled_out(from, **exit)).count();
        let two_way = exits.iter().filter(|exit| self.is_open(exit.reversed())).count();
        to != from.reversed() || lawful == 1 || two_way <= 1
    }

    fn cost(&self, span: Span) -> Cost {
        Cost::of(span.length_m(), self.network.segments()[span.segment.index()].truck_speed_kmh)
    }

    fn is_lawful(&self, way: &Way) -> bool {
        let edges: Vec<_> = way.spans.iter().map(Span::edge).collect();
        // A way along one road, or between nodes of a network without rules, may hold no turn.
        let rules = !self.network.restrictions().is_empty();
        edges.iter().all(|edge| self.is_passable(*edge))
            && edges.windows(2).all(|turn| {
                self.head(turn[0]) == self.tail(turn[1])
                    && (!rules || self.may_turn(turn[0], turn[1]))
            })
    }

    /// The first parts of all ways from an end.
    fn starts(&self, end: End) -> Vec<Span> {
        match end {
            End::Node(node) => {
                let leaving = self.passable().into_iter().filter(|edge| self.tail(*edge) == node);
                leaving.map(|edge| Span::whole(self.network, edge)).collect()
            }
            End::Road(RoadPoint { segment, at_m }) => {
                let to = [self.network.segments()[segment.index()].length_m, 0.0];
                let spans = to.map(|to_m| Span { segment, from_m: at_m, to_m });
                spans.into_iter().filter(|span| self.is_passable(span.edge())).collect()
            }
        }
    }

    /// Relaxes every turn until nothing changes, then looks what can be reached from there.
    fn cheapest(&self, start: End, target: End) -> Option<Cost> {
        let edges = self.passable();
        let mut after: Vec<Option<Cost>> = vec![None; 2 * self.network.segments().len()];
        let better = |old: Option<Cost>, new: Cost| old.is_none_or(|old| new < old);
        for span in self.starts(start) {
            let slot = &mut after[span.edge().0 as usize];
            if better(*slot, self.cost(span)) {
                *slot = Some(self.cost(span));
            }
        }
        let mut changed = true;
        while std::mem::take(&mut changed) {
            for (from, to) in edges.iter().flat_map(|a| edges.iter().map(move |b| (*a, *b))) {
                let Some(cost) = after[from.0 as usize] else { continue };
                let next = cost + self.cost(Span::whole(self.network, to));
                if self.may_turn(from, to) && better(after[to.0 as usize], next) {
                    after[to.0 as usize] = Some(next);
                    changed = true;
                }
            }
        }
        let arrivals = edges.iter().filter_map(|edge| Some((*edge, after[edge.0 as usize]?)));
        match (start, target) {
            (End::Node(a), End::Node(b)) if a == b => Some(Cost::default()),
            (_, End::Node(node)) => {
                arrivals.filter(|(edge, _)| self.head(*edge) == node).map(|(_, cost)| cost).min()
            }
            (start, End::Road(RoadPoint { segment, at_m })) => {
                let length_m = self.network.segments()[segment.index()].length_m;
                let lasts = [0.0, length_m].map(|from_m| Span { segment, from_m, to_m: at_m });
                let lasts = lasts.into_iter().filter(|span| self.is_passable(span.edge()));
                let around = lasts.clone().flat_map(|last| {
                    let turns =
                        arrivals.clone().filter(move |(e, _)| self.may_turn(*e, last.edge()));
                    turns.map(move |(_, cost)| cost + self.cost(last))
                });
                let direct = match start {
                    End::Node(node) => {
                        lasts.filter(|last| self.tail(last.edge()) == node).collect::<Vec<_>>()
                    }
                    End::Road(start) if start.segment == segment => {
                        vec![Span { segment, from_m: start.at_m, to_m: at_m }]
                    }
                    End::Road(_) => Vec::new(),
                };
                let direct = direct.into_iter().filter(|span| self.is_passable(span.edge()));
                around.chain(direct.map(|span| self.cost(span))).min()
            }
        }
    }
}

pub(super) fn end(network: &Network, on_road: bool, which: prop::sample::Index, share: f64) -> End {
    let pick = |count: usize| u32::try_from(which.index(count)).unwrap();
    if !on_road {
        return End::Node(NodeIx(pick(network.nodes().len())));
    }
    let segment = SegmentIx(pick(network.segments().len()));
    let at_m = network::on_grid(share * network.segments()[segment.index()].length_m);
    End::Road(RoadPoint { segment, at_m })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]
    #[test]
    fn searches_agree_with_one_that_is_too_simple_to_be_wrong(
        city in city(),
        ends in prop::collection::vec(
            (any::<bool>(), any::<prop::sample::Index>(), 0.1..0.9, any::<bool>()), 6,
        ),
    ) {
        let network = city.build();
        let engine = Engine::default();
        for pair in ends.chunks(2) {
            let ferries = if pair[0].3 { Ferries::Allowed } else { Ferries::LeftOut };
            let weight_t = pair[1].3.then_some(20.0);
            let vehicle = VehicleSize { weight_t, ..VehicleSize::default() };
            let naive = Naive { network: &network, ferries, is_heavy: pair[1].3 };
            let [start, target] = [0, 1].map(|ix| {
                let (on_road, which, share, _) = pair[ix];
                end(&network, on_road, which, share)
            });
            let finder = Finder { network: &network, engine: &engine, ferries, vehicle };
            let expected = naive.cheapest(start, target);
            let exact = finder.exact_way(start, target);
            let way = finder.way(start, target);
            prop_assert_eq!(way.as_ref().map(|way| way.cost.time_us), expected.map(|c| c.time_us));
            if let (Some(way), Some(expected)) = (&way, expected) {
                prop_assert!(naive.is_lawful(way), "{way:?}");
                prop_assert_eq!(way.spans.iter().map(|span| naive.cost(*span)).sum::<Cost>(), way.cost);
                let longer_m = way.cost.length_m() - expected.length_m();
                prop_assert!(longer_m.abs() <= 0.25 * (way.spans.len() + 1) as f64, "{longer_m}");
            }
            // The exact search leaves ways along a single road to its caller.
            if let Some(exact) = exact.filter(|_| way.is_some_and(|way| way.spans.len() > 1)) {
                prop_assert_eq!(Some(exact.cost), expected);
                prop_assert!(naive.is_lawful(&exact), "{exact:?}");
            }
        }
    }

    #[test]
    fn distances_to_many_places_are_those_of_the_shortest_ways_within_the_bound(
        mut city in city(),
        ends in prop::collection::vec(
            (any::<bool>(), any::<prop::sample::Index>(), 0.1..0.9), 2..6,
        ),
        max_m in 0.0..4_000.0,
    ) {
        // At one speed the shortest way is the fastest.
        city.streets.iter_mut().for_each(|street| street.4 = 1);
        let network = city.build();
        let ends: Vec<_> = ends.into_iter().map(|(r, w, s)| end(&network, r, w, s)).collect();
        let engine = Engine::default();
        let finder = Finder { network: &network, engine: &engine, ferries: Ferries::Allowed, vehicle: VehicleSize::default() };
        let naive = Naive { network: &network, ferries: Ferries::Allowed, is_heavy: false };
        let found = finder.distances(ends[0], &ends[1..], max_m);
        for (target, found) in ends[1..].iter().zip(found) {
            let expected = naive.cheapest(ends[0], *target).map(Cost::length_m);
            prop_assert_eq!(found, expected.filter(|length_m| *length_m <= max_m));
        }
    }
}
