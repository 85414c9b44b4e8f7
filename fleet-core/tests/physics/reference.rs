//! The published points of `data/physics_reference.json`, and what the kernel makes of each.

use fleet_core::driver::{Due, DutyClock, HoursRules, Rain, RoadKind, travel_time_factor};
use fleet_core::physics::{
    Axle, CO2_KG_PER_L, Command, DIESEL_J_PER_UL, DIESEL_KG_PER_L, EngineMap, IsoClass, Road,
    TruckModel, VehicleState, air_density_kgpm3, mean_rolling_coefficient, operating_point,
};
use serde_json::Value;

use crate::fixtures::{self, bundled, hills, vehicle};
use crate::report::short;

/// A point that the kernel does not meet, and why. It must stay a miss: one that is met again has
/// to leave this list.
pub(crate) const KNOWN_MISSES: [(&str, &str); 0] = [];

/// One published point.
#[derive(Debug)]
pub(crate) struct Point(Value);

/// Inclusive band in which the computed value must lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Band {
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Band {
    pub(crate) fn holds(self, value: f64) -> bool {
        (self.least..=self.most).contains(&value)
    }

    pub(crate) fn text(self) -> String {
        let (least, most) = (short(self.least), short(self.most));
        match (self.least.is_finite(), self.most.is_finite()) {
            (true, true) => format!("{least} to {most}"),
            (true, false) => format!("at least {least}"),
            (false, _) => format!("at most {most}"),
        }
    }
}

/// All points of the file, in its order.
pub(crate) fn points() -> Vec<Point> {
    let file: Value = serde_json::from_str(include_str!("../../data/physics_reference.json"))
        .expect("the committed file is JSON");
    file["points"].as_array().expect("points").iter().cloned().map(Point).collect()
}

impl Point {
    pub(crate) fn id(&self) -> &str {
        self.0["id"].as_str().expect("id")
    }

    pub(crate) fn source(&self) -> &str {
        self.0["source"].as_str().expect("source")
    }

    pub(crate) fn status(&self) -> &str {
        self.0["status"].as_str().expect("status")
    }

    pub(crate) fn unit(&self) -> &str {
        self.0["expected"]["unit"].as_str().expect("unit")
    }

    pub(crate) fn published(&self) -> Option<f64> {
        self.0["expected"]["value"].as_f64()
    }

    /// The norm of which a point's band was made, as its note tells it: `target Y = … = 16.19; …`.
    pub(crate) fn norm(&self) -> Option<f64> {
        let formula = self.0["note"].as_str()?.strip_prefix("target Y =")?.split(';').next()?;
        formula.rsplit('=').next()?.trim().parse().ok()
    }

    pub(crate) fn band(&self) -> Band {
        let expected = &self.0["expected"];
        match self.published() {
            Some(value) => {
                let slack = expected["tolerance_rel"].as_f64().expect("tolerance") * value.abs();
                Band { least: value - slack, most: value + slack }
            }
            None => Band {
                least: expected["min"].as_f64().unwrap_or(f64::NEG_INFINITY),
                most: expected["max"].as_f64().unwrap_or(f64::INFINITY),
            },
        }
    }

    pub(crate) fn quantity(&self) -> &str {
        self.0["expected"]["quantity"].as_str().expect("quantity")
    }

    fn condition(&self, name: &str) -> Option<f64> {
        self.0["conditions"][name].as_f64()
    }

    fn of_vehicle(&self, name: &str) -> Option<f64> {
        self.0["vehicle"][name].as_f64()
    }

    fn model_id(&self) -> &str {
        self.0["vehicle"]["model"].as_str().unwrap_or_default()
    }

    fn speed_mps(&self) -> f64 {
        self.condition("speed_kmh").expect("speed_kmh") / 3.6
    }

    /// The conditions' road; where no temperature is told, the air conditioning is off.
    fn road(&self) -> Road {
        let road = Road::level(self.condition("ambient_c").unwrap_or(20.0));
        Road {
            grade: self.condition("grade").unwrap_or(0.0),
            air_density_kgpm3: self.of_vehicle("air_density").unwrap_or(road.air_density_kgpm3),
            ..road
        }
    }

