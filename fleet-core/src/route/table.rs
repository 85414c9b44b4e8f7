//! Durations and distances from many places to many.

use super::{builtin::BuiltinRouter, ends::End, engine::Finder, graph::Cost};
use crate::{Error, Result, geo::Position};

/// Most cells of one table.
const CELLS_MAX: usize = 1_000_000;
/// A search of the whole graph costs about as much as a question to the hierarchy for each target,
/// if there are as many states to one target.
const STATES_PER_TARGET: usize = 200;

/// How long and how far it is from each of some places to each of others by the fastest way.
///
/// ```
/// use fleet_core::route::BuiltinRouter;
/// let router = BuiltinRouter::ne_india();
/// let at = |id| router.network().node(id).map(|ix| router.network().node_at(ix).position);
/// let depots = [at("guwahati").ok_or("unknown")?, at("siliguri").ok_or("unknown")?];
/// let table = router.table(&depots, &[at("shillong").ok_or("unknown")?])?;
/// assert_eq!(table.distance_m(0, 0), Some(100_000.0));
/// assert!(table.duration_s(1, 0) > table.duration_s(0, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    columns: usize,
    /// Row by row.
    cells: Vec<Option<Cost>>,
}

impl Table {
    /// How many rows there are: one for each place to start from.
    pub fn rows(&self) -> usize {
        self.cells.len() / self.columns.max(1)
    }

    /// How many columns there are: one for each place to go to.
    pub fn columns(&self) -> usize {
        self.columns
    }

    fn cell(&self, row: usize, column: usize) -> Option<Cost> {
        let is_there = column < self.columns;
        self.cells.get(row * self.columns + column).copied().flatten().filter(|_| is_there)
    }

    /// Seconds of a loaded truck in free flow; `None` if there is no way, or no such cell.
    pub fn duration_s(&self, row: usize, column: usize) -> Option<f64> {
        self.cell(row, column).map(Cost::duration_s)
    }

    /// Metres by road; `None` if there is no way, or no such cell.
    pub fn distance_m(&self, row: usize, column: usize) -> Option<f64> {
        self.cell(row, column).map(Cost::length_m)
    }
}

impl BuiltinRouter {
    /// Durations and distances of the fastest ways from each of `from` to each of `to`, every
    /// position moved to the nearest place on a road.
    ///
    /// # Errors
    /// `Invalid` if a position is not on the globe, or the table had more than a million cells;
    /// `NotFound` if a position is too far from any road. The message names the position by its
    /// place in the list. What cannot be reached is a cell without a value, not an error.
    pub fn table(&self, from: &[Position], to: &[Position]) -> Result<Table> {
        let cells = from.len().saturating_mul(to.len());
        if cells > CELLS_MAX {
            return Err(Error::invalid(format!("table: {cells} cells, at most {CELLS_MAX}")));
        }
        let ends = |field: &str, list: &[Position]| -> Result<Vec<End>> {
            let named = list.iter().enumerate();
            let ends = named.map(|(ix, at)| self.snapped(&format!("{field}[{ix}]"), *at));
            ends.map(|snapped| snapped.map(|snapped| snapped.end)).collect()
        };
        let (starts, targets) = (ends("from", from)?, ends("to", to)?);
        let finder = self.finder();
        let cells = starts.iter().flat_map(|start| finder.row(*start, &targets)).collect();
        Ok(Table { columns: to.len(), cells })
    }
}

impl Finder<'_> {
    /// What the ways from one place to others cost, by whichever search is faster.
    pub(crate) fn row(&self, start: End, targets: &[End]) -> Vec<Option<Cost>> {
        if self.network.graph.nodes() <= STATES_PER_TARGET * targets.len() {
            return self.costs(start, targets, None, std::convert::identity);
        }
        targets.iter().map(|target| Some(self.way(start, *target)?.cost)).collect()
    }
}
