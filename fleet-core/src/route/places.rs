//! Places as people type them: ids, names in any spelling, or coordinates.
//!
//! Names are compared without case, accents, spaces and hyphens, by steps from the strict to the
//! lenient: the id; a whole name (of `Sohra (Cherrapunji)` either one); the beginning of a name; the
//! beginning of one of its later words. The first step that fits decides: one place is the answer,
//! several are an error that lists them. Mistyped names are never guessed, only suggested, by edit
//! distance: a truck must not be sent to the wrong town.
//!
//! ```
//! use fleet_core::route::{Network, Place, Places};
//! let network = Network::ne_india();
//! let places = Places::new(network);
//! let sohra = network.node("cherrapunji").ok_or("no such place")?;
//! for text in ["cherrapunji", "Sohra", "SOHRA (cherrapunji)", "cherra"] {
//!     assert_eq!(places.find(text)?, Place::Node(sohra), "{text}");
//! }
//! let error = places.find("Cherapunji").expect_err("mistyped");
//! assert_eq!(
//!     error.to_string(),
//!     "no place is called \"Cherapunji\": did you mean Sohra (Cherrapunji)?"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeSet;

use super::network::{Network, NodeIx};
use crate::{Error, Result, geo::Position, names::distance};

/// A place on a network, or on the map beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// A node of the network.
    Node(NodeIx),
    /// A point of the globe: a route snaps it to the nearest road.
    At(Position),
}

/// Candidates named in one error; the rest is counted.
const SHOWN: usize = 8;
/// Longer texts are no names; comparing takes time in the product of the lengths.
const LONGEST: usize = 100;

/// The names of a network's nodes, ready to be searched. Made in one pass over the nodes.
#[derive(Clone, Debug)]
pub struct Places<'n> {
    network: &'n Network,
    /// Whole names, ids included, without case, accents and separators.
    names: Vec<(String, NodeIx)>,
    /// What names are from their second word on.
    tails: Vec<(String, NodeIx)>,
}

impl<'n> Places<'n> {
    /// The places of `network`. Nodes without a name are known by their ids.
    pub fn new(network: &'n Network) -> Self {
        let (mut names, mut tails) = (Vec::new(), Vec::new());
        for ix in network.node_indices() {
            let node = network.node_at(ix);
            for spelling in spellings(&node.id, &node.name) {
                names.push((spelling, ix));
            }
            let words: Vec<&str> = words(&node.name).collect();
            for tail in (1..words.len()).map(|first| fold(&words[first..].concat())) {
                tails.push((tail, ix));
            }
        }
        Self { network, names, tails }
    }

    /// The place that `text` names, or the point of the globe that `latitude,longitude` is.
    ///
    /// # Errors
    /// `NotFound` if nothing is called so, with the names that are nearest by edit distance;
    /// `Invalid` if several places may be meant, with all of them, or if the text is empty or a
    /// coordinate is off the globe.
    pub fn find(&self, text: &str) -> Result<Place> {
        let text = text.trim();
        if let Some(point) = coordinates(text) {
            return point.map(Place::At);
        }
        if let Some(node) = self.network.node(text) {
            return Ok(Place::Node(node));
        }
        let word = fold(text);
        if word.is_empty() {
            return Err(Error::invalid("place: expected an id, a name or latitude,longitude"));
        }
        let is = |name: &str| name == word;
        let begins = |name: &str| name.starts_with(&word);
        let steps = [
            matching(&self.names, is),
            matching(&self.names, begins),
            matching(&self.tails, is),
            matching(&self.tails, begins),
        ];
        let Some(found) = steps.into_iter().find(|nodes| !nodes.is_empty()) else {
            return Err(self.unknown(text, &word));
        };
        match found.iter().next() {
            Some(node) if found.len() == 1 => Ok(Place::Node(*node)),
            _ => Err(self.ambiguous(text, &found)),
        }
    }

