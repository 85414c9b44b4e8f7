//! The rule itself: from one fix to the next, in the order of time.
//!
//! Per fence a truck is outside (nothing is kept) or on a visit. A visit begins where the way crosses
//! the edge and is told once confirmed; it ends where the way last crossed outwards, told once fixes
//! lie far enough outside. Between edge and that distance nothing changes, so that noise at the edge
//! makes no events. What would be a visit but is never confirmed leaves no trace.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    event::{Evidence, FenceEvent, FenceEventKind, Rule},
    fence::Fence,
    plane::{moved, turn_towards},
    set::FenceSet,
    settings::Settings,
};
use crate::{
    domain::{FenceId, Fix, FixKey},
    geo::{Position, flat_distance_m},
    time::Time,
};

/// Slower than this a truck stands, and the way between its fixes is noise.
const STANDING_KMH: f64 = 3.0;

/// All that is known of a truck after a fix.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Fold {
    /// The last fix that counted.
    pub(super) last: Option<Fix>,
    /// A fix after it that was too far off to be believed.
    suspect: Option<Fix>,
    /// Fixes that were left out: inaccurate, impossible, or second of an instant.
    pub(super) left_out: u64,
    /// The visits under way.
    visits: BTreeMap<FenceId, Visit>,
}

/// A place where a way crosses an edge.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Crossing {
    at: Time,
    position: Position,
    evidence: Evidence,
    between: (FixKey, FixKey),
}

/// Inside a fence, or just out of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Visit {
    entry: Crossing,
    /// The entry was told.
    told: bool,
    /// Fixes inside in a row so far.
    fixes: u8,
    /// Metres of straight way inside so far.
    inside_m: f64,
    dwelt: bool,
    /// Where it went out last, and fixes since that lie far enough outside, in a row.
    exit: Option<(Crossing, u8)>,
}

/// The way from the last fix to this one.
struct Step<'a> {
    last: Option<&'a Fix>,
    fix: &'a Fix,
    /// The straight way says where the truck was.
    is_way: bool,
    /// Its length, if the truck moved at all.
    length_m: f64,
}

impl Fold {
    /// Takes the next fix, which is newer than all before, and tells what it makes certain, in the
    /// order of events. `near` is room to work in.
    pub(super) fn step(
        &mut self,
        settings: &Settings,
        fences: &FenceSet,
        fix: &Fix,
        near: &mut Vec<u32>,
    ) -> Vec<FenceEvent> {
        let inaccurate = fix.accuracy_m.is_some_and(|m| m > settings.accuracy_max_m);
        let doubled = self.last.is_some_and(|last| last.key.at == fix.key.at);
        if inaccurate || doubled {
            self.left_out += 1;
            return Vec::new();
        }
        let mut events = Vec::new();
        if self.last.is_some_and(|last| is_too_fast(settings, &last, fix)) {
            let Some(suspect) = self.suspect.filter(|s| is_believed(settings, s, fix)) else {
                self.left_out += u64::from(self.suspect.is_some());
                self.suspect = Some(*fix);
                return events;
            };
            // Two agree against one: the truck is there, however it came.
            self.take(settings, fences, &suspect, false, near, &mut events);
        } else {
            self.left_out += u64::from(self.suspect.is_some());
        }
        self.suspect = None;
        self.take(settings, fences, fix, true, near, &mut events);
        events.sort_by(|a, b| a.order().cmp(&b.order()));
        events
    }

    fn take(
        &mut self,
        settings: &Settings,
        fences: &FenceSet,
        fix: &Fix,
        is_near: bool,
        near: &mut Vec<u32>,
        events: &mut Vec<FenceEvent>,
    ) {
        let last = self.last.replace(*fix);
        let step = Step::new(settings, last.as_ref(), fix, is_near);
        let from = step.last.filter(|_| step.is_way).map_or(fix.position, |last| last.position);
        let to = moved(fix.position, turn_towards(fix.position.lon, from.lon));
        fences.near_way(from, to, near);
        // A visit whose fence is no longer there ends without a word.
        self.visits.retain(|id, _| fences.ix_of(id).is_some());
        near.extend(self.visits.keys().filter_map(|id| fences.ix_of(id)));
        near.sort_unstable();
        near.dedup();
        for ix in near.iter() {
            let fence = fences.at(*ix);
            let visit = self.visits.remove(&fence.id);
            let rule = settings.rule(fence);
            if let Some(visit) = step.at_fence(settings, fence, &rule, visit, events) {
                self.visits.insert(fence.id.clone(), visit);
            }
        }
    }
}

fn is_too_fast(settings: &Settings, last: &Fix, fix: &Fix) -> bool {
    let reach_m = settings.jump_slack_m + settings.speed_max_kmh / 3.6 * fix.seconds_since(last);
    flat_distance_m(last.position, fix.position) > reach_m
}

/// Whether a suspect and the fix after it confirm each other.
fn is_believed(settings: &Settings, suspect: &Fix, fix: &Fix) -> bool {
    suspect.key.at < fix.key.at && !is_too_fast(settings, suspect, fix)
}

impl<'a> Step<'a> {
    fn new(settings: &Settings, last: Option<&'a Fix>, fix: &'a Fix, is_near: bool) -> Self {
        let is_way = is_near && last.is_some_and(|l| fix.seconds_since(l) <= settings.gap_max_s);
        let stands = |fix: &Fix| fix.speed_kmh.is_some_and(|speed| speed < STANDING_KMH);
        let moved = last.filter(|last| !(stands(last) && stands(fix)));
        let length_m = moved.map_or(0.0, |last| flat_distance_m(last.position, fix.position));
        Self { last, fix, is_way, length_m }
    }

