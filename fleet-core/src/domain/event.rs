//! One report of one truck.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{DriverId, TripId, TruckId, ranges};
use crate::{Error, Result, geo::Position, route::RoadClass, time::Time};

/// What a truck is doing.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Engine on or off, at a depot or by the road, with nothing to do.
    Idle,
    /// Taking a load.
    Loading,
    /// Driving a trip, halts in traffic included.
    EnRoute,
    /// At a pump, or queueing for it.
    Refuelling,
    /// The driver rests.
    Resting,
    /// Giving up its load.
    Unloading,
    /// Cannot move.
    Breakdown,
}

impl Status {
    /// Every status, in the order of the contract.
    pub const ALL: [Self; 7] = [
        Self::Idle,
        Self::Loading,
        Self::EnRoute,
        Self::Refuelling,
        Self::Resting,
        Self::Unloading,
        Self::Breakdown,
    ];

    /// The status as the contract's word, e.g. `en_route`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Loading => "loading",
            Self::EnRoute => "en_route",
            Self::Refuelling => "refuelling",
            Self::Resting => "resting",
            Self::Unloading => "unloading",
            Self::Breakdown => "breakdown",
        }
    }
}

impl FromStr for Status {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
            Error::invalid(format!(
                "status: {text:?}: expected one of {}",
                Self::ALL.map(Self::as_str).join(", ")
            ))
        })
    }
}

/// What the sensors say. `None` is "no reading", which is not zero.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Signals {
    /// Above sea level, m: −430 to 6,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub altitude_m: Option<f64>,
    /// From north, clockwise, degrees: 0 up to 360.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heading_deg: Option<f64>,
    /// Over ground, km/h: 0 to 150.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_kmh: Option<f64>,
    /// In the tank as its sender shows it, with the sender's noise, l: 0 to 2,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel_l: Option<f64>,
    /// The same as a share of the tank, %: 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel_pct: Option<f64>,
    /// Engine coolant, °C: −40 to 130.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coolant_c: Option<f64>,
    /// Crankshaft speed, 1/min: 0 (off) to 4,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_rpm: Option<f64>,
    /// Gear engaged: 0 is neutral, up to 18.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gear: Option<u8>,
    /// Vertical vibration at the seat, RMS over 1 s, m/s²: 0 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vibration_rms_mps2: Option<f64>,
    /// Distance since new, km: never falls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub odometer_km: Option<f64>,
    /// Load on board, kg: 0 to 100,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_kg: Option<f64>,
    /// Fuel burned since new, ml: cumulative, exact, never reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel_burned_ml: Option<u64>,
    /// Cost of that fuel at the moving average price of what was in the tank, paise: cumulative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diesel_cost_paise: Option<u64>,
}

/// Fuel taken at a pump, told on the first report after it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refuelling {
    /// Taken, ml: 1 to 2,000,000.
    pub refuelled_ml: u64,
    /// Price, paise per litre: 1 to 1,000,000.
    pub price_paise_per_l: u64,
    /// The station's id.
    pub station: String,
    /// When the pump stopped.
    pub refuelled_at: Time,
}

/// One report of one truck: who, when, where, and what its sensors say.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryEvent {
    /// The truck.
    pub truck_id: TruckId,
    /// Sequence number, per truck, from 1 without gaps; 0 for a source that does not count.
    pub seq: u64,
    /// For a source that does not count: its own id of this report (or a hash of its content).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_id: Option<String>,
    /// When it was measured.
    pub event_time: Time,
    /// Where.
    pub position: Position,
    /// What the truck was doing.
    pub status: Status,
    /// What the sensors said.
    pub signals: Signals,
    /// The trip under way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trip_id: Option<TripId>,
    /// Who drove.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub driver_id: Option<DriverId>,
    /// Class of the road under the wheels.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub road_class: Option<RoadClass>,
    /// The traffic or weather zone in force there, by its id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub zone: Option<String>,
    /// The refuelling that ended since the last report.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refuelling: Option<Refuelling>,
}

