//! From places in a row to the way between them, and how sure it is.

use std::sync::Arc;

use super::{
    Break, Matching, Stretch, Tracepoint,
    lattice::{Lattice, on_one_road},
};
use crate::{
    domain::Fix,
    geo::flat_distance_m,
    route::reach::{Edge, OnEdge, Reach, ReachScratch},
};

/// The way along the likeliest places of a lattice, and where it ends.
pub(super) fn matchings(
    lattice: &Lattice,
    likeliest: &[(usize, usize, bool)],
    reach: &Arc<Reach>,
    trace: &[Fix],
    tracepoints: &mut [Tracepoint],
) -> (Vec<Matching>, Option<OnEdge>) {
    for column in &lattice.columns {
        tracepoints[column.fix] = Tracepoint::Outlier; // unless the way passes it
    }
    let posteriors = lattice.posteriors();
    let mut scratch = ReachScratch::default();
    let mut matchings: Vec<Matching> = Vec::new();
    let (mut before, mut end_place): (Option<usize>, _) = (None, None);
    let starts: Vec<usize> = (0..likeliest.len()).filter(|ix| likeliest[*ix].2).collect();
    for (number, start) in starts.iter().enumerate() {
        let end = starts.get(number + 1).copied().unwrap_or(likeliest.len());
        let part = &likeliest[*start..end];
        let first = lattice.columns[part[0].0].fix;
        let mut driven = Driven::new(reach, lattice.columns[part[0].0].places[part[0].1]);
        driven.see(lattice, part[0], posterior(lattice, &posteriors, part[0]));
        driven.mark(lattice, part[0], number, tracepoints);
        for step in part.windows(2) {
            driven.go(lattice, &mut scratch, trace, step[0], step[1]);
            driven.see(lattice, step[1], posterior(lattice, &posteriors, step[1]));
            driven.mark(lattice, step[1], number, tracepoints);
        }
        let last = lattice.columns[part[part.len() - 1].0].fix;
        let broken_by = before.map(|before| why(lattice, &trace[before], &trace[first]));
        let quality = (part.len() > 1).then(|| driven.quality(part.len(), last - first + 1));
        matchings.push(Matching {
            fixes: (first, last),
            length_m: driven.length_m,
            path: driven.stretches(),
            quality,
            broken_by,
        });
        before = Some(last);
        end_place = Some(
            driven.end(lattice.columns[part[part.len() - 1].0].places[part[part.len() - 1].1]),
        );
    }
    (matchings, end_place)
}

fn why(lattice: &Lattice, before: &Fix, after: &Fix) -> Break {
    let dt_s = after.seconds_since(before);
    let noise_m = 4.0 * lattice.settings.sigma_m;
    let fastest_m = lattice.settings.speed_max_kmh / 3.6 * dt_s + noise_m;
    if dt_s > lattice.settings.gap_max_s {
        Break::Silence
    } else if flat_distance_m(before.position, after.position) > fastest_m {
        Break::TooFast
    } else {
        Break::NoWay
    }
}

/// How likely the road of a place is, in whichever direction.
fn posterior(lattice: &Lattice, all: &[Vec<f64>], (column, place, _): (usize, usize, bool)) -> f64 {
    let places = &lattice.columns[column].places;
    let road = places[place].edge.segment();
    let same = places.iter().zip(&all[column]).filter(|(other, _)| other.edge.segment() == road);
    same.map(|(_, share)| share).sum::<f64>().min(1.0)
}

/// The way so far.
struct Driven<'a> {
    reach: &'a Reach,
    /// Parts of edges, in metres driven along each.
    parts: Vec<(Edge, f64, f64)>,
    length_m: f64,
    /// The last leg's length; posteriors by length; squares of what is off, in deviations.
    leg_m: f64,
    likely_m: f64,
    last_posterior: f64,
    off2: f64,
    detours: f64,
}

impl<'a> Driven<'a> {
    fn new(reach: &'a Reach, at: OnEdge) -> Self {
        Self {
            reach,
            parts: vec![(at.edge, at.at_m, at.at_m)],
            length_m: 0.0,
            leg_m: 0.0,
            likely_m: 0.0,
            last_posterior: 1.0,
            off2: 0.0,
            detours: 0.0,
        }
    }

    fn put(&mut self, edge: Edge, from_m: f64, to_m: f64) {
        let length_m = (to_m - from_m).max(0.0);
        self.length_m += length_m;
        self.leg_m += length_m;
        match self.parts.last_mut() {
            Some(last) if last.0 == edge && (last.2 - from_m).abs() < 1e-6 => {
                last.2 = to_m.max(from_m);
            }
            Some(_) | None => self.parts.push((edge, from_m, to_m.max(from_m))),
        }
    }

