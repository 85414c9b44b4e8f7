//! Map matching: which roads a truck drove, from fixes that are noisy and far apart.
//!
//! A hidden Markov model (P. Newson, J. Krumm, *Hidden Markov Map Matching Through Noise and
//! Sparseness*, ACM SIGSPATIAL 2009): where the truck was on the roads is hidden, the fixes are what
//! is seen. A place on a road is the likelier, the nearer it lies to the fix (normal, by the fix's own
//! accuracy), and two places in a row the likelier, the better the way by road between them agrees
//! with the straight distance of the fixes (exponential). The likeliest sequence is found by
//! Viterbi's algorithm. Unlike the paper's
//!
//! - a place has a direction of travel: turning back on the road is possible and unlikely, going back a
//!   little is noise, and a fix's heading counts;
//! - a fix that fits badly can be left out at a price, and is then named as an outlier;
//! - where no truck could have come in the time, or after a long silence, the trace falls into
//!   several [`Matching`]s and says why.
//!
//! A trace that never ends is [followed](Matcher::follow) in bounded memory.
//!
//! [`Matching::quality`] is honest: at most 1; the share of the length that is likely right (by the
//! forward-backward algorithm, so that two equally good roads give a half), less where the fixes do
//! not fit the model. It is absent where it cannot be known.
//!
//! ```
//! use fleet_core::{
//!     domain::Fix,
//!     matching::{Matcher, Settings},
//!     route::{BuiltinRouter, Network},
//!     time::Time,
//! };
//! let router = BuiltinRouter::ne_india();
//! let node = |id| router.network().node(id).expect("a town of the bundled network");
//! let route = router.route_nodes(node("guwahati"), node("shillong"))?;
//! let fix = |ix: i64| {
//!     let at_m = ix as f64 * 400.0;
//!     let (on_road, _) = route.position_at(at_m, route.piece_at(at_m, 0));
//!     Fix::new(Time::from_secs(1_767_571_200 + 30 * ix), 0, on_road)
//! };
//! let trace = (0..100).map(fix).collect::<Result<Vec<_>, _>>()?;
//! let matched = Matcher::new(Network::ne_india().clone(), Settings::default())?.match_trace(&trace)?;
//! assert_eq!(matched.matchings.len(), 1);
//! assert!((matched.length_m() - 99.0 * 400.0).abs() < 50.0);
//! assert!(matched.matchings[0].quality.is_some_and(|quality| quality > 0.95));
//! # Ok::<(), fleet_core::Error>(())
//! ```

mod follow;
mod lattice;
mod path;
mod settings;

use std::sync::Arc;

use serde::Serialize;

use self::lattice::Lattice;
pub use self::{
    follow::{Follower, Settled},
    settings::Settings,
};
use crate::{
    Error, Result,
    domain::Fix,
    geo::Position,
    route::{Network, SegmentIx, reach::Reach},
};

/// The most fixes of a trace; [`Matcher::follow`] takes longer ones.
pub const TRACE_MAX: usize = 10_000;

/// Matches traces to the roads of a network. Clones share the roads.
#[derive(Clone, Debug)]
pub struct Matcher {
    reach: Arc<Reach>,
    settings: Settings,
}

/// A part of a road as it was driven: from `from_m` to `to_m`, backwards if they fall.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Stretch {
    /// The road.
    pub segment: SegmentIx,
    /// Metres by road from the segment's `from` end.
    pub from_m: f64,
    /// The same of where it was left.
    pub to_m: f64,
}

/// What became of a fix.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tracepoint {
    /// It was matched.
    Matched {
        /// To which of the matchings.
        matching: usize,
        /// The road.
        segment: SegmentIx,
        /// Metres by road from the segment's `from` end.
        at_m: f64,
        /// That place.
        position: Position,
        /// How far it lies from the fix, metres.
        distance_m: f64,
        /// Metres from the start of the matching.
        along_m: f64,
    },
    /// There is no road near.
    NoRoad,
    /// It fits so badly between the others that it was left out.
    Outlier,
    /// Another fix of the same instant came before it.
    Repeated,
}

