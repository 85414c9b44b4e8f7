//! A city on a grid that is not quite one.

use super::Made;
use crate::random::Stream;

/// Degrees between junctions: some 120 m.
const STEP_DEG: (f64, f64) = (1.08e-3, 1.2e-3);
/// Blocks of one way, unless a turn cuts it before.
const BLOCKS: u32 = 5;
/// Ids of bends begin here.
const BENDS: i64 = 1_000_000_000;

pub(super) fn made(side: u32, seed: u64) -> Made {
    let mut city = City {
        made: Made::default(),
        side,
        random: Stream::new(seed, "city", "osm extract"),
        drawn: 0,
        bends: 0,
        way_of: [Vec::new(), Vec::new()],
    };
    for row in 0..side {
        for column in 0..side {
            let (lat, lon) = city.place(row, column, (0.0, 0.0));
            let id = city.junction(row, column);
            city.made.node(id, lat, lon, &[]);
        }
    }
    for axis in [Axis::Row, Axis::Column] {
        for line in 0..side {
            city.street(axis, line);
        }
    }
    city.turns();
    city.made.nodes.sort_unstable_by_key(|node| node.id);
    city.made
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Row,
    Column,
}

struct City {
    made: Made,
    side: u32,
    random: Stream,
    drawn: u64,
    bends: i64,
    /// By axis: the way of each block, line by line.
    way_of: [Vec<i64>; 2],
}

impl City {
    fn uniform(&mut self) -> f64 {
        self.drawn += 1;
        self.random.uniform(self.drawn)
    }

    fn junction(&self, row: u32, column: u32) -> i64 {
        i64::from(row) * i64::from(self.side) + i64::from(column) + 1
    }

    /// A place near a junction, or a share of a block beyond it.
    fn place(&mut self, row: u32, column: u32, beyond: (f64, f64)) -> (f64, f64) {
        let mut off = || (self.uniform() - 0.5) * 2e-4;
        let (lat, lon) = (off(), off());
        let (row, column) = (f64::from(row) + beyond.0, f64::from(column) + beyond.1);
        (26.0 + row * STEP_DEG.0 + lat, 91.5 + column * STEP_DEG.1 + lon)
    }

    /// Whether a junction has a rule for turning: ways end there, so that a rule can name them.
    fn has_turn(&self, row: u32, column: u32) -> bool {
        let inner = 1..self.side.saturating_sub(1);
        let place = u64::from(row) << 32 | u64::from(column);
        inner.contains(&row)
            && inner.contains(&column)
            && self.random.below(place | 1 << 63, 20) == 0
    }

    fn street(&mut self, axis: Axis, line: u32) {
        let mut start = 0;
        for at in 1..self.side {
            let (row, column) = at_place(axis, line, at);
            if at - start == BLOCKS || at + 1 == self.side || self.has_turn(row, column) {
                self.way(axis, line, start, at);
                start = at;
            }
        }
    }

    fn way(&mut self, axis: Axis, line: u32, start: u32, end: u32) {
        let mut nodes = Vec::new();
        for at in start..end {
            let (row, column) = at_place(axis, line, at);
            nodes.push(self.junction(row, column));
            for share in [0.33, 0.66] {
                let beyond = if axis == Axis::Row { (0.0, share) } else { (share, 0.0) };
                let (lat, lon) = self.place(row, column, beyond);
                self.bends += 1;
                self.made.node(BENDS + self.bends, lat, lon, &[]);
                nodes.push(BENDS + self.bends);
            }
        }
        let (row, column) = at_place(axis, line, end);
        nodes.push(self.junction(row, column));
        let id = self.made.ways.len() as i64 + 1;
        let word = if axis == Axis::Row { "Street" } else { "Avenue" };
        let name = format!("{word} {line}");
        let rim = line == 0 || line + 1 == self.side;
        let (highway, maxspeed) = match line {
            _ if line.is_multiple_of(16) => ("trunk", "60"),
            _ if line.is_multiple_of(8) => ("primary", "50"),
            _ if line.is_multiple_of(4) => ("secondary", "45"),
            _ if line.is_multiple_of(2) || rim => ("tertiary", "40"),
            _ => ("residential", "30"),
        };
        let mut tags = vec![("highway", highway), ("maxspeed", maxspeed), ("name", &*name)];
        if highway == "residential" {
            match line % 8 {
                1 => tags.push(("oneway", "yes")),
                5 => tags.push(("oneway", "-1")),
                _ => {}
            }
            match self.random.below(id.cast_unsigned() | 1 << 62, 10) {
                0 => tags.push(("maxheight", "3.8")),
                1 => tags.push(("hgv:conditional", "no @ (07:00-10:00)")),
                _ => {}
            }
        }
        self.made.way(id, &nodes, &tags);
        self.way_of[axis as usize].extend((start..end).map(|_| id));
    }

    /// The way of the block that begins at a junction along an axis.
    fn block(&self, axis: Axis, row: u32, column: u32) -> i64 {
        let (line, at) = if axis == Axis::Row { (row, column) } else { (column, row) };
        self.way_of[axis as usize][(line * (self.side - 1) + at) as usize]
    }

    fn turns(&mut self) {
        for row in 0..self.side {
            for column in 0..self.side {
                if !self.has_turn(row, column) {
                    continue;
                }
                let id = self.made.relations.len() as i64 + 1;
                let via = self.junction(row, column);
                let from = self.block(Axis::Row, row, column - 1);
                let (to, rule) = match id % 3 {
                    0 => (self.block(Axis::Row, row, column), "only_straight_on"),
                    1 => (self.block(Axis::Column, row, column), "no_left_turn"),
                    _ => (self.block(Axis::Column, row - 1, column), "no_right_turn"),
                };
                self.made.turn(id, (from, via, to), rule);
            }
        }
    }
}

fn at_place(axis: Axis, line: u32, at: u32) -> (u32, u32) {
    match axis {
        Axis::Row => (line, at),
        Axis::Column => (at, line),
    }
}
