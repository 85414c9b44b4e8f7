//! Thousands of fences, asked by place.

use std::collections::BTreeMap;

use rstar::{AABB, RTree, RTreeObject};

use super::{
    fence::Fence,
    plane::{Bounds, moved},
};
use crate::{Error, Result, domain::FenceId, geo::Position};

/// The most fences of a set.
pub const FENCES_MAX: usize = 100_000;

/// Fences that are asked together. It never changes: build another one when a fence does (10,000
/// take some 10 ms).
#[derive(Clone, Debug, Default)]
pub struct FenceSet {
    fences: Vec<Fence>,
    by_id: BTreeMap<FenceId, u32>,
    tree: RTree<Boxed>,
    /// Longitudes that any fence reaches.
    west: f64,
    east: f64,
}

/// The box of a fence, by its place in the list.
#[derive(Clone, Debug)]
struct Boxed {
    bounds: Bounds,
    ix: u32,
}

impl RTreeObject for Boxed {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        self.bounds.envelope()
    }
}

impl FenceSet {
    /// An index of `fences`, in the order given.
    ///
    /// # Errors
    /// `Invalid` if a fence breaks a rule of [`Fence::validate`] or there are more than
    /// [`FENCES_MAX`]; `Conflict` if two have one id.
    pub fn new(fences: Vec<Fence>) -> Result<Self> {
        if fences.len() > FENCES_MAX {
            let count = fences.len();
            return Err(Error::invalid(format!("{count} fences: the most is {FENCES_MAX}")));
        }
        let mut by_id = BTreeMap::new();
        let mut boxes = Vec::with_capacity(fences.len());
        for (ix, fence) in (0..).zip(&fences) {
            let id = &fence.id;
            fence.validate().map_err(|e| Error::invalid(format!("fence {id}")).with_source(e))?;
            if by_id.insert(id.clone(), ix).is_some() {
                return Err(Error::conflict(format!("fence {id}: two fences have this id")));
            }
            boxes.push(Boxed { bounds: fence.shape.0.bounds, ix });
        }
        let west = boxes.iter().map(|b| b.bounds.west).fold(f64::INFINITY, f64::min);
        let east = boxes.iter().map(|b| b.bounds.east).fold(f64::NEG_INFINITY, f64::max);
        Ok(Self { fences, by_id, tree: RTree::bulk_load(boxes), west, east })
    }

    /// All of them, in the order they were given.
    pub fn fences(&self) -> &[Fence] {
        &self.fences
    }

    /// The fence called `id`.
    pub fn get(&self, id: &FenceId) -> Option<&Fence> {
        self.by_id.get(id).map(|ix| &self.fences[*ix as usize])
    }

    /// The fences that hold `point`, in the order they were given.
    pub fn holding(&self, point: Position) -> Vec<&Fence> {
        let mut held = Vec::new();
        self.visit(Bounds::of([point]), |ix, turn| {
            if self.fences[ix as usize].shape.0.holds(moved(point, turn)) {
                held.push(ix);
            }
        });
        held.sort_unstable();
        held.dedup();
        held.into_iter().map(|ix| &self.fences[ix as usize]).collect()
    }

    /// The fences whose box the way from `a` to `b` may meet, each once and in order of the list.
    pub(super) fn near_way(&self, a: Position, b: Position, near: &mut Vec<u32>) {
        near.clear();
        self.visit(Bounds::of([a, b]), |ix, _| near.push(ix));
        near.sort_unstable();
        near.dedup();
    }

    pub(super) fn at(&self, ix: u32) -> &Fence {
        &self.fences[ix as usize]
    }

    pub(super) fn ix_of(&self, id: &FenceId) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// Every fence whose box meets `bounds`, with the turn that brings the one to the other.
    fn visit(&self, bounds: Bounds, mut visit: impl FnMut(u32, f64)) {
        // Most fences lie far from the 180th meridian: then one look is enough.
        for turn in [0.0, 360.0, -360.0] {
            let bounds = bounds.moved(turn);
            if bounds.west <= self.east && bounds.east >= self.west {
                for found in self.tree.locate_in_envelope_intersecting(&bounds.envelope()) {
                    visit(found.ix, turn);
                }
            }
        }
    }
}
