//! Trips, and how they went.

use fleet_core::{
    Error, Result,
    domain::{TelemetryEvent, TripId, TripSummary},
    series::{self, Gaps},
    store::TripQuery,
    time::Time,
};

use super::{Service, cut};
use crate::{
    messages::{Page, Replay, ReplayPoint, ReplaySegment, TripsQuestion},
    page,
};

/// Trips that are read at once, and at most for one page, where only those of a place are wanted.
const PLACE_STEP: usize = 500;
const PLACE_READ_MAX: usize = 5_000;
/// Reports of a trip that are read: a week of one every 30 s.
const REPLAY_REPORTS_MAX: usize = 20_000;
/// Points of a replay.
const REPLAY_POINTS_MAX: usize = 5_000;

impl Service {
    pub(crate) async fn trips(&self, question: TripsQuestion) -> Result<Page<TripSummary>> {
        let TripsQuestion {
            truck_id, status, on_time, place, from, to, page_size, page_token, ..
        } = question;
        page::window(from, to)?;
        let filter = format!("trips {truck_id:?} {status:?} {on_time:?} {place:?} {from:?} {to:?}");
        let size = page::size(page_size)?;
        let after: Option<(Time, TripId)> = page::after(&filter, page_token.as_deref())?;
        let query = TripQuery { truck_id, status, on_time, from, to, after, limit: size + 1 };
        let asked_of = query.truck_id.clone();
        let page = match place {
            Some(place) => self.trips_of(&place, query, size, &filter).await?,
            None => {
                let stored = self.parts.store.trips(&query).await?;
                let mut items: Vec<TripSummary> = stored.into_iter().map(|s| s.trip).collect();
                let next_page_token = cut(&mut items, size, &filter, key);
                Page { items, next_page_token }
            }
        };
        if let Some(truck_id) = asked_of.filter(|_| page.items.is_empty()) {
            self.truck(&truck_id).await?; // none of a truck that there is not
        }
        Ok(page)
    }

    /// Those of the trips that begin or end at a place. The store does not know places: it is read on
    /// until the page is full, within a bound.
    async fn trips_of(
        &self,
        place: &str,
        mut query: TripQuery,
        size: usize,
        filter: &str,
    ) -> Result<Page<TripSummary>> {
        query.limit = PLACE_STEP;
        let (mut items, mut read) = (Vec::new(), 0);
        loop {
            let stored = self.parts.store.trips(&query).await?;
            let is_last = stored.len() < PLACE_STEP;
            read += stored.len();
            for trip in stored.into_iter().map(|stored| stored.trip) {
                query.after = Some(key(&trip));
                if trip.origin.place == place || trip.destination.place == place {
                    items.push(trip);
                }
                if items.len() > size {
                    let next_page_token = cut(&mut items, size, filter, key);
                    return Ok(Page { items, next_page_token });
                }
            }
            if is_last {
                return Ok(Page { items, next_page_token: String::new() });
            }
            if read >= PLACE_READ_MAX {
                let next_page_token = query.after.map(|last| page::token(filter, &last));
                return Ok(Page { items, next_page_token: next_page_token.unwrap_or_default() });
            }
        }
    }

    pub(crate) async fn trip(&self, trip_id: &TripId) -> Result<TripSummary> {
        Ok(self.parts.store.trip(trip_id).await?.trip)
    }

    pub(crate) async fn replay(&self, trip_id: &TripId, most: Option<u32>) -> Result<Replay> {
        let most =
            most.map_or(REPLAY_POINTS_MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        if !(2..=REPLAY_POINTS_MAX).contains(&most) {
            return Err(Error::invalid(format!(
                "max_points: {most} is outside 2 to {REPLAY_POINTS_MAX}"
            )));
        }
        let trip = self.trip(trip_id).await?;
        let mut points = Vec::new();
        let take = |event: TelemetryEvent| {
            if event.trip_id.as_ref() == Some(trip_id) {
                points.push(replay_point(&event));
            }
        };
        let window = (trip.started_at, trip.arrived_at.map_or(Time::MAX, |at| at.plus_ms(1)));
        let is_all = self.each_report(&trip.truck_id, window, REPLAY_REPORTS_MAX, take).await?;
        let times: Vec<Time> = points.iter().map(|point| point.event_time).collect();
        let Gaps { interval_ms, before } = series::gaps(&times);
        // Both ends and every n-th between them: at most as many as wanted.
        let every = points.len().saturating_sub(1).div_ceil(most - 1).max(1);
        let mut segments = Vec::new();
        let mut cuts = vec![0];
        cuts.extend(before);
        cuts.push(points.len());
        for stretch in cuts.windows(2) {
            let range = stretch[0]..stretch[1];
            let is_shown = |at: &usize| at.is_multiple_of(every) || at + 1 == points.len();
            let points: Vec<_> = range.filter(is_shown).map(|at| points[at].clone()).collect();
            if !points.is_empty() {
                segments.push(ReplaySegment { points });
            }
        }
        Ok(Replay { trip, reports: times.len(), is_truncated: !is_all, interval_ms, segments })
    }
}

fn key(trip: &TripSummary) -> (Time, TripId) {
    (trip.started_at, trip.trip_id.clone())
}

fn replay_point(event: &TelemetryEvent) -> ReplayPoint {
    ReplayPoint {
        event_time: event.event_time,
        position: event.position,
        status: event.status,
        altitude_m: event.signals.altitude_m,
        heading_deg: event.signals.heading_deg,
        speed_kmh: event.signals.speed_kmh,
        fuel_l: event.signals.fuel_l,
    }
}
