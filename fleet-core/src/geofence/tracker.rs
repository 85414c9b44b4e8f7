//! One truck and its fences, whatever order its fixes arrive in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{event::FenceEvent, fold::Fold, set::FenceSet, settings::Settings};
use crate::{
    Result,
    domain::{Fix, FixKey},
};

/// The events of one truck, as a function of the *set* of its fixes.
///
/// New fixes are followed as they come. A late one is put in its place among the recent fixes, and
/// what follows from there is derived anew; the answer names what is new and what no longer holds.
/// The tracker keeps the last [`recent_max`](Settings::recent_max) fixes or
/// [`late_s`](Settings::late_s) seconds, and one state for all before: some 10 KB a truck. Whatever
/// the order of arrival, it ends in the same state, bit for bit.
///
/// It can be saved as a checkpoint (serde) and goes on from there. Fences may change between two
/// calls: the new shapes hold from the next fix on, and for the recent ones if a late fix comes.
///
/// ```
/// use fleet_core::{
///     domain::Fix,
///     geo::Position,
///     geofence::{Fence, FenceEventKind, FenceSet, Settings, Shape, Tracker},
///     time::Time,
/// };
/// let depot = Position::new(26.1844, 91.7458)?;
/// let fence = Fence::new("depot".parse()?, Shape::circle(depot, 200.0)?);
/// let fences = FenceSet::new(vec![fence])?;
/// let fix = |secs: i64, lon| {
///     Fix::new(Time::from_secs(1_767_571_200 + secs), 1, Position::new(26.1844, lon)?)
/// };
///
/// let mut tracker = Tracker::new(Settings::default())?;
/// let fixes = [fix(0, 91.73)?, fix(60, 91.745)?, fix(120, 91.76)?, fix(180, 91.77)?];
/// let told = tracker.observe(&fences, &fixes).added;
/// let kinds: Vec<_> = told.iter().map(|event| event.kind).collect();
/// assert_eq!(kinds, [FenceEventKind::Enter, FenceEventKind::Exit]);
/// # Ok::<(), fleet_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tracker {
    settings: Settings,
    /// The state before the recent fixes.
    base: Fold,
    /// The newest fix that is in `base`.
    base_key: Option<FixKey>,
    /// The recent fixes in order, each with what it made certain.
    recent: Vec<Told>,
    /// The state after them.
    tip: Fold,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    fix: Fix,
    events: Vec<FenceEvent>,
}

/// What fixes changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Revision {
    /// Events that now hold, in their order.
    pub added: Vec<FenceEvent>,
    /// Events that were told before and no longer hold.
    pub withdrawn: Vec<FenceEvent>,
    /// Late fixes that were put among older ones: the reason for what was withdrawn.
    pub late: Vec<FixKey>,
    /// Fixes that lie before all that is kept, and changed nothing. Unless they are known to be
    /// duplicates, the truck has to be derived anew from its stored fixes, by [`Tracker::rebuild`].
    pub too_late: Vec<FixKey>,
}

impl Tracker {
    /// A truck of which nothing is known.
    ///
    /// # Errors
    /// `Invalid`, naming the threshold that is outside its range.
    pub fn new(settings: Settings) -> Result<Self> {
        settings.check()?;
        let (base, base_key, recent, tip) = Default::default();
        Ok(Self { settings, base, base_key, recent, tip })
    }

    /// A truck of which these are all fixes, in any order, and its events in theirs: what
    /// [`observe`](Self::observe) would come to, were nothing too late.
    ///
    /// # Errors
    /// `Invalid`, naming the threshold that is outside its range.
    pub fn rebuild(
        settings: Settings,
        fences: &FenceSet,
        mut fixes: Vec<Fix>,
    ) -> Result<(Self, Vec<FenceEvent>)> {
        let mut tracker = Self::new(settings)?;
        fixes.sort_by_key(|fix| (fix.key, fix.content()));
        fixes.dedup_by_key(|fix| fix.key);
        let mut events = Vec::new();
        for fixes in fixes.chunks(settings.recent_max) {
            events.extend(tracker.observe(fences, fixes).added);
        }
        events.sort_by(|a, b| a.order().cmp(&b.order()));
        Ok((tracker, events))
    }

