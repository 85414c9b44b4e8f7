//! The line of a route, without a copy of the roads it follows.

use std::{fmt, ops::Range, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::path::Piece;

/// The pieces of a route in driving order, made when they are asked for.
///
/// A route follows few roads and has thousands of pieces, so it holds the roads, which the network
/// shares with it, and the part of each that is driven: some 60 bytes a road instead of 144 a piece.
/// It reads like a slice, except that a piece comes by value.
///
/// ```
/// use fleet_core::route::BuiltinRouter;
/// let router = BuiltinRouter::ne_india();
/// let node = |id| router.network().node(id).ok_or("no such place");
/// let route = router.route_nodes(node("guwahati")?, node("shillong")?)?;
/// let climb_m: f64 =
///     route.pieces.iter().map(|piece| (piece.to_altitude_m - piece.from_altitude_m).max(0.0)).sum();
/// assert!(climb_m > 1_400.0);
/// let half_way = route.pieces.partition_point(|piece| piece.start_m < 50_000.0);
/// assert!(route.pieces.get(half_way).is_some_and(|piece| piece.start_m >= 50_000.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Pieces {
    runs: Vec<Run>,
}

/// A part of a road, driven in one direction: never empty.
#[derive(Clone, Debug)]
struct Run {
    /// The whole road from one end, with distances from there.
    road: Arc<[Piece]>,
    /// The pieces that are touched.
    touched: Range<u32>,
    /// Driven from the road's other end.
    is_back: bool,
    /// Where it is entered and left, metres in driving direction from the end of the road.
    driven_m: (f64, f64),
    /// Metres from the start of the route to that end of the road; may be below 0.
    base_m: f64,
    /// Pieces of the runs before.
    before: u32,
}

impl Run {
    fn len(&self) -> usize {
        self.touched.len()
    }

    fn end(&self) -> usize {
        self.before as usize + self.len()
    }

    /// The piece of the road that is driven as number `ix` of the route, which must be of this run.
    fn of_road(&self, ix: usize) -> &Piece {
        let nth = ix - self.before as usize;
        let (low, high) = (self.touched.start as usize, self.touched.end as usize);
        &self.road[if self.is_back { high - 1 - nth } else { low + nth }]
    }

    fn road_m(&self) -> f64 {
        self.road.last().map_or(0.0, Piece::end_m)
    }

    // Forecasts go over whole routes, and a piece is large to hand on: a fleet ticks 5 % faster so.
    #[inline(always)]
    fn piece(&self, ix: usize) -> Piece {
        let mut piece = self.of_road(ix).clone();
        if self.is_back {
            piece.reverse(self.road_m());
        }
        // Only the outermost pieces can reach beyond the run; lengths lie on a grid, so that it is
        // all one whether a piece is cut or moved first.
        if ix == self.before as usize || ix + 1 == self.end() {
            piece.cut(self.driven_m.0, self.driven_m.1);
        }
        piece.start_m += self.base_m;
        piece
    }

    /// `start_m` of that piece.
    fn start_m(&self, ix: usize) -> f64 {
        let piece = self.of_road(ix);
        let start_m = if self.is_back { self.road_m() - piece.end_m() } else { piece.start_m };
        start_m.max(self.driven_m.0) + self.base_m
    }
}

