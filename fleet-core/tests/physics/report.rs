//! The page `docs/physics.md`: published numbers beside ours, and the trucks with their sources.

use std::fmt::{self, Write as _};

use fleet_core::physics::vibration::HealthZone;
use fleet_core::physics::{IsoClass, Road, TruckModel, operating_point};

use crate::fixtures::vehicle;
use crate::plots;
use crate::reference::{self, Point};

const HEAD: &str = "\
# Physics: what is published, and what the kernel makes of it

Made with its charts by `cargo run -p fleet-core --example physics_report -- docs`; a test fails when
one of them is stale. The kernel and its formulas: `fleet-core/src/physics/`. The points:
`fleet-core/data/physics_reference.json`; the trucks: `fleet-core/data/truck_models.json`.

## Published points

A point is met when our value lies in its band (a tolerance around the published value, or limits).
No tolerance was widened and nothing was fitted to a single point. Where a point leaves something
open, we chose: 30 km/h of the haul trucks half laden on the border of classes C and D; the speed law
on class C, engine included; VECTO's cycles as rolling hills of 1.5 and 2 % with the published mean
speed; a climb's coolant by its hottest moment; air conditioning off where no temperature is told. Limits,
rests, rain and traffic are the rules of `fleet_core::driver`, by which the simulated drivers go; a
limit is the highest of its roads. For `csfc` the norm stands as published: a ceiling that fleets met,
so that its band begins at 0.8 or 0.68 of it.

| point | published | band | ours | off | verdict |
|---|---|---|---|---|---|
";

const CHARTS: &str = "
## Charts

Each point is a truck that has settled, by the step the simulator drives on: dry road of IRI 2 m/km,
sea level, 30 °C. Teeth are gears: the driver shifts where the rules say, not where fuel is least.

![Fuel against speed](physics/speed.svg)

![Fuel against grade](physics/grade.svg)

Downhill the injectors close; uphill the engine decides the speed, so a weak truck pays less per
second and as much per kilometre.

![Fuel against mass](physics/mass.svg)

![Warming up](physics/warm_up.svg)

On the climb the fan's clutch closes at 96 °C and stays closed: it would open at 90 °C. Its power is
drawn from the same engine. An engine that only idles in the cold never gets warm.

## Vibration and the zones of ISO 2631-1

The seat's vibration is RMS on the z axis, frequency-weighted, from the road's class (ISO 8608). The
standard's health guidance (annex B) for eight hours a day names three zones: below 0.47 m/s² no
effects on health have been shown; from 0.47 to 0.93 is the caution zone; above, risks are likely.
`physics::vibration::HealthZone` gives the zone for 4 to 8 hours. (The European Union's action value
is 0.5, its limit 1.15 m/s².)

| truck, 40 km/h | A | B | C | D | E |
|---|---|---|---|---|---|
";

const NOT_MODELLED: &str = "
## What is not modelled

- Wind: drag is that of still air. Bends: they cost no extra rolling resistance.
- Wheel slip: a truck climbs what its engine can pull, on any surface.
- Tyres that warm up, wear or lose pressure; brakes that heat up and fade.
- Turbo lag, and what else separates a transient from steady Willans lines; smoke limits; the
  regeneration of a particulate filter; urea.
- Retarders; the exhaust brake is a constant share of rated power.
- Automated gearboxes and block shifts by a map of the road ahead: the driver sees only the present.
- A lift axle that is raised: it rolls along, empty too.
- Oil and gearbox temperature: a cold driveline loses what a warm one does.
- Humidity; engine power by air temperature. Altitude cuts torque above 2 000 m by an estimate.
- Single bumps: vibration is the mean of a stationary road, without pitch, roll or resonance.
- Electric and gas trucks.

## Laws

Sixteen laws hold for all bundled trucks; each is a test.

| law | what must hold | test |
|---|---|---|
";

