//! Snapping: the nearest place on a road.

use super::{
    Ferries,
    network::{Network, SegmentIx, on_grid},
    path::Piece,
};
use crate::geo::{self, Position, flat_distance_m};

/// A place on a road, and how far it lies from where it was looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snap {
    pub(crate) segment: SegmentIx,
    /// Metres by road from the segment's `from` end, on the grid of lengths.
    pub(crate) at_m: f64,
    pub(crate) snapped_m: f64,
}

/// The nearest place to `point` on any road; of equally near ones that on the first segment.
///
/// `None` only if there is no road at all. Lines whose box is farther than the best so far are
/// skipped, so a point near a road looks at a few segments.
pub(crate) fn nearest(network: &Network, point: Position, ferries: Ferries) -> Option<Snap> {
    let mut order: Vec<(f64, SegmentIx)> = network
        .segment_indices()
        .zip(network.segments())
        .filter(|(_, segment)| ferries == Ferries::Allowed || !segment.ferry)
        .map(|(ix, _)| (distance_to_box_m(point, network.shape(ix).corners), ix))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut best: Option<Snap> = None;
    for (box_m, ix) in order {
        // The box is flat at another latitude than the line: 1 % is ample for the difference.
        if best.is_some_and(|best| box_m * 0.99 > best.snapped_m) {
            break;
        }
        for piece in &network.shape(ix).pieces {
            let snap = on_piece(point, piece);
            let beats =
                |best: Snap| (snap.snapped_m, snap.segment.0) < (best.snapped_m, best.segment.0);
            if best.is_none_or(beats) {
                best = Some(snap);
            }
        }
    }
    best
}

fn distance_to_box_m(point: Position, (low, high): (Position, Position)) -> f64 {
    let nearest = Position {
        lat: point.lat.clamp(low.lat, high.lat),
        lon: point.lon.clamp(low.lon, high.lon),
    };
    flat_distance_m(point, nearest)
}

/// The foot of the perpendicular on a piece, or its nearer end.
fn on_piece(point: Position, piece: &Piece) -> Snap {
    let (north, east) = geo::offset_m(piece.from, piece.to);
    let (point_north, point_east) = geo::offset_m(piece.from, point);
    let along = (north * point_north + east * point_east) / (north * north + east * east);
    let share = along.clamp(0.0, 1.0);
    let place = piece.from.lerp(piece.to, share);
    Snap {
        segment: piece.segment,
        at_m: on_grid(piece.start_m + share * piece.length_m),
        snapped_m: flat_distance_m(point, place),
    }
}
