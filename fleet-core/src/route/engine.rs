//! Finds ways: by the hierarchy, and exactly where its answer will not do.

use std::sync::{Mutex, OnceLock, PoisonError};

use super::{
    ends::{Door, Doors, End, Span},
    graph::{Cost, EdgeIx, Ferries},
    hierarchy::Hierarchy,
    network::Network,
    plain::{Found, Scratch, View},
    size::VehicleSize,
    turns::Expansion,
};

/// What searches of one network share. It holds nothing that is not made anew when needed.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    /// Without ferries, and with.
    hierarchies: [OnceLock<Hierarchy>; 2],
    /// Memory of searches that are over.
    idle: Mutex<Vec<Scratch>>,
}

/// The spans of a way in driving order, and what they cost together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Way {
    pub(crate) cost: Cost,
    pub(crate) spans: Vec<Span>,
}

/// A network as one kind of question sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finder<'a> {
    pub(crate) network: &'a Network,
    pub(crate) engine: &'a Engine,
    pub(crate) ferries: Ferries,
    pub(crate) vehicle: VehicleSize,
}

impl Engine {
    /// The hierarchy, contracted at the first call.
    pub(crate) fn hierarchy(&self, network: &Network, ferries: Ferries) -> &Hierarchy {
        let slot = &self.hierarchies[usize::from(ferries == Ferries::Allowed)];
        slot.get_or_init(|| Hierarchy::new(&network.graph, ferries))
    }

    pub(crate) fn is_prepared(&self, ferries: Ferries) -> bool {
        self.hierarchies[usize::from(ferries == Ferries::Allowed)].get().is_some()
    }

    /// Takes a hierarchy of its network, unless it has one.
    pub(crate) fn put(&self, ferries: Ferries, hierarchy: Hierarchy) {
        self.hierarchies[usize::from(ferries == Ferries::Allowed)].get_or_init(|| hierarchy);
    }

    /// Lends memory to a search.
    pub(crate) fn with_scratch<T>(&self, search: impl FnOnce(&mut Scratch) -> T) -> T {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = idle().pop().unwrap_or_default();
        let found = search(&mut scratch);
        idle().push(scratch);
        found
    }
}