    /// Drives on from one place to the next. Noise that went back is not driven twice.
    fn go(
        &mut self,
        lattice: &Lattice,
        scratch: &mut ReachScratch,
        trace: &[Fix],
        from: (usize, usize, bool),
        to: (usize, usize, bool),
    ) {
        self.leg_m = 0.0;
        let (a, b) = (&lattice.columns[from.0], &lattice.columns[to.0]);
        let target = b.places[to.1];
        let &(edge, _, at_m) = self.parts.last().unwrap_or(&(target.edge, 0.0, target.at_m));
        let here = OnEdge { edge, at_m, ..a.places[from.1] };
        let straight_m = flat_distance_m(trace[a.fix].position, trace[b.fix].position);
        let beta_m = lattice.settings.beta_m
            + lattice.settings.beta_m_per_s * trace[b.fix].seconds_since(&trace[a.fix]);
        let noise_m = 4.0 * (a.sigma_m + b.sigma_m);
        let along = on_one_road(self.reach, &here, &target, noise_m);
        let bound_m = straight_m + 40.0 * beta_m + noise_m;
        let (lengths_m, edges) = self.reach.lengths(scratch, &here, &[target], bound_m, Some(0));
        let price = |way: (f64, f64)| (way.0 - straight_m).abs() / beta_m + way.1;
        let around = lengths_m[0].map(|length_m| (length_m, 0.0));
        let by_road = match (along, around) {
            (Some(along), Some(around)) => price(along) <= price(around),
            (along, _) => along.is_some(),
        };
        if by_road && here.edge == target.edge {
            self.put(edge, at_m, target.at_m);
        } else if by_road {
            let back_m = self.reach.length_m(edge) - at_m;
            let turned_m = target.at_m - back_m;
            if turned_m >= 0.0 {
                self.put(target.edge, back_m, target.at_m);
            } else {
                // Driven on a little, and turned there.
                self.put(edge, at_m, at_m - turned_m);
                self.put(target.edge, target.at_m, target.at_m);
            }
        } else {
            self.put(edge, at_m, self.reach.length_m(edge));
            edges.into_iter().for_each(|edge| self.put(edge, 0.0, self.reach.length_m(edge)));
            self.put(target.edge, 0.0, target.at_m);
        }
        self.detours += (self.leg_m - straight_m).abs() / beta_m;
    }

    fn see(&mut self, lattice: &Lattice, at: (usize, usize, bool), posterior: f64) {
        let column = &lattice.columns[at.0];
        let off = column.places[at.1].distance_m / column.sigma_m;
        self.off2 += off * off;
        self.likely_m += self.leg_m * posterior.min(self.last_posterior);
        self.last_posterior = posterior;
    }

    fn mark(
        &self,
        lattice: &Lattice,
        (column, place, _): (usize, usize, bool),
        matching: usize,
        tracepoints: &mut [Tracepoint],
    ) {
        let column = &lattice.columns[column];
        let OnEdge { edge, at_m, position, distance_m, .. } = column.places[place];
        let at_m = if edge.is_forward() { at_m } else { self.reach.length_m(edge) - at_m };
        tracepoints[column.fix] = Tracepoint::Matched {
            matching,
            segment: edge.segment(),
            at_m,
            position,
            distance_m,
            along_m: self.length_m,
        };
    }

    /// Where it ends, by the last place: noise may have gone back a little from there.
    fn end(&self, place: OnEdge) -> OnEdge {
        match self.parts.last() {
            Some(&(edge, _, at_m)) if edge == place.edge => OnEdge { at_m, ..place },
            _ => place,
        }
    }

    /// The likely share of the length; less if fixes lie farther off than they should (the squares of
    /// normal deviations average 1), ways are longer than they should be (exponential ones average
    /// 1), or fixes had to be left out.
    fn quality(&self, kept: usize, of: usize) -> f64 {
        let likely =
            if self.length_m > 0.0 { self.likely_m / self.length_m } else { self.last_posterior };
        let near = (2.0 * kept as f64 / self.off2.max(1e-9)).min(1.0);
        let direct = (3.0 * kept as f64 / self.detours.max(1e-9)).min(1.0);
        let used = kept as f64 / of as f64;
        (likely * near * direct * used).clamp(0.0, 1.0)
    }

    fn stretches(&self) -> Vec<Stretch> {
        let driven = self.parts.iter().filter(|(_, from_m, to_m)| to_m > from_m);
        let stretch = |&(edge, from_m, to_m): &(Edge, f64, f64)| {
            let length_m = self.reach.length_m(edge);
            let segment = edge.segment();
            if edge.is_forward() {
                Stretch { segment, from_m, to_m }
            } else {
                Stretch { segment, from_m: length_m - from_m, to_m: length_m - to_m }
            }
        };
        driven.map(stretch).collect()
    }
}