    /// What the kernel gives, or the driver's rules.
    pub(crate) fn computed(&self) -> f64 {
        match self.quantity() {
            "fuel_l_per_100km" => self.fuel_l_per_100km(),
            "fuel_l_per_h" => self.settled().fuel_l_per_h,
            "engine_brake_power" => self.settled().engine_power_kw,
            "sustained_speed" => self.sustained_kmh(),
            "fuel_mass_rate" => self.fuel_g_per_h(),
            "best_bsfc" => best_bsfc(),
            "mean_rolling_coefficient" => self.rolling_coefficient(),
            "cycle_mean_bsfc" => self.trip_bsfc(),
            "fuel_ratio_heaviest_to_empty" => self.load_ratio(),
            "co2_per_litre" => CO2_KG_PER_L,
            "lower_heating_value" => DIESEL_J_PER_UL,
            "air_density" => air_density_kgpm3(
                self.condition("altitude_m").expect("altitude_m"),
                self.condition("ambient_c").expect("ambient_c"),
            ),
            "engine_speed" => self.engine_rpm(),
            "coolant_temperature" => self.coolant_c(),
            "time_to_80c" => self.warm_up_s(),
            "vibration_rms_z" => self.vibration(),
            "vibration_ratio" => vibration_ratio(),
            "fuel_increase" => self.fuel_increase(),
            "travel_time_factor" => {
                travel_time_factor(self.condition("volume_over_capacity").expect("a volume"))
            }
            "speed_limit" => self.speed_limit_kmh(),
            "rest_interval" => self.break_min(),
            "speed_factor" => Rain::Heavy.speed_factor(),
            other => panic!("{}: unknown quantity {other}", self.id()),
        }
    }

    /// The highest limit on the roads of the conditions.
    fn speed_limit_kmh(&self) -> f64 {
        let is_hill = self.0["conditions"]["road"].is_string();
        let kinds = RoadKind::ALL.into_iter().filter(|kind| (*kind == RoadKind::Ghat) == is_hill);
        kinds.map(RoadKind::limit_kmh).fold(0.0, f64::max)
    }

    /// Standing that a driver has behind him when he drives on after so long on duty, minutes.
    fn break_min(&self) -> f64 {
        let rules = HoursRules::STRICT;
        let mut clock = DutyClock::default();
        let (mut duty_s, most_s) = (0.0, 3_600.0 * self.condition("duty_h").expect("duty_h"));
        while duty_s < most_s && clock.due(&rules, 1) == Due::Nothing {
            clock.drive(60);
            duty_s += 60.0;
        }
        let mut minutes = 0.0;
        while clock.due(&rules, 1) != Due::Nothing {
            clock.stand(&rules, 60);
            minutes += 1.0;
        }
        minutes
    }

    /// The truck of a point: bundled, or one of the generic ones.
    fn truck(&self) -> (TruckModel, f64) {
        let mass_kg = self.of_vehicle("mass_kg");
        if self.model_id() == "generic road load" {
            let mass_kg = mass_kg.expect("mass_kg");
            let is_heavy = mass_kg > 10_000.0;
            let base = if is_heavy { fixtures::long_haul() } else { bundled("light_4x2_7t5") };
            let rrc = self.of_vehicle("rrc").expect("rrc");
            let mut model = fixtures::reweighed(base, mass_kg, rrc);
            model.cda_m2 = self.of_vehicle("cda_m2").expect("cda_m2");
            model.aux_base_w = self.of_vehicle("aux_w").expect("aux_w");
            let eta = self.of_vehicle("driveline_efficiency").expect("driveline_efficiency");
            (model.driveline.eta_direct, model.driveline.eta_indirect) = (eta, eta);
            model.driveline.spin_loss_w_per_wheel_rad_s = 0.0;
            return (model, mass_kg);
        }
        let model = match self.model_id() {
            "" => fixtures::long_haul(), // told by its engine: 12 to 15 l
            id => bundled(id),
        };
        let model = TruckModel {
            aux_base_w: self.of_vehicle("aux_w").unwrap_or(model.aux_base_w),
            ..model
        };
        let gvw_kg = model.gvw_kg;
        (model, mass_kg.unwrap_or(gvw_kg))
    }

