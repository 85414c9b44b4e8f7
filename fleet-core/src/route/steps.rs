//! What a driver does on the way: a turn, and the road that follows.

use serde::Serialize;

use super::{
    graph::Ferries,
    legs::label,
    network::{Network, NodeIx, SegmentIx},
    path::{Piece, Route},
};
use crate::geo::{Position, flat_distance_m, heading_deg};

/// A bend this far before and after a joint of roads does not make the turn there, metres.
const LOOK_M: f64 = 40.0;
/// A turn this sharp is told although the road keeps its name, degrees.
const TOLD_DEG: f64 = 50.0;

/// What is done at a place on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the variants speak for themselves")]
pub enum Turn {
    Depart,
    Straight,
    SlightLeft,
    Left,
    SharpLeft,
    SlightRight,
    Right,
    SharpRight,
    /// Back the same way.
    Back,
    /// Onto a boat.
    Board,
    /// Off the boat.
    Land,
    Arrive,
}

impl Turn {
    /// By how far one turns to the right, -180 to 180 degrees.
    fn by(angle_deg: f64) -> Self {
        let is_right = angle_deg > 0.0;
        match angle_deg.abs() {
            ..20.0 => Self::Straight,
            ..50.0 if is_right => Self::SlightRight,
            ..50.0 => Self::SlightLeft,
            ..120.0 if is_right => Self::Right,
            ..120.0 => Self::Left,
            ..170.0 if is_right => Self::SharpRight,
            ..170.0 => Self::SharpLeft,
            _ => Self::Back,
        }
    }

    /// As a word, e.g. `slight_left`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Depart => "depart",
            Self::Straight => "straight",
            Self::SlightLeft => "slight_left",
            Self::Left => "left",
            Self::SharpLeft => "sharp_left",
            Self::SlightRight => "slight_right",
            Self::Right => "right",
            Self::SharpRight => "sharp_right",
            Self::Back => "back",
            Self::Board => "board",
            Self::Land => "land",
            Self::Arrive => "arrive",
        }
    }
}

/// A line of the list that a driver is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is done first.
    pub turn: Turn,
    /// The road that is then followed: its number, else its name, else empty; `ferry` for a boat.
    pub road: String,
    /// Metres from the start of the route.
    pub at_m: f64,
    /// Metres to the next step.
    pub length_m: f64,
    /// Where that is.
    pub position: Position,
    /// The node there, if it is at one.
    pub node: Option<NodeIx>,
}

impl Route {
    /// What the driver does, from departure to arrival: where the road's number or name changes, and
    /// where the road that one is on turns by more than 50 degrees while another goes on straighter.
    /// Their lengths add up to the route.
    ///
    /// ```
    /// use fleet_core::route::{BuiltinRouter, Turn};
    /// let router = BuiltinRouter::ne_india();
    /// let node = |id| router.network().node(id).ok_or("no such place");
    /// let route = router.route_nodes(node("guwahati")?, node("shillong")?)?;
    /// let steps = route.steps(router.network());
    /// assert_eq!((steps[0].turn, &*steps[0].road), (Turn::Depart, "GS Road"));
    /// assert_eq!(steps.last().map(|step| step.turn), Some(Turn::Arrive));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn steps(&self, network: &Network) -> Vec<Step> {
        let mut steps = Vec::new();
        let road = |piece: &Piece| label(&network.segments()[piece.segment.index()]);
        let step = |turn, road: &str, at_m: f64, position| {
            let node = self.towns.iter().find(|(_, town_m)| (town_m - at_m).abs() < 1e-6);
            let node = node.map(|(ix, _)| *ix);
            Step { turn, road: road.to_owned(), at_m, length_m: 0.0, position, node }
        };
        let pieces: Vec<_> = self.pieces.iter().collect();
        let first = pieces.first().map_or("", road);
        steps.push(step(Turn::Depart, first, 0.0, self.from.position));
        for (ix, pair) in pieces.windows(2).enumerate() {
            let (before, after) = (&pair[0], &pair[1]);
            let turns_back =
                (before.heading_deg - after.heading_deg + 180.0).rem_euclid(360.0) < 1e-9;
            if before.segment == after.segment && !turns_back {
                continue;
            }
            let joint = Joint::new(network, before, after).filter(|_| !turns_back);
            let by_deg = joint.as_ref().map_or_else(|| self.turn_deg(ix, after), Joint::turn_deg);
            let (from, to) = (road(before), road(after));
            let is_sharp = by_deg.abs() >= TOLD_DEG;
            let is_told = from != to || is_sharp && joint.is_none_or(|j| j.leads_astray());
            let turn = match (before.ferry, after.ferry) {
                (false, true) => Turn::Board,
                (true, false) => Turn::Land,
                _ => Turn::by(by_deg),
            };
            if is_told || turns_back {
                steps.push(step(turn, to, after.start_m, after.from));
            }
        }
        let last = pieces.last().map_or("", road);
        steps.push(step(Turn::Arrive, last, self.length_m, self.to.position));
        for ix in 1..steps.len() {
            steps[ix - 1].length_m = steps[ix].at_m - steps[ix - 1].at_m;
        }
        steps
    }

    /// By how far one turns to the right between a piece and the next, degrees, as the route lies.
    fn turn_deg(&self, ix: usize, next: &Piece) -> f64 {
        let (at_m, here) = (next.start_m, next.from);
        let place = |m: f64, hint| self.position_at(m, self.piece_at(m, hint)).0;
        let before = place((at_m - LOOK_M).max(0.0), 0);
        let after = place((at_m + LOOK_M).min(self.length_m), ix);
        between(heading_deg(before, here), heading_deg(here, after))
    }
}