impl Pieces {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.runs.last().map_or(0, Run::end)
    }

    /// Whether there is none: the route has length 0.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The piece with this number, from 0.
    pub fn get(&self, ix: usize) -> Option<Piece> {
        self.run(ix).map(|run| run.piece(ix))
    }

    /// The piece at the start.
    pub fn first(&self) -> Option<Piece> {
        self.get(0)
    }

    /// The piece at the end.
    pub fn last(&self) -> Option<Piece> {
        self.get(self.len().checked_sub(1)?)
    }

    /// All pieces in driving order.
    pub fn iter(&self) -> PiecesIter<'_> {
        self.iter_from(0)
    }

    /// The pieces from this number on.
    pub fn iter_from(&self, first: usize) -> PiecesIter<'_> {
        let end = self.len();
        PiecesIter { runs: &self.runs, left: first.min(end)..end }
    }

    /// How many pieces at the start are as asked for, if all that are stand before all that are not.
    pub fn partition_point(&self, mut is_before: impl FnMut(&Piece) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle) {
                Some(piece) if is_before(&piece) => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    /// The piece that lies at `s_m`, looked for forward from `hint`: see
    /// [`Route::piece_at`](super::Route::piece_at).
    pub(super) fn at(&self, s_m: f64, hint: usize) -> usize {
        let last = self.len().saturating_sub(1);
        let mut ix = hint.min(last);
        let Some(mut run) = self.run(ix) else { return 0 };
        if s_m < run.start_m(ix) {
            return self.partition_point(|piece| piece.start_m <= s_m).saturating_sub(1);
        }
        while ix < last {
            if ix + 1 == run.end() {
                let Some(next) = self.run(ix + 1) else { break };
                run = next;
            }
            if s_m < run.start_m(ix + 1) {
                break;
            }
            ix += 1;
        }
        ix
    }

    fn run(&self, ix: usize) -> Option<&Run> {
        self.runs.get(self.runs.partition_point(|run| run.end() <= ix))
    }

    /// Appends the part of `road` between two places, in metres from its start, driven from the first
    /// to the second, at `at_m` metres of the route; nothing if they are one place.
    pub(super) fn drive(&mut self, road: &Arc<[Piece]>, (from_m, to_m): (f64, f64), at_m: f64) {
        let (low_m, high_m) = (from_m.min(to_m), from_m.max(to_m));
        let low = road.partition_point(|piece| piece.end_m() <= low_m);
        let high = road.partition_point(|piece| piece.start_m < high_m);
        let is_back = from_m > to_m;
        let length_m = road.last().map_or(0.0, Piece::end_m);
        let driven = |m: f64| if is_back { length_m - m } else { m };
        let driven_m = (driven(from_m), driven(to_m));
        self.append(Run {
            road: Arc::clone(road),
            touched: ix(low)..ix(high),
            is_back,
            driven_m,
            base_m: at_m - driven_m.0,
            before: 0,
        });
    }

    /// Appends the pieces of another route, which begins at `at_m` metres of this one.
    pub(super) fn extend(&mut self, other: &Self, at_m: f64) {
        self.runs.reserve(other.runs.len());
        for run in &other.runs {
            self.append(Run { base_m: run.base_m + at_m, ..run.clone() });
        }
    }

    fn append(&mut self, run: Run) {
        if !run.touched.is_empty() {
            let before = ix(self.len());
            self.runs.push(Run { before, ..run });
        }
    }
}

/// Routes have fewer pieces: 2³² of them are farther than the moon even at a decimetre each.
fn ix(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The pieces of a route, one after the other: see [`Pieces::iter`].
#[derive(Clone, Debug)]
pub struct PiecesIter<'a> {
    /// Those that what is left lies on, and perhaps some before and after.
    runs: &'a [Run],
    left: Range<usize>,
}

impl Iterator for PiecesIter<'_> {
    type Item = Piece;

    #[inline(always)]
    fn next(&mut self) -> Option<Piece> {
        let ix = self.left.next()?;
        while let [run, rest @ ..] = self.runs {
            if ix < run.end() {
                return Some(run.piece(ix));
            }
            self.runs = rest;
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl DoubleEndedIterator for PiecesIter<'_> {
    fn next_back(&mut self) -> Option<Piece> {
        let ix = self.left.next_back()?;
        while let [rest @ .., run] = self.runs {
            if ix >= run.before as usize {
                return Some(run.piece(ix));
            }
            self.runs = rest;
        }
        None
    }
}

impl ExactSizeIterator for PiecesIter<'_> {}

impl<'a> IntoIterator for &'a Pieces {
    type Item = Piece;
    type IntoIter = PiecesIter<'a>;

    fn into_iter(self) -> PiecesIter<'a> {
        self.iter()
    }
}

impl From<Vec<Piece>> for Pieces {
    /// Pieces that follow no road of a network, as they are.
    fn from(pieces: Vec<Piece>) -> Self {
        let mut all = Self::default();
        all.append(Run {
            touched: 0..ix(pieces.len()),
            road: pieces.into(),
            is_back: false,
            driven_m: (f64::NEG_INFINITY, f64::INFINITY),
            base_m: 0.0,
            before: 0,
        });
        all
    }
}

impl FromIterator<Piece> for Pieces {
    fn from_iter<I: IntoIterator<Item = Piece>>(pieces: I) -> Self {
        pieces.into_iter().collect::<Vec<_>>().into()
    }
}

impl PartialEq for Pieces {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Pieces {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Pieces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        geo::Position,
        route::{BuiltinRouter, Network, Route},
    };