/// Number, statement, file and test of each law.
pub(crate) const LAWS: [(u8, &str, &str, &str); 16] = [
    (
        1,
        "fuel is finite and never negative; 0 only with the engine off or on over-run",
        "tests/physics/laws.rs",
        "fuel_is_zero_only_with_the_engine_off_or_on_over_run",
    ),
    (
        2,
        "in a held gear fuel grows with mass, grade, drag, tyres, auxiliaries",
        "tests/physics/laws.rs",
        "in_a_held_gear_fuel_grows_with_mass_grade_drag_tyres_and_auxiliaries",
    ),
    (
        3,
        "the energy book closes to 1e-9, no loss is negative",
        "tests/physics/laws.rs",
        "the_energy_book_of_a_trip_closes",
    ),
    (
        4,
        "efficiency at most 47 %, at least 29 % under load; trips in the plains 36 to 43 %",
        "tests/physics/laws.rs",
        "laden_trucks_turn_36_to_43_percent_of_their_fuel_into_work_on_a_trip_in_the_plains",
    ),
    (
        5,
        "engine speed within idle and governor, in proportion to road speed in gear, 0 when off",
        "tests/physics/laws.rs",
        "engine_speed_follows_road_speed_in_gear",
    ),
    (
        6,
        "coolant between the air and 110 °C; it only falls when the engine is off",
        "tests/physics/laws.rs",
        "coolant_stays_between_the_air_and_110_degrees",
    ),
    (
        7,
        "no hunting: at most 6 shifts a minute, none reversed within 10 s, none at all when settled",
        "tests/physics/laws.rs",
        "rolling_country_makes_no_driver_hunt",
    ),
    (
        8,
        "half the step changes a trip by less than 0.5 %, ten seconds by less than 2 %",
        "tests/physics/laws.rs",
        "half_the_step_changes_fuel_and_time_by_less_than_half_a_percent",
    ),
    (
        9,
        "from a checkpoint the same bits",
        "tests/physics/laws.rs",
        "a_checkpoint_goes_on_with_the_same_bits",
    ),
    (
        10,
        "only arithmetic that is the same on every machine",
        "tests/physics/determinism.rs",
        "the_kernel_is_written_with_exact_arithmetic_only",
    ),
    (
        11,
        "the tank's book is exact in whole numbers",
        "src/physics/tank.rs",
        "no_drop_and_no_paisa_is_lost",
    ),
    (
        12,
        "what is counted never falls; way is the integral of speed",
        "tests/physics/laws.rs",
        "way_is_the_integral_of_speed",
    ),
    (
        13,
        "a hill there and back costs no less than the flat; a descent no more than idling",
        "tests/physics/laws.rs",
        "a_hill_there_and_back_costs_no_less_than_the_flat",
    ),
    (
        14,
        "other trucks and threads change no bit",
        "tests/physics/determinism.rs",
        "a_truck_among_others_and_on_another_thread_does_the_same",
    ),
    (
        15,
        "vibration has the engine for a floor and follows the roots of speed and roughness",
        "tests/physics/laws.rs",
        "vibration_has_the_engine_for_a_floor_and_follows_the_roots_of_speed_and_roughness",
    ),
    (
        16,
        "every signal within its sensor's range, from any state",
        "tests/physics/laws.rs",
        "a_step_from_any_state_is_finite_and_within_the_sensors_ranges",
    ),
];

/// Trucks whose laden trips in the plains are above 43 %, and why. One that comes to lie within has to
/// leave this list.
pub(crate) const KNOWN_EFFICIENT: [(&str, &str); 2] = [
    (
        "tipper_10x4_47t5",
        "4 kW/t keep the engine near its best point (44.1 % in VECTO's map) nearly all the time: 43.1 %",
    ),
    ("tractor_4x2_55t", "the same with 4.1 kW/t: 43.3 %"),
];

/// The page and its charts: path below `docs`, content.
pub(crate) fn files() -> Vec<(&'static str, String)> {
    let mut page = String::from(HEAD);
    write_page(&mut page).expect("a string takes all that is written");
    let charts = plots::all().map(|(path, chart)| (path, chart.svg()));
    [("physics.md", page)].into_iter().chain(charts).collect()
}

