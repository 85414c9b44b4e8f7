//! `data-fleet truck`: where a truck settles, as a table or as JSON.

use std::{fs, io::Write, ops::RangeInclusive, path::Path, sync::Arc};

use anyhow::{Context, Result, anyhow, bail};
use fleet_core::physics::{
    IsoClass, OperatingPoint, Road, TruckModel, Vehicle, operating_point, vibration::HealthZone,
};
use fleet_core::units::{mps_from_kmh, round_to};
use serde_json::json;

use crate::cli::TruckArgs;

/// What the flags ask for, checked.
struct Question {
    target_kmh: f64,
    mass_kg: f64,
    gear: Option<u8>,
    road: Road,
    class: IsoClass,
    altitude_m: f64,
}

pub(crate) fn run(args: &TruckArgs) -> Result<()> {
    if args.list {
        return list(args.json);
    }
    let name = args.model.as_deref().unwrap_or_default();
    let (model, question) = ask(args, find(name))?;
    let truck = Vehicle::new(Arc::clone(&model), question.mass_kg)?;
    let target_mps = mps_from_kmh(question.target_kmh);
    let point = operating_point(&truck, &question.road, target_mps, question.gear);
    let text = if args.json {
        format!("{:#}\n", as_json(&model, &question, &point))
    } else {
        table(&model, &question, &point)
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn list(as_json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        let entry = |model: &Arc<TruckModel>| {
            json!({
                "model": model.id,
                "name": model.name,
                "model_reference": model.model_reference,
                "gvw_kg": model.gvw_kg,
                "kerb_kg": model.kerb_kg,
                "rated_kw": model.engine.rated_kw,
                "gears": model.driveline.gear_ratios.len(),
            })
        };
        let models: serde_json::Value = TruckModel::bundled().iter().map(entry).collect();
        return Ok(writeln!(out, "{models:#}")?);
    }
    for model in TruckModel::bundled() {
        writeln!(out, "{:18}{:48}{}", model.id, model.name, model.model_reference)?;
    }
    Ok(())
}

/// The bundled model of this name, or the file at this path.
pub(crate) fn find(name: &str) -> Result<Arc<TruckModel>> {
    let path = Path::new(name);
    let is_toml = path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("toml"));
    let is_json = path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("json"));
    let found = TruckModel::find(name);
    if found.is_ok() || !(is_toml || is_json || path.is_file()) {
        return Ok(found?);
    }
    let text = fs::read_to_string(path).with_context(|| name.to_owned())?;
    let is_json = is_json || (!is_toml && text.trim_start().starts_with('{'));
    let model = if is_json { TruckModel::from_json(&text) } else { TruckModel::from_toml(&text) };
    // The text has its source in it already.
    Ok(Arc::new(model.map_err(|error| anyhow!("{name}: {error}"))?))
}

/// What is wrong with the flags, collected.
#[derive(Default)]
struct Faults(Vec<String>);

/// The flags as a question about the model, or all that is wrong with either.
fn ask(args: &TruckArgs, model: Result<Arc<TruckModel>>) -> Result<(Arc<TruckModel>, Question)> {
    let mut faults = Faults::default();
    let target_kmh = faults.number("--speed", args.speed.as_deref(), 0.0, 0.0..=120.0);
    let grade = faults.number("--grade", args.grade.as_deref(), 0.0, -30.0..=30.0) / 100.0;
    let altitude_m = faults.number("--altitude", args.altitude.as_deref(), 0.0, -500.0..=6_000.0);
    let ambient_c = faults.number("--ambient", args.ambient.as_deref(), 30.0, -40.0..=55.0);
    let class = faults.class(args.road.as_deref());
    if args.load.is_some() && args.gvw.is_some() {
        faults.0.push("--load and --gvw exclude one another: give one".into());
    }
    let model = match model {
        Ok(model) => model,
        Err(error) => {
            faults.0.insert(0, format!("{error:#}"));
            bail!("{}", faults.0.join("; "));
        }
    };
    let mass_kg = faults.mass_kg(args, &model);
    let gear = faults.gear(args.gear.as_deref(), model.driveline.gear_ratios.len());
    if !faults.0.is_empty() {
        bail!("{}", faults.0.join("; "));
    }
    let road = Road { grade, ..Road::of_class(class, altitude_m, ambient_c) };
    Ok((model, Question { target_kmh, mass_kg, gear, road, class, altitude_m }))
}

impl Faults {
    fn class(&mut self, given: Option<&str>) -> IsoClass {
        let Some(letter) = given else { return IsoClass::B };
        letter.parse().unwrap_or_else(|error| {
            self.0.push(format!("--road: {error}"));
            IsoClass::B
        })
    }

