//! Where a route starts and ends: at a node, or somewhere on a road.

use super::{
    graph::{Cost, EdgeIx, Ferries, Graph},
    network::{Network, NodeIx, SegmentIx},
    size::VehicleSize,
    snap::RoadPoint,
    turns::Expansion,
};

/// A part of a road as it is driven: from `from_m` to `to_m`, backwards if they fall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) segment: SegmentIx,
    pub(crate) from_m: f64,
    pub(crate) to_m: f64,
}

impl Span {
    /// The whole of an edge.
    pub(crate) fn whole(network: &Network, edge: EdgeIx) -> Self {
        let segment = edge.segment();
        let length_m = network.segments()[segment.index()].length_m;
        let (from_m, to_m) = if edge.is_forward() { (0.0, length_m) } else { (length_m, 0.0) };
        Self { segment, from_m, to_m }
    }

    /// The edge that it is a part of.
    pub(crate) fn edge(&self) -> EdgeIx {
        let forward = EdgeIx::forward(self.segment);
        if self.from_m <= self.to_m { forward } else { forward.reversed() }
    }

    pub(crate) fn length_m(&self) -> f64 {
        (self.to_m - self.from_m).abs()
    }

    /// In free flow.
    pub(crate) fn cost(&self, network: &Network) -> Cost {
        Cost::of(self.length_m(), network.segments()[self.segment.index()].truck_speed_kmh)
    }
}

/// An end of a route before the way is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Node(NodeIx),
    Road(RoadPoint),
}

impl End {
    /// A place on a road; where it is the road's end, the node there.
    pub(crate) fn of(network: &Network, at: RoadPoint) -> Self {
        let segment = &network.segments()[at.segment.index()];
        if at.at_m <= 0.0 {
            Self::Node(segment.from)
        } else if at.at_m >= segment.length_m {
            Self::Node(segment.to)
        } else {
            Self::Road(at)
        }
    }
}

/// An end, and how far it lies from where it was asked for, metres.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapped {
    pub(crate) end: End,
    pub(crate) snapped_m: f64,
}

/// A state by which a place is left or reached, with what is driven between the two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    pub(crate) state: u32,
    pub(crate) cost: Cost,
    pub(crate) span: Option<Span>,
}

/// Makes the doors of ends, as one search sees the graph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doors<'a> {
    pub(crate) network: &'a Network,
    pub(crate) expansion: &'a Expansion,
    pub(crate) ferries: Ferries,
    pub(crate) vehicle: VehicleSize,
}

impl Doors<'_> {
    fn graph(&self) -> &Graph {
        &self.network.graph
    }

    /// By which an end is left.
    pub(crate) fn exits(&self, end: End) -> Vec<Door> {
        match end {
            End::Node(node) => match self.expansion.whole(node) {
                Some(state) => vec![Door { state, cost: Cost::default(), span: None }],
                None => {
                    let edges = self.graph().leaving(node, self.ferries);
                    let spans = edges.map(|edge| Span::whole(self.network, edge));
                    let open = spans.filter(|span| self.is_open(span));
                    open.map(|span| self.leaving(span)).collect()
                }
            },
            End::Road(place) => {
                let length_m = self.network.segments()[place.segment.index()].length_m;
                let to_ends = [length_m, 0.0].into_iter();
                let spans =
                    to_ends.map(|to_m| Span { segment: place.segment, from_m: place.at_m, to_m });
                spans.filter(|span| self.is_open(span)).map(|span| self.leaving(span)).collect()
            }
        }
    }

    fn is_open(&self, span: &Span) -> bool {
        self.graph().is_open(span.edge(), self.ferries)
            && !self.network.bars(span.segment, &self.vehicle)
    }

    fn leaving(&self, span: Span) -> Door {
        let state = self.expansion.after(self.graph(), span.edge());
        Door { state, cost: span.cost(self.network), span: Some(span) }
    }

    /// By which an end is reached.
    pub(crate) fn entries(&self, end: End) -> Vec<Door> {
        match end {
            End::Node(node) => {
                let states = self.expansion.at(self.graph(), node, self.ferries).into_iter();
                let cost = Cost::default();
                states.map(|(state, _)| Door { state, cost, span: None }).collect()
            }
            End::Road(place) => {
                self.entry_spans(place).flat_map(|span| self.reaching(span)).collect()
            }
        }
    }

    /// From the ends of the road that may be entered there, to a place on it.
    fn entry_spans(&self, place: RoadPoint) -> impl Iterator<Item = Span> {
        let length_m = self.network.segments()[place.segment.index()].length_m;
        let from_ends = [0.0, length_m].into_iter();
        let spans =
            from_ends.map(move |from_m| Span { segment: place.segment, from_m, to_m: place.at_m });
        spans.filter(|span| self.is_open(span))
    }

    fn reaching(&self, span: Span) -> Vec<Door> {
        let (graph, edge) = (self.graph(), span.edge());
        let states = self.expansion.at(graph, graph.tail(edge), self.ferries).into_iter();
        let may = |came_by: Option<EdgeIx>| {
            came_by.is_none_or(|from| graph.may_turn(from, edge, self.ferries))
        };
        let cost = span.cost(self.network);
        states
            .filter(|(_, came_by)| may(*came_by))
            .map(|(state, _)| Door { state, cost, span: Some(span) })
            .collect()
    }

    /// Along one road and past no node, where that is possible.
    pub(crate) fn straight(&self, start: End, target: End) -> Option<Span> {
        let spans: Vec<_> = match (start, target) {
            (End::Road(start), End::Road(target)) if start.segment == target.segment => {
                vec![Span { segment: start.segment, from_m: start.at_m, to_m: target.at_m }]
            }
            (End::Node(node), End::Road(target)) => {
                let from_here = |span: &Span| self.graph().tail(span.edge()) == node;
                self.entry_spans(target).filter(from_here).collect()
            }
            _ => return None,
        };
        let open = spans.into_iter().filter(|span| self.is_open(span));
        open.min_by_key(|span| span.cost(self.network))
    }
}
