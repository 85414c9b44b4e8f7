//! The least time from a place to every other: Dijkstra's algorithm on whole microseconds.
//!
//! Costs are integers and compared as (time, length), so the result depends neither on the order of
//! additions nor on the machine, and there and back take the same road. (E. W. Dijkstra, *A note on
//! two problems in connexion with graphs*, Numerische Mathematik 1, 1959.)

use std::{cmp::Reverse, collections::BinaryHeap, fmt, ops::Add};

use super::network::{Direction, NodeIx, Segment, SegmentIx};

/// Whether a way may cross water by boat. Plans of trucks leave ferries out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the line above")]
pub enum Ferries {
    Allowed,
    #[default]
    LeftOut,
}

impl fmt::Display for Ferries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allowed => "with ferries",
            Self::LeftOut => "without ferries",
        })
    }
}

/// What a way costs: time first, and of equal times the shorter way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cost {
    time_us: u64,
    /// Length in 1/1024 m, the grid of lengths.
    length_grid: u64,
}

impl Cost {
    /// Of `length_m` metres at `speed_kmh` (both positive and checked when the network was read).
    pub(crate) fn of(length_m: f64, speed_kmh: f64) -> Self {
        Self {
            time_us: whole(length_m * 3.6e6 / speed_kmh),
            length_grid: whole(length_m * 1_024.0),
        }
    }

    pub(crate) fn duration_s(self) -> f64 {
        self.time_us as f64 / 1e6
    }

    pub(crate) fn length_m(self) -> f64 {
        self.length_grid as f64 / 1_024.0
    }
}

#[expect(clippy::cast_sign_loss, reason = "lengths and speeds are positive; a cast saturates")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            time_us: self.time_us.saturating_add(other.time_us),
            length_grid: self.length_grid.saturating_add(other.length_grid),
        }
    }
}

/// A road as seen from one of its ends.
#[derive(Clone, Copy, Debug)]
struct Edge {
    to: NodeIx,
    segment: SegmentIx,
    cost: Cost,
    ferry: bool,
}

/// The roads by the node they leave, in one array: those of node `n` are
/// `edges[starts[n]..starts[n + 1]]`, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    starts: Vec<usize>,
    edges: Vec<Edge>,
}

impl Graph {
    pub(crate) fn new(nodes: usize, segments: &[Segment]) -> Self {
        let directed = || {
            (0..).map(SegmentIx).zip(segments).flat_map(|(ix, segment)| {
                let cost = Cost::of(segment.length_m, segment.truck_speed_kmh);
                let (from, to, ferry) = (segment.from, segment.to, segment.ferry);
                let there = (from, Edge { to, segment: ix, cost, ferry });
                let back = (to, Edge { to: from, segment: ix, cost, ferry });
                let is_open = segment.direction == Direction::Both;
                [Some(there), is_open.then_some(back)].into_iter().flatten()
            })
        };
        let mut starts = vec![0; nodes + 1];
        directed().for_each(|(from, _)| starts[from.index() + 1] += 1);
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let mut edges: Vec<_> = directed().map(|(_, edge)| edge).collect();
        let mut next = starts.clone();
        for (from, edge) in directed() {
            edges[next[from.index()]] = edge;
            next[from.index()] += 1;
        }
        Self { starts, edges }
    }

    fn leaving(&self, node: NodeIx) -> &[Edge] {
        &self.edges[self.starts[node.index()]..self.starts[node.index() + 1]]
    }

    fn nodes(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }
}

/// A node's best cost so far, and the road by which it was reached.
#[derive(Clone, Copy, Debug)]
struct Label {
    cost: Cost,
    by: Option<(NodeIx, SegmentIx)>,
}

/// Least costs from a start to the nodes of a graph, and the ways there.
#[derive(Debug)]
pub(crate) struct Costs(Vec<Option<Label>>);

impl Costs {
    /// To every node that can be reached from `start`.
    pub(crate) fn from_node(graph: &Graph, start: NodeIx, ferries: Ferries) -> Self {
        Self::from_any(graph, &[(start, Cost::default())], &[], ferries)
    }

    /// From the cheapest of `starts`, each with what it costs to get there first. Stops as soon as
    /// all `targets` are settled; with none it goes on to the end of the graph.
    pub(crate) fn from_any(
        graph: &Graph,
        starts: &[(NodeIx, Cost)],
        targets: &[NodeIx],
        ferries: Ferries,
    ) -> Self {
        let mut labels: Vec<Option<Label>> = vec![None; graph.nodes()];
        let mut settled = vec![false; graph.nodes()];
        let mut queue = BinaryHeap::with_capacity(graph.nodes());
        for &(node, cost) in starts {
            if labels[node.index()].is_none_or(|label| cost < label.cost) {
                labels[node.index()] = Some(Label { cost, by: None });
                queue.push(Reverse((cost, node)));
            }
        }
        while let Some(Reverse((cost, node))) = queue.pop() {
            if std::mem::replace(&mut settled[node.index()], true) {
                continue;
            }
            if !targets.is_empty() && targets.iter().all(|target| settled[target.index()]) {
                break;
            }
            for edge in graph.leaving(node) {
                if edge.ferry && ferries == Ferries::LeftOut {
                    continue;
                }
                let next = cost + edge.cost;
                let label = &mut labels[edge.to.index()];
                if label.is_none_or(|label| next < label.cost) {
                    *label = Some(Label { cost: next, by: Some((node, edge.segment)) });
                    queue.push(Reverse((next, edge.to)));
                }
            }
        }
        Self(labels)
    }

    /// What it costs to get to `node`; `None` if it cannot be reached.
    pub(crate) fn to(&self, node: NodeIx) -> Option<Cost> {
        self.0[node.index()].map(|label| label.cost)
    }

    /// The roads to a reached `node` in driving order, each with the node it is entered from; and
    /// the start they leave.
    pub(crate) fn way_to(&self, node: NodeIx) -> (NodeIx, Vec<(NodeIx, SegmentIx)>) {
        let (mut at, mut way) = (node, Vec::new());
        while let Some((from, segment)) = self.0[at.index()].and_then(|label| label.by) {
            way.push((from, segment));
            at = from;
        }
        way.reverse();
        (at, way)
    }
}
