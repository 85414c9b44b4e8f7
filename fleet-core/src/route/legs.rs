//! A route by the roads that make it: one leg as long as the road keeps its number or name.

use super::{
    RoadClass,
    network::{Network, NodeIx, Segment},
    path::{Piece, Route},
};

/// A part of a route on one road.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    /// The road: its number, else its name, else empty; `ferry` for a crossing by boat.
    pub road: String,
    /// The class of most of its metres.
    pub road_class: RoadClass,
    /// A crossing by boat.
    pub ferry: bool,
    /// Metres from the start of the route to where it begins.
    pub start_m: f64,
    /// Metres from the start of the route to where it ends.
    pub end_m: f64,
    /// The node where it begins, if it begins at one.
    pub from: Option<NodeIx>,
    /// The node where it ends, if it ends at one.
    pub to: Option<NodeIx>,
    /// Nodes that people have a name for, passed between its ends, with their metres from the start
    /// of the route.
    pub towns: Vec<(NodeIx, f64)>,
    /// All that it goes up, m.
    pub climb_m: f64,
    /// All that it goes down, m.
    pub descent_m: f64,
}

/// What a road is called: its number, else its name; empty if it has neither.
pub(super) fn label(segment: &Segment) -> &str {
    match segment {
        Segment { ferry: true, .. } => "ferry",
        Segment { highway, .. } if !highway.is_empty() => highway,
        Segment { name: Some(name), .. } => name,
        Segment { .. } => "",
    }
}

impl Route {
    /// The legs in driving order, cut also `at` these metres from the start (where a driver calls on
    /// the way). They join and add up to the route; a route of no length has none.
    ///
    /// ```
    /// use fleet_core::route::BuiltinRouter;
    /// let router = BuiltinRouter::ne_india();
    /// let node = |id| router.network().node(id).ok_or("no such place");
    /// let route = router.route_nodes(node("guwahati")?, node("shillong")?)?;
    /// let legs = route.legs(router.network(), &[]);
    /// let roads: Vec<&str> = legs.iter().map(|leg| &*leg.road).collect();
    /// assert_eq!(roads, ["GS Road", "NH27", "NH6"]);
    /// assert!(legs[2].climb_m > 900.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn legs(&self, network: &Network, at: &[f64]) -> Vec<Leg> {
        let road = |piece: &Piece| network.segments().get(piece.segment.index()).map_or("", label);
        let is_cut = |m: f64| at.iter().any(|cut_m| (cut_m - m).abs() < 1e-6);
        let same = |a: &Piece, b: &Piece| road(a) == road(b) && !is_cut(b.start_m);
        let pieces: Vec<_> = self.pieces.iter().collect();
        let parts = pieces.chunk_by(same);
        parts.filter_map(|part| self.leg(network, road(part.first()?), part)).collect()
    }

    fn leg(&self, network: &Network, road: &str, part: &[Piece]) -> Option<Leg> {
        let (first, last) = (part.first()?, part.last()?);
        let (start_m, end_m) = (first.start_m, last.end_m());
        let metres = |class: RoadClass| -> f64 {
            part.iter().filter(|piece| piece.road_class == class).map(|piece| piece.length_m).sum()
        };
        let longest = |a: &RoadClass, b: &RoadClass| metres(*a).total_cmp(&metres(*b));
        let road_class = RoadClass::ALL.into_iter().rev().max_by(longest)?;
        let rise = |piece: &Piece| piece.to_altitude_m - piece.from_altitude_m;
        let near = |m: f64| self.towns.iter().find(|(_, at_m)| (at_m - m).abs() < 1e-6);
        let is_named = |ix: NodeIx| !network.node_at(ix).name.is_empty();
        let passed = self
            .towns
            .iter()
            .filter(|(ix, at_m)| *at_m > start_m + 1e-6 && *at_m < end_m - 1e-6 && is_named(*ix));
        Some(Leg {
            road: road.to_owned(),
            road_class,
            ferry: first.ferry,
            start_m,
            end_m,
            from: near(start_m).map(|(ix, _)| *ix),
            to: near(end_m).map(|(ix, _)| *ix),
            towns: passed.copied().collect(),
            climb_m: part.iter().map(|piece| rise(piece).max(0.0)).sum(),
            descent_m: part.iter().map(|piece| (-rise(piece)).max(0.0)).sum(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::route::{BuiltinRouter, Ferries};

    #[test]
    fn legs_join_add_up_and_change_the_road() {
        let router = BuiltinRouter::ne_india().with_ferries(Ferries::Allowed);
        let network = router.network();
        let node = |id: &str| network.node(id).unwrap();
        for (from, to) in [("guwahati", "tawang"), ("siliguri", "imphal"), ("tura", "dhubri")] {
            let route = router.route_nodes(node(from), node(to)).unwrap();
            let legs = route.legs(network, &[]);
            assert_eq!((legs[0].from, legs[legs.len() - 1].to), (Some(node(from)), Some(node(to))));
            for pair in legs.windows(2) {
                assert!((pair[0].end_m - pair[1].start_m).abs() < 1e-9);
                assert_eq!(pair[0].to, pair[1].from);
                assert_ne!(pair[0].road, pair[1].road);
            }
            let sum_m: f64 = legs.iter().map(|leg| leg.end_m - leg.start_m).sum();
            assert!((sum_m - route.length_m).abs() < 1e-6);
            let net_m: f64 = legs.iter().map(|leg| leg.climb_m - leg.descent_m).sum();
            assert!((net_m - (route.to.altitude_m - route.from.altitude_m)).abs() < 1e-6);
            let passed: usize = legs.iter().map(|leg| leg.towns.len()).sum();
            assert_eq!(passed + legs.len() + 1, route.towns.len(), "every town once");
        }
    }

    #[test]
    fn a_boat_is_a_leg_of_its_own_and_a_call_cuts_one() {
        let router = BuiltinRouter::ne_india().with_ferries(Ferries::Allowed);
        let network = router.network();
        let node = |id: &str| network.node(id).unwrap();
        let route = router.route_nodes(node("tura"), node("dhubri")).unwrap();
        let legs = route.legs(network, &[]);
        let boats: Vec<_> = legs.iter().filter(|leg| leg.ferry).map(|leg| &*leg.road).collect();
        assert_eq!(boats, ["ferry"]);
        let at_m = 0.5 * (legs[0].start_m + legs[0].end_m);
        let joint_m = route.pieces.get(route.piece_at(at_m, 0)).unwrap().start_m;
        let cut = route.legs(network, &[joint_m]);
        assert_eq!((cut.len(), cut[0].road.clone()), (legs.len() + 1, cut[1].road.clone()));
        assert!((cut[0].end_m - joint_m).abs() < 1e-9);
        let nowhere = router.route_nodes(node("tura"), node("tura")).unwrap();
        assert!(nowhere.legs(network, &[0.0]).is_empty());
    }
}
