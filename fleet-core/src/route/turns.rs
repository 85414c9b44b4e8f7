//! Forbidden turns, and the graph that knows by which road one came.
//!
//! Where a turn is forbidden it matters how one arrived. A search then walks not from node to node
//! but between *states*: a node, or a node reached by one certain edge. [`Expansion`] says which
//! nodes are split so: none, where no turn is forbidden (no shortest way turns back then); all, for
//! exact searches; or, for the hierarchy, those with rules and their neighbours, which is small.
//! The last allows more than the rules do (turning back at nodes that are not split), so its answer
//! is never dearer than the right one: if its way breaks no rule it *is* the right one.

use std::collections::HashMap;

use super::{
    graph::{EdgeIx, Ferries, Graph},
    network::{NodeIx, TurnRestriction, TurnRule},
};

/// The turns that are forbidden, whatever else is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    /// Sorted.
    forbidden: Vec<(EdgeIx, EdgeIx)>,
}

impl Turns {
    /// An `only` rule for a turn that no open edge can take is void, as in OSRM.
    pub(super) fn new(graph: &Graph, restrictions: &[TurnRestriction]) -> Self {
        let mut forbidden = Vec::new();
        for rule in restrictions {
            let leaving = graph.incident(rule.via);
            let into = |exit: &EdgeIx| exit.segment() == rule.to;
            let is_open = |exit: &EdgeIx| graph.is_open(*exit, Ferries::Allowed);
            let exits: Vec<_> = match rule.rule {
                TurnRule::No => leaving.iter().filter(|exit| into(exit)).copied().collect(),
                TurnRule::Only if leaving.iter().any(|exit| into(exit) && is_open(exit)) => {
                    leaving.iter().filter(|exit| !into(exit)).copied().collect()
                }
                TurnRule::Only => Vec::new(),
            };
            let arriving = leaving.iter().map(|edge| edge.reversed());
            for from in arriving.filter(|edge| edge.segment() == rule.from) {
                forbidden.extend(exits.iter().map(|exit| (from, *exit)));
            }
        }
        forbidden.sort_unstable();
        forbidden.dedup();
        Self { forbidden }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.forbidden.is_empty()
    }

    pub(super) fn is_forbidden(&self, from: EdgeIx, to: EdgeIx) -> bool {
        !self.forbidden.is_empty() && self.forbidden.binary_search(&(from, to)).is_ok()
    }
}

/// Which nodes are split by the edge that reached them.
#[derive(Clone, Debug)]
pub(crate) enum Expansion {
    /// None: state `n` is node `n`.
    Nodes,
    /// All: state `e` is the head of edge `e`.
    Edges,
    /// Some: the states after those of the nodes are theirs.
    Around(Split),
}

/// Nodes that are split; the state that was theirs is not used.
#[derive(Clone, Debug, Default)]
pub(crate) struct Split {
    nodes: u32,
    /// The edge that each state after the nodes' was reached by.
    reached_by: Vec<EdgeIx>,
    state_after: HashMap<EdgeIx, u32>,
    /// Where the states of a split node start in `reached_by`, and how many there are.
    states_at: HashMap<NodeIx, (u32, u32)>,
}

impl Expansion {
    /// What an exact search needs.
    pub(crate) fn exact(graph: &Graph) -> Self {
        if graph.turns.is_empty() { Self::Nodes } else { Self::Edges }
    }

    /// The nodes with rules and their neighbours.
    pub(crate) fn around_rules(graph: &Graph, ferries: Ferries) -> Self {
        if graph.turns.is_empty() {
            return Self::Nodes;
        }
        let ruled = graph.turns.forbidden.iter().map(|(from, _)| graph.head(*from));
        let mut split: Vec<_> = ruled
            .flat_map(|node| {
                let edges = graph.incident(node).iter();
                edges.map(|edge| graph.head(*edge)).chain([node])
            })
            .collect();
        split.sort_unstable();
        split.dedup();
        let nodes = u32::try_from(graph.nodes()).unwrap_or(u32::MAX); // no more, checked when read
        let mut around = Split { nodes, ..Split::default() };
        for node in split {
            let first = nodes + around.len();
            for edge in graph.arriving(node, ferries) {
                around.state_after.insert(edge, nodes + around.len());
                around.reached_by.push(edge);
            }
            around.states_at.insert(node, (first, nodes + around.len() - first));
        }
        Self::Around(around)
    }

    pub(crate) fn states(&self, graph: &Graph) -> usize {
        match self {
            Self::Nodes => graph.nodes(),
            Self::Edges => graph.edges(),
            Self::Around(split) => (split.nodes + split.len()) as usize,
        }
    }

    /// The state in which an edge leaves one.
    pub(crate) fn after(&self, graph: &Graph, edge: EdgeIx) -> u32 {
        match self {
            Self::Nodes => graph.head(edge).0,
            Self::Edges => edge.0,
            Self::Around(split) => {
                split.state_after.get(&edge).copied().unwrap_or_else(|| graph.head(edge).0)
            }
        }
    }

    /// The state of a node that is not split, where one may set off as one likes.
    pub(crate) fn whole(&self, node: NodeIx) -> Option<u32> {
        match self {
            Self::Nodes => Some(node.0),
            Self::Edges => None,
            Self::Around(split) => (!split.states_at.contains_key(&node)).then_some(node.0),
        }
    }

    /// The states in which one is at a node, each with the edge one came by if that is known.
    pub(crate) fn at(
        &self,
        graph: &Graph,
        node: NodeIx,
        ferries: Ferries,
    ) -> Vec<(u32, Option<EdgeIx>)> {
        match (self, self.whole(node)) {
            (_, Some(state)) => vec![(state, None)],
            (Self::Around(split), None) => {
                let (first, count) = split.states_at.get(&node).copied().unwrap_or_default();
                (first..first + count).map(|state| (state, self.came_by(state))).collect()
            }
            (Self::Nodes | Self::Edges, None) => {
                graph.arriving(node, ferries).map(|edge| (edge.0, Some(edge))).collect()
            }
        }
    }

    /// The edge by which one came into a state, if that is known.
    pub(crate) fn came_by(&self, state: u32) -> Option<EdgeIx> {
        match self {
            Self::Nodes => None,
            Self::Edges => Some(EdgeIx(state)),
            Self::Around(split) => {
                let place = state.checked_sub(split.nodes)?;
                split.reached_by.get(place as usize).copied()
            }
        }
    }

    /// The open edges by which one may go on from a state.
    pub(crate) fn exits<'a>(
        &self,
        graph: &'a Graph,
        state: u32,
        ferries: Ferries,
    ) -> impl Iterator<Item = EdgeIx> + 'a {
        let came_by = self.came_by(state);
        let node = came_by.map_or(NodeIx(state), |edge| graph.head(edge));
        graph
            .leaving(node, ferries)
            .filter(move |exit| came_by.is_none_or(|from| graph.may_turn(from, *exit, ferries)))
    }
}

impl Split {
    fn len(&self) -> u32 {
        u32::try_from(self.reached_by.len()).unwrap_or(u32::MAX) // at most as many as edges
    }
}
