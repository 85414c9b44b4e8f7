//! The roads of an extract, gathered in two passes over the file.
//!
//! The first pass takes ways and relations and learns which nodes the roads pass; the second takes
//! just those nodes. So memory grows with the roads, not with the houses and trees between them.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{
    Progress, Stage,
    element::{Kind, Member, Node, Point, Role, Tags, Visitor, Wants},
    graph::length_m,
    report::{Notes, Report},
    source::{Count, Format, Source},
    tags::{self, Barrier, Road, SpeedProfile, Verdict},
};
use crate::{
    Error, Result,
    geo::Position,
    route::{NodeKind, TurnRule},
};

/// Most points of all roads together: some 4 GB of memory.
const POINTS_MAX: usize = 200_000_000;
/// Most places with a name; the planet has some six million.
const PLACES_MAX: usize = 10_000_000;
/// Elements between two words of progress.
const PROGRESS_EVERY: u64 = 50_000;

/// A way that is a road, its points in `Extract::refs`.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) id: i64,
    pub(super) refs: std::ops::Range<usize>,
    pub(super) road: Road,
    pub(super) name: Arc<str>,
    pub(super) reference: Arc<str>,
}

/// A turn restriction, as a relation has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) id: i64,
    pub(super) from: Vec<i64>,
    pub(super) via: i64,
    pub(super) to: Vec<i64>,
    pub(super) rule: TurnRule,
}

/// A place with a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) name: String,
    /// A city or a town; anything smaller is a junction.
    pub(super) kind: NodeKind,
    pub(super) at: Point,
    pub(super) population: Option<u32>,
    /// How far a junction may be to take its name, metres.
    pub(super) reach_m: f64,
}

/// All that a network is made from.
#[derive(Debug, Default)]
pub(super) struct Extract {
    pub(super) ways: Vec<Way>,
    /// The points of all ways, one after the other: places in `ids` and `points`.
    pub(super) refs: Vec<u32>,
    /// The nodes that roads pass, by id.
    pub(super) ids: Vec<i64>,
    /// Where they are; `None` where the file does not hold them.
    pub(super) points: Vec<Option<Point>>,
    /// Nodes that lie where their neighbour on a road lies, with the one that stands for both.
    same_as: BTreeMap<u32, u32>,
    pub(super) barriers: BTreeMap<u32, Barrier>,
    pub(super) passes: Vec<u32>,
    /// Heights from tags, metres.
    pub(super) heights: BTreeMap<u32, f64>,
    pub(super) turns: Vec<Turn>,
    pub(super) places: Vec<Place>,
}

impl Extract {
    /// The place of a node's id in the lists, if roads pass it.
    pub(super) fn node(&self, id: i64) -> Option<u32> {
        let node = self.ids.binary_search(&id).ok().and_then(|at| u32::try_from(at).ok())?;
        Some(self.same_as.get(&node).copied().unwrap_or(node))
    }

    /// Where a node is. Roads have no node whose place is unknown.
    pub(super) fn position(&self, node: u32) -> Position {
        let point = self.points[node as usize];
        point.map_or(Position { lat: 0.0, lon: 0.0 }, Point::position)
    }
}

