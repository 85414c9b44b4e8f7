//! Histories, and places in the feed.

use std::time::Duration;

use fleet_core::{
    Error, Result,
    domain::{EventId, Signal, TelemetryEvent, TruckId},
    series::{self, Gaps, POINTS_MIN, Point},
    store::{FeedItem, FeedPage, TelemetryQuery, Watermarks},
    time::Time,
};

use super::{Service, cut};
use crate::{
    cursor,
    messages::{
        Downsample, Entry, Feed, Gap, History, HistoryQuestion, Order, Page, Series, SeriesPoint,
        SeriesQuestion,
    },
    page,
};

/// Reports that are read at once, where a whole window of time is read.
const READ_STEP: usize = 5_000;
/// Reports that a series may be made of: a month of one every 30 s, and some.
const REPORTS_MAX: usize = 100_000;
/// Points of one signal of a series.
const POINTS_MAX: usize = 5_000;
/// Gaps that are told.
const GAPS_MAX: usize = 1_000;

impl Service {
    pub(crate) async fn telemetry(
        &self,
        truck_id: &TruckId,
        question: &HistoryQuestion,
    ) -> Result<Page<TelemetryEvent>> {
        let HistoryQuestion { from, to, order, signals, page_size, page_token, format: _ } =
            question;
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
        if !signals.is_empty() {
            items.iter_mut().for_each(|event| event.signals = event.signals.only(signals));
        }
        Ok(Page { items, next_page_token })
    }

    /// Hands the reports of a truck in a window of time to `take`, the oldest first; whether these
    /// were all, and not only the first `most`.
    pub(crate) async fn each_report(
        &self,
        truck_id: &TruckId,
        (from, to): (Time, Time),
        most: usize,
        mut take: impl FnMut(TelemetryEvent),
    ) -> Result<bool> {
        let (truck_id, newest_first) = (truck_id.clone(), false);
        let mut query =
            TelemetryQuery { truck_id, from, to, after: None, newest_first, limit: READ_STEP };
        let mut taken = 0;
        loop {
            let stored = self.parts.store.telemetry(&query).await?;
            let is_last = stored.len() < READ_STEP;
            query.after = stored.last().map(|s| (s.event.event_time, s.event.id()));
            for found in stored {
                if taken == most {
                    return Ok(false);
                }
                taken += 1;
                take(found.event);
            }
            if is_last {
                return Ok(true);
            }
        }
    }

    pub(crate) async fn series(
        &self,
        truck_id: &TruckId,
        question: &SeriesQuestion,
    ) -> Result<History> {
        let SeriesQuestion { from, to, signals, max_points, downsample } = question;
        page::window(*from, *to)?;
        let most = usize::try_from(max_points.unwrap_or(500)).unwrap_or(usize::MAX);
        if !(POINTS_MIN..=POINTS_MAX).contains(&most) {
            return Err(Error::invalid(format!(
                "max_points: {most} is outside {POINTS_MIN} to {POINTS_MAX}"
            )));
        }
        if !(1..=Signal::ALL.len()).contains(&signals.len()) {
            return Err(Error::invalid("signals: expected 1 to 13"));
        }
        let downsample = downsample.unwrap_or_default();
        let (mut times, mut read) = (Vec::new(), vec![Vec::new(); signals.len()]);
        let window = (from.unwrap_or(Time::MIN), to.unwrap_or(Time::MAX));
        let take = |event: TelemetryEvent| {
            let at = event.event_time;
            times.push(at);
            for (signal, points) in signals.iter().zip(&mut read) {
                points.extend(signal.of(&event.signals).map(|value| Point { at, value }));
            }
        };
        if !self.each_report(truck_id, window, REPORTS_MAX, take).await? {
            return Err(Error::invalid(format!(
                "from, to: more than {REPORTS_MAX} reports: ask for a shorter time"
            )));
        }
        if times.is_empty() {
            self.truck(truck_id).await?; // of a truck that nobody knows there is no history
        }
        let series = signals.iter().zip(read).map(|(signal, points)| {
            let kept = match downsample {
                Downsample::MinMax => series::min_max(&points, most),
                Downsample::Lttb => series::lttb(&points, most),
                Downsample::None if points.len() <= most => points.clone(),
                Downsample::None => {
                    let found = points.len();
                    return Err(Error::invalid(format!(
                        "max_points: {found} readings of {signal}, and downsample is none"
                    )));
                }
            };
            let shown = kept.into_iter().map(|Point { at, value }| SeriesPoint { at, value });
            Ok(Series { signal: *signal, readings: points.len(), points: shown.collect() })
        });
        let series = series.collect::<Result<_>>()?;
        let Gaps { interval_ms, before } = series::gaps(&times);
        let gap = |at: &usize| Gap { from: times[at - 1], to: times[*at] };
        let gaps = before.iter().take(GAPS_MAX).map(gap).collect();
        let (truck_id, reports) = (truck_id.clone(), times.len());
        Ok(History { truck_id, reports, interval_ms, gaps, downsample, series })
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
