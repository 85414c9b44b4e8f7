//! The trellis of places and ways, and its likeliest path.
//!
//! A column holds the places of one fix. It is linked to the column before, and past up to three
//! fixes that are left out; or it begins anew, at a price, when no link will do. Only differences of
//! logarithms count, so constant factors are left out.

use super::{Settings, Tracepoint};
use crate::{
    domain::Fix,
    geo::flat_distance_m,
    route::reach::{OnEdge, Reach, ReachScratch},
};

/// Price of leaving out a fix: one that is four deviations off costs as much.
const LEFT_OUT: f64 = 8.0;
/// Price of beginning anew.
const BROKEN: f64 = 25.0;
/// Price of turning back on the road.
const TURNED: f64 = 5.0;
/// Fixes that are left out in a row.
const SKIP_MAX: usize = 3;
/// Deviation of a heading, degrees; it counts from this speed on, km/h.
const HEADING: (f64, f64) = (40.0, 10.0);
/// Farther than this no road is looked for, metres.
const RADIUS_MAX_M: f64 = 400.0;

/// How a place follows on another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// The column it comes from, counted backwards from 1.
    pub(super) back: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) log_p: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Its place in the trace.
    pub(super) fix: usize,
    pub(super) sigma_m: f64,
    pub(super) places: Vec<OnEdge>,
    pub(super) emitted: Vec<f64>,
    pub(super) links: Vec<Link>,
}

/// The best path to a place so far, and the place before it: column and place.
type Best = (f64, Option<(usize, usize)>);

#[derive(Debug)]
pub(super) struct Lattice {
    pub(super) columns: Vec<Column>,
    /// By column and place.
    best: Vec<Vec<Best>>,
    pub(super) settings: Settings,
}

impl Lattice {
    /// Of a trace whose first fix is at `pin`, where that is known already.
    pub(super) fn new(
        reach: &Reach,
        settings: &Settings,
        trace: &[Fix],
        pin: Option<OnEdge>,
        tracepoints: &mut [Tracepoint],
    ) -> Self {
        let mut lattice = Self { columns: Vec::new(), best: Vec::new(), settings: *settings };
        let mut scratch = ReachScratch::default();
        for (ix, fix) in trace.iter().enumerate() {
            if ix > 0 && trace[ix - 1].key.at == fix.key.at {
                tracepoints[ix] = Tracepoint::Repeated;
                continue;
            }
            let sigma_m = settings.sigma_of(fix.accuracy_m);
            let radius_m = (4.0 * sigma_m).clamp(50.0, RADIUS_MAX_M);
            let places = match pin.filter(|_| ix == 0) {
                Some(place) => vec![place],
                None => reach.near(fix.position, radius_m, settings.roads_max),
            };
            if places.is_empty() {
                continue;
            }
            let emitted = places.iter().map(|place| emission(fix, place, sigma_m)).collect();
            lattice.columns.push(Column { fix: ix, sigma_m, places, emitted, links: Vec::new() });
            lattice.link(reach, &mut scratch, trace);
        }
        lattice
    }

    /// Links the newest column to those before, and carries the best paths on.
    fn link(&mut self, reach: &Reach, scratch: &mut ReachScratch, trace: &[Fix]) {
        let newest = self.columns.len() - 1;
        let count = self.columns[newest].places.len();
        let before = newest.checked_sub(1).map(|column| self.peak(column));
        let anew = before.map_or(0.0, |(score, _)| score - BROKEN);
        let mut best = vec![(anew, None); count];
        let mut links = Vec::new();
        for back in 1..=SKIP_MAX + 1 {
            let Some(column) = newest.checked_sub(back) else { break };
            let price = LEFT_OUT * (back - 1) as f64;
            let so_far = best.iter().map(|(score, _)| *score).fold(f64::NEG_INFINITY, f64::max);
            // Leaving fixes out can only pay where going through them has cost as much.
            if back > 1 && so_far > self.peak(column).0 - price {
                break;
            }
            let from_here = links.len();
            self.ways(reach, scratch, trace, (column, newest), &mut links);
            for link in &mut links[from_here..] {
                link.log_p -= price;
                let score = self.best[column][link.from].0 + link.log_p;
                if score > best[link.to].0 {
                    best[link.to] = (score, Some((column, link.from)));
                }
            }
        }
        let column = &mut self.columns[newest];
        column.links = links;
        for ((score, _), emitted) in best.iter_mut().zip(&column.emitted) {
            *score += emitted;
        }
        self.best.push(best);
    }

    fn peak(&self, column: usize) -> (f64, usize) {
        let scores = self.best[column].iter().enumerate().map(|(ix, (score, _))| (*score, ix));
        scores.fold((f64::NEG_INFINITY, 0), |a, b| if b.0 > a.0 { b } else { a })
    }