/// From one heading to another, to the right: -180 to 180 degrees.
fn between(from_deg: f64, to_deg: f64) -> f64 {
    (to_deg - from_deg + 180.0).rem_euclid(360.0) - 180.0
}

/// The node at which a way passes from one road to another.
struct Joint<'a> {
    network: &'a Network,
    node: NodeIx,
    before: SegmentIx,
    after: SegmentIx,
}

impl<'a> Joint<'a> {
    /// `None` where the way is not on two roads that meet there.
    fn new(network: &'a Network, before: &Piece, after: &Piece) -> Option<Self> {
        let ends = |piece: &Piece| {
            let road = network.segments().get(piece.segment.index())?;
            Some([road.from, road.to])
        };
        let (before_ends, after_ends) = (ends(before)?, ends(after)?);
        let is_here = |ix: &NodeIx| {
            let place = network.node_at(*ix).position;
            before_ends.contains(ix) && flat_distance_m(place, after.from) < 1.0
        };
        let node = after_ends.into_iter().find(is_here)?;
        Some(Self { network, node, before: before.segment, after: after.segment })
    }

    /// By how far one turns to the right, degrees, as the roads are given: a line that was bent until
    /// it is as long as its road says nothing of the turn at its end.
    fn turn_deg(&self) -> f64 {
        between(self.arrives_deg(), self.leaves_deg(self.after))
    }

    /// Whether another road goes on straighter.
    fn leads_astray(&self) -> bool {
        let off_deg = |segment| between(self.arrives_deg(), self.leaves_deg(segment)).abs();
        let own = off_deg(self.after);
        let exits = self.network.graph.leaving(self.node, Ferries::LeftOut);
        let mut others = exits.map(|edge| edge.segment());
        others.any(|other| other != self.before && other != self.after && off_deg(other) < own)
    }

    fn arrives_deg(&self) -> f64 {
        self.leaves_deg(self.before) + 180.0
    }

