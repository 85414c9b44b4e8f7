//! The feed as it grows, as server-sent events.
//!
//! Each event's id is the cursor after it, so a browser that reconnects with `Last-Event-ID` goes on
//! where it stopped. A stream reads the store by its cursor and is woken by writes: nothing is
//! skipped however slow its reader is, and a slow one costs only itself.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::response::sse::Event;
use fleet_core::{
    Result,
    store::{FeedItem, Watermarks},
};
use futures::stream::{self, Stream, StreamExt};

use crate::{Service, service::entry};

/// Streams that may be open at once.
pub(crate) const SUBSCRIBERS_MAX: i64 = 256;
/// Entries read at once.
const BATCH: usize = 200;
/// How long one read waits to be woken.
const WAIT: Duration = Duration::from_secs(10);

/// Counts an open stream as long as it lives.
pub(crate) struct Subscription(Arc<Service>);

impl Subscription {
    /// One more stream, if there is room.
    pub(crate) fn open(service: &Arc<Service>) -> Option<Self> {
        service.metrics.subscribers.inc();
        let subscription = Self(Arc::clone(service));
        (service.metrics.subscribers.get() <= SUBSCRIBERS_MAX).then_some(subscription)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.0.metrics.subscribers.dec();
    }
}

/// Everything from `places` on, for ever.
pub(crate) fn events(
    subscription: Subscription,
    places: Watermarks,
) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((subscription, places), |(subscription, places)| async move {
        let service = &subscription.0;
        let page = match service.parts.store.feed(&places, BATCH, WAIT).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "a live stream ends: the store does not answer");
                return None; // the client reconnects with its last id
            }
        };
        let mut at = places;
        let mut events = Vec::with_capacity(page.items.len());
        for item in page.items {
            let place = item.place();
            at.insert(place.partition.clone(), place.offset + 1);
            let name = match &item {
                FeedItem::Telemetry(_) => "telemetry",
                FeedItem::Trip(_) => "trip",
            };
            let event = Event::default().event(name).id(service.cursor(&at));
            events.push(event.json_data(entry(item)).unwrap_or_else(|_| Event::default()));
        }
        Some((stream::iter(events.into_iter().map(Ok)), (subscription, page.next)))
    })
    .flatten()
}