    /// All ways between the places of two columns that a truck could have come.
    fn ways(
        &self,
        reach: &Reach,
        scratch: &mut ReachScratch,
        trace: &[Fix],
        (old, new): (usize, usize),
        links: &mut Vec<Link>,
    ) {
        let (a, b) = (&self.columns[old], &self.columns[new]);
        let (fix_a, fix_b) = (&trace[a.fix], &trace[b.fix]);
        let dt_s = fix_b.seconds_since(fix_a);
        if dt_s > self.settings.gap_max_s {
            return;
        }
        let straight_m = flat_distance_m(fix_a.position, fix_b.position);
        let noise_m = 2.0 * (a.sigma_m + b.sigma_m);
        let beta_m = self.settings.beta_m + self.settings.beta_m_per_s * dt_s;
        let fastest_m = self.settings.speed_max_kmh / 3.6 * dt_s + noise_m;
        if straight_m > fastest_m {
            return;
        }
        let bound_m = fastest_m.min(straight_m + 30.0 * beta_m + noise_m);
        for (from, place) in a.places.iter().enumerate() {
            let (lengths_m, _) = reach.lengths(scratch, place, &b.places, bound_m, None);
            for (to, target) in b.places.iter().enumerate() {
                let on_road = on_one_road(reach, place, target, noise_m)
                    .filter(|(length_m, _)| *length_m <= bound_m);
                let around = lengths_m[to].map(|length_m| (length_m, 0.0));
                let price = |way: &(f64, f64)| (way.0 - straight_m).abs() / beta_m + way.1;
                let ways = [on_road, around].into_iter().flatten().map(|way| price(&way));
                if let Some(price) = ways.min_by(f64::total_cmp) {
                    links.push(Link { back: new - old, from, to, log_p: -price });
                }
            }
        }
    }

    /// The likeliest places in order of time: column, place, and whether it begins anew.
    pub(super) fn likeliest(&self) -> Vec<(usize, usize, bool)> {
        let mut path = Vec::new();
        let Some(last) = self.columns.len().checked_sub(1) else { return path };
        let mut at = Some((last, self.peak(last).1));
        while let Some((column, place)) = at {
            let before = self.best[column][place].1;
            path.push((column, place, before.is_none()));
            at = before
                .or_else(|| column.checked_sub(1).map(|column| (column, self.peak(column).1)));
        }
        path.reverse();
        path
    }

    /// How likely each place of each column is, given the whole trace: the forward-backward algorithm
    /// (L. R. Rabiner, *A Tutorial on Hidden Markov Models*, Proc. IEEE 77, 1989).
    pub(super) fn posteriors(&self) -> Vec<Vec<f64>> {
        let count = self.columns.len();
        let mut ahead: Vec<Vec<f64>> = Vec::with_capacity(count);
        for (ix, column) in self.columns.iter().enumerate() {
            let anew = ix.checked_sub(1).map_or(0.0, |before| log_sum(&ahead[before]) - BROKEN);
            let mut sums = vec![anew; column.places.len()];
            for link in &column.links {
                let came = ahead[ix - link.back][link.from] + link.log_p;
                sums[link.to] = log_add(sums[link.to], came);
            }
            sums.iter_mut().zip(&column.emitted).for_each(|(sum, emitted)| *sum += emitted);
            ahead.push(sums);
        }
        let mut behind: Vec<Vec<f64>> =
            self.columns.iter().map(|c| vec![f64::NEG_INFINITY; c.places.len()]).collect();
        for ix in (0..count).rev() {
            let column = &self.columns[ix];
            if ix == count - 1 {
                behind[ix].fill(0.0);
            }
            let onward: Vec<f64> =
                behind[ix].iter().zip(&column.emitted).map(|(b, emitted)| b + emitted).collect();
            for link in &column.links {
                let slot = &mut behind[ix - link.back][link.from];
                *slot = log_add(*slot, onward[link.to] + link.log_p);
            }
            if let Some(before) = ix.checked_sub(1) {
                let anew = log_sum(&onward) - BROKEN;
                behind[before].iter_mut().for_each(|slot| *slot = log_add(*slot, anew));
            }
        }
        let share = |(ahead, behind): (&Vec<f64>, &Vec<f64>)| {
            let both: Vec<f64> = ahead.iter().zip(behind).map(|(a, b)| a + b).collect();
            let all = log_sum(&both);
            both.into_iter().map(|log_p| libm::exp(log_p - all)).collect()
        };
        ahead.iter().zip(&behind).map(share).collect()
    }
}

fn emission(fix: &Fix, place: &OnEdge, sigma_m: f64) -> f64 {
    let off = place.distance_m / sigma_m;
    let moves = fix.speed_kmh.is_none_or(|speed| speed >= HEADING.1);
    let turn = fix.heading_deg.filter(|_| moves).map_or(0.0, |heading| {
        let turn = (heading - place.heading_deg).rem_euclid(360.0);
        turn.min(360.0 - turn) / HEADING.0
    });
    // A heading is a hint, not a proof: receivers turn late.
    -0.5 * (off * off + (turn * turn).min(9.0))
}

/// The way along one road, with what it costs besides: on in the same direction, a little back by
/// noise, or turned back.
pub(super) fn on_one_road(
    reach: &Reach,
    from: &OnEdge,
    to: &OnEdge,
    noise_m: f64,
) -> Option<(f64, f64)> {
    if from.edge == to.edge {
        let ahead_m = to.at_m - from.at_m;
        return (ahead_m >= -noise_m).then(|| (ahead_m.max(0.0), 0.0));
    }
    if from.edge.segment() != to.edge.segment() {
        return None;
    }
    let at_m = reach.length_m(to.edge) - to.at_m;
    Some(((at_m - from.at_m).abs(), TURNED))
}

fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if high == f64::NEG_INFINITY || low - high < -40.0 {
        return high;
    }
    high + libm::log1p(libm::exp(low - high))
}

fn log_sum(logs: &[f64]) -> f64 {
    logs.iter().copied().fold(f64::NEG_INFINITY, log_add)
}