    fn number(
        &mut self,
        flag: &str,
        given: Option<&str>,
        default: f64,
        range: RangeInclusive<f64>,
    ) -> f64 {
        let Some(text) = given else { return default };
        match text.trim().parse::<f64>() {
            Ok(value) if range.contains(&value) => return value,
            Ok(value) if value.is_finite() => {
                let (least, most) = (range.start(), range.end());
                self.0.push(format!("{flag}: {value} is outside {least} to {most}"));
            }
            _ => self.0.push(format!("{flag}: {text:?} is not a number")),
        }
        default
    }

    /// From kerb weight to a tenth above gross weight: what the kernel drives.
    fn mass_kg(&mut self, args: &TruckArgs, model: &TruckModel) -> f64 {
        let (kerb_t, most_t) = (model.kerb_kg * 1e-3, (1.1 * model.gvw_kg).floor() * 1e-3);
        let most_load_t = ((most_t - kerb_t) * 1e3).floor() * 1e-3;
        let load_t = self.number("--load", args.load.as_deref(), 0.0, 0.0..=most_load_t);
        let gross_t =
            self.number("--gvw", args.gvw.as_deref(), model.gvw_kg * 1e-3, kerb_t..=most_t);
        let mass_kg =
            if args.load.is_some() { model.kerb_kg + load_t * 1e3 } else { gross_t * 1e3 };
        mass_kg.clamp(model.kerb_kg, 1.1 * model.gvw_kg) // tonnes to kilograms and back may round
    }

    fn gear(&mut self, given: Option<&str>, gears: usize) -> Option<u8> {
        let text = given?;
        let gear =
            text.trim().parse::<u8>().ok().filter(|&gear| (1..=gears).contains(&gear.into()));
        if gear.is_none() {
            self.0.push(format!("--gear: {text:?} is not a whole number of 1 to {gears}"));
        }
        gear
    }
}

/// To a millionth: more is noise of the way the point was found.
fn rounded(value: f64) -> f64 {
    round_to(value, 6)
}

fn as_json(model: &TruckModel, question: &Question, point: &OperatingPoint) -> serde_json::Value {
    json!({
        "model": model.id,
        "mass_kg": question.mass_kg,
        "target_speed_kmh": question.target_kmh,
        "speed_kmh": rounded(point.speed_kmh),
        "engine_power_kw": rounded(point.engine_power_kw),
        "gear": point.gear,
        "rpm": rounded(point.rpm),
        "fuel_l_per_h": rounded(point.fuel_l_per_h),
        "fuel_l_per_100km": point.fuel_l_per_100km.map(rounded),
        "coolant_c": rounded(point.coolant_c),
        "vibration_rms_z": rounded(point.vibration_rms_z_mps2),
        "service_brake_kw": rounded(point.service_brake_kw),
    })
}

fn table(model: &TruckModel, question: &Question, point: &OperatingPoint) -> String {
    let Question { target_kmh, mass_kg, road, class, altitude_m, .. } = question;
    let held = if point.speed_kmh < target_kmh - 0.5 {
        format!("  (of {target_kmh} km/h: all the engine can hold)")
    } else {
        String::new()
    };
    let gear = if point.gear == 0 { "neutral".into() } else { point.gear.to_string() };
    let per_way =
        point.fuel_l_per_100km.map_or("– (standing)".into(), |l| format!("{l:.1} l/100 km"));
    let zone = HealthZone::of(point.vibration_rms_z_mps2, 8.0).as_str();
    let brakes = if point.service_brake_kw < 0.05 {
        "none".into()
    } else {
        format!("{:.1} kW beyond what engine and exhaust brake hold", point.service_brake_kw)
    };
    let rows = [
        ("speed", format!("{:.1} km/h{held}", point.speed_kmh)),
        ("engine power", format!("{:.1} kW", point.engine_power_kw)),
        ("gear", gear),
        ("engine speed", format!("{:.0} rpm", point.rpm)),
        ("fuel", format!("{:.1} l/h", point.fuel_l_per_h)),
        ("", per_way),
        ("brakes", brakes),
        ("coolant", format!("{:.0} °C", point.coolant_c)),
        (
            "vibration",
            format!("{:.2} m/s² RMS z, {zone} of ISO 2631-1 for 8 h", point.vibration_rms_z_mps2),
        ),
    ];
    let mut text = format!(
        "{} ({}), {:.1} t, {:+.1} %, road {class:?}, {altitude_m:.0} m, {:.0} °C\n\n",
        model.name,
        model.id,
        mass_kg * 1e-3,
        road.grade * 100.0,
        road.ambient_c
    );
    for (name, value) in rows {
        text.push_str(&format!("{name:14}{value}\n"));
    }
    text
}
