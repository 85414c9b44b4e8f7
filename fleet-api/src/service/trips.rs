//! Trips.

use fleet_core::{
    Result,
    domain::{TripId, TripSummary},
    store::TripQuery,
    time::Time,
};

use super::{Service, cut};
use crate::{
    messages::{Page, TripsQuestion},
    page,
};

impl Service {
    pub(crate) async fn trips(&self, question: TripsQuestion) -> Result<Page<TripSummary>> {
        let TripsQuestion { truck_id, status, on_time, from, to, page_size, page_token } = question;
        page::window(from, to)?;
        let filter = format!("trips {truck_id:?} {status:?} {on_time:?} {from:?} {to:?}");
        let size = page::size(page_size)?;
        let after: Option<(Time, TripId)> = page::after(&filter, page_token.as_deref())?;
        let query = TripQuery { truck_id, status, on_time, from, to, after, limit: size + 1 };
        let stored = self.parts.store.trips(&query).await?;
        if let Some(truck_id) = query.truck_id.as_ref().filter(|_| stored.is_empty()) {
            self.truck(truck_id).await?;
        }
        let mut items: Vec<TripSummary> = stored.into_iter().map(|s| s.trip).collect();
        let key = |trip: &TripSummary| (trip.started_at, trip.trip_id.clone());
        let next_page_token = cut(&mut items, size, &filter, key);
        Ok(Page { items, next_page_token })
    }

    pub(crate) async fn trip(&self, trip_id: &TripId) -> Result<TripSummary> {
        Ok(self.parts.store.trip(trip_id).await?.trip)
    }
}