    fn unknown(&self, text: &str, word: &str) -> Error {
        let near = if text.len() <= LONGEST { self.nearest(word) } else { Vec::new() };
        let names: Vec<&str> = near.iter().map(|ix| self.label(*ix)).collect();
        let hint = match names.as_slice() {
            [] => String::new(),
            [one] => format!(": did you mean {one}?"),
            [most @ .., last] => format!(": did you mean {} or {last}?", most.join(", ")),
        };
        Error::not_found(format!("no place is called {:?}{hint}", shortened(text)))
    }

    /// Up to three places whose names are nearest to a folded word, nearest first; of names that are
    /// hardly farther than the nearest, larger towns first.
    fn nearest(&self, word: &str) -> Vec<NodeIx> {
        let mut near: Vec<(usize, NodeIx)> =
            self.names.iter().map(|(name, ix)| (distance(word, name), *ix)).collect();
        near.sort_unstable();
        let least = near.first().map_or(0, |(edits, _)| *edits);
        let mut seen = BTreeSet::new();
        let close = near.into_iter().take_while(|(edits, _)| *edits <= least);
        let mut close: Vec<NodeIx> =
            close.filter(|(_, ix)| seen.insert(*ix)).map(|(_, ix)| ix).collect();
        close.sort_by_key(|ix| std::cmp::Reverse(self.network.node_at(*ix).population));
        close.truncate(3);
        close
    }

    fn ambiguous(&self, text: &str, found: &BTreeSet<NodeIx>) -> Error {
        let shown: Vec<String> = found
            .iter()
            .take(SHOWN)
            .map(|ix| {
                let node = self.network.node_at(*ix);
                let state = self.network.states().get(node.state.index());
                let state = state.map(|state| format!(", {}", state.name)).unwrap_or_default();
                format!("{} ({}{state})", self.label(*ix), node.id)
            })
            .collect();
        let more = match found.len() - shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let text = shortened(text);
        let list = shown.join(", ");
        Error::invalid(format!("{text:?} may be {list}{more}: give the id that is meant"))
    }

    /// The name of a node for people: its id if it has no other.
    fn label(&self, ix: NodeIx) -> &'n str {
        let node = self.network.node_at(ix);
        if node.name.is_empty() { &node.id } else { &node.name }
    }
}

fn matching(names: &[(String, NodeIx)], fits: impl Fn(&str) -> bool) -> BTreeSet<NodeIx> {
    names.iter().filter(|(name, _)| fits(name)).map(|(_, ix)| *ix).collect()
}

/// All a node is called, folded: id, name, and the name before and within its parenthesis.
fn spellings(id: &str, name: &str) -> BTreeSet<String> {
    let (before, within) = name.split_once('(').unwrap_or((name, ""));
    let within = within.split(')').next().unwrap_or_default();
    let all = [id, name, before, within].map(fold);
    all.into_iter().filter(|spelling| !spelling.is_empty()).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// `text` for an error message.
fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Two numbers with a comma between them; `None` if it is anything else.
fn coordinates(text: &str) -> Option<Result<Position>> {
    let (lat, lon) = text.split_once(',')?;
    let (lat, lon) = (lat.trim().parse::<f64>().ok()?, lon.trim().parse::<f64>().ok()?);
    let is_swapped = Position::new(lat, lon).is_err() && Position::new(lon, lat).is_ok();
    Some(Position::new(lat, lon).map_err(|error| {
        let hint = if is_swapped { ": latitude comes first" } else { "" };
        Error::invalid(format!("{text:?}{hint}")).with_source(error)
    }))
}

/// Small letters and digits only, without accents: what names are compared by.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match plain(c) {
            Some(letters) => folded.push_str(letters),
            None if is_mark(c) => {}
            None if c.is_alphanumeric() => folded.push(c),
            None => {}
        }
    }
    folded
}

/// Accents that stand as characters of their own after a letter (Unicode's combining marks).
fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// The plain form of an accented small letter of Latin-1 and Latin Extended-A.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ð' | 'ď' | 'đ' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' | 'ŋ' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' => "s",
        'ß' => "ss",
        'þ' => "th",
        'ţ' | 'ť' | 'ŧ' => "t",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