/// Reads an extract.
pub(super) fn read(
    source: Source<'_>,
    format: Format,
    speeds: &SpeedProfile,
    report: &mut Report,
    progress: &mut dyn FnMut(Progress),
) -> Result<Extract> {
    let (count, total) = (Count::default(), source.length());
    let mut roads = Roads {
        extract: Extract::default(),
        refs: Vec::new(),
        texts: HashSet::new(),
        speeds,
        report,
        ticker: Ticker {
            stage: Stage::Roads,
            count: Count::clone(&count),
            total,
            seen: 0,
            progress,
        },
    };
    source.read(format, &mut roads, &count)?;
    let (mut extract, refs) = (roads.extract, roads.refs);
    if extract.ways.is_empty() {
        return Err(Error::invalid("no road that a truck may drive is in the extract"));
    }
    extract.ids.clone_from(&refs);
    extract.ids.sort_unstable();
    extract.ids.dedup();
    extract.refs.reserve_exact(refs.len());
    for id in &refs {
        let at = extract.ids.binary_search(id).unwrap_or(0); // all of them are in the list
        extract.refs.push(u32::try_from(at).unwrap_or(u32::MAX)); // POINTS_MAX fits
    }
    drop(refs);
    extract.points = vec![None; extract.ids.len()];
    count.set(0);
    let ticker =
        Ticker { stage: Stage::Nodes, count: Count::clone(&count), total, seen: 0, progress };
    let mut nodes = Nodes { extract, hint: 0, twice: 0, notes: &mut report.notes, ticker };
    source.read(format, &mut nodes, &count)?;
    let Nodes { mut extract, twice, .. } = nodes;
    if twice > 0 {
        report.notes.add(format!("{twice} nodes stand more than once in the file"));
    }
    report.road_nodes = extract.ids.len() as u64;
    let missing = extract.points.iter().zip(&extract.ids).filter(|(point, _)| point.is_none());
    for (_, id) in missing {
        report.missing_nodes += 1;
        report.notes.add(format!("node {id}: not in the extract, roads end there"));
    }
    unite_coinciding(&mut extract);
    set_ferry_speeds(&mut extract);
    Ok(extract)
}

/// Neighbours on a road that lie at one place become one node, so that no stretch of road is
/// without length.
fn unite_coinciding(extract: &mut Extract) {
    fn root(same_as: &BTreeMap<u32, u32>, mut node: u32) -> u32 {
        while let Some(other) = same_as.get(&node) {
            node = *other;
        }
        node
    }
    let mut same_as = BTreeMap::new();
    for way in &extract.ways {
        for pair in extract.refs[way.refs.clone()].windows(2) {
            let point = |node: u32| extract.points[node as usize];
            if pair[0] != pair[1] && point(pair[0]).is_some() && point(pair[0]) == point(pair[1]) {
                let (a, b) = (root(&same_as, pair[0]), root(&same_as, pair[1]));
                if a != b {
                    same_as.insert(a.max(b), a.min(b));
                }
            }
        }
    }
    if same_as.is_empty() {
        return;
    }
    let nodes: Vec<u32> = same_as.keys().copied().collect();
    for node in nodes {
        // Lower numbers come first, and a root is lower: each chain is one step long by now.
        let root = root(&same_as, node);
        same_as.insert(node, root);
        if let Some(barrier) = extract.barriers.remove(&node) {
            extract.barriers.entry(root).or_insert(barrier);
        }
    }
    for node in &mut extract.refs {
        *node = same_as.get(node).copied().unwrap_or(*node);
    }
    extract.same_as = same_as;
}

/// A boat whose duration is told goes at the speed that takes just so long.
fn set_ferry_speeds(extract: &mut Extract) {
    for at in 0..extract.ways.len() {
        let Some(crossing_s) = extract.ways[at].road.crossing_s else { continue };
        let points = &extract.refs[extract.ways[at].refs.clone()];
        let line = points.iter().filter(|node| extract.points[**node as usize].is_some());
        let length_m = length_m(line.map(|node| extract.position(*node)));
        let kmh = (length_m / crossing_s * 3.6).clamp(0.1, 100.0);
        let road = &mut extract.ways[at].road;
        for speed in [&mut road.forward_kmh, &mut road.backward_kmh].into_iter().flatten() {
            *speed = kmh;
        }
    }
}

/// Tells now and then how far a pass has come.
struct Ticker<'a> {
    stage: Stage,
    count: Count,
    total: u64,
    seen: u64,
    progress: &'a mut dyn FnMut(Progress),
}

impl Ticker<'_> {
    fn tick(&mut self) {
        self.seen += 1;
        if self.seen.is_multiple_of(PROGRESS_EVERY) {
            let (stage, done, total) = (self.stage, self.count.get(), self.total);
            (self.progress)(Progress { stage, done, total });
        }
    }
}

/// The first pass.
struct Roads<'a> {
    extract: Extract,
    /// Ids of the points of all ways.
    refs: Vec<i64>,
    texts: HashSet<Arc<str>>,
    speeds: &'a SpeedProfile,
    report: &'a mut Report,
    ticker: Ticker<'a>,
}

