//! The groups of a process, each watched, for whoever wants to know.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{GroupHealth, GroupWatch, LagSettings};
use crate::{stream::EventLog, time::Time};

/// What is known of how groups are doing. Somebody has to [`sample`](Self::sample) it every few
/// seconds; everybody may ask.
#[derive(Debug)]
pub struct Board(pub(super) Mutex<BTreeMap<String, GroupWatch>>);

impl Board {
    /// A board of these groups.
    pub fn new(groups: &[String], settings: LagSettings) -> Self {
        let watch = |group: &String| (group.clone(), GroupWatch::new(settings));
        Self(Mutex::new(groups.iter().map(watch).collect()))
    }

    /// Asks `log` how every group is doing at `now`, platform time. What it does not answer is
    /// noted as such.
    pub async fn sample(&self, log: &dyn EventLog, now: Time) {
        let groups: Vec<String> = self.watches().keys().cloned().collect();
        for group in groups {
            let lag = log.lag(&group).await;
            let mut watches = self.watches();
            let Some(watch) = watches.get_mut(&group) else { continue };
            match lag {
                Ok(lag) => watch.sample(now, lag),
                Err(_) => watch.missed(now), // who asks for the lag itself is told why
            }
        }
    }

    /// How `group` is doing at `now`, platform time; unknown if nobody has looked for a while.
    /// `None` if it is not on the board.
    pub fn health(&self, group: &str, now: Time) -> Option<GroupHealth> {
        self.watches().get_mut(group).map(|watch| watch.health_at(now))
    }

    /// How every group is doing at `now`, platform time.
    pub fn all(&self, now: Time) -> BTreeMap<String, GroupHealth> {
        let told =
            |(group, watch): (&String, &mut GroupWatch)| (group.clone(), watch.health_at(now));
        self.watches().iter_mut().map(told).collect()
    }

    fn watches(&self) -> MutexGuard<'_, BTreeMap<String, GroupWatch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
