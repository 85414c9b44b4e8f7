//! What was found in an extract, what was made of it, and what was odd.

use std::{collections::BTreeMap, fmt};

use super::tags::{Highway, LeftOut};

/// Oddities told in words; the rest is counted.
const SHOWN_MAX: usize = 1_000;

/// Things that do not stop the reading but that a person may want to mend, each with its element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// The first thousand in words, e.g. `way 17: maxspeed="fast" is not a speed`.
    pub shown: Vec<String>,
    /// How many there are.
    pub count: u64,
}

impl Notes {
    pub(super) fn add(&mut self, note: impl Into<String>) {
        self.count += 1;
        if self.shown.len() < SHOWN_MAX {
            self.shown.push(note.into());
        }
    }
}

/// How much there is of a kind of road.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extent {
    /// Ways of the file.
    pub ways: u64,
    /// Kilometres, each road counted once whatever its directions.
    pub km: f64,
}

/// Turn restrictions, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    /// Relations that hold in the network.
    pub taken: u64,
    /// Relations on roads that are not in the network, or for others than trucks.
    pub of_no_concern: u64,
    /// Not modelled: through a way instead of a node.
    pub via_way: u64,
    /// Not modelled: under a condition.
    pub conditional: u64,
    /// Members missing or ambiguous.
    pub broken: u64,
}

/// Where heights came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heights {
    /// Points with a height from a terrain tile.
    pub from_dem: u64,
    /// Points with a height from an `ele` tag, or between such.
    pub from_tags: u64,
    /// Points of which nothing is known: they count as sea level, and grades there are unknown.
    pub unknown: u64,
}

/// What [`read`](super::read) found and did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Nodes that roads pass.
    pub road_nodes: u64,
    /// Ways of the file, roads or not.
    pub ways: u64,
    /// Relations of the file.
    pub relations: u64,
    /// Ways that became roads, by highway, with their length.
    pub roads: BTreeMap<Highway, Extent>,
    /// Ways with a `highway` or a ferry that were not taken.
    pub left_out: BTreeMap<LeftOut, u64>,
    /// Junctions and ends of roads.
    pub junctions: u64,
    /// Roads between them.
    pub segments: u64,
    /// Of those, open in one direction only.
    pub one_ways: u64,
    /// Of those, closed at some hours.
    pub by_hour: u64,
    /// Of those, with a limit of height, width, length, weight or axle load.
    pub limited: u64,
    /// Of those, with a toll: they are driven, and no fee is known.
    pub tolls: u64,
    /// Places on roads where something shuts trucks out.
    pub shut_barriers: u64,
    /// Gates and rising bollards, counted as open.
    pub gates: u64,
    /// Turn restrictions.
    pub turns: Turns,
    /// Kilometres of roads only for those who live or deliver there, and whether through traffic
    /// is kept out of them.
    pub local: Local,
    /// Parts that no road joins to the largest, by what became of them.
    pub islands: Islands,
    /// Points named by roads that the file does not hold: roads end there.
    pub missing_nodes: u64,
    /// Where heights came from.
    pub heights: Heights,
    /// Villages, towns and cities that gave a junction its name.
    pub places: u64,
    /// What was odd.
    pub notes: Notes,
}

/// Roads that may only be driven to reach a place on them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Local {
    /// Their length, km.
    pub km: f64,
    /// Places where such roads were cut, so that no way leads through.
    pub cuts: u64,
    /// Length of those with one-way streets among them, km: they were left as they are, and ways
    /// may lead through.
    pub open_km: f64,
}

/// Parts of the network that nothing joins to the largest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Islands {
    /// How many remain in the network.
    pub kept: u64,
    /// Their length, km.
    pub kept_km: f64,
    /// How many were too small to keep.
    pub dropped: u64,
    /// Their length, km.
    pub dropped_km: f64,
}

impl Report {
    /// Length of all roads, km.
    pub fn km(&self) -> f64 {
        self.roads.values().map(|extent| extent.km).sum()
    }

    /// Whether some grades are unknown, for want of heights.
    pub fn has_unknown_grades(&self) -> bool {
        self.heights.unknown > 0
    }
}

impl fmt::Display for Report {
    /// A page for people, each line a figure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: fmt::Arguments<'_>| writeln!(f, "{name:26}{value}");
        row("ways, relations", format_args!("{}, {}", self.ways, self.relations))?;
        for (highway, Extent { ways, km }) in &self.roads {
            row(highway.as_str(), format_args!("{km:.1} km, {ways} ways"))?;
        }
        row("in all", format_args!("{:.1} km", self.km()))?;
        row("junctions", format_args!("{}", self.junctions))?;
        row("segments", format_args!("{}", self.segments))?;
        row("one-way", format_args!("{}", self.one_ways))?;
        row("closed at some hours", format_args!("{}", self.by_hour))?;
        row("with limits", format_args!("{}", self.limited))?;
        row("with toll (no fee known)", format_args!("{}", self.tolls))?;
        let Turns { taken, of_no_concern, via_way, conditional, broken } = self.turns;
        row("turn restrictions", format_args!("{taken}, {of_no_concern} of no concern"))?;
        row(
            "  not modelled",
            format_args!("{via_way} via a way, {conditional} under a condition, {broken} broken"),
        )?;
        row(
            "barriers",
            format_args!("{} shut, {} gates counted as open", self.shut_barriers, self.gates),
        )?;
        let Local { km, cuts, open_km } = self.local;
        row(
            "only local traffic",
            format_args!("{km:.1} km, cut at {cuts} places, {open_km:.1} km left open"),
        )?;
        let Islands { kept, kept_km, dropped, dropped_km } = self.islands;
        row(
            "islands",
            format_args!("{kept} kept ({kept_km:.1} km), {dropped} dropped ({dropped_km:.1} km)"),
        )?;
        row("places named", format_args!("{}", self.places))?;
        row("points missing", format_args!("{}", self.missing_nodes))?;
        let Heights { from_dem, from_tags, unknown } = self.heights;
        row(
            "heights",
            format_args!("{from_dem} from tiles, {from_tags} from tags, {unknown} unknown"),
        )?;
        for (reason, count) in &self.left_out {
            row("left out", format_args!("{count} ways: {}", reason.as_str()))?;
        }
        row("notes", format_args!("{}", self.notes.count))
    }
}
