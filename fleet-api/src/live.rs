//! The feed as it grows, for every face that streams it.
//!
//! Each entry comes with the cursor after it, so a client that reconnects goes on where it stopped:
//! a browser by `Last-Event-ID`, a gRPC client by the cursor in its request. A stream reads the
//! store by its cursor and is woken by writes: nothing is skipped however slow its reader is, a
//! slow one costs only itself, and no more than one batch waits for it.

mod filter;
mod positions;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::response::sse::Event;
use fleet_core::{
    Error, ErrorKind, Result,
    domain::TruckId,
    store::{FeedItem, Watermarks},
};
use futures::stream::{self, Stream, StreamExt};
use tokio::sync::watch;

use self::filter::Sieve;
use crate::{Service, messages::Entry, service::entry};

pub(crate) use self::{
    filter::{EntryKind, Filter},
    positions::{every, positions},
};

/// Streams that may be open at once, of all faces together.
pub(crate) const SUBSCRIBERS_MAX: i64 = 256;
/// Entries read at once.
const BATCH: usize = 200;
/// How long one read waits to be woken.
const WAIT: Duration = Duration::from_secs(10);

/// Tells everyone who would go on for ever that the API closes.
#[derive(Debug)]
pub(crate) struct Closing(watch::Sender<bool>);

impl Default for Closing {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Closing {
    /// From now on.
    pub(crate) fn close(&self) {
        self.0.send_replace(true);
    }

    /// Resolves once the API closes.
    pub(crate) fn closed(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut closing = self.0.subscribe();
        async move {
            drop(closing.wait_for(|is_closing| *is_closing).await); // an error: the API is gone
        }
    }
}

/// Counts an open stream as long as it lives.
pub(crate) struct Subscription {
    service: Arc<Service>,
    /// Whether it broke by our fault; `None` as long as it has not begun.
    is_broken: Option<bool>,
}

impl Subscription {
    /// One more stream.
    ///
    /// # Errors
    /// `Unavailable` if all are taken.
    pub(crate) fn open(service: &Arc<Service>) -> Result<Self> {
        service.metrics.subscribers.inc();
        let subscription = Self { service: Arc::clone(service), is_broken: None };
        if service.metrics.subscribers.get() > SUBSCRIBERS_MAX {
            return Err(Error::unavailable("all live streams are taken"));
        }
        Ok(subscription)
    }

    /// It is an answer from here on.
    fn begin(&mut self) {
        self.is_broken = Some(false);
    }

    /// It ends with this error.
    fn broke(&mut self, error: &Error) {
        let is_ours = matches!(
            error.kind(),
            ErrorKind::Unavailable | ErrorKind::Corrupt | ErrorKind::Internal
        );
        self.is_broken = Some(is_ours);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.service.metrics.subscribers.dec();
        if let Some(is_broken) = self.is_broken {
            self.service.watch.streamed(is_broken); // one that we close or the client leaves is good
        }
    }
}

/// An entry of the feed, and where to go on after it.
pub(crate) struct Placed {
    pub(crate) cursor: String,
    pub(crate) entry: Entry,
}

impl Placed {
    fn truck_id(&self) -> &TruckId {
        match &self.entry {
            Entry::Telemetry { event } => &event.truck_id,
            Entry::Trip { trip } => &trip.truck_id,
        }
    }
}

/// The items that were read from `at` on, each with the cursor after it.
pub(crate) fn placed(service: &Service, mut at: Watermarks, items: Vec<FeedItem>) -> Vec<Placed> {
    let place = |item: FeedItem| {
        let place = item.place();
        at.insert(place.partition.clone(), place.offset + 1);
        Placed { cursor: service.cursor(&at), entry: entry(item) }
    };
    items.into_iter().map(place).collect()
}

/// What a stream of the feed comes upon.
pub(crate) enum Step {
    Entry(Placed),
    /// Nothing that is asked for up to this cursor.
    Passed(String),
}

/// What is asked for from `places` on. Ends when the API closes, or after the error if the store does
/// not answer or the reader is so slow that its place has expired.
pub(crate) fn entries(
    mut subscription: Subscription,
    places: Watermarks,
    filter: Filter,
) -> impl Stream<Item = Result<Step>> + Send + 'static {
    subscription.begin();
    let closed = subscription.service.closing.closed();
    let state = Some((subscription, places, Sieve::new(filter)));
    let batches = stream::unfold(state, |state| async move {
        let (mut subscription, places, mut sieve) = state?;
        match batch(&subscription.service, places, &mut sieve).await {
            Ok((steps, next)) => {
                let steps: Vec<_> = steps.into_iter().map(Ok).collect();
                Some((steps, Some((subscription, next, sieve))))
            }
            Err(error) => {
                subscription.broke(&error);
                Some((vec![Err(error)], None))
            }
        }
    });
    batches.take_until(Box::pin(closed)).flat_map(stream::iter)
}

async fn batch(
    service: &Service,
    places: Watermarks,
    sieve: &mut Sieve,
) -> Result<(Vec<Step>, Watermarks)> {
    let page = service.parts.store.feed(&places, BATCH, WAIT).await?;
    let entries = placed(service, places, page.items);
    sieve.learn(service, entries.iter().map(Placed::truck_id)).await?;
    let (mut steps, mut passed) = (Vec::new(), None);
    for entry in entries {
        passed = match sieve.has(&entry) {
            true => {
                steps.push(Step::Entry(entry));
                None
            }
            false => Some(Step::Passed(entry.cursor)),
        };
    }
    steps.extend(passed);
    Ok((steps, page.next))
}

/// The same as server-sent events; each event's id is the cursor after it. Where nothing is shown for
/// long, an id alone moves the client's place on.
pub(crate) fn events(
    subscription: Subscription,
    places: Watermarks,
    filter: Filter,
) -> impl Stream<Item = Result<Event, Infallible>> {
    entries(subscription, places, filter).filter_map(|step| async move {
        let Placed { cursor, entry } = match step {
            Ok(Step::Entry(placed)) => placed,
            Ok(Step::Passed(cursor)) => return Some(Ok(Event::default().id(cursor))),
            Err(error) => {
                tracing::warn!(%error, "a live stream ends");
                return None; // the client reconnects with its last id, and is told more
            }
        };
        let name = match &entry {
            Entry::Telemetry { .. } => "telemetry",
            Entry::Trip { .. } => "trip",
        };
        let event = Event::default().event(name).id(cursor).json_data(entry);
        Some(Ok(event.expect("what was read from JSON and columns is JSON")))
    })
}

#[cfg(test)]
mod tests;
