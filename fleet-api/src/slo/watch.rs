//! What reads the tallies, keeps the histories and tells what they say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fleet_core::{
    Error, Result,
    slo::{CountSource, Counts, Histories, Report, Tally, increase},
    time::Time,
};
use tokio::time::{MissedTickBehavior, interval};

use super::{Level, Slo, SloSettings, Tallies, saved};
use crate::{Service, metrics::SloMetrics};

/// How often tallies are read: the buckets of the five-minute window.
const TICK: Duration = Duration::from_secs(10);
/// Trucks are counted and histories saved with every so many ticks.
const SLOW_TICKS: u64 = 3;

/// The histories of this process and what they were made from.
#[derive(Debug)]
pub(crate) struct Watch {
    settings: SloSettings,
    tallies: Tallies,
    histories: Arc<Histories>,
    /// Asked instead of the histories.
    source: Option<Arc<dyn CountSource>>,
    metrics: SloMetrics,
    began: Time,
    so_far: Mutex<SoFar>,
}

#[derive(Debug)]
struct SoFar {
    /// What each tally showed when it was read last.
    read: BTreeMap<Level, Counts>,
    /// Levels that cannot be counted just now: their time is not covered.
    blind: BTreeSet<Level>,
    /// The trips that ended, as the counters of the state store showed them last.
    trips: Option<Counts>,
    /// Whether what an earlier process kept was read: before, nothing may take its place.
    is_loaded: bool,
    /// Saved up to here.
    saved_at: Time,
}

impl Watch {
    /// The levels that are counted here.
    pub(crate) const OWN: [Level; 4] =
        [Level::Availability, Level::Latency, Level::Freshness, Level::OnTime];

    /// Watches the levels of the API, and those of `others` that someone else counts.
    pub(crate) fn new(
        settings: SloSettings,
        others: &Tallies,
        source: Option<Arc<dyn CountSource>>,
        metrics: SloMetrics,
        now: Time,
    ) -> Self {
        let mut tallies: Tallies = Self::OWN.map(|level| (level, Tally::default())).into();
        tallies.extend(others.iter().map(|(level, tally)| (*level, tally.clone())));
        for level in Level::ALL {
            let objective = settings.objective(level);
            metrics.tell_objective(level.as_str(), objective);
        }
        let read = tallies.keys().map(|level| (*level, Counts::default())).collect();
        let so_far = SoFar {
            read,
            blind: [Level::Freshness, Level::OnTime].into(),
            trips: None,
            is_loaded: false,
            saved_at: now,
        };
        Self {
            histories: Arc::new(Histories::new(Level::ALL.map(Level::as_str))),
            so_far: Mutex::new(so_far),
            began: now,
            settings,
            tallies,
            source,
            metrics,
        }
    }

    fn so_far(&self) -> MutexGuard<'_, SoFar> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request or call that was answered after so many seconds; a failure of ours is not fast.
    pub(crate) fn answered(&self, is_failure: bool, seconds: f64) {
        self.tallies[&Level::Availability].count(!is_failure);
        if !is_failure {
            self.tallies[&Level::Latency].count(seconds <= self.settings.latency.as_secs_f64());
        }
    }

    /// A stream that ended, by our fault or not. It has no latency.
    pub(crate) fn streamed(&self, is_failure: bool) {
        self.tallies[&Level::Availability].count(!is_failure);
    }

    /// Reads the tallies into the histories and the counters.
    pub(crate) fn sample(&self, now: Time) {
        let mut so_far = self.so_far();
        let SoFar { read, blind, .. } = &mut *so_far;
        for (level, tally) in &self.tallies {
            let shown = tally.read();
            let before = read.insert(*level, shown).unwrap_or_default();
            let new = grown(before, shown);
            self.metrics.count(level.as_str(), new);
            if new.total() > 0 || !blind.contains(level) {
                let told = self.histories.with(level.as_str(), |history| history.record(now, new));
                debug_assert!(told.is_ok(), "every level has a history");
            }
        }
    }

    /// What is said of a level now.
    async fn report(&self, level: Level, now: Time) -> Result<Report> {
        let windows = match &self.source {
            Some(source) => source.windows(level.as_str(), now).await?,
            None => self.histories.windows(level.as_str(), now).await?,
        };
        Ok(Report::new(self.settings.objective(level), windows))
    }

    /// The same as it is shown.
    pub(crate) async fn shown(&self, level: Level, now: Time) -> Result<Slo> {
        let source = if self.source.is_some() { "prometheus" } else { "in_process" };
        Ok(Slo::new(level, source, &self.report(level, now).await?))
    }

    /// The gauges of every level; those that cannot be said are not there.
    async fn tell(&self, now: Time) {
        for level in Level::ALL {
            match self.report(level, now).await {
                Ok(report) => self.metrics.tell(level.as_str(), &report),
                Err(error) => {
                    // They come from one place: asking for the others would only be waiting longer.
                    Level::ALL.iter().for_each(|level| self.metrics.forget(level.as_str()));
                    tracing::warn!(%error, "the counts of service levels are not known");
                    return;
                }
            }
        }
    }
}

/// Two counters, each by itself.
fn grown(before: Counts, shown: Counts) -> Counts {
    Counts { good: increase(before.good, shown.good), bad: increase(before.bad, shown.bad) }
}

