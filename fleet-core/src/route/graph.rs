//! The graph of a network: which roads meet where, what each costs, and how one may turn.

use std::{fmt, ops::Add};

use super::{
    network::{Direction, Network, NodeIx, Segment, SegmentIx},
    turns::Turns,
};

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

/// What a way costs: time first, and of equal times the shorter way. Whole numbers, so that sums
/// depend neither on their order nor on the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cost {
    pub(crate) time_us: u64,
    /// Length in 1/1024 m, the grid of lengths.
    pub(crate) length_grid: u64,
}

impl Cost {
    /// Of `length_m` metres at `speed_kmh` (both positive and checked when the network was read).
    pub(crate) fn of(length_m: f64, speed_kmh: f64) -> Self {
        Self {
            time_us: whole(length_m * 3.6e6 / speed_kmh),
            length_grid: whole(length_m * 1_024.0),
        }
    }

    /// The same with length first, for searches of the shortest way.
    pub(crate) fn by_length(self) -> Self {
        Self { time_us: self.length_grid, length_grid: self.time_us }
    }

    /// So many times the cost, rounded.
    pub(crate) fn times(self, factor: f64) -> Self {
        let times = |number: u64| whole(number as f64 * factor);
        Self { time_us: times(self.time_us), length_grid: times(self.length_grid) }
    }

    /// What is left of it without `part`, at least nothing.
    pub(crate) fn minus(self, part: Self) -> Self {
        Self {
            time_us: self.time_us.saturating_sub(part.time_us),
            length_grid: self.length_grid.saturating_sub(part.length_grid),
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

impl std::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}

/// A segment as it is driven: twice its place in the list, and one more if backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct EdgeIx(pub(crate) u32);

impl EdgeIx {
    pub(crate) const fn forward(segment: SegmentIx) -> Self {
        Self(segment.0 << 1)
    }

    pub(crate) const fn segment(self) -> SegmentIx {
        SegmentIx(self.0 >> 1)
    }

    pub(crate) const fn is_forward(self) -> bool {
        self.0 & 1 == 0
    }

    /// The same road driven the other way, whether that is allowed or not.
    pub(crate) const fn reversed(self) -> Self {
        Self(self.0 ^ 1)
    }
}

/// What a search asks of a segment, close together in memory.
#[derive(Clone, Copy, Debug)]
struct Road {
    ends: [NodeIx; 2],
    cost: Cost,
    one_way: bool,
    ferry: bool,
}

/// Roads by the node where they end, in one array: those of node `n` are
/// `incident[starts[n]..starts[n + 1]]`, each as it leaves the node, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    starts: Vec<u32>,
    incident: Vec<EdgeIx>,
    roads: Vec<Road>,
    pub(super) turns: Turns,
}

impl Graph {
    /// Of a network whose indices are checked.
    pub(crate) fn new(network: &Network) -> Self {
        let nodes = network.nodes().len();
        let roads: Vec<_> = network.segments().iter().map(Road::new).collect();
        let edges = || (0..).map(EdgeIx).zip(roads.iter().flat_map(|road| road.ends));
        let mut starts = vec![0; nodes + 1];
        edges().for_each(|(_, tail)| starts[tail.index() + 1] += 1);
        for node in 0..nodes {
            starts[node + 1] += starts[node];
        }
        let mut incident = vec![EdgeIx(0); 2 * roads.len()];
        let mut next = starts.clone();
        for (edge, tail) in edges() {
            incident[next[tail.index()] as usize] = edge;
            next[tail.index()] += 1;
        }
        let mut graph = Self { starts, incident, roads, turns: Turns::default() };
        graph.turns = Turns::new(&graph, network.restrictions());
        graph
    }

    pub(crate) fn nodes(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// How many edges there are, open or not.
    pub(crate) fn edges(&self) -> usize {
        2 * self.roads.len()
    }

    pub(crate) fn tail(&self, edge: EdgeIx) -> NodeIx {
        self.roads[edge.segment().index()].ends[usize::from(!edge.is_forward())]
    }

    pub(crate) fn head(&self, edge: EdgeIx) -> NodeIx {
        self.tail(edge.reversed())
    }

    /// What a loaded truck needs for it in free flow.
    pub(crate) fn cost(&self, edge: EdgeIx) -> Cost {
        self.roads[edge.segment().index()].cost
    }

    /// Whether it may be driven.
    pub(crate) fn is_open(&self, edge: EdgeIx, ferries: Ferries) -> bool {
        let road = &self.roads[edge.segment().index()];
        (edge.is_forward() || !road.one_way) && (ferries == Ferries::Allowed || !road.ferry)
    }

    /// The edges that leave a node and may be driven.
    pub(crate) fn leaving(
        &self,
        node: NodeIx,
        ferries: Ferries,
    ) -> impl Iterator<Item = EdgeIx> + Clone + '_ {
        let edges = self.incident(node).iter().copied();
        edges.filter(move |edge| self.is_open(*edge, ferries))
    }

    /// The edges that reach a node and may be driven.
    pub(crate) fn arriving(
        &self,
        node: NodeIx,
        ferries: Ferries,
    ) -> impl Iterator<Item = EdgeIx> + Clone + '_ {
        let edges = self.incident(node).iter().map(|edge| edge.reversed());
        edges.filter(move |edge| self.is_open(*edge, ferries))
    }

    /// Every road that ends at a node, as it leaves it.
    pub(super) fn incident(&self, node: NodeIx) -> &[EdgeIx] {
        let [start, end] = [0, 1].map(|after| self.starts[node.index() + after] as usize);
        &self.incident[start..end]
    }

    /// Whether one who came by `from` may leave by `to`; both meet at one node and are open.
    ///
    /// Turning back is for dead ends, as in OSRM: where there is no other exit, or where at most
    /// one road is open both ways (`isTurnAllowed` in its `intersection_analysis.cpp`).
    pub(crate) fn may_turn(&self, from: EdgeIx, to: EdgeIx, ferries: Ferries) -> bool {
        if self.turns.is_forbidden(from, to) {
            return false;
        }
        if to != from.reversed() {
            return true;
        }
        let node = self.head(from);
        let exits = self.leaving(node, ferries);
        if exits.filter(|exit| !self.turns.is_forbidden(from, *exit)).count() == 1 {
            return true;
        }
        let both_ways = |edge: &EdgeIx| self.is_open(edge.reversed(), ferries);
        self.leaving(node, ferries).filter(both_ways).count() <= 1
    }

    /// Whether every turn of a way is allowed.
    pub(crate) fn may_drive(&self, way: &[EdgeIx], ferries: Ferries) -> bool {
        way.windows(2).all(|turn| self.may_turn(turn[0], turn[1], ferries))
    }
}

impl Road {
    fn new(segment: &Segment) -> Self {
        Self {
            ends: [segment.from, segment.to],
            cost: Cost::of(segment.length_m, segment.truck_speed_kmh),
            one_way: segment.direction == Direction::ForwardOnly,
            ferry: segment.ferry,
        }
    }
}
