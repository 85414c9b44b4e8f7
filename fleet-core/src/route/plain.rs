//! Dijkstra's algorithm: the least cost from some states to others, exactly and without preparation.
//!
//! Costs are integers and compared as (time, length), so the result depends neither on the order of
//! additions nor on the machine, and there and back take the same road. It answers what the
//! hierarchy cannot: costs that depend on the truck or the hour, searches that end at a bound, and
//! the rare ways that turn back where they must not. (E. W. Dijkstra, *A note on two problems in
//! connexion with graphs*, Numerische Mathematik 1, 1959.)

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    graph::{Cost, EdgeIx, Ferries, Graph},
    network::NodeIx,
    turns::Expansion,
};

/// A state's best cost so far, and how it was reached.
#[derive(Clone, Copy, Debug)]
struct Label {
    cost: Cost,
    by: By,
    settled: bool,
}

#[derive(Clone, Copy, Debug)]
enum By {
    /// It is the start of this number.
    Start(u32),
    Edge {
        from: u32,
        edge: EdgeIx,
    },
}

/// A way that was found: from which of the starts, by which edges, to which of the targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) start: usize,
    pub(crate) edges: Vec<EdgeIx>,
    pub(crate) target: usize,
}

/// Memory of a search that is used again: what is older than `turn` does not count.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    labels: Vec<(u32, Label)>,
    turn: u32,
    queue: BinaryHeap<Reverse<(Cost, u32)>>,
}

impl Scratch {
    fn begin(&mut self, states: usize) {
        self.queue.clear();
        let by = By::Start(0);
        let none = (0, Label { cost: Cost::default(), by, settled: false });
        if self.labels.len() != states || self.turn == u32::MAX {
            self.labels.clear();
            self.labels.resize(states, none);
            self.turn = 0;
        }
        self.turn += 1;
    }

    fn label(&self, state: u32) -> Option<&Label> {
        let (turn, label) = &self.labels[state as usize];
        (*turn == self.turn).then_some(label)
    }

    /// Keeps a cost if it is the least so far.
    fn offer(&mut self, state: u32, cost: Cost, by: By) {
        if self.label(state).is_none_or(|label| cost < label.cost) {
            self.labels[state as usize] = (self.turn, Label { cost, by, settled: false });
            self.queue.push(Reverse((cost, state)));
        }
    }

    /// The next state in order of cost, now settled.
    fn settle(&mut self) -> Option<(Cost, u32)> {
        while let Some(Reverse((cost, state))) = self.queue.pop() {
            let (_, label) = &mut self.labels[state as usize];
            if !std::mem::replace(&mut label.settled, true) {
                return Some((cost, state));
            }
        }
        None
    }
}

/// A graph as a search sees it: which edges are open, what they cost, where one may turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a, W> {
    pub(crate) graph: &'a Graph,
    pub(crate) expansion: &'a Expansion,
    pub(crate) ferries: Ferries,
    /// The cost of an open edge that is entered at a cost; `None` bars it. It must never pay to
    /// enter later.
    pub(crate) weigh: W,
}

impl<W: Fn(EdgeIx, Cost) -> Option<Cost>> View<'_, W> {
    /// Settles states in order of cost, until `is_enough` says so of one.
    pub(crate) fn spread(
        &self,
        scratch: &mut Scratch,
        starts: &[(u32, Cost)],
        mut is_enough: impl FnMut(u32, Cost) -> bool,
    ) {
        scratch.begin(self.expansion.states(self.graph));
        for (ix, (state, cost)) in (0..).zip(starts) {
            scratch.offer(*state, *cost, By::Start(ix));
        }
        while let Some((cost, state)) = scratch.settle() {
            if is_enough(state, cost) {
                break;
            }
            for edge in self.expansion.exits(self.graph, state, self.ferries) {
                let Some(more) = (self.weigh)(edge, cost) else { continue };
                let next = self.expansion.after(self.graph, edge);
                scratch.offer(next, cost + more, By::Edge { from: state, edge });
            }
        }
    }

    /// The cheapest way from one of `starts` to one of `targets`, each with what it costs besides.
    pub(crate) fn cheapest(
        &self,
        scratch: &mut Scratch,
        starts: &[(u32, Cost)],
        targets: &[(u32, Cost)],
    ) -> Option<(Cost, Found)> {
        let mut best: Option<(Cost, usize)> = None;
        self.spread(scratch, starts, |state, cost| {
            for (ix, (target, more)) in targets.iter().enumerate() {
                if *target == state && best.is_none_or(|(best, _)| cost + *more < best) {
                    best = Some((cost + *more, ix));
                }
            }
            best.is_some_and(|(best, _)| cost >= best)
        });
        let (cost, target) = best?;
        let (start, edges) = scratch.way_to(targets[target].0);
        Some((cost, Found { start, edges, target }))
    }
}

impl Scratch {
    /// The start of the way to a state that was reached, and the edges of it.
    pub(crate) fn way_to(&self, state: u32) -> (usize, Vec<EdgeIx>) {
        let (mut at, mut edges) = (state, Vec::new());
        loop {
            match self.label(at).map(|label| label.by) {
                Some(By::Edge { from, edge }) => {
                    edges.push(edge);
                    at = from;
                }
                Some(By::Start(start)) => {
                    edges.reverse();
                    return (start as usize, edges);
                }
                None => return (0, Vec::new()),
            }
        }
    }
}

/// Least costs from one node to every node, turns respected.
#[derive(Debug)]
pub(crate) struct Costs(Vec<Option<Cost>>);

impl Costs {
    pub(crate) fn from_node(graph: &Graph, start: NodeIx, ferries: Ferries) -> Self {
        let expansion = Expansion::exact(graph);
        let weigh = |edge, _| Some(graph.cost(edge));
        let view = View { graph, expansion: &expansion, ferries, weigh };
        let starts: Vec<_> = match expansion.whole(start) {
            Some(state) => vec![(state, Cost::default())],
            None => graph
                .leaving(start, ferries)
                .map(|edge| (expansion.after(graph, edge), graph.cost(edge)))
                .collect(),
        };
        let mut costs: Vec<Option<Cost>> = vec![None; graph.nodes()];
        costs[start.index()] = Some(Cost::default());
        view.spread(&mut Scratch::default(), &starts, |state, cost| {
            let node = expansion.came_by(state).map_or(NodeIx(state), |edge| graph.head(edge));
            costs[node.index()].get_or_insert(cost);
            false
        });
        Self(costs)
    }

    /// What it costs to get to `node`; `None` if it cannot be reached.
    pub(crate) fn to(&self, node: NodeIx) -> Option<Cost> {
        self.0[node.index()]
    }
}