    /// The part of a road piece by piece, each made the plain way: turned, moved, cut.
    fn copied(road: &[Piece], (from_m, to_m): (f64, f64), at_m: f64) -> Vec<Piece> {
        let length_m = road.last().unwrap().end_m();
        let is_back = from_m > to_m;
        let mut turned = road.to_vec();
        if is_back {
            turned.reverse();
            turned.iter_mut().for_each(|piece| piece.reverse(length_m));
        }
        let enter_m = if is_back { length_m - from_m } else { from_m };
        let base_m = at_m - enter_m;
        let (first_m, last_m) = (at_m, at_m + (to_m - from_m).abs());
        let moved = turned.into_iter().map(|p| Piece { start_m: p.start_m + base_m, ..p });
        let touched = moved.filter(|piece| piece.end_m() > first_m && piece.start_m < last_m);
        let mut touched: Vec<Piece> = touched.collect();
        touched.iter_mut().for_each(|piece| piece.cut(first_m, last_m));
        touched
    }

    fn route(from: (f64, f64), to: (f64, f64)) -> Arc<Route> {
        let router = BuiltinRouter::ne_india().with_snap_max_m(1e6);
        let place = |(lat, lon)| Position { lat, lon };
        router.route_between(place(from), place(to)).unwrap()
    }

    fn place() -> impl Strategy<Value = (f64, f64)> {
        (23.5..28.0, 88.5..96.0)
    }

    proptest! {
        #[test]
        fn a_part_of_a_road_is_what_copying_makes_of_it(
            segment in 0_usize..246, ends in (0.0..=1.0, 0.0..=1.0), at in 0_u32..2_000_000,
        ) {
            let network = Network::ne_india();
            let ix = network.segment_indices().nth(segment).unwrap();
            let road = &network.shape(ix).pieces;
            let length_m = road.last().unwrap().end_m();
            let on_grid = |share: f64| (share * length_m * 1_024.0).floor() / 1_024.0;
            let span = (on_grid(ends.0), on_grid(ends.1));
            prop_assume!(span.0.to_bits() != span.1.to_bits());
            let at_m = f64::from(at) / 1_024.0;
            let mut driven = Pieces::default();
            driven.drive(road, span, at_m);
            let expected = copied(road, span, at_m);
            prop_assert_eq!(driven.iter().collect::<Vec<_>>(), &expected[..]);
            let runs = &driven.runs[0];
            for (ix, piece) in expected.iter().enumerate() {
                prop_assert_eq!(runs.start_m(ix).to_bits(), piece.start_m.to_bits());
            }
        }

        #[test]
        fn they_read_as_a_list_does(from in place(), to in place(), percent in 0_usize..120) {
            let pieces = &route(from, to).pieces;
            let list: Vec<Piece> = pieces.iter().collect();
            let ix = list.len() * percent / 100;
            prop_assert_eq!(pieces.len(), list.len());
            prop_assert_eq!(pieces.is_empty(), list.is_empty());
            prop_assert_eq!(pieces.get(ix), list.get(ix).cloned());
            prop_assert_eq!(pieces.first(), list.first().cloned());
            prop_assert_eq!(pieces.last(), list.last().cloned());
            let rest = pieces.iter_from(ix);
            prop_assert_eq!(rest.len(), list.len().saturating_sub(ix));
            prop_assert!(rest.eq(list.iter().skip(ix).cloned()));
            prop_assert!(pieces.iter().rev().eq(list.iter().rev().cloned()));
            let (mut both, mut ends) = (pieces.iter(), list.iter());
            while let Some(first) = both.next() {
                prop_assert_eq!(Some(&first), ends.next());
                prop_assert_eq!(both.next_back(), ends.next_back().cloned());
            }
            let at_m = 0.01 * percent as f64 * list.last().map_or(0.0, Piece::end_m);
            let is_before = |piece: &Piece| piece.end_m() <= at_m;
            prop_assert_eq!(pieces.partition_point(is_before), list.partition_point(is_before));
        }

        #[test]
        fn a_list_and_text_give_the_same_pieces(from in place(), to in place()) {
            let pieces = &route(from, to).pieces;
            prop_assert_eq!(&pieces.iter().collect::<Pieces>(), pieces);
            let text = serde_json::to_string(pieces).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Pieces>(&text).unwrap(), pieces);
        }
    }

    #[test]
    fn a_route_holds_its_roads_not_copies_of_them() {
        let network = Network::ne_india();
        let tawang = route((26.14, 91.74), (27.58, 91.86));
        assert!(tawang.pieces.len() > 1_000);
        for run in &tawang.pieces.runs {
            let road = &network.shape(run.road[0].segment).pieces;
            assert!(Arc::ptr_eq(&run.road, road));
        }
        assert!(size_of::<Run>() <= 64, "{}", size_of::<Run>());
    }
}