impl Roads<'_> {
    /// One copy of each text.
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = Arc::from(text);
        self.texts.insert(Arc::clone(&text));
        text
    }
}

impl Visitor for Roads<'_> {
    fn wants(&self) -> Wants {
        Wants { nodes: false, ways_and_relations: true }
    }

    fn node(&mut self, _: Node, _: &Tags) -> Result<()> {
        Ok(())
    }

    fn way(&mut self, id: i64, refs: &[i64], tags: &Tags) -> Result<()> {
        self.ticker.tick();
        self.report.ways += 1;
        let notes = &mut self.report.notes;
        let mut odd = |note: String| notes.add(format!("way {id}: {note}"));
        let road = match tags::road(tags, self.speeds, &mut odd) {
            Verdict::Road(road) => *road,
            Verdict::LeftOut(reason) => {
                *self.report.left_out.entry(reason).or_default() += 1;
                return Ok(());
            }
            Verdict::NoRoad => return Ok(()),
        };
        if refs.len() < 2 {
            odd(format!("a road of {} points", refs.len()));
            return Ok(());
        }
        if self.refs.len() + refs.len() > POINTS_MAX {
            let text = format!("more than {POINTS_MAX} points of roads: cut a smaller extract");
            return Err(Error::invalid(text));
        }
        let start = self.refs.len();
        self.refs.extend_from_slice(refs);
        let name = self.text(tags.get("name").unwrap_or_default());
        let reference = self.text(tags::reference(tags));
        self.report.roads.entry(road.highway).or_default().ways += 1;
        self.extract.ways.push(Way { id, refs: start..self.refs.len(), road, name, reference });
        Ok(())
    }

    fn relation(&mut self, id: i64, members: &[Member], tags: &Tags) -> Result<()> {
        self.ticker.tick();
        self.report.relations += 1;
        if !tags.get("type").is_some_and(|kind| kind.starts_with("restriction")) {
            return Ok(());
        }
        let turns = &mut self.report.turns;
        let notes = &mut self.report.notes;
        match turn(id, members, tags) {
            Ok(turn) => self.extract.turns.push(turn),
            Err(Unused::OfNoConcern) => turns.of_no_concern += 1,
            Err(Unused::ViaWay) => {
                turns.via_way += 1;
                notes.add(format!("relation {id}: a turn via a way is not modelled"));
            }
            Err(Unused::Conditional) => {
                turns.conditional += 1;
                notes.add(format!("relation {id}: a turn under a condition is not modelled"));
            }
            Err(Unused::Broken(what)) => {
                turns.broken += 1;
                notes.add(format!("relation {id}: {what}"));
            }
        }
        Ok(())
    }
}

/// Why a relation is no turn for us.
enum Unused {
    OfNoConcern,
    ViaWay,
    Conditional,
    Broken(&'static str),
}

/// The turn that a relation restricts for trucks.
fn turn(id: i64, members: &[Member], tags: &Tags) -> Result<Turn, Unused> {
    let except = tags.get("except").unwrap_or_default();
    if except.split(';').any(|who| matches!(who.trim(), "hgv" | "motor_vehicle" | "vehicle")) {
        return Err(Unused::OfNoConcern);
    }
    let Some((_, word)) = tags.first(&["restriction:hgv", "restriction"]) else {
        let conditions = ["restriction:hgv:conditional", "restriction:conditional"];
        let is_conditional = tags.first(&conditions).is_some();
        return Err(if is_conditional { Unused::Conditional } else { Unused::OfNoConcern });
    };
    let rule = match word {
        _ if word.starts_with("no_") => TurnRule::No,
        _ if word.starts_with("only_") => TurnRule::Only,
        _ => return Err(Unused::Broken("a turn restriction of unknown kind")),
    };
    let ways = |role| {
        let ways = members.iter().filter(move |m| m.role == role && m.kind == Kind::Way);
        ways.map(|member| member.id).collect::<Vec<_>>()
    };
    let (from, to) = (ways(Role::From), ways(Role::To));
    let vias: Vec<_> = members.iter().filter(|member| member.role == Role::Via).collect();
    if vias.iter().any(|via| via.kind == Kind::Way) {
        return Err(Unused::ViaWay);
    }
    let [via] = vias[..] else {
        return Err(Unused::Broken("a turn restriction without just one via"));
    };
    if from.is_empty() || to.is_empty() {
        return Err(Unused::Broken("a turn restriction without from or to"));
    }
    if rule == TurnRule::Only && (from.len() > 1 || to.len() > 1) {
        return Err(Unused::Broken("an only_ restriction with several from or to"));
    }
    Ok(Turn { id, from, via: via.id, to, rule })
}

/// The second pass.
struct Nodes<'a> {
    extract: Extract,
    /// Where the last node was found: files are sorted, the next is near.
    hint: usize,
    twice: u64,
    notes: &'a mut Notes,
    ticker: Ticker<'a>,
}

