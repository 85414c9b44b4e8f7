//! Trucks, and the fleet at a glance.

use std::collections::{BTreeMap, BTreeSet};

use fleet_core::{
    Error, Result,
    domain::{Counters, RegisteredTruck, Status, TruckId},
};

use super::{Service, cut};
use crate::{
    messages::{FleetSummary, Page, Truck, TruckPosition},
    page,
};

const TRUCK: &str = "truck";
const REGISTER_PAGE: usize = 5_000;

impl Service {
    pub(crate) async fn register(&self) -> Result<BTreeMap<TruckId, RegisteredTruck>> {
        let mut register = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let page =
                self.parts.store.documents(TRUCK, None, after.as_deref(), REGISTER_PAGE).await?;
            let is_last = page.len() < REGISTER_PAGE;
            after = page.last().map(|document| document.id.clone());
            for document in page {
                let truck = registered(&document.body)?;
                register.insert(truck.truck_id.clone(), truck);
            }
            if is_last {
                return Ok(register);
            }
        }
    }

    pub(crate) async fn summary(&self) -> Result<FleetSummary> {
        let register = self.register().await?;
        let latest = self.parts.store.latest(None).await?;
        let counters = self.parts.state.counters().await?;
        let mut trucks_by_status = BTreeMap::new();
        let mut silent: BTreeSet<&TruckId> = register.keys().collect();
        for stored in &latest {
            *trucks_by_status.entry(stored.event.status).or_default() += 1;
            silent.remove(&stored.event.truck_id);
        }
        let total = counters.iter().flat_map(|snapshot| snapshot.trucks.values());
        let total = total.fold(Counters::default(), |sum, counters| sum + *counters);
        Ok(FleetSummary {
            trucks: latest.len() + silent.len(),
            trucks_by_status,
            trucks_silent: silent.len(),
            distance_mm: total.distance_mm,
            fuel_burned_ul: total.fuel_burned_ul,
            diesel_cost_upaise: total.diesel_cost_upaise,
            co2_mg: total.co2_mg(),
            events: total.events,
            trips: total.trips,
            trips_on_time: total.trips_on_time,
            counters_at: counters.map(|snapshot| snapshot.world_time),
            newest_event_at: latest.iter().map(|stored| stored.event.event_time).max(),
        })
    }

    pub(crate) async fn trucks(
        &self,
        status: Option<Status>,
        page_size: Option<u32>,
        page_token: Option<&str>,
    ) -> Result<Page<Truck>> {
        let filter = format!("trucks {status:?}");
        let size = page::size(page_size)?;
        let after: Option<TruckId> = page::after(&filter, page_token)?;
        let mut trucks: BTreeMap<TruckId, Truck> = BTreeMap::new();
        for (truck_id, registered) in self.register().await? {
            let truck =
                Truck { truck_id: truck_id.clone(), registered: Some(registered), latest: None };
            trucks.insert(truck_id, truck);
        }
        for stored in self.parts.store.latest(None).await? {
            let truck_id = stored.event.truck_id.clone();
            let truck = trucks.entry(truck_id.clone());
            let new = || Truck { truck_id, registered: None, latest: None };
            truck.or_insert_with(new).latest = Some(stored.event);
        }
        let is_wanted = |truck: &Truck| {
            let is_of_status = status.is_none_or(|status| {
                truck.latest.as_ref().is_some_and(|latest| latest.status == status)
            });
            is_of_status && after.as_ref().is_none_or(|after| truck.truck_id > *after)
        };
        let mut items: Vec<Truck> = trucks.into_values().filter(is_wanted).take(size + 1).collect();
        let next_page_token = cut(&mut items, size, &filter, |truck| truck.truck_id.clone());
        Ok(Page { items, next_page_token })
    }

    pub(crate) async fn truck(&self, truck_id: &TruckId) -> Result<Truck> {
        let documents = self.parts.store.documents(TRUCK, Some(truck_id.as_str()), None, 1).await?;
        let registered = documents.first().map(|d| registered(&d.body)).transpose()?;
        let latest = self.parts.store.latest(Some(truck_id)).await?.pop();
        if registered.is_none() && latest.is_none() {
            return Err(Error::not_found(format!("truck {truck_id}: not known")));
        }
        let latest = latest.map(|stored| stored.event);
        Ok(Truck { truck_id: truck_id.clone(), registered, latest })
    }

    pub(crate) async fn positions(&self) -> Result<Vec<TruckPosition>> {
        let latest = self.parts.store.latest(None).await?;
        let position = |stored: fleet_core::store::StoredEvent| {
            let event = stored.event;
            TruckPosition {
                truck_id: event.truck_id,
                event_time: event.event_time,
                position: event.position,
                heading_deg: event.signals.heading_deg,
                speed_kmh: event.signals.speed_kmh,
                status: event.status,
            }
        };
        Ok(latest.into_iter().map(position).collect())
    }
}

fn registered(body: &str) -> Result<RegisteredTruck> {
    serde_json::from_str(body).map_err(|e| Error::corrupt("register of trucks").with_source(e))
}

#[cfg(test)]
mod tests;