fn write_page(page: &mut String) -> fmt::Result {
    let points = reference::points();
    for point in &points {
        write_point(page, point)?;
    }
    writeln!(page, "\n### Known misses\n")?;
    if reference::KNOWN_MISSES.is_empty() {
        writeln!(page, "None.")?;
    }
    for (id, reason) in reference::KNOWN_MISSES {
        writeln!(page, "- `{id}`: {reason}")?;
    }
    page.push_str(CHARTS);
    for model in TruckModel::bundled() {
        write_vibration(page, model)?;
    }
    page.push_str(NOT_MODELLED);
    for (number, law, _, test) in LAWS {
        writeln!(page, "| {number} | {law} | `{test}` |")?;
    }
    writeln!(page, "\nKnown misses of law 4:\n")?;
    for (id, reason) in KNOWN_EFFICIENT {
        writeln!(page, "- `{id}`: {reason}")?;
    }
    writeln!(page, "\n## Sources of the points\n")?;
    for point in &points {
        writeln!(page, "- `{}` ({}): {}", point.id(), point.status(), point.source())?;
    }
    writeln!(page, "\n## Trucks\n")?;
    writeln!(page, "Settled, dry road of IRI 2 m/km, sea level, 30 °C, target 60 km/h.\n")?;
    for model in TruckModel::bundled() {
        write_truck(page, model)?;
    }
    Ok(())
}

fn write_point(page: &mut String, point: &Point) -> fmt::Result {
    let (ours, band, unit) = (point.computed(), point.band(), point.unit());
    let value = point.published().or_else(|| point.norm());
    let published = value.map_or("–".into(), |value| format!("{} {unit}", short(value)));
    let off = match value {
        Some(value) if value != 0.0 => format!("{:+.1} %", (ours / value - 1.0) * 100.0),
        _ => "–".into(),
    };
    let verdict = if band.holds(ours) { "met" } else { "missed" };
    writeln!(
        page,
        "| `{}` | {published} | {} | {} {unit} | {off} | {verdict} |",
        point.id(),
        band.text(),
        short(ours)
    )
}

fn write_truck(page: &mut String, model: &TruckModel) -> fmt::Result {
    writeln!(page, "### {}: `{}`\n", model.name, model.id)?;
    let engine = &model.engine;
    writeln!(
        page,
        "After the {}; {} kg gross, {} kg empty; {} l, {} kW, {} Nm; {} gears; tank {} l. {}\n",
        model.model_reference,
        model.gvw_kg,
        model.kerb_kg,
        engine.displacement_l,
        engine.rated_kw,
        engine.peak_nm,
        model.driveline.gear_ratios.len(),
        model.fuel_tank_l,
        model.notes
    )?;
    writeln!(
        page,
        "| load | grade | km/h | gear | rpm | crank kW | l/h | l/100 km | coolant °C |"
    )?;
    writeln!(page, "|---|---|---|---|---|---|---|---|---|")?;
    for (load, mass_kg) in [("gross", model.gvw_kg), ("empty", model.kerb_kg)] {
        for grade in [-0.03, 0.0, 0.03, 0.06] {
            let road = Road { grade, ..Road::level(30.0) };
            let at = operating_point(&vehicle(model, mass_kg), &road, 60.0 / 3.6, None);
            writeln!(
                page,
                "| {load} | {:+.0} % | {:.1} | {} | {:.0} | {:.1} | {:.1} | {:.1} | {:.0} |",
                grade * 100.0,
                at.speed_kmh,
                at.gear,
                at.rpm,
                at.engine_power_kw,
                at.fuel_l_per_h,
                at.fuel_l_per_100km.unwrap_or_default(),
                at.coolant_c
            )?;
        }
    }
    writeln!(page, "\nSources:\n")?;
    for (topic, source) in &model.sources {
        writeln!(page, "- {topic}: {source}")?;
    }
    writeln!(page)
}

/// Laden, in m/s² and the first letter of the zone.
fn write_vibration(page: &mut String, model: &TruckModel) -> fmt::Result {
    write!(page, "| `{}` |", model.id)?;
    for class in IsoClass::ALL {
        let road = Road::of_class(class, 0.0, 30.0);
        let at = operating_point(&vehicle(model, model.gvw_kg), &road, 40.0 / 3.6, None);
        let zone = match HealthZone::of(at.vibration_rms_z_mps2, 8.0) {
            HealthZone::Below => "below",
            HealthZone::Caution => "caution",
            HealthZone::Above => "above",
        };
        write!(page, " {:.2} {zone} |", at.vibration_rms_z_mps2)?;
    }
    writeln!(page)
}

/// Four significant digits or so.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