impl Finder<'_> {
    /// The cheapest way; `None` if there is none.
    pub(crate) fn way(&self, start: End, target: End) -> Option<Way> {
        if let (End::Node(start), End::Node(target)) = (start, target)
            && start == target
        {
            return Some(Way { cost: Cost::default(), spans: Vec::new() });
        }
        let around = self.prepared_way(start, target);
        let straight = self.doors(&Expansion::Nodes).straight(start, target);
        match (around, straight) {
            (Some(around), Some(span)) if around.cost < span.cost(self.network) => Some(around),
            (_, Some(span)) => Some(Way { cost: span.cost(self.network), spans: vec![span] }),
            (around, None) => around,
        }
    }

    pub(super) fn doors<'b>(&'b self, expansion: &'b Expansion) -> Doors<'b> {
        Doors { network: self.network, expansion, ferries: self.ferries, vehicle: self.vehicle }
    }

    fn prepared_way(&self, start: End, target: End) -> Option<Way> {
        let hierarchy = self.engine.hierarchy(self.network, self.ferries);
        let doors = self.doors(hierarchy.expansion());
        let (exits, entries) = (doors.exits(start), doors.entries(target));
        if !exits.iter().chain(&entries).all(|door| hierarchy.knows(door.state)) {
            return self.exact_way(start, target);
        }
        let graph = &self.network.graph;
        let found = hierarchy.cheapest(graph, &ends(&exits), &ends(&entries))?;
        let way = self.joined(&exits, &found, &entries);
        let edges: Vec<_> = way.spans.iter().map(Span::edge).collect();
        let fits = || way.spans.iter().all(|span| !self.network.bars(span.segment, &self.vehicle));
        if (graph.turns.is_empty() || graph.may_drive(&edges, self.ferries)) && fits() {
            return Some(way);
        }
        self.exact_way(start, target)
    }

    /// What an edge costs, if the vehicle fits on it.
    pub(super) fn fitting_cost(&self, edge: EdgeIx) -> Option<Cost> {
        let fits = !self.network.bars(edge.segment(), &self.vehicle);
        fits.then(|| self.network.graph.cost(edge))
    }

    /// The same by Dijkstra's algorithm: slow, and right whatever the rules.
    pub(crate) fn exact_way(&self, start: End, target: End) -> Option<Way> {
        let graph = &self.network.graph;
        let expansion = Expansion::exact(graph);
        let doors = self.doors(&expansion);
        let (exits, entries) = (doors.exits(start), doors.entries(target));
        let weigh = |edge: EdgeIx, _| self.fitting_cost(edge);
        let view = View { graph, expansion: &expansion, ferries: self.ferries, weigh };
        let (_, found) = self
            .engine
            .with_scratch(|scratch| view.cheapest(scratch, &ends(&exits), &ends(&entries)))?;
        Some(self.joined(&exits, &found, &entries))
    }

    /// The lengths of the shortest ways from one place to others, metres; `None` for those that are
    /// farther than `max_m`, or cannot be reached.
    pub(crate) fn distances(&self, start: End, targets: &[End], max_m: f64) -> Vec<Option<f64>> {
        let max = Cost::of(max_m.clamp(0.0, 1e8), 3.6).by_length();
        let costs = self.costs(start, targets, Some(max), Cost::by_length);
        let lengths_m = costs.into_iter().map(|cost| cost.map(|cost| cost.by_length().length_m()));
        lengths_m.map(|length_m| length_m.filter(|length_m| *length_m <= max_m)).collect()
    }

    /// What the ways from one place to others cost that are cheapest as `measure` has it; `None` for
    /// those that cannot be reached. What costs more than `max` may be too dear, or `None`.
    pub(crate) fn costs(
        &self,
        start: End,
        targets: &[End],
        max: Option<Cost>,
        measure: fn(Cost) -> Cost,
    ) -> Vec<Option<Cost>> {
        let graph = &self.network.graph;
        let expansion = Expansion::exact(graph);
        let doors = self.doors(&expansion);
        let straight = |target: &End| match (start, target) {
            (End::Node(start), End::Node(target)) if start == *target => Some(Cost::default()),
            _ => Some(measure(doors.straight(start, *target)?.cost(self.network))),
        };
        let mut best: Vec<Option<Cost>> = targets.iter().map(straight).collect();
        let mut entries = Vec::with_capacity(targets.len());
        for (ix, target) in targets.iter().enumerate() {
            let doors = doors.entries(*target).into_iter();
            entries.extend(doors.map(|door| (door.state, measure(door.cost), ix)));
        }
        entries.sort_unstable();
        let exits = doors.exits(start).into_iter();
        let exits: Vec<_> = exits.map(|door| (door.state, measure(door.cost))).collect();
        let weigh = |edge: EdgeIx, _| self.fitting_cost(edge).map(measure);
        let view = View { graph, expansion: &expansion, ferries: self.ferries, weigh };
        // The dearest of all targets, once all were reached: then nothing gets cheaper beyond.
        let dearest = |best: &[Option<Cost>]| {
            best.iter()
                .try_fold(Cost::default(), |dearest, best| best.map(|best| dearest.max(best)))
        };
        let mut last = dearest(&best);
        self.engine.with_scratch(|scratch| {
            view.spread(scratch, &exits, |state, cost| {
                let from = entries.partition_point(|(entry, ..)| *entry < state);
                let here = entries[from..].iter().take_while(|(entry, ..)| *entry == state);
                let mut is_target = false;
                for (_, more, ix) in here {
                    let total = cost + *more;
                    best[*ix] = Some(best[*ix].map_or(total, |best| best.min(total)));
                    is_target = true;
                }
                if is_target {
                    last = dearest(&best);
                }
                max.is_some_and(|max| cost > max) || last.is_some_and(|last| cost >= last)
            });
        });
        best
    }

    pub(super) fn joined(&self, exits: &[Door], found: &Found, entries: &[Door]) -> Way {
        let (first, last) = (&exits[found.start], &entries[found.target]);
        let graph = &self.network.graph;
        let middle: Cost = found.edges.iter().map(|edge| graph.cost(*edge)).sum();
        let whole = found.edges.iter().map(|edge| Span::whole(self.network, *edge));
        let spans = first.span.into_iter().chain(whole).chain(last.span);
        let spans = spans.filter(|span| span.length_m() > 0.0).collect();
        Way { cost: first.cost + middle + last.cost, spans }
    }
}

pub(super) fn ends(doors: &[Door]) -> Vec<(u32, Cost)> {
    doors.iter().map(|door| (door.state, door.cost)).collect()
}
