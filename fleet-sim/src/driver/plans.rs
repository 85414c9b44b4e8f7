//! Ways from a router outside: asked once, kept for good, and only then driven.
//!
//! What such a router answers may change, so the answer is put into the state store under (truck,
//! trip, leg), where the first writer wins, and read back from there before the truck is told.
//! Whatever is published of the trip comes after that, so a run that is killed anywhere finds the
//! same ways again. An answer that there is no way is kept too.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use fleet_core::{
    Error, ErrorKind, Result,
    backoff::Backoff,
    domain::TripId,
    error::Remedy,
    random::Stream,
    route::{Network, Plan, Router},
    state::StateStore,
};
use tokio::task::JoinSet;
use tracing::warn;

use super::Components;
use crate::{SimMetrics, Wanted, Way, World};

/// Questions at once: more than that wait their turn.
const QUESTIONS_MAX: usize = 16;
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// What is kept where there is no way.
const NO_WAY: &[u8] = b"null";

/// The questions under way.
pub(super) struct Plans {
    asker: Option<Asker>,
    asked: JoinSet<Result<(Wanted, Way)>>,
    trips: BTreeSet<TripId>,
    metrics: SimMetrics,
}

#[derive(Clone)]
struct Asker {
    router: Arc<dyn Router>,
    state: Arc<dyn StateStore>,
    metrics: SimMetrics,
}

impl Plans {
    /// Nothing is ever asked where there is no router outside.
    pub(super) fn new(components: &Components) -> Self {
        let metrics = components.metrics.clone();
        let asker = components.router.as_ref().map(|router| Asker {
            router: Arc::clone(router),
            state: Arc::clone(&components.state),
            metrics: metrics.clone(),
        });
        Self { asker, asked: JoinSet::new(), trips: BTreeSet::new(), metrics }
    }

    /// Asks for what trucks wait for and has not been asked yet.
    pub(super) fn ask(&mut self, world: &World) {
        let Some(asker) = &self.asker else { return };
        let mut waiting = 0;
        for wanted in world.wanted() {
            waiting += 1;
            if self.asked.len() < QUESTIONS_MAX && self.trips.insert(wanted.trip_id.clone()) {
                self.asked.spawn(asker.clone().answer(wanted));
            }
        }
        self.metrics.awaiting.set(waiting);
    }

    /// Tells the world all answers that have come.
    ///
    /// # Errors
    /// What neither router nor state store can heal by waiting.
    pub(super) fn tell(&mut self, world: &mut World) -> Result<()> {
        while let Some(answer) = self.asked.try_join_next() {
            self.take(answer, world)?;
        }
        Ok(())
    }

    /// Waits for an answer and tells the world; for ever if nothing is asked. May be dropped at any
    /// time.
    ///
    /// # Errors
    /// Those of [`tell`](Self::tell).
    pub(super) async fn next(&mut self, world: &mut World) -> Result<()> {
        match self.asked.join_next().await {
            Some(answer) => self.take(answer, world),
            None => std::future::pending().await,
        }
    }

    fn take(
        &mut self,
        answer: std::result::Result<Result<(Wanted, Way)>, tokio::task::JoinError>,
        world: &mut World,
    ) -> Result<()> {
        let died = |e| Error::internal("the question for a way died").with_source(e);
        let (wanted, way) = answer.map_err(died)??;
        self.trips.remove(&wanted.trip_id);
        self.metrics.plans.inc();
        world.tell_way(&wanted, way)
    }
}

impl Asker {
    async fn answer(self, wanted: Wanted) -> Result<(Wanted, Way)> {
        let key = format!("plan/{}/{}", wanted.trip_id, wanted.leg);
        let kept = self.patiently(&wanted, || self.state.get(&key)).await?;
        let kept = match kept {
            Some(kept) => kept,
            None => {
                let answered = self.patiently(&wanted, || self.route(&wanted)).await?;
                self.patiently(&wanted, || self.state.put_once(&key, answered.clone())).await?
            }
        };
        if &kept[..] == NO_WAY {
            return Ok((wanted, None));
        }
        // Laying a line upon the roads takes some milliseconds.
        let laid = tokio::task::spawn_blocking(move || {
            Plan::decode(&kept)?.route(Network::ne_india()).map(Arc::new)
        });
        let died = |e| Error::internal("a plan was not laid").with_source(e);
        Ok((wanted, Some(laid.await.map_err(died)??)))
    }

    async fn route(&self, wanted: &Wanted) -> Result<Bytes> {
        match self.router.plan(wanted.from, wanted.to).await {
            Ok(plan) => Ok(plan.encode()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                warn!(trip = %wanted.trip_id, %error, "there is no way; the load is given up");
                Ok(Bytes::from_static(NO_WAY))
            }
            Err(error) => Err(error),
        }
    }

    /// Tries until it works, waiting longer each time up to some seconds; gives up only on what
    /// waiting cannot heal. Only the truck that asks waits with it.
    async fn patiently<T, F>(&self, wanted: &Wanted, mut action: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let jitter = Stream::new(0, wanted.trip_id.as_str(), "way");
        let mut backoff = Backoff::new(BACKOFF_MIN, BACKOFF_MAX, jitter);
        loop {
            match action().await {
                Err(error) if error.kind().remedy() == Remedy::Retry => {
                    let wait = backoff.next_wait();
                    let (trip, wait_ms) = (&wanted.trip_id, wait.as_millis());
                    self.metrics.plan_failures.inc();
                    warn!(%trip, %error, wait_ms, "no way yet; the truck stands still meanwhile");
                    tokio::time::sleep(wait).await;
                }
                outcome => return outcome,
            }
        }
    }
}