    /// The heading in which a road leaves the node, degrees.
    fn leaves_deg(&self, segment: SegmentIx) -> f64 {
        let mut line = self.network.drawn_line(&self.network.segments()[segment.index()]);
        if self.network.segments()[segment.index()].from != self.node {
            line.reverse();
        }
        let far = line.iter().find(|via| flat_distance_m(line[0].position, via.position) >= LOOK_M);
        heading_deg(line[0].position, far.unwrap_or(&line[line.len() - 1]).position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{BuiltinRouter, Ferries, NetworkBuilder, Node, Segment};

    #[test]
    fn turns_are_named_as_a_driver_sees_them() {
        let mut city = NetworkBuilder::new("a crossing");
        // South, the crossing, then north, north-east, east, west and south-east of it.
        let places = [(-1, 0), (0, 0), (1, 0), (1, 1), (0, 1), (0, -1), (-1, 1)];
        let nodes = places.map(|(north, east)| {
            let (lat, lon) = (26.0 + 1e-3 * f64::from(north), 91.0 + 1.1e-3 * f64::from(east));
            city.add_node(Node::junction(format!("{north},{east}"), Position { lat, lon }))
        });
        for (ix, end) in nodes.iter().enumerate().filter(|(ix, _)| *ix != 1) {
            let name = Some(format!("Street {ix}").into());
            city.add_segment(Segment { name, ..Segment::between(format!("{ix}"), nodes[1], *end) });
        }
        let router = BuiltinRouter::new(city.build().unwrap().into());
        let expected = [
            (2, Turn::Straight),
            (3, Turn::SlightRight),
            (4, Turn::Right),
            (5, Turn::Left),
            (6, Turn::SharpRight),
        ];
        for (to, turn) in expected {
            let route = router.route_nodes(nodes[0], nodes[to]).unwrap();
            let steps = route.steps(router.network());
            let told: Vec<_> = steps.iter().map(|step| (step.turn, step.road.clone())).collect();
            let road = format!("Street {to}");
            let expected =
                [(Turn::Depart, "Street 0".into()), (turn, road.clone()), (Turn::Arrive, road)];
            assert_eq!(told, expected);
            assert_eq!(steps[1].node, Some(nodes[1]));
        }
    }

    #[test]
    fn a_road_that_bends_is_told_only_where_one_might_go_straight_on() {
        let steps = |has_other: bool| {
            let mut roads = NetworkBuilder::new("a bend");
            let nodes = [(0, 0), (1, 0), (1, 1), (2, 0)].map(|(north, east)| {
                let (lat, lon) = (26.0 + 1e-2 * f64::from(north), 91.0 + 1e-2 * f64::from(east));
                roads.add_node(Node::junction(format!("{north},{east}"), Position { lat, lon }))
            });
            let mut road = |from: usize, to: usize, name: &str| {
                let road = Segment::between(format!("{from}-{to}"), nodes[from], nodes[to]);
                roads.add_segment(Segment { name: Some(name.into()), ..road });
            };
            road(0, 1, "High Street");
            road(1, 2, "High Street");
            if has_other {
                road(1, 3, "Low Street");
            }
            let router = BuiltinRouter::new(roads.build().unwrap().into());
            let route = router.route_nodes(nodes[0], nodes[2]).unwrap();
            route.steps(router.network()).iter().map(|step| step.turn).collect::<Vec<_>>()
        };
        assert_eq!(steps(false), [Turn::Depart, Turn::Arrive]);
        assert_eq!(steps(true), [Turn::Depart, Turn::Right, Turn::Arrive]);
    }

    #[test]
    fn lengths_add_up_and_boats_are_boarded_and_left() {
        let router = BuiltinRouter::ne_india().with_ferries(Ferries::Allowed);
        let network = router.network();
        let node = |id: &str| network.node(id).unwrap();
        for (from, to) in [("guwahati", "tawang"), ("siliguri", "imphal"), ("tura", "dhubri")] {
            let route = router.route_nodes(node(from), node(to)).unwrap();
            let steps = route.steps(network);
            let sum_m: f64 = steps.iter().map(|step| step.length_m).sum();
            assert!((sum_m - route.length_m).abs() < 1e-6);
            assert!(steps.len() > route.legs(network, &[]).len(), "each leg begins with a step");
            let boats = |turn| steps.iter().filter(|step| step.turn == turn).count();
            let legs = route.legs(network, &[]);
            let ferries = legs.iter().filter(|leg| leg.ferry).count();
            let ends_on_one = legs.last().is_some_and(|leg| leg.ferry);
            assert_eq!(boats(Turn::Board), ferries);
            assert_eq!(
                boats(Turn::Land),
                ferries - usize::from(ends_on_one),
                "the end is no step off"
            );
        }
        let nowhere = router.route_nodes(node("tura"), node("tura")).unwrap().steps(network);
        assert_eq!(
            nowhere.iter().map(|s| s.turn).collect::<Vec<_>>(),
            [Turn::Depart, Turn::Arrive]
        );
    }
}