impl Nodes<'_> {
    /// The place of an id in the list, if roads pass it.
    fn find(&mut self, id: i64) -> Option<usize> {
        let ids = &self.extract.ids;
        let start = if ids.get(self.hint).is_some_and(|hint| *hint <= id) { self.hint } else { 0 };
        let mut step = 1;
        while ids.get(start + step).is_some_and(|next| *next <= id) {
            step *= 2;
        }
        let end = (start + step).min(ids.len());
        let found = start + ids[start..end].partition_point(|other| *other < id);
        self.hint = found;
        (ids.get(found) == Some(&id)).then_some(found)
    }

    fn note_tags(&mut self, at: usize, tags: &Tags) {
        let node = u32::try_from(at).unwrap_or(u32::MAX); // POINTS_MAX fits
        if let Some(barrier) = tags::barrier(tags) {
            self.extract.barriers.insert(node, barrier);
        }
        if tags.is("mountain_pass", "yes") {
            self.extract.passes.push(node);
        }
        let Some(text) = tags.get("ele") else { return };
        match text.trim_end_matches('m').trim().parse::<f64>() {
            Ok(height_m) if (-450.0..=8_900.0).contains(&height_m) => {
                self.extract.heights.insert(node, height_m);
            }
            _ => {
                let (id, text) = (self.extract.ids[at], text.chars().take(60).collect::<String>());
                self.notes.add(format!("node {id}: ele={text:?} is not a height"));
            }
        }
    }
}

impl Visitor for Nodes<'_> {
    fn wants(&self) -> Wants {
        Wants { nodes: true, ways_and_relations: false }
    }

    fn node(&mut self, node: Node, tags: &Tags) -> Result<()> {
        self.ticker.tick();
        if let Some(at) = self.find(node.id) {
            if self.extract.points[at].replace(node.at).is_some() {
                self.twice += 1;
            }
            if !tags.is_empty() {
                self.note_tags(at, tags);
            }
        }
        if let Some(place) = place(node.at, tags) {
            if self.extract.places.len() == PLACES_MAX {
                let text = format!("more than {PLACES_MAX} places: cut a smaller extract");
                return Err(Error::invalid(text));
            }
            self.extract.places.push(place);
        }
        Ok(())
    }

    fn way(&mut self, _: i64, _: &[i64], _: &Tags) -> Result<()> {
        Ok(())
    }

    fn relation(&mut self, _: i64, _: &[Member], _: &Tags) -> Result<()> {
        Ok(())
    }
}

/// The place with a name that a node is, if it is one.
fn place(at: Point, tags: &Tags) -> Option<Place> {
    let (kind, reach_m) = match tags.get("place")? {
        "city" => (NodeKind::City, 3_000.0),
        "town" => (NodeKind::Town, 2_000.0),
        "village" | "suburb" => (NodeKind::Junction, 1_000.0),
        "hamlet" | "locality" | "neighbourhood" | "quarter" => (NodeKind::Junction, 500.0),
        _ => return None,
    };
    let (_, name) = tags.first(&["name:en", "name"])?;
    let population = tags.get("population").and_then(|text| {
        text.chars().filter(char::is_ascii_digit).collect::<String>().parse().ok()
    });
    Some(Place { name: name.to_owned(), kind, at, population, reach_m })
}
