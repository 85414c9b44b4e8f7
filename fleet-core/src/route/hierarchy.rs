//! Contraction hierarchies: a graph prepared once, so that a way across it takes microseconds.
//!
//! Nodes are ordered by importance and shortcuts laid over the unimportant ones; a search then only
//! climbs, from both ends, and meets at the top. (R. Geisberger et al., *Contraction Hierarchies:
//! Faster and Simpler Hierarchical Routing in Road Networks*, WEA 2008; crate `fast_paths`.)
//!
//! The crate's weights are single numbers. Ours hold the time in microseconds above and the length
//! below, with a microsecond worth some 262 km: ways of equal time are decided by length, to within
//! a quarter of a metre an edge.

use std::{
    panic::resume_unwind,
    sync::{Mutex, PoisonError},
};

use fast_paths::{FastGraph, InputGraph, PathCalculator};
use serde::{Deserialize, Serialize};

use super::{
    graph::{Cost, EdgeIx, Ferries, Graph},
    network::NodeIx,
    plain::Found,
    turns::Expansion,
};

/// Bits of a weight that hold the length, if the times leave as many.
const LENGTH_BITS: u32 = 20;

/// A prepared graph, with or without ferries.
pub(crate) struct Hierarchy {
    expansion: Expansion,
    ferries: Ferries,
    prepared: Prepared,
    /// Memory of searches that are over, one for each thread that ever searched at once.
    idle: Mutex<Vec<PathCalculator>>,
}

/// What takes the time, and what a file keeps.
#[derive(Serialize, Deserialize)]
pub(crate) struct Prepared {
    length_bits: u32,
    fast: FastGraph,
}

impl Hierarchy {
    /// Contracts a graph: about 16 s for a million edges, a millisecond for a few hundred.
    pub(crate) fn new(graph: &Graph, ferries: Ferries) -> Self {
        let expansion = Expansion::around_rules(graph, ferries);
        let length_bits = length_bits(graph);
        let contract = || contracted(graph, &expansion, ferries, length_bits);
        // A thread's small allocations lie apart from those of the network, so that their memory goes
        // back to the system afterwards: 100 MB for a million edges.
        let fast = std::thread::scope(|scope| {
            match std::thread::Builder::new().spawn_scoped(scope, contract) {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => contract(),
            }
        });
        Self {
            expansion,
            ferries,
            prepared: Prepared { length_bits, fast },
            idle: Mutex::default(),
        }
    }

    /// Of what was prepared before; `None` if that was another graph.
    pub(crate) fn of_prepared(graph: &Graph, ferries: Ferries, prepared: Prepared) -> Option<Self> {
        let expansion = Expansion::around_rules(graph, ferries);
        let fits = prepared.length_bits == length_bits(graph)
            && prepared.fast.get_num_nodes() <= expansion.states(graph);
        fits.then(|| Self { expansion, ferries, prepared, idle: Mutex::default() })
    }

    pub(crate) fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    pub(crate) fn expansion(&self) -> &Expansion {
        &self.expansion
    }

    /// The cheapest way from one of `starts` to one of `targets`, each with what it costs besides.
    /// It may turn back where that is forbidden, but breaks no other rule. `None` if there is no
    /// way; ask only for states that it [`knows`](Self::knows).
    pub(crate) fn cheapest(
        &self,
        graph: &Graph,
        starts: &[(u32, Cost)],
        targets: &[(u32, Cost)],
    ) -> Option<Found> {
        let Prepared { length_bits, fast } = &self.prepared;
        let weighed = |states: &[(u32, Cost)]| -> Vec<(usize, usize)> {
            states
                .iter()
                .map(|(state, cost)| (*state as usize, weight(*cost, *length_bits)))
                .collect()
        };
        let (from, to) = (weighed(starts), weighed(targets));
        if from.is_empty() || to.is_empty() {
            return None;
        }
        let mut calculator = self.take();
        let path = calculator.calc_path_multiple_sources_and_targets(fast, from, to);
        self.give_back(calculator);
        let path = path?;
        let states = path.get_nodes();
        let edges = states.windows(2).map(|step| self.edge(graph, step[0], step[1]));
        let edges = edges.collect::<Option<_>>()?;
        let of = |ends: &[(u32, Cost)], state: Option<&usize>| {
            let here = ends.iter().enumerate().filter(|(_, end)| Some(&(end.0 as usize)) == state);
            here.min_by_key(|(_, end)| end.1).map(|(ix, _)| ix)
        };
        Some(Found {
            start: of(starts, states.first())?,
            edges,
            target: of(targets, states.last())?,
        })
    }

    /// Whether a state was prepared: the last ones were not if no road leads anywhere from there.
    pub(crate) fn knows(&self, state: u32) -> bool {
        (state as usize) < self.prepared.fast.get_num_nodes()
    }

    /// The cheapest edge from a state to another.
    fn edge(&self, graph: &Graph, from: usize, to: usize) -> Option<EdgeIx> {
        let exits = self.expansion.exits(graph, u32::try_from(from).ok()?, self.ferries);
        exits
            .filter(|edge| self.expansion.after(graph, *edge) as usize == to)
            .min_by_key(|edge| (weight(graph.cost(*edge), self.prepared.length_bits), *edge))
    }

    fn take(&self) -> PathCalculator {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| PathCalculator::new(self.prepared.fast.get_num_nodes()))
    }

    fn give_back(&self, calculator: PathCalculator) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(calculator);
    }
}

fn contracted(
    graph: &Graph,
    expansion: &Expansion,
    ferries: Ferries,
    length_bits: u32,
) -> FastGraph {
    let mut input = InputGraph::new();
    for state in 0..u32::try_from(expansion.states(graph)).unwrap_or(u32::MAX) {
        let is_used =
            expansion.came_by(state).is_some() || expansion.whole(NodeIx(state)).is_some();
        for edge in is_used.then(|| expansion.exits(graph, state, ferries)).into_iter().flatten() {
            let next = expansion.after(graph, edge);
            if next != state {
                // The crate leaves out edges that cost nothing.
                let weight = weight(graph.cost(edge), length_bits).max(1);
                input.add_edge(state as usize, next as usize, weight);
            }
        }
    }
    input.freeze();
    fast_paths::prepare(&input)
}

/// How many bits the times of a graph leave for lengths, when the longest way is at most as long as
/// all edges together.
fn length_bits(graph: &Graph) -> u32 {
    let all = (0..graph.edges()).step_by(2).filter_map(|edge| u32::try_from(edge).ok());
    let all: Cost = all.map(|edge| graph.cost(EdgeIx(edge))).sum();
    (usize::BITS - 3).saturating_sub(all.time_us.max(1).ilog2() + 1).min(LENGTH_BITS)
}

/// Time in whole microseconds above, length below.
fn weight(cost: Cost, length_bits: u32) -> usize {
    let weight = (u128::from(cost.time_us) << length_bits)
        + (u128::from(cost.length_grid) >> (8 + LENGTH_BITS - length_bits));
    usize::try_from(weight).unwrap_or(usize::MAX >> 8)
}

impl std::fmt::Debug for Hierarchy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fast = &self.prepared.fast;
        f.debug_struct("Hierarchy")
            .field("ferries", &self.ferries)
            .field("states", &fast.get_num_nodes())
            .field("edges", &(fast.get_num_out_edges() + fast.get_num_in_edges()))
            .finish_non_exhaustive()
    }
}