    /// Takes fixes in any order; those already known change nothing. Of two that differ under one key
    /// always the same one counts.
    ///
    /// Costs about a microsecond a fix that is newer than all others, and a derivation of the recent
    /// ones, once a call, if any is late.
    pub fn observe(&mut self, fences: &FenceSet, fixes: &[Fix]) -> Revision {
        let mut revision = Revision::default();
        let mut changed_from = None::<FixKey>;
        let newest_before = self.recent.last().map(|told| told.fix.key);
        let mut newer = Vec::new();
        for fix in fixes {
            if self.base_key.is_some_and(|base| fix.key <= base) {
                revision.too_late.push(fix.key);
            } else if newest_before.is_none_or(|newest| fix.key > newest) {
                newer.push(*fix);
            } else if self.insert(*fix) {
                revision.late.push(fix.key);
                changed_from = Some(changed_from.map_or(fix.key, |from| from.min(fix.key)));
            }
        }
        if let Some(from) = changed_from {
            self.derive_again(fences, from, &mut revision);
        }
        newer.sort_by_key(|fix| (fix.key, fix.content()));
        newer.dedup_by_key(|fix| fix.key);
        let mut near = Vec::new();
        for fix in newer {
            let events = self.tip.step(&self.settings, fences, &fix, &mut near);
            revision.added.extend(events.iter().cloned());
            self.recent.push(Told { fix, events });
        }
        self.settle(fences, &mut near);
        revision.late.sort_unstable();
        revision.added.sort_by(|a, b| a.order().cmp(&b.order()));
        revision
    }

    /// Puts a fix among the recent ones; whether that changed anything.
    fn insert(&mut self, fix: Fix) -> bool {
        match self.recent.binary_search_by_key(&fix.key, |told| told.fix.key) {
            Ok(ix) if fix.content() < self.recent[ix].fix.content() => self.recent[ix].fix = fix,
            Ok(_) => return false,
            Err(ix) => self.recent.insert(ix, Told { fix, events: Vec::new() }),
        }
        true
    }

    /// Derives all recent events anew and adds to the revision in what those from `from` on differ.
    fn derive_again(&mut self, fences: &FenceSet, from: FixKey, revision: &mut Revision) {
        let mut near = Vec::new();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut fold = self.base.clone();
        for told in &mut self.recent {
            let events = fold.step(&self.settings, fences, &told.fix, &mut near);
            if told.fix.key >= from {
                after.extend(events.iter().cloned());
                before.append(&mut told.events);
                told.events = events;
            }
        }
        self.tip = fold;
        let told: BTreeMap<_, _> = before.iter().map(|event| (event.order(), event)).collect();
        let holds: BTreeMap<_, _> = after.iter().map(|event| (event.order(), event)).collect();
        let new = after.iter().filter(|event| told.get(&event.order()) != Some(event));
        revision.added.extend(new.cloned());
        let gone = before.iter().filter(|event| holds.get(&event.order()) != Some(event));
        revision.withdrawn = gone.cloned().collect();
        revision.withdrawn.sort_by(|a, b| a.order().cmp(&b.order()));
    }

    /// Moves what is no longer recent into the base.
    fn settle(&mut self, fences: &FenceSet, near: &mut Vec<u32>) {
        let Some(newest) = self.recent.last().map(|told| told.fix.key.at) else { return };
        let kept_from = newest.plus_ms(-((self.settings.late_s * 1e3) as i64));
        let too_many = self.recent.len().saturating_sub(self.settings.recent_max);
        let too_old = self.recent.partition_point(|told| told.fix.key.at < kept_from);
        for told in self.recent.drain(..too_many.max(too_old)) {
            self.base.step(&self.settings, fences, &told.fix, near);
            self.base_key = Some(told.fix.key);
        }
    }

    /// The newest fix that was taken.
    pub fn newest(&self) -> Option<FixKey> {
        self.recent.last().map(|told| told.fix.key).or(self.base_key)
    }

    /// Fixes up to this one can no longer be put in their place.
    pub fn settled(&self) -> Option<FixKey> {
        self.base_key
    }

    /// Fixes that were left out so far: inaccurate, impossible to reach, or second of an instant.
    pub fn left_out(&self) -> u64 {
        self.tip.left_out
    }
}
