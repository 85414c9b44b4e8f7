//! Positions as they change. Nobody wants to know where a truck was a minute ago, so a client that
//! reads slowly, or asks to be told less often, finds the newest position of each truck and none
//! between. What a stream has shown is a snapshot that all streams share: it holds no queue.

use std::{sync::Arc, time::Duration};

use fleet_core::{Error, Result, store::Watermarks};
use futures::stream::{self, Stream, StreamExt};

use super::{
    Subscription, WAIT,
    filter::{Filter, Sieve},
};
use crate::{messages::TruckPosition, service::Snapshot};

/// How often a stream speaks at most, unless told.
const EVERY: Duration = Duration::from_millis(500);

/// How often a stream that was asked for in these words speaks at most, ms.
///
/// # Errors
/// `Invalid` outside of 100 ms to a minute.
pub(crate) fn every(asked_ms: Option<u32>) -> Result<Duration> {
    match asked_ms {
        None => Ok(EVERY),
        Some(ms @ 100..=60_000) => Ok(Duration::from_millis(ms.into())),
        Some(_) => Err(Error::invalid("min_interval_ms: expected 100 to 60000")),
    }
}

/// What a stream of positions says at once.
#[derive(Debug)]
pub(crate) struct Moved {
    /// All that is asked for, in place of what was shown before; else only what has changed.
    pub(crate) is_snapshot: bool,
    /// By truck id.
    pub(crate) positions: Vec<TruckPosition>,
}

struct Watching {
    subscription: Subscription,
    sieve: Sieve,
    every: Duration,
    shown: Option<Arc<Snapshot>>,
    places: Watermarks,
}

/// A snapshot first, then what changes. Ends when the API closes, or after an error.
pub(crate) fn positions(
    mut subscription: Subscription,
    filter: Filter,
    every: Duration,
) -> impl Stream<Item = Result<Moved>> + Send + 'static {
    subscription.begin();
    let closed = subscription.service.closing.closed();
    let places = Watermarks::new();
    let watching = Watching { subscription, sieve: Sieve::new(filter), every, shown: None, places };
    let moves = stream::unfold(Some(watching), |watching| async move {
        let mut watching = watching?;
        match watching.next().await {
            Ok(moved) => Some((Ok(moved), Some(watching))),
            Err(error) => {
                watching.subscription.broke(&error);
                Some((Err(error), None))
            }
        }
    });
    moves.take_until(Box::pin(closed))
}

impl Watching {
    async fn next(&mut self) -> Result<Moved> {
        let service = Arc::clone(&self.subscription.service);
        loop {
            if self.shown.is_some() {
                tokio::time::sleep(self.every).await;
                service.parts.store.feed(&self.places, 1, WAIT).await?;
            }
            // Read first: what comes after it wakes the next turn.
            self.places = service.parts.store.watermarks().await?;
            let now = service.snapshot().await?;
            let trucks = now.positions.items.iter().map(|position| &position.truck_id);
            self.sieve.learn(&service, trucks).await?;
            let shown = self.shown.replace(Arc::clone(&now));
            let moved = self.moved(shown.as_deref(), &now);
            if moved.is_snapshot || !moved.positions.is_empty() {
                return Ok(moved);
            }
        }
    }

    fn moved(&self, shown: Option<&Snapshot>, now: &Snapshot) -> Moved {
        let of = |snapshot: &Snapshot, truck: &TruckPosition| {
            let items = &snapshot.positions.items;
            let found = items.binary_search_by(|other| other.truck_id.cmp(&truck.truck_id));
            found.ok().and_then(|at| items.get(at).cloned())
        };
        let is_wanted = |truck: &&TruckPosition| self.sieve.has_truck(&truck.truck_id);
        // A truck whose last report has expired is nowhere: only a whole list can say so.
        let is_snapshot = shown.is_none_or(|shown| {
            let mut before = shown.positions.items.iter().filter(is_wanted);
            before.any(|truck| of(now, truck).is_none())
        });
        let is_news = |truck: &&TruckPosition| {
            is_snapshot || shown.is_none_or(|shown| of(shown, truck).as_ref() != Some(*truck))
        };
        let trucks = now.positions.items.iter().filter(is_wanted).filter(is_news);
        Moved { is_snapshot, positions: trucks.cloned().collect() }
    }
}
