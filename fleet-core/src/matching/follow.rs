//! Traces without end: a window slides along, and what lies far enough behind is settled.
//!
//! Viterbi's algorithm knows the likeliest way only at the end of a trace. But its ways to all places
//! of the newest fix nearly always share what lies some dozens of fixes behind, so that can be told,
//! and forgotten, before the end (path truncation: G. D. Forney, *The Viterbi Algorithm*, Proc. IEEE
//! 61, 1973). The next window begins at the last settled place and cannot take it back.

use serde::Serialize;

use super::{Matcher, Matching, TRACE_MAX, Tracepoint, lattice::Lattice, path};
use crate::{Error, Result, domain::Fix, geo::Position, route::reach::OnEdge};

/// Matches a trace fix by fix; [`Matcher::follow`] begins.
#[derive(Clone, Debug)]
pub struct Follower {
    matcher: Matcher,
    /// Fixes that must follow on one before it is settled.
    lag: usize,
    /// The fixes that are not settled, after the last one that is where there is one.
    pub(super) window: Vec<Fix>,
    /// Where the first fix of the window was, if it is settled.
    pin: Option<OnEdge>,
    /// The place in the trace of the first fix of the window; if that is pinned, of the last that was
    /// told.
    first: usize,
    /// Matchings begun, and the length of the last one so far, metres.
    begun: usize,
    length_m: f64,
}

/// What has become certain of a trace, on top of what was told before. Fixes and matchings are counted
/// from the beginning of the trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Settled {
    /// One for each fix after those told before.
    pub tracepoints: Vec<Tracepoint>,
    /// In the order of time.
    pub matchings: Vec<Matching>,
    /// Whether the first of them goes on where the last one that was told before ended: it is a part
    /// of that one, and the first of its fixes was told before.
    pub continues: bool,
}

impl Matcher {
    /// Begins to match a trace of any length: a fix is settled once `lag` others follow on it, and
    /// memory holds at most `2 * lag + 1` fixes. 20 to 60 will do; each fix is looked at twice.
    ///
    /// # Errors
    /// `Invalid` if `lag` is not 1 to 5,000.
    ///
    /// ```
    /// use fleet_core::{
    ///     domain::Fix,
    ///     matching::{Matcher, Settings},
    ///     route::{BuiltinRouter, Network},
    ///     time::Time,
    /// };
    /// let router = BuiltinRouter::ne_india();
    /// let node = |id| router.network().node(id).expect("a town of the bundled network");
    /// let route = router.route_nodes(node("guwahati"), node("shillong"))?;
    /// let matcher = Matcher::new(Network::ne_india().clone(), Settings::default())?;
    /// let (mut follower, mut driven_m) = (matcher.follow(20)?, 0.0);
    /// for ix in 0..100_u32 {
    ///     let at_m = f64::from(ix) * 400.0;
    ///     let (on_road, _) = route.position_at(at_m, route.piece_at(at_m, 0));
    ///     let at = Time::from_secs(1_767_571_200 + 30 * i64::from(ix));
    ///     if let Some(settled) = follower.push(Fix::new(at, 0, on_road)?)? {
    ///         driven_m += settled.length_m();
    ///     }
    /// }
    /// driven_m += follower.finish().length_m();
    /// assert!((driven_m - 99.0 * 400.0).abs() < 50.0);
    /// # Ok::<(), fleet_core::Error>(())
    /// ```
    pub fn follow(&self, lag: usize) -> Result<Follower> {
        if !(1..=TRACE_MAX / 2).contains(&lag) {
            return Err(Error::invalid(format!("lag: {lag} is not 1 to {}", TRACE_MAX / 2)));
        }
        Ok(Follower {
            matcher: self.clone(),
            lag,
            window: Vec::with_capacity(2 * lag + 1),
            pin: None,
            first: 0,
            begun: 0,
            length_m: 0.0,
        })
    }
}

impl Settled {
    /// The length of what was settled, metres.
    pub fn length_m(&self) -> f64 {
        self.matchings.iter().map(|matching| matching.length_m).sum()
    }
}

impl Follower {
    /// Takes the next fix. Every `lag` fixes about as many are settled.
    ///
    /// # Errors
    /// `Invalid` if the fix is not on the globe or older than the one before it; it is then left out.
    pub fn push(&mut self, fix: Fix) -> Result<Option<Settled>> {
        Position::new(fix.position.lat, fix.position.lon)?;
        if self.window.last().is_some_and(|last| fix.key.at < last.key.at) {
            return Err(Error::invalid("fix: older than the one before it"));
        }
        self.window.push(fix);
        Ok((self.window.len() > 2 * self.lag).then(|| self.settle(Some(self.lag))))
    }

    /// Settles the rest.
    pub fn finish(mut self) -> Settled {
        if self.window.is_empty() { Settled::default() } else { self.settle(None) }
    }

    /// Settles what happened up to a fix of the window, or all.
    fn settle(&mut self, until: Option<usize>) -> Settled {
        let (Matcher { reach, settings }, window) = (&self.matcher, &self.window);
        let mut tracepoints = vec![Tracepoint::NoRoad; window.len()];
        let lattice = Lattice::new(reach, settings, window, self.pin, &mut tracepoints);
        let mut likeliest = lattice.likeliest();
        likeliest.retain(|(column, ..)| until.is_none_or(|u| lattice.columns[*column].fix <= u));
        let (mut matchings, end) =
            path::matchings(&lattice, &likeliest, reach, window, &mut tracepoints);
        let settled = likeliest.last().map_or(0, |(column, ..)| lattice.columns[*column].fix);

        // The pinned fix was told before, as was the matching that it belongs to.
        let told = usize::from(self.pin.is_some());
        let base = self.begun - told;
        self.begun = base + matchings.len();
        let before_m = if told == 1 { self.length_m } else { 0.0 };
        self.length_m = match matchings.as_slice() {
            [] => self.length_m,
            [only] => before_m + only.length_m,
            [.., last] => last.length_m,
        };
        for matching in &mut matchings {
            matching.fixes.0 += self.first;
            matching.fixes.1 += self.first;
        }
        let has_more = matchings.first().is_some_and(|m| m.fixes.1 > m.fixes.0);
        let continues = told == 1 && has_more;
        if told == 1 && !has_more {
            matchings.remove(0);
        }

        let end_of_told = match until {
            Some(_) if settled > 0 => settled,
            // Nothing was matched in all of the first half: it is given up as it is.
            Some(until) => until,
            None => window.len() - 1,
        };
        let counted = |point: Tracepoint| match point {
            Tracepoint::Matched { matching, segment, at_m, position, distance_m, along_m } => {
                let along_m = if matching == 0 { before_m + along_m } else { along_m };
                let matching = base + matching;
                Tracepoint::Matched { matching, segment, at_m, position, distance_m, along_m }
            }
            other => other,
        };
        let tracepoints = tracepoints[told..=end_of_told].iter().copied().map(counted).collect();
        self.go_on(settled, end_of_told, end);
        Settled { tracepoints, matchings, continues }
    }

    /// Forgets what was told, but for the last fix that was matched.
    fn go_on(&mut self, settled: usize, end_of_told: usize, end: Option<OnEdge>) {
        match end {
            Some(_) => {
                self.first += end_of_told;
                self.window.drain(..settled);
                self.window.drain(1..=end_of_told - settled);
            }
            None => {
                self.first += end_of_told + 1;
                self.window.drain(..=end_of_told);
            }
        }
        self.pin = end;
    }
}