    fn settled(&self) -> fleet_core::physics::OperatingPoint {
        let (model, mass_kg) = self.truck();
        operating_point(&vehicle(&model, mass_kg), &self.road(), self.speed_mps(), None)
    }

    fn fuel_l_per_100km(&self) -> f64 {
        let moving = "the truck moves";
        if self.0["conditions"]["mix"].is_null() {
            return self.settled().fuel_l_per_100km.expect(moving);
        }
        let (model, _) = self.truck();
        let at = |mass_kg: f64| {
            operating_point(&vehicle(&model, mass_kg), &self.road(), self.speed_mps(), None)
                .fuel_l_per_100km
                .expect(moving)
        };
        0.5 * (at(model.gvw_kg) + at(model.kerb_kg))
    }

    fn sustained_kmh(&self) -> f64 {
        let (model, mass_kg) = self.truck();
        operating_point(&vehicle(&model, mass_kg), &self.road(), 80.0 / 3.6, None).speed_kmh
    }

    fn fuel_g_per_h(&self) -> f64 {
        let rpm = self.condition("engine_rpm").expect("engine_rpm");
        let brake_w = self.condition("brake_torque_nm").expect("brake_torque_nm")
            * rpm
            * std::f64::consts::PI
            / 30.0;
        let grams = |map: &EngineMap| {
            map.at(rpm).fuel_w(rpm, brake_w) / DIESEL_J_PER_UL * 3.6 * DIESEL_KG_PER_L
        };
        match self.0["vehicle"]["engine"]["displacement_l"].as_f64() {
            Some(litres) if litres > 10.0 => grams(&EngineMap::new(&fixtures::engine_12l7())),
            Some(_) => grams(&EngineMap::new(&fixtures::engine_6l9())),
            None => TruckModel::bundled()
                .iter()
                .map(|model| grams(&EngineMap::new(&model.engine)))
                .fold(0.0, f64::max),
        }
    }

    fn rolling_coefficient(&self) -> f64 {
        let list = |name: &str| -> Vec<f64> {
            let values = self.0["vehicle"][name].as_array().expect("a list");
            values.iter().map(|value| value.as_f64().expect("a number")).collect()
        };
        let (shares, rrc) = (list("axle_share"), list("rrc_iso"));
        let (tyres, fz) = (list("tyres"), list("fz_iso_n"));
        let axle = |i: usize| Axle {
            share: shares[i],
            rrc_iso: rrc[i],
            tyres: if tyres[i] > 3.0 { 4 } else { 2 },
            fz_iso_n: fz[i],
        };
        let axles: Vec<Axle> = (0..shares.len()).map(axle).collect();
        mean_rolling_coefficient(self.of_vehicle("mass_kg").expect("mass_kg"), &axles)
    }

    fn trip_bsfc(&self) -> f64 {
        let truck = vehicle(&fixtures::long_haul(), self.of_vehicle("mass_kg").expect("mass_kg"));
        let trip = hills(&truck, 100e3, 75.0, 0.015, 1.0);
        trip.litres * DIESEL_KG_PER_L * 1e3 / (trip.energy.brake_work_j / 3.6e6)
    }

    fn load_ratio(&self) -> f64 {
        let litres = |mass_kg: f64| {
            let truck = vehicle(&fixtures::delivery(), mass_kg);
            let standing = operating_point(&truck, &Road::level(20.0), 0.0, None).fuel_l_per_h;
            let trip = hills(&truck, 50e3, 65.0, 0.02, 1.0);
            trip.litres + standing * trip.seconds / 3_600.0 * 0.075
        };
        let masses = self.0["vehicle"]["mass_kg"].as_array().expect("masses");
        let mass = |i: usize| masses[i].as_f64().expect("a mass");
        litres(mass(2)) / litres(mass(0))
    }