/// Why a trace falls apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Break {
    /// The truck was silent for longer than `gap_max_s`.
    Silence,
    /// No truck could have come so far in the time.
    TooFast,
    /// There is no way by road that is anywhere near as short as it would have to be.
    NoWay,
}

/// A part of a trace that was driven in one go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Matching {
    /// The first and the last of its fixes.
    pub fixes: (usize, usize),
    /// The way, in driving order; empty if the truck stood.
    pub path: Vec<Stretch>,
    /// Its length, metres.
    pub length_m: f64,
    /// The share of the length that is likely right, 0 to 1; `None` for a single fix.
    pub quality: Option<f64>,
    /// Why it does not go on from the matching before; `None` of the first.
    pub broken_by: Option<Break>,
}

/// A trace on the roads.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Matched {
    /// One for each fix.
    pub tracepoints: Vec<Tracepoint>,
    /// In the order of time; empty if no fix is near a road.
    pub matchings: Vec<Matching>,
}

impl Matched {
    /// The length of all matchings, metres.
    pub fn length_m(&self) -> f64 {
        self.matchings.iter().map(|matching| matching.length_m).sum()
    }

    /// The quality of all matchings, weighted by length. `None` if there is nothing to be judged, or if
    /// the trace contradicts itself: it holds a jump that no truck could have made.
    pub fn quality(&self) -> Option<f64> {
        if self.matchings.iter().any(|m| m.broken_by == Some(Break::TooFast)) {
            return None;
        }
        let judged = self.matchings.iter().filter_map(|m| Some((m.quality?, m.length_m)));
        let (sum, length_m) = judged
            .fold((0.0, 0.0), |(sum, all), (q, length_m)| (sum + q * length_m, all + length_m));
        (length_m > 0.0).then(|| (sum / length_m).min(1.0))
    }
}

impl Matcher {
    /// A matcher on the roads of `network`, ferries left out. Indexing the bundled network takes some
    /// ten milliseconds.
    ///
    /// # Errors
    /// `Invalid`, naming the setting that is outside its range.
    pub fn new(network: Arc<Network>, settings: Settings) -> Result<Self> {
        settings.check()?;
        Ok(Self { reach: Arc::new(Reach::new(network)), settings })
    }

    /// The roads it matches to.
    pub fn network(&self) -> &Arc<Network> {
        self.reach.network()
    }

    /// The likeliest way of a trace, which is in the order of time.
    ///
    /// # Errors
    /// `Invalid` if there are more than [`TRACE_MAX`] fixes, one is not on the globe or older than the
    /// one before it; the message names it.
    pub fn match_trace(&self, trace: &[Fix]) -> Result<Matched> {
        if trace.len() > TRACE_MAX {
            let count = trace.len();
            return Err(Error::invalid(format!("{count} fixes: the most is {TRACE_MAX}")));
        }
        for (ix, fix) in trace.iter().enumerate() {
            Position::new(fix.position.lat, fix.position.lon)
                .map_err(|error| Error::invalid(format!("fix {ix}")).with_source(error))?;
            if ix > 0 && fix.key.at < trace[ix - 1].key.at {
                return Err(Error::invalid(format!("fix {ix}: older than the one before it")));
            }
        }
        let mut tracepoints = vec![Tracepoint::NoRoad; trace.len()];
        let lattice = Lattice::new(&self.reach, &self.settings, trace, None, &mut tracepoints);
        let likeliest = lattice.likeliest();
        let (matchings, _) =
            path::matchings(&lattice, &likeliest, &self.reach, trace, &mut tracepoints);
        Ok(Matched { tracepoints, matchings })
    }
}

#[cfg(test)]
mod tests;
