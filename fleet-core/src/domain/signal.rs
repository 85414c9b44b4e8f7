//! Signals by name, for those who ask for some of them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Signals;
use crate::{Error, Result};

/// One of the [`Signals`], by the name of its field.
///
/// ```
/// use fleet_core::domain::{Signal, Signals};
/// let signal: Signal = "speed_kmh".parse()?;
/// let signals = Signals { speed_kmh: Some(41.5), ..Signals::default() };
/// assert_eq!(signal.of(&signals), Some(41.5));
/// assert_eq!(Signal::FuelL.of(&signals), None);
/// # Ok::<(), fleet_core::Error>(())
/// ```
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "`Signals` says what each is, with its unit and range")]
pub enum Signal {
    AltitudeM,
    HeadingDeg,
    SpeedKmh,
    FuelL,
    FuelPct,
    CoolantC,
    EngineRpm,
    Gear,
    #[serde(rename = "vibration_rms_mps2")]
    VibrationRmsMps2,
    OdometerKm,
    PayloadKg,
    FuelBurnedMl,
    DieselCostPaise,
}

impl Signal {
    /// Every signal, in the order of the contract.
    pub const ALL: [Self; 13] = [
        Self::AltitudeM,
        Self::HeadingDeg,
        Self::SpeedKmh,
        Self::FuelL,
        Self::FuelPct,
        Self::CoolantC,
        Self::EngineRpm,
        Self::Gear,
        Self::VibrationRmsMps2,
        Self::OdometerKm,
        Self::PayloadKg,
        Self::FuelBurnedMl,
        Self::DieselCostPaise,
    ];

    /// The field's name in proto, JSON and SQL, which ends with its unit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AltitudeM => "altitude_m",
            Self::HeadingDeg => "heading_deg",
            Self::SpeedKmh => "speed_kmh",
            Self::FuelL => "fuel_l",
            Self::FuelPct => "fuel_pct",
            Self::CoolantC => "coolant_c",
            Self::EngineRpm => "engine_rpm",
            Self::Gear => "gear",
            Self::VibrationRmsMps2 => "vibration_rms_mps2",
            Self::OdometerKm => "odometer_km",
            Self::PayloadKg => "payload_kg",
            Self::FuelBurnedMl => "fuel_burned_ml",
            Self::DieselCostPaise => "diesel_cost_paise",
        }
    }

    /// Its reading, in the unit of its name; none where the sensor gave none. Counters above 2^53
    /// lose their last digits.
    pub fn of(self, signals: &Signals) -> Option<f64> {
        match self {
            Self::AltitudeM => signals.altitude_m,
            Self::HeadingDeg => signals.heading_deg,
            Self::SpeedKmh => signals.speed_kmh,
            Self::FuelL => signals.fuel_l,
            Self::FuelPct => signals.fuel_pct,
            Self::CoolantC => signals.coolant_c,
            Self::EngineRpm => signals.engine_rpm,
            Self::Gear => signals.gear.map(f64::from),
            Self::VibrationRmsMps2 => signals.vibration_rms_mps2,
            Self::OdometerKm => signals.odometer_km,
            Self::PayloadKg => signals.payload_kg,
            Self::FuelBurnedMl => signals.fuel_burned_ml.map(|ml| ml as f64),
            Self::DieselCostPaise => signals.diesel_cost_paise.map(|paise| paise as f64),
        }
    }
}

impl Signals {
    /// The same with no reading but those of `wanted`.
    #[must_use]
    pub fn only(&self, wanted: &[Signal]) -> Self {
        fn kept<T: Copy>(wanted: &[Signal], signal: Signal, reading: Option<T>) -> Option<T> {
            reading.filter(|_| wanted.contains(&signal))
        }
        Self {
            altitude_m: kept(wanted, Signal::AltitudeM, self.altitude_m),
            heading_deg: kept(wanted, Signal::HeadingDeg, self.heading_deg),
            speed_kmh: kept(wanted, Signal::SpeedKmh, self.speed_kmh),
            fuel_l: kept(wanted, Signal::FuelL, self.fuel_l),
            fuel_pct: kept(wanted, Signal::FuelPct, self.fuel_pct),
            coolant_c: kept(wanted, Signal::CoolantC, self.coolant_c),
            engine_rpm: kept(wanted, Signal::EngineRpm, self.engine_rpm),
            gear: kept(wanted, Signal::Gear, self.gear),
            vibration_rms_mps2: kept(wanted, Signal::VibrationRmsMps2, self.vibration_rms_mps2),
            odometer_km: kept(wanted, Signal::OdometerKm, self.odometer_km),
            payload_kg: kept(wanted, Signal::PayloadKg, self.payload_kg),
            fuel_burned_ml: kept(wanted, Signal::FuelBurnedMl, self.fuel_burned_ml),
            diesel_cost_paise: kept(wanted, Signal::DieselCostPaise, self.diesel_cost_paise),
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Signal {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|signal| signal.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            let shown: String = text.chars().take(40).collect();
            Error::invalid(format!("signals: {shown:?}: expected some of {known}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reading there can be, each another number.
    fn full() -> Signals {
        Signals {
            altitude_m: Some(1.0),
            heading_deg: Some(2.0),
            speed_kmh: Some(3.0),
            fuel_l: Some(4.0),
            fuel_pct: Some(5.0),
            coolant_c: Some(6.0),
            engine_rpm: Some(7.0),
            gear: Some(8),
            vibration_rms_mps2: Some(9.0),
            odometer_km: Some(10.0),
            payload_kg: Some(11.0),
            fuel_burned_ml: Some(12),
            diesel_cost_paise: Some(13),
        }
    }

    #[test]
    fn a_signal_is_the_field_of_its_name_and_kept_alone() {
        let all = serde_json::to_value(full()).expect("numbers");
        for signal in Signal::ALL {
            let name = signal.as_str();
            assert_eq!(name.parse::<Signal>().expect(name), signal);
            assert_eq!(serde_json::to_value(signal).expect(name), name);
            assert_eq!(signal.of(&full()), all[name].as_f64(), "{name}");
            let alone = serde_json::to_value(full().only(&[signal])).expect("numbers");
            assert_eq!(alone, serde_json::json!({ name: all[name] }));
        }
        assert_eq!(full().only(&Signal::ALL), full());
        assert_eq!(full().only(&[]), Signals::default());
    }
}
