//! Trucks, and the fleet at a glance.

mod choice;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};

use fleet_core::{
    Error, Result,
    domain::{Counters, RegisteredTruck, TruckId},
};

use super::{Service, cut};
use crate::{
    messages::{FleetSummary, Page, Truck, TrucksQuestion},
    page,
};
use choice::Choice;

pub(crate) use snapshot::{Kept, Snapshot};

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

    pub(crate) async fn trucks(&self, question: &TrucksQuestion) -> Result<Page<Truck>> {
        let choice = Choice::new(question)?;
        let filter = choice.filter();
        let size = page::size(question.page_size)?;
        let after: Option<(u64, TruckId)> = page::after(&filter, question.page_token.as_deref())?;
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
        let wanted = trucks.into_values().filter(|truck| choice.wants(truck));
        let ranked = wanted.map(|truck| ((choice.rank(&truck), truck.truck_id.clone()), truck));
        let mut ranked: Vec<_> =
            ranked.filter(|(place, _)| after.as_ref().is_none_or(|after| place > after)).collect();
        ranked.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let next_page_token = cut(&mut ranked, size, &filter, |(place, _)| place.clone());
        let items = ranked.into_iter().map(|(_, truck)| choice.part(truck)).collect();
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
}

fn registered(body: &str) -> Result<RegisteredTruck> {
    serde_json::from_str(body).map_err(|e| Error::corrupt("register of trucks").with_source(e))
}

#[cfg(test)]
mod tests;
