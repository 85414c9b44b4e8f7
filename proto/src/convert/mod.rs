//! Between wire messages and domain types: total one way, validated the other.

use std::str::FromStr;

use bytes::Bytes;
use fleet_core::{
    Error, Result,
    domain::{
        Genesis, Refuelling, RegisteredTruck, RouterKind, Signals, Status, TelemetryEvent,
        TripSummary,
    },
    geo::Position,
    route::RoadClass,
    time::Time,
};
use prost::Message;

use crate::{RegisterEntry, v1};

mod trip;

/// The event as the log's payload.
pub fn encode_event(event: &TelemetryEvent) -> Bytes {
    v1::TelemetryEvent::from(event).encode_to_vec().into()
}

/// The trip as the log's payload.
pub fn encode_trip(trip: &TripSummary) -> Bytes {
    v1::TripSummary::from(trip).encode_to_vec().into()
}

/// The register's entry as the log's payload.
pub fn encode_register_entry(entry: &RegisterEntry) -> Bytes {
    use v1::register_entry::Entry;
    let entry = match entry {
        RegisterEntry::Genesis(genesis) => Entry::Genesis(v1::Genesis {
            seed: genesis.seed,
            start_ms: genesis.start.as_ms(),
            clock_offset_ms: genesis.clock_offset_ms,
            world_version: genesis.world_version,
            router: match genesis.router {
                RouterKind::Builtin => String::new(),
                kind @ RouterKind::Osrm => kind.to_string(),
            },
        }),
        RegisterEntry::Truck(truck) => Entry::Truck(truck.into()),
    };
    v1::RegisterEntry { entry: Some(entry) }.encode_to_vec().into()
}

pub(crate) fn register_entry(message: v1::RegisterEntry) -> Result<RegisterEntry> {
    use v1::register_entry::Entry;
    match message.entry {
        Some(Entry::Genesis(genesis)) => {
            let genesis = Genesis {
                seed: genesis.seed,
                start: Time::from_ms(genesis.start_ms),
                clock_offset_ms: genesis.clock_offset_ms,
                world_version: genesis.world_version,
                router: router(&genesis.router)?,
            };
            genesis.validate()?;
            Ok(RegisterEntry::Genesis(genesis))
        }
        Some(Entry::Truck(truck)) => Ok(RegisterEntry::Truck(truck.try_into()?)),
        None => Err(Error::invalid("register entry: expected genesis or truck")),
    }
}

fn router(name: &str) -> Result<RouterKind> {
    match name {
        "" | "builtin" => Ok(RouterKind::Builtin),
        "osrm" => Ok(RouterKind::Osrm),
        other => {
            Err(Error::invalid(format!("genesis.router: {other:?}, expected builtin or osrm")))
        }
    }
}

fn missing(field: &str) -> Error {
    Error::invalid(format!("{field}: missing"))
}

fn time(field: &str, ms: i64) -> Result<Time> {
    Time::from_ms(ms).check(field)
}

fn non_empty<T: FromStr<Err = Error>>(text: &str) -> Result<Option<T>> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

fn text_or_none(text: String) -> Option<String> {
    if text.is_empty() { None } else { Some(text) }
}

fn text<T: ToString>(value: Option<&T>) -> String {
    value.map(T::to_string).unwrap_or_default()
}

impl From<Position> for v1::Position {
    fn from(position: Position) -> Self {
        Self { latitude_deg: position.lat, longitude_deg: position.lon }
    }
}

fn position(field: &str, position: Option<v1::Position>) -> Result<Position> {
    let position = position.ok_or_else(|| missing(field))?;
    Position::new(position.latitude_deg, position.longitude_deg)
}

impl From<Status> for v1::Status {
    fn from(status: Status) -> Self {
        match status {
            Status::Idle => Self::Idle,
            Status::Loading => Self::Loading,
            Status::EnRoute => Self::EnRoute,
            Status::Refuelling => Self::Refuelling,
            Status::Resting => Self::Resting,
            Status::Unloading => Self::Unloading,
            Status::Breakdown => Self::Breakdown,
        }
    }
}

impl TryFrom<v1::Status> for Status {
    type Error = Error;
    fn try_from(status: v1::Status) -> Result<Self> {
        match status {
            v1::Status::Idle => Ok(Self::Idle),
            v1::Status::Loading => Ok(Self::Loading),
            v1::Status::EnRoute => Ok(Self::EnRoute),
            v1::Status::Refuelling => Ok(Self::Refuelling),
            v1::Status::Resting => Ok(Self::Resting),
            v1::Status::Unloading => Ok(Self::Unloading),
            v1::Status::Breakdown => Ok(Self::Breakdown),
            v1::Status::Unspecified => Err(Error::invalid("status: unspecified")),
        }
    }
}

fn status(number: i32) -> Result<Status> {
    v1::Status::try_from(number)
        .map_err(|_| Error::invalid(format!("status: {number} is not a status")))?
        .try_into()
}

fn road_class(number: i32) -> Result<Option<RoadClass>> {
    match v1::RoadClass::try_from(number) {
        Ok(v1::RoadClass::Unspecified) => Ok(None),
        Ok(v1::RoadClass::Motorway) => Ok(Some(RoadClass::Motorway)),
        Ok(v1::RoadClass::Trunk) => Ok(Some(RoadClass::Trunk)),
        Ok(v1::RoadClass::Primary) => Ok(Some(RoadClass::Primary)),
        Ok(v1::RoadClass::Secondary) => Ok(Some(RoadClass::Secondary)),
        Ok(v1::RoadClass::Tertiary) => Ok(Some(RoadClass::Tertiary)),
        Ok(v1::RoadClass::Unclassified) => Ok(Some(RoadClass::Unclassified)),
        Ok(v1::RoadClass::Residential) => Ok(Some(RoadClass::Residential)),
        Ok(v1::RoadClass::Service) => Ok(Some(RoadClass::Service)),
        Err(_) => Err(Error::invalid(format!("road_class: {number} is not a road class"))),
    }
}

