//! Which entries and trucks a stream shows.

use std::{collections::BTreeMap, str::FromStr};

use fleet_core::{Error, Result, domain::TruckId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Placed;
use crate::{Service, messages::Entry};

/// What an entry of the feed is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EntryKind {
    /// A truck's report.
    Telemetry,
    /// A trip's newest revision.
    Trip,
}

impl FromStr for EntryKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "telemetry" => Ok(Self::Telemetry),
            "trip" => Ok(Self::Trip),
            _ => Err(Error::invalid("kind: expected telemetry or trip")),
        }
    }
}

/// What is asked for; what is absent is all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) truck_id: Option<TruckId>,
    /// Trucks that the register has at this depot.
    pub(crate) depot: Option<String>,
    pub(crate) kind: Option<EntryKind>,
}

/// A filter, and what the register has said so far about the trucks met.
#[derive(Debug)]
pub(super) struct Sieve {
    filter: Filter,
    is_of_depot: BTreeMap<TruckId, bool>,
}

impl Sieve {
    pub(super) fn new(filter: Filter) -> Self {
        Self { filter, is_of_depot: BTreeMap::new() }
    }

    /// Asks the register if one of these trucks was not met before.
    pub(super) async fn learn<'a>(
        &mut self,
        service: &Service,
        trucks: impl Iterator<Item = &'a TruckId>,
    ) -> Result<()> {
        let Some(depot) = &self.filter.depot else { return Ok(()) };
        let unknown: Vec<&TruckId> =
            trucks.filter(|truck_id| !self.is_of_depot.contains_key(*truck_id)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let register = service.register().await?;
        for truck_id in unknown {
            let is_of = register.get(truck_id).is_some_and(|truck| truck.depot == *depot);
            self.is_of_depot.insert(truck_id.clone(), is_of);
        }
        Ok(())
    }

    /// Whether the truck is asked for; it was learned of before.
    pub(super) fn has_truck(&self, truck_id: &TruckId) -> bool {
        self.filter.truck_id.as_ref().is_none_or(|wanted| wanted == truck_id)
            && (self.filter.depot.is_none() || self.is_of_depot.get(truck_id) == Some(&true))
    }

    /// Whether the entry is asked for; its truck was learned of before.
    pub(super) fn has(&self, placed: &Placed) -> bool {
        let kind = match placed.entry {
            Entry::Telemetry { .. } => EntryKind::Telemetry,
            Entry::Trip { .. } => EntryKind::Trip,
        };
        self.filter.kind.is_none_or(|wanted| wanted == kind) && self.has_truck(placed.truck_id())
    }
}