    fn engine_rpm(&self) -> f64 {
        let gear = self.0["conditions"]["gear"].as_u64().and_then(|gear| u8::try_from(gear).ok());
        let (model, mass_kg) = self.truck();
        operating_point(&vehicle(&model, mass_kg), &self.road(), self.speed_mps(), gear).rpm
    }

    /// Coolant at the end, or the hottest moment of a climb.
    fn coolant_c(&self) -> f64 {
        let (model, mass_kg) = self.truck();
        let truck = vehicle(&model, mass_kg);
        let target = self.condition("target_speed_kmh").or(self.condition("speed_kmh"));
        let command = Command::drive(target.expect("a speed") / 3.6);
        let mut state = VehicleState { coolant_c: 80.0, ..VehicleState::parked(20.0) };
        let seconds = self.condition("duration_s").expect("duration_s");
        let (mut time_s, mut hottest_c) = (0.0, 0.0_f64);
        while time_s < seconds {
            truck.step(&mut state, &self.road(), &command, 1.0);
            hottest_c = hottest_c.max(state.coolant_c);
            time_s += 1.0;
        }
        if self.road().grade > 0.0 { hottest_c } else { state.coolant_c }
    }

    fn warm_up_s(&self) -> f64 {
        let (model, mass_kg) = self.truck();
        let truck = vehicle(&model, mass_kg);
        let command = Command::drive(self.speed_mps());
        let mut state = VehicleState::parked(self.condition("start_c").expect("start_c"));
        let mut time_s = 0.0;
        while state.coolant_c < 80.0 && time_s < 7_200.0 {
            truck.step(&mut state, &self.road(), &command, 1.0);
            time_s += 1.0;
        }
        time_s
    }

    /// Half laden, on the border of classes C and D.
    fn vibration(&self) -> f64 {
        let (model, _) = self.truck();
        let truck = vehicle(&model, 0.5 * (model.kerb_kg + model.gvw_kg));
        let roughness_m3 = 2.0 * IsoClass::C.roughness_m3();
        let road = Road { roughness_m3, ..self.road() };
        operating_point(&truck, &road, self.speed_mps(), None).vibration_rms_z_mps2
    }

    fn fuel_increase(&self) -> f64 {
        let (model, mass_kg) = self.truck();
        let truck = vehicle(&model, mass_kg);
        let litres = |iri: &str| {
            let iri_m_per_km = self.condition(iri).expect("an IRI");
            let road = Road { iri_m_per_km, ..self.road() };
            operating_point(&truck, &road, self.speed_mps(), None).fuel_l_per_h
        };
        litres("iri_to") / litres("iri_from") - 1.0
    }
}

/// Best specific consumption of the 6.87 l map within 175 kW and 956 Nm, g/kWh.
fn best_bsfc() -> f64 {
    let map = EngineMap::new(&fixtures::engine_6l9());
    let mut best = f64::INFINITY;
    for rpm in (600..=2_400).step_by(50).map(f64::from) {
        for torque_nm in (50..=956).step_by(6).map(f64::from) {
            let brake_w = torque_nm * rpm * std::f64::consts::PI / 30.0;
            if brake_w <= 175e3 {
                let grams_per_j = DIESEL_KG_PER_L / DIESEL_J_PER_UL * 1e-3;
                best = best.min(map.at(rpm).fuel_w(rpm, brake_w) / brake_w * grams_per_j * 3.6e6);
            }
        }
    }
    best
}

/// Vibration at 60 over 15 km/h on class C; of all trucks the one furthest from 2.
fn vibration_ratio() -> f64 {
    let road = Road { roughness_m3: IsoClass::C.roughness_m3(), ..Road::level(20.0) };
    let ratio = |model: &TruckModel| {
        let truck = vehicle(model, model.gvw_kg);
        let at = |kmh: f64| operating_point(&truck, &road, kmh / 3.6, None).vibration_rms_z_mps2;
        at(60.0) / at(15.0)
    };
    let further = |a: f64, b: f64| if (b - 2.0).abs() > (a - 2.0).abs() { b } else { a };
    TruckModel::bundled().iter().map(|model| ratio(model)).fold(2.0, further)
}
