//! Trips on the wire.

use fleet_core::{
    Error, Result,
    domain::{Delays, Eta, FuelLedger, LateReason, Sla, TripEnd, TripStatus, TripSummary},
};

use super::{missing, non_empty, position, text, time};
use crate::v1;

impl From<TripStatus> for v1::TripStatus {
    fn from(status: TripStatus) -> Self {
        match status {
            TripStatus::Running => Self::Running,
            TripStatus::Done => Self::Done,
        }
    }
}

impl TryFrom<v1::TripStatus> for TripStatus {
    type Error = Error;
    fn try_from(status: v1::TripStatus) -> Result<Self> {
        match status {
            v1::TripStatus::Running => Ok(Self::Running),
            v1::TripStatus::Done => Ok(Self::Done),
            v1::TripStatus::Unspecified => Err(Error::invalid("status: unspecified")),
        }
    }
}

impl From<LateReason> for v1::LateReason {
    fn from(reason: LateReason) -> Self {
        match reason {
            LateReason::Traffic => Self::Traffic,
            LateReason::Rest => Self::Rest,
            LateReason::Refuelling => Self::Refuelling,
            LateReason::Weather => Self::Weather,
            LateReason::Closure => Self::Closure,
            LateReason::Breakdown => Self::Breakdown,
            LateReason::Loading => Self::Loading,
        }
    }
}

impl From<Sla> for v1::Sla {
    fn from(sla: Sla) -> Self {
        match sla {
            Sla::OnTime => Self { on_time: true, late_min: 0, reason: 0 },
            Sla::Late { late_min, reason } => {
                Self { on_time: false, late_min, reason: v1::LateReason::from(reason).into() }
            }
        }
    }
}

impl TryFrom<v1::Sla> for Sla {
    type Error = Error;
    fn try_from(message: v1::Sla) -> Result<Self> {
        if message.on_time {
            return Ok(Self::OnTime);
        }
        let reason = match message.reason() {
            v1::LateReason::Traffic => LateReason::Traffic,
            v1::LateReason::Rest => LateReason::Rest,
            v1::LateReason::Refuelling => LateReason::Refuelling,
            v1::LateReason::Weather => LateReason::Weather,
            v1::LateReason::Closure => LateReason::Closure,
            v1::LateReason::Breakdown => LateReason::Breakdown,
            v1::LateReason::Loading => LateReason::Loading,
            v1::LateReason::Unspecified => {
                return Err(Error::invalid("sla.reason: expected a reason for a late trip"));
            }
        };
        Ok(Self::Late { late_min: message.late_min, reason })
    }
}

impl From<&TripEnd> for v1::TripEnd {
    fn from(end: &TripEnd) -> Self {
        Self {
            place: end.place.clone(),
            name: end.name.clone(),
            position: Some(end.position.into()),
        }
    }
}

fn trip_end(field: &str, message: Option<v1::TripEnd>) -> Result<TripEnd> {
    let message = message.ok_or_else(|| missing(field))?;
    let position = position(field, message.position)?;
    Ok(TripEnd { place: message.place, name: message.name, position })
}

impl From<FuelLedger> for v1::FuelLedger {
    fn from(fuel: FuelLedger) -> Self {
        Self {
            start_ml: fuel.start_ml,
            refuelled_ml: fuel.refuelled_ml,
            drained_ml: fuel.drained_ml,
            burned_ml: fuel.burned_ml,
            end_ml: fuel.end_ml,
        }
    }
}

impl From<v1::FuelLedger> for FuelLedger {
    fn from(message: v1::FuelLedger) -> Self {
        Self {
            start_ml: message.start_ml,
            refuelled_ml: message.refuelled_ml,
            drained_ml: message.drained_ml,
            burned_ml: message.burned_ml,
            end_ml: message.end_ml,
        }
    }
}

impl From<Eta> for v1::Eta {
    fn from(eta: Eta) -> Self {
        Self {
            arrival_ms: eta.arrival.as_ms(),
            earliest_ms: eta.earliest.as_ms(),
            latest_ms: eta.latest.as_ms(),
        }
    }
}

