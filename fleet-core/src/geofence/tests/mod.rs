mod geometry;
mod interchange;
mod refusals;
mod rule;
mod sets;

use super::{Fence, FenceSet, Shape};
use crate::geo::Position;

fn at(lat: f64, lon: f64) -> Position {
    Position { lat, lon }
}

fn fence(id: &str, shape: Shape) -> Fence {
    Fence::new(id.parse().unwrap(), shape)
}

fn set(fences: impl IntoIterator<Item = Fence>) -> FenceSet {
    FenceSet::new(fences.into_iter().collect()).unwrap()
}
