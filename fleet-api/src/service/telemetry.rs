//! Histories, and places in the feed.

use std::time::Duration;

use fleet_core::{
    Result,
    domain::{EventId, TelemetryEvent, TruckId},
    store::{FeedItem, FeedPage, TelemetryQuery, Watermarks},
    time::Time,
};

use super::{Service, cut};
use crate::{
    cursor,
    messages::{Entry, Feed, HistoryQuestion, Order, Page},
    page,
};

impl Service {
    pub(crate) async fn telemetry(
        &self,
        truck_id: &TruckId,
        question: &HistoryQuestion,
    ) -> Result<Page<TelemetryEvent>> {
        let HistoryQuestion { from, to, order, page_size, page_token } = question;
        page::window(*from, *to)?;
        let newest_first = *order == Some(Order::NewestFirst);
        let filter = format!("telemetry {truck_id} {from:?} {to:?} {newest_first}");
        let size = page::size(*page_size)?;
        let after: Option<(Time, u64, Option<String>)> =
            page::after(&filter, page_token.as_deref())?;
        let query = TelemetryQuery {
            truck_id: truck_id.clone(),
            from: from.unwrap_or(Time::MIN),
            to: to.unwrap_or(Time::MAX),
            after: after.map(|(event_time, seq, source_id)| {
                let truck_id = truck_id.clone();
                let id = match source_id {
                    Some(source_id) => EventId::Sourced { truck_id, event_time, source_id },
                    None => EventId::Counted { truck_id, seq },
                };
                (event_time, id)
            }),
            newest_first,
            limit: size + 1,
        };
        let stored = self.parts.store.telemetry(&query).await?;
        if stored.is_empty() {
            self.truck(truck_id).await?; // of a truck that nobody knows there is no history
        }
        let mut items: Vec<TelemetryEvent> = stored.into_iter().map(|s| s.event).collect();
        let key = |event: &TelemetryEvent| (event.event_time, event.seq, event.source_id.clone());
        let next_page_token = cut(&mut items, size, &filter, key);
        Ok(Page { items, next_page_token })
    }

    /// The places in a cursor; an empty one is the oldest.
    pub(crate) fn places(&self, cursor: Option<&str>) -> Result<Watermarks> {
        match cursor.filter(|cursor| !cursor.is_empty()) {
            Some(cursor) => cursor::decode(self.parts.log.incarnation(), cursor),
            None => Ok(Watermarks::new()),
        }
    }

    /// The places in a cursor that a stream goes on from, if everything after them is still there;
    /// without a cursor, where the feed stands now.
    pub(crate) async fn resume(&self, cursor: Option<&str>) -> Result<Watermarks> {
        let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) else {
            return self.parts.store.watermarks().await;
        };
        let places = self.places(Some(cursor))?;
        self.parts.store.feed(&places, 1, Duration::ZERO).await?;
        Ok(places)
    }

    pub(crate) fn cursor(&self, places: &Watermarks) -> String {
        cursor::encode(self.parts.log.incarnation(), places)
    }

    /// A piece of the feed, and the places that it was read from.
    pub(crate) async fn feed_page(
        &self,
        cursor: Option<&str>,
        page_size: Option<u32>,
    ) -> Result<(Watermarks, FeedPage)> {
        let places = self.places(cursor)?;
        let size = page::size(page_size)?;
        let page = self.parts.store.feed(&places, size, Duration::ZERO).await?;
        Ok((places, page))
    }

    pub(crate) async fn feed(&self, cursor: Option<&str>, page_size: Option<u32>) -> Result<Feed> {
        let (_, FeedPage { items, next, has_more }) = self.feed_page(cursor, page_size).await?;
        let entries = items.into_iter().map(entry).collect();
        Ok(Feed { entries, next_cursor: self.cursor(&next), has_more })
    }
}

/// The entry that an item of the feed is.
pub(crate) fn entry(item: FeedItem) -> Entry {
    match item {
        FeedItem::Telemetry(stored) => Entry::Telemetry { event: Box::new(stored.event) },
        FeedItem::Trip(stored) => Entry::Trip { trip: Box::new(stored.trip) },
    }
}