fn eta(field: &str, message: v1::Eta) -> Result<Eta> {
    let at = |name: &str, ms| time(&format!("{field}.{name}"), ms);
    Ok(Eta {
        arrival: at("arrival_ms", message.arrival_ms)?,
        earliest: at("earliest_ms", message.earliest_ms)?,
        latest: at("latest_ms", message.latest_ms)?,
    })
}

impl From<Delays> for v1::Delays {
    fn from(delays: Delays) -> Self {
        Self {
            traffic_s: delays.traffic_s,
            weather_s: delays.weather_s,
            refuelling_s: delays.refuelling_s,
            closure_s: delays.closure_s,
            breakdown_s: delays.breakdown_s,
            loading_s: delays.loading_s,
        }
    }
}

impl From<v1::Delays> for Delays {
    fn from(message: v1::Delays) -> Self {
        Self {
            traffic_s: message.traffic_s,
            weather_s: message.weather_s,
            refuelling_s: message.refuelling_s,
            closure_s: message.closure_s,
            breakdown_s: message.breakdown_s,
            loading_s: message.loading_s,
        }
    }
}

impl From<&TripSummary> for v1::TripSummary {
    fn from(trip: &TripSummary) -> Self {
        Self {
            trip_id: trip.trip_id.to_string(),
            revision: trip.revision,
            truck_id: trip.truck_id.to_string(),
            driver_id: text(trip.driver_id.as_ref()),
            status: v1::TripStatus::from(trip.status).into(),
            origin: Some((&trip.origin).into()),
            destination: Some((&trip.destination).into()),
            commodity: trip.commodity.clone(),
            payload_kg: trip.payload_kg,
            planned_distance_m: trip.planned_distance_m,
            started_at_ms: trip.started_at.as_ms(),
            promised_at_ms: trip.promised_at.as_ms(),
            arrived_at_ms: trip.arrived_at.map(fleet_core::time::Time::as_ms),
            distance_m: trip.distance_m,
            fuel: Some(trip.fuel.into()),
            diesel_cost_paise: trip.diesel_cost_paise,
            co2_g: trip.co2_g,
            average_speed_kmh: trip.average_speed_kmh,
            max_speed_kmh: trip.max_speed_kmh,
            idle_s: trip.idle_s,
            rest_s: trip.rest_s,
            refuellings: trip.refuellings.iter().map(Into::into).collect(),
            sla: trip.sla.map(Into::into),
            eta_at_departure: trip.eta_at_departure.map(Into::into),
            eta: trip.eta.map(Into::into),
            delays: (trip.delays != Delays::default()).then(|| trip.delays.into()),
        }
    }
}

impl TryFrom<v1::TripSummary> for TripSummary {
    type Error = Error;
    fn try_from(message: v1::TripSummary) -> Result<Self> {
        let arrived_at = message.arrived_at_ms.map(|ms| time("arrived_at_ms", ms)).transpose()?;
        let trip = Self {
            status: message.status().try_into()?,
            trip_id: message.trip_id.parse()?,
            revision: message.revision,
            truck_id: message.truck_id.parse()?,
            driver_id: non_empty(&message.driver_id)?,
            origin: trip_end("origin", message.origin)?,
            destination: trip_end("destination", message.destination)?,
            commodity: message.commodity,
            payload_kg: message.payload_kg,
            planned_distance_m: message.planned_distance_m,
            started_at: time("started_at_ms", message.started_at_ms)?,
            promised_at: time("promised_at_ms", message.promised_at_ms)?,
            arrived_at,
            distance_m: message.distance_m,
            fuel: message.fuel.ok_or_else(|| missing("fuel"))?.into(),
            diesel_cost_paise: message.diesel_cost_paise,
            co2_g: message.co2_g,
            average_speed_kmh: message.average_speed_kmh,
            max_speed_kmh: message.max_speed_kmh,
            idle_s: message.idle_s,
            rest_s: message.rest_s,
            refuellings: message
                .refuellings
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_>>()?,
            sla: message.sla.map(TryInto::try_into).transpose()?,
            eta_at_departure: message
                .eta_at_departure
                .map(|m| eta("eta_at_departure", m))
                .transpose()?,
            eta: message.eta.map(|message| eta("eta", message)).transpose()?,
            delays: message.delays.map(Into::into).unwrap_or_default(),
        };
        trip.validate()?;
        Ok(trip)
    }
}