    /// The parts of the way inside, as shares of it.
    fn spans(&self, fence: &Fence) -> Vec<(f64, f64)> {
        let Some(last) = self.last.filter(|_| self.is_way) else { return Vec::new() };
        let form = &fence.shape.0;
        let from = form.near(last.position);
        let to = moved(self.fix.position, turn_towards(self.fix.position.lon, from.lon));
        form.spans(from, to)
    }

    /// The place at a share of the way; without a way it is at this fix.
    fn crossing(&self, share: f64, evidence: Evidence) -> Crossing {
        let fix = self.fix;
        let Some(last) = self.last else {
            let (at, between) = (fix.key.at, (fix.key, fix.key));
            return Crossing { at, position: fix.position, evidence: Evidence::FirstSeen, between };
        };
        let between = (last.key, fix.key);
        if !self.is_way {
            let (at, evidence) = (fix.key.at, Evidence::AfterGap);
            return Crossing { at, position: fix.position, evidence, between };
        }
        let ms = fix.key.at.ms_since(last.key.at);
        let at = last.key.at.plus_ms((ms as f64 * share).round() as i64);
        let to = moved(fix.position, turn_towards(fix.position.lon, last.position.lon));
        let place = last.position.lerp(to, share);
        let position = moved(place, turn_towards(place.lon, 0.0));
        Crossing { at, position, evidence, between }
    }

    /// What the step means at one fence. The visit after it is given back, if there is one.
    fn at_fence(
        &self,
        settings: &Settings,
        fence: &Fence,
        rule: &Rule,
        visit: Option<Visit>,
        events: &mut Vec<FenceEvent>,
    ) -> Option<Visit> {
        let is_inside = fence.shape.holds(self.fix.position);
        let spans = self.spans(fence);
        let inside_m = self.length_m * spans.iter().map(|(from, to)| to - from).sum::<f64>();
        let has_passed = inside_m >= settings.pass_m;
        let mut visit = match visit {
            Some(visit) => visit,
            None if is_inside => {
                let share = spans.first().map_or(1.0, |(from, _)| *from);
                Visit::new(self.crossing(share, Evidence::Crossed))
            }
            None if has_passed => Visit::new(self.crossing(spans[0].0, Evidence::Passed)),
            None => return None,
        };
        visit.inside_m += inside_m;
        let known_until = self.follow(&mut visit, is_inside, &spans);
        let enough = visit.fixes >= rule.confirm_fixes || visit.inside_m >= settings.pass_m;
        let tell = |kind, crossing: &Crossing, visit: &Visit| FenceEvent {
            fence_id: fence.id.clone(),
            kind,
            at: crossing.at,
            position: crossing.position,
            entered_at: visit.entry.at,
            evidence: crossing.evidence,
            between: crossing.between,
            confirmed_by: self.fix.key,
            rule: *rule,
        };
        if !visit.told && enough {
            visit.told = true;
            events.push(tell(FenceEventKind::Enter, &visit.entry, &visit));
        }
        if let Some(dwelt) = self.dwelt(&visit, rule, known_until) {
            visit.dwelt = true;
            events.push(tell(FenceEventKind::Dwell, &dwelt, &visit));
        }
        let Some((exit, clear)) = visit.exit.as_mut() else { return Some(visit) };
        let margin_m = rule.hysteresis_m.max(self.fix.accuracy_m.unwrap_or(0.0));
        let is_clear = fence.shape.0.is_clear_of(fence.shape.0.near(self.fix.position), margin_m);
        *clear = if is_clear { clear.saturating_add(1) } else { 0 };
        if *clear < rule.confirm_fixes {
            return visit.told.then_some(visit); // never confirmed, and out again: it was noise
        }
        let exit = *exit;
        if visit.told {
            events.push(tell(FenceEventKind::Exit, &exit, &visit));
        }
        None
    }

    /// Carries the visit on over the step; until when the truck is known to have been inside.
    fn follow(&self, visit: &mut Visit, is_inside: bool, spans: &[(f64, f64)]) -> Time {
        if is_inside {
            visit.fixes = visit.fixes.saturating_add(1);
            visit.exit = None;
            return self.fix.key.at;
        }
        visit.fixes = 0;
        let out_again = spans.last().map(|(_, to)| *to);
        let (exit, clear) = match visit.exit {
            Some((exit, clear)) if out_again.is_none() => (exit, clear),
            // It came in again on the way: what was outside before no longer counts.
            _ => {
                let came_in = spans.first().is_some_and(|(from, _)| *from > 0.0);
                let evidence = if came_in { Evidence::Passed } else { Evidence::Crossed };
                (self.crossing(out_again.unwrap_or(0.0), evidence), 0)
            }
        };
        visit.exit = Some((exit, clear));
        if exit.evidence == Evidence::AfterGap { exit.between.0.at } else { exit.at }
    }

    /// The moment at which the visit became a long one, if it now has.
    fn dwelt(&self, visit: &Visit, rule: &Rule, known_until: Time) -> Option<Crossing> {
        let dwell_ms = i64::from(rule.dwell_s?) * 1_000;
        let at = visit.entry.at.plus_ms(dwell_ms);
        if visit.dwelt || !visit.told || known_until < at {
            return None;
        }
        let position = match visit.exit {
            None => self.fix.position,
            Some((exit, _)) if exit.evidence == Evidence::AfterGap => visit.entry.position,
            Some((exit, _)) => exit.position,
        };
        let between = (visit.entry.between.1, self.fix.key);
        Some(Crossing { at, position, evidence: Evidence::Elapsed, between })
    }
}

impl Visit {
    fn new(entry: Crossing) -> Self {
        Self { entry, told: false, fixes: 0, inside_m: 0.0, dwelt: false, exit: None }
    }
}