/// Who an event is: `TRK-000007:42`, or `TRK-A:1767571200000:abc` where the source does not count.
///
/// It is a function of the report alone, never of its arrival: sent twice, it has one id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventId {
    /// `truck:seq`.
    Counted {
        /// The truck.
        truck_id: TruckId,
        /// Its sequence number, from 1.
        seq: u64,
    },
    /// `truck:ms:source_id`.
    Sourced {
        /// The truck.
        truck_id: TruckId,
        /// When it was measured.
        event_time: Time,
        /// The sender's own id of the report.
        source_id: String,
    },
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted { truck_id, seq } => write!(f, "{truck_id}:{seq}"),
            Self::Sourced { truck_id, event_time, source_id } => {
                write!(f, "{truck_id}:{}:{source_id}", event_time.as_ms())
            }
        }
    }
}

/// The longest name or id that is accepted in any free text of the contract, bytes.
const TEXT_BYTES_MAX: usize = 128;

pub(super) fn check_text(field: &str, text: &str) -> Result<()> {
    if !text.is_empty() && text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::invalid(format!("{field}: expected 1 to {TEXT_BYTES_MAX} printable bytes")))
}

impl TelemetryEvent {
    /// This event's identity.
    pub fn id(&self) -> EventId {
        let truck_id = self.truck_id.clone();
        match (&self.source_id, self.seq) {
            (Some(source_id), 0) => EventId::Sourced {
                truck_id,
                event_time: self.event_time,
                source_id: source_id.clone(),
            },
            (_, seq) => EventId::Counted { truck_id, seq },
        }
    }

    /// Checks every field against its range and the rules between fields.
    ///
    /// # Errors
    /// `Invalid`, naming the first field that breaks a rule, its value and the rule.
    pub fn validate(&self) -> Result<()> {
        if (self.seq == 0) != self.source_id.is_some() {
            return Err(Error::invalid("seq: expected a seq from 1, or 0 with a source_id"));
        }
        if i64::try_from(self.seq).is_err() {
            return Err(Error::invalid(format!("seq: {} is above 2^63 - 1", self.seq)));
        }
        self.event_time.check("event_time")?;
        ranges::LATITUDE_DEG.check(self.position.lat)?;
        ranges::LONGITUDE_DEG.check(self.position.lon)?;
        self.signals.validate()?;
        if let Some(source_id) = &self.source_id {
            check_text("source_id", source_id)?;
        }
        if let Some(zone) = &self.zone {
            check_text("zone", zone)?;
        }
        self.refuelling.as_ref().map_or(Ok(()), Refuelling::validate)
    }
}

impl Signals {
    fn validate(&self) -> Result<()> {
        let checks = [
            (ranges::ALTITUDE_M, self.altitude_m),
            (ranges::HEADING_DEG, self.heading_deg),
            (ranges::SPEED_KMH, self.speed_kmh),
            (ranges::FUEL_L, self.fuel_l),
            (ranges::FUEL_PCT, self.fuel_pct),
            (ranges::COOLANT_C, self.coolant_c),
            (ranges::ENGINE_RPM, self.engine_rpm),
            (ranges::GEAR, self.gear.map(f64::from)),
            (ranges::VIBRATION_RMS_MPS2, self.vibration_rms_mps2),
            (ranges::ODOMETER_KM, self.odometer_km),
            (ranges::PAYLOAD_KG, self.payload_kg),
        ];
        for (range, value) in checks {
            if let Some(value) = value {
                range.check(value)?;
            }
        }
        let counters = [
            ("fuel_burned_ml", self.fuel_burned_ml),
            ("diesel_cost_paise", self.diesel_cost_paise),
        ];
        for (field, value) in counters {
            if value.is_some_and(|value| i64::try_from(value).is_err()) {
                return Err(Error::invalid(format!("{field}: above 2^63 - 1")));
            }
        }
        Ok(())
    }
}

impl Refuelling {
    /// Checks litres, price, station and time.
    ///
    /// # Errors
    /// `Invalid`, naming the field, its value and the rule.
    pub fn validate(&self) -> Result<()> {
        ranges::REFUELLED_ML.check(self.refuelled_ml as f64)?;
        ranges::PRICE_PAISE_PER_L.check(self.price_paise_per_l as f64)?;
        self.refuelled_at.check("refuelled_at")?;
        check_text("station", &self.station)
    }
}