impl Service {
    /// Every service level, in the order of [`Level::ALL`].
    pub(crate) async fn slos(&self) -> Result<Vec<Slo>> {
        let now = self.parts.clock.now();
        self.watch.sample(now);
        let mut slos = Vec::new();
        for level in Level::ALL {
            slos.push(self.watch.shown(level, now).await?);
        }
        Ok(slos)
    }

    /// One of them.
    pub(crate) async fn slo(&self, name: &str) -> Result<Slo> {
        let level = Level::ALL.into_iter().find(|level| level.as_str() == name);
        let level = level.ok_or_else(|| {
            let known = Level::ALL.map(Level::as_str).join(", ");
            Error::not_found(format!("slo {name}: not known; there are {known}"))
        })?;
        let now = self.parts.clock.now();
        self.watch.sample(now);
        self.watch.shown(level, now).await
    }

    /// Counts which trucks were heard of lately. In the first minute nobody can know: a fleet that
    /// has stood still catches up, a new one has not reported yet.
    async fn count_trucks(&self, now: Time) -> Result<()> {
        let within = self.watch.settings.fresh_within;
        if now < self.watch.began.plus(within) {
            return Ok(());
        }
        let mut silent: BTreeSet<_> = self.register().await?.into_keys().collect();
        let mut fresh = 0;
        for stored in self.parts.store.latest(None).await? {
            let is_fresh = stored.archived_at.plus(within) >= now;
            silent.insert(stored.event.truck_id.clone());
            if is_fresh {
                silent.remove(&stored.event.truck_id);
                fresh += 1;
            }
        }
        let tally = &self.watch.tallies[&Level::Freshness];
        tally.good(fresh);
        tally.bad(silent.len() as u64);
        self.watch.so_far().blind.remove(&Level::Freshness);
        Ok(())
    }

    /// Counts the trips that have ended since they were counted last.
    async fn count_trips(&self) -> Result<()> {
        let snapshot = self.parts.state.counters().await?;
        let mut so_far = self.watch.so_far();
        so_far.blind.remove(&Level::OnTime);
        let Some(snapshot) = snapshot else { return Ok(()) };
        let trips = snapshot.trucks.values().fold(Counts::default(), |sum, truck| {
            sum + Counts {
                good: truck.trips_on_time,
                bad: truck.trips.saturating_sub(truck.trips_on_time),
            }
        });
        // What ended before anybody counted belongs to no window.
        let seen = so_far.trips.unwrap_or(trips);
        // A state that was restored or made again tells its trips again: they have been counted.
        let most = Counts { good: seen.good.max(trips.good), bad: seen.bad.max(trips.bad) };
        so_far.trips = Some(most);
        let tally = &self.watch.tallies[&Level::OnTime];
        tally.good(most.good - seen.good);
        tally.bad(most.bad - seen.bad);
        Ok(())
    }

    /// Once every ten seconds.
    pub(crate) async fn watch_once(&self, turn: u64) {
        let now = self.parts.clock.now();
        if self.watch.source.is_none() && !self.watch.so_far().is_loaded {
            self.load_histories(now).await;
        }
        if turn.is_multiple_of(SLOW_TICKS) {
            let counted = self.count_trucks(now).await;
            self.can_be_counted(Level::Freshness, counted);
            // Before it is known what an earlier process saw, the trips since then would be lost.
            if self.watch.source.is_some() || self.watch.so_far().is_loaded {
                let counted = self.count_trips().await;
                self.can_be_counted(Level::OnTime, counted);
            }
        }
        self.watch.sample(now);
        if turn.is_multiple_of(SLOW_TICKS) {
            self.save_histories(now).await;
        }
        self.watch.tell(now).await;
    }

    fn can_be_counted(&self, level: Level, counted: Result<()>) {
        if let Err(error) = counted {
            self.watch.so_far().blind.insert(level);
            tracing::warn!(%error, %level, "a service level cannot be counted now");
        }
    }

    async fn load_histories(&self, now: Time) {
        match saved::load(&*self.parts.state, &self.watch.histories, now).await {
            Ok(seen) => {
                let mut so_far = self.watch.so_far();
                so_far.trips = so_far.trips.or(seen.get(Level::OnTime.as_str()).copied());
                so_far.is_loaded = true;
            }
            Err(error) => tracing::warn!(%error, "the SLO history is not read; will try again"),
        }
    }

    async fn save_histories(&self, now: Time) {
        let (from, trips) = {
            let so_far = self.watch.so_far();
            if !so_far.is_loaded {
                return; // it would take the place of what is not read yet
            }
            (so_far.saved_at, so_far.trips)
        };
        let name = Level::OnTime.as_str().to_owned();
        let seen = trips.map(|trips| (name, trips)).into_iter().collect();
        let names = Level::ALL.map(Level::as_str);
        let (state, histories) = (&*self.parts.state, &*self.watch.histories);
        match saved::save(state, histories, &names, &seen, (from, now)).await {
            Ok(()) => self.watch.so_far().saved_at = now,
            Err(error) => tracing::warn!(%error, "the SLO history is not saved; will try again"),
        }
    }
}

/// Watches until the API closes, and saves what was counted.
pub(crate) async fn run(service: &Service) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let closed = service.closing.closed();
    tokio::pin!(closed);
    for turn in 0.. {
        let next = async {
            ticks.tick().await;
            service.watch_once(turn).await; // may be given up at any wait: it counts between them
        };
        tokio::select! {
            () = &mut closed => break,
            () = next => {}
        }
    }
    let now = service.parts.clock.now();
    service.watch.sample(now);
    service.save_histories(now).await;
}

#[cfg(test)]
mod tests;