impl From<RoadClass> for v1::RoadClass {
    fn from(class: RoadClass) -> Self {
        match class {
            RoadClass::Motorway => Self::Motorway,
            RoadClass::Trunk => Self::Trunk,
            RoadClass::Primary => Self::Primary,
            RoadClass::Secondary => Self::Secondary,
            RoadClass::Tertiary => Self::Tertiary,
            RoadClass::Unclassified => Self::Unclassified,
            RoadClass::Residential => Self::Residential,
            RoadClass::Service => Self::Service,
        }
    }
}

impl From<&Refuelling> for v1::Refuelling {
    fn from(refuelling: &Refuelling) -> Self {
        Self {
            refuelled_ml: refuelling.refuelled_ml,
            price_paise_per_l: refuelling.price_paise_per_l,
            station: refuelling.station.clone(),
            refuelled_at_ms: refuelling.refuelled_at.as_ms(),
        }
    }
}

impl TryFrom<v1::Refuelling> for Refuelling {
    type Error = Error;
    fn try_from(message: v1::Refuelling) -> Result<Self> {
        let refuelling = Self {
            refuelled_ml: message.refuelled_ml,
            price_paise_per_l: message.price_paise_per_l,
            station: message.station,
            refuelled_at: time("refuelled_at_ms", message.refuelled_at_ms)?,
        };
        refuelling.validate()?;
        Ok(refuelling)
    }
}

impl From<&TelemetryEvent> for v1::TelemetryEvent {
    fn from(event: &TelemetryEvent) -> Self {
        let s = &event.signals;
        Self {
            truck_id: event.truck_id.to_string(),
            seq: event.seq,
            source_id: event.source_id.clone().unwrap_or_default(),
            event_time_ms: event.event_time.as_ms(),
            position: Some(event.position.into()),
            status: v1::Status::from(event.status).into(),
            altitude_m: s.altitude_m,
            heading_deg: s.heading_deg,
            speed_kmh: s.speed_kmh,
            fuel_l: s.fuel_l,
            fuel_pct: s.fuel_pct,
            coolant_c: s.coolant_c,
            engine_rpm: s.engine_rpm,
            gear: s.gear.map(u32::from),
            vibration_rms_mps2: s.vibration_rms_mps2,
            odometer_km: s.odometer_km,
            payload_kg: s.payload_kg,
            fuel_burned_ml: s.fuel_burned_ml,
            diesel_cost_paise: s.diesel_cost_paise,
            trip_id: text(event.trip_id.as_ref()),
            driver_id: text(event.driver_id.as_ref()),
            road_class: event.road_class.map_or(v1::RoadClass::Unspecified, Into::into).into(),
            zone: event.zone.clone().unwrap_or_default(),
            refuelling: event.refuelling.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<v1::TelemetryEvent> for TelemetryEvent {
    type Error = Error;
    fn try_from(message: v1::TelemetryEvent) -> Result<Self> {
        let gear = message.gear.map(u8::try_from).transpose();
        let gear = gear.map_err(|_| Error::invalid("gear: outside 0 to 18"))?;
        let event = Self {
            truck_id: message.truck_id.parse()?,
            seq: message.seq,
            source_id: text_or_none(message.source_id),
            event_time: time("event_time_ms", message.event_time_ms)?,
            position: position("position", message.position)?,
            status: status(message.status)?,
            signals: Signals {
                altitude_m: message.altitude_m,
                heading_deg: message.heading_deg,
                speed_kmh: message.speed_kmh,
                fuel_l: message.fuel_l,
                fuel_pct: message.fuel_pct,
                coolant_c: message.coolant_c,
                engine_rpm: message.engine_rpm,
                gear,
                vibration_rms_mps2: message.vibration_rms_mps2,
                odometer_km: message.odometer_km,
                payload_kg: message.payload_kg,
                fuel_burned_ml: message.fuel_burned_ml,
                diesel_cost_paise: message.diesel_cost_paise,
            },
            trip_id: non_empty(&message.trip_id)?,
            driver_id: non_empty(&message.driver_id)?,
            road_class: road_class(message.road_class)?,
            zone: text_or_none(message.zone),
            refuelling: message.refuelling.map(TryInto::try_into).transpose()?,
        };
        event.validate()?;
        Ok(event)
    }
}

impl From<&RegisteredTruck> for v1::RegisteredTruck {
    fn from(truck: &RegisteredTruck) -> Self {
        Self {
            truck_id: truck.truck_id.to_string(),
            model: truck.model.clone(),
            model_name: truck.model_name.clone(),
            depot: truck.depot.clone(),
            kerb_kg: truck.kerb_kg,
            payload_max_kg: truck.payload_max_kg,
            fuel_tank_l: truck.fuel_tank_l,
        }
    }
}

impl TryFrom<v1::RegisteredTruck> for RegisteredTruck {
    type Error = Error;
    fn try_from(message: v1::RegisteredTruck) -> Result<Self> {
        let truck = Self {
            truck_id: message.truck_id.parse()?,
            model: message.model,
            model_name: message.model_name,
            depot: message.depot,
            kerb_kg: message.kerb_kg,
            payload_max_kg: message.payload_max_kg,
            fuel_tank_l: message.fuel_tank_l,
        };
        truck.validate()?;
        Ok(truck)
    }
}
