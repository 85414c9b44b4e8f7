//! The charts of `docs/physics.md`.

use fleet_core::physics::{Command, Road, TruckModel, VehicleState, operating_point};

use crate::fixtures::{bundled, vehicle};
use crate::svg::{Chart, Line};

/// Each chart with its file's name, beside the page.
pub(crate) fn all() -> [(&'static str, Chart); 4] {
    [
        ("physics/speed.svg", by_speed()),
        ("physics/grade.svg", by_grade()),
        ("physics/mass.svg", by_mass()),
        ("physics/warm_up.svg", warm_up()),
    ]
}

/// Numbers from `first` to `last`, both included, in `parts` equal parts.
fn range(first: f64, last: f64, parts: u8) -> impl Iterator<Item = f64> {
    (0..=parts).map(move |i| first + (last - first) * f64::from(i) / f64::from(parts))
}

/// Fuel of `model` settled, l/100 km; `None` where it stands.
fn fuel(model: &TruckModel, mass_kg: f64, grade: f64, kmh: f64) -> Option<f64> {
    let road = Road { grade, ..Road::level(30.0) };
    operating_point(&vehicle(model, mass_kg), &road, kmh / 3.6, None).fuel_l_per_100km
}

/// A line for each bundled truck.
fn lines(points: impl Fn(&TruckModel) -> Vec<(f64, f64)>) -> Vec<Line> {
    let line = |model: &TruckModel| Line { name: model.id.clone(), points: points(model) };
    TruckModel::bundled().iter().map(|model| line(model)).collect()
}

fn by_speed() -> Chart {
    let points = |model: &TruckModel| {
        range(20.0, 80.0, 30)
            .filter_map(|kmh| Some((kmh, fuel(model, model.gvw_kg, 0.0, kmh)?)))
            .collect()
    };
    Chart {
        title: "Fuel against speed: laden, level road".into(),
        x_label: "held speed, km/h",
        y_label: "l/100 km",
        lines: lines(points),
        levels: vec![],
    }
}

fn by_grade() -> Chart {
    let points = |model: &TruckModel| {
        range(-0.06, 0.08, 28)
            .filter_map(|grade| Some((grade * 100.0, fuel(model, model.gvw_kg, grade, 60.0)?)))
            .collect()
    };
    Chart {
        title: "Fuel against grade: laden, 60 km/h wanted".into(),
        x_label: "grade, %",
        y_label: "l/100 km",
        lines: lines(points),
        levels: vec![],
    }
}

fn by_mass() -> Chart {
    let points = |model: &TruckModel| {
        range(model.kerb_kg, model.gvw_kg, 12)
            .filter_map(|mass_kg| Some((mass_kg * 1e-3, fuel(model, mass_kg, 0.0, 50.0)?)))
            .collect()
    };
    Chart {
        title: "Fuel against mass: empty to laden, 50 km/h, level".into(),
        x_label: "mass with load, t",
        y_label: "l/100 km",
        lines: lines(points),
        levels: vec![],
    }
}

fn warm_up() -> Chart {
    let model = bundled("rigid_6x2_31t");
    let truck = vehicle(&model, model.gvw_kg);
    let curve = |name: &str, ambient_c: f64, kmh: f64, grade: f64| {
        let road = Road { grade, ..Road::level(ambient_c) };
        let mut state = VehicleState::parked(ambient_c);
        let mut points = vec![(0.0, ambient_c)];
        for half_minute in 1..=90_u8 {
            for _ in 0..30 {
                truck.step(&mut state, &road, &Command::drive(kmh / 3.6), 1.0);
            }
            points.push((0.5 * f64::from(half_minute), state.coolant_c));
        }
        Line { name: name.into(), points }
    };
    Chart {
        title: format!("Warming up: {}, laden", model.id),
        x_label: "minutes since the start",
        y_label: "coolant, °C",
        lines: vec![
            curve("climb of 6 %, air 38 °C", 38.0, 60.0, 0.06),
            curve("60 km/h, air 30 °C", 30.0, 60.0, 0.0),
            curve("40 km/h, air 25 °C", 25.0, 40.0, 0.0),
            curve("40 km/h, air 5 °C", 5.0, 40.0, 0.0),
            curve("idling, air 5 °C", 5.0, 0.0, 0.0),
        ],
        levels: vec![(82.0, "thermostat opens"), (107.0, "red on the gauge")],
    }
}
