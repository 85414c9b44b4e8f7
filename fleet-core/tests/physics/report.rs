//! The page `docs/physics.md`: published numbers beside ours, and the trucks with their sources.

use std::fmt::{self, Write as _};

use fleet_core::physics::{Road, TruckModel, operating_point};

use crate::fixtures::vehicle;
use crate::reference::{self, Point};

const HEAD: &str = "\
# Physics: what is published, and what the kernel makes of it

Made by `cargo run -p fleet-core --example physics_report > docs/physics.md`; a test fails when this
page is stale. The kernel and its formulas: `fleet-core/src/physics/`. The points:
`fleet-core/data/physics_reference.json`; the trucks: `fleet-core/data/truck_models.json`.

## Published points

A point is met when our value lies in its band (a tolerance around the published value, or limits).
No tolerance was widened and nothing was fitted to a single point. Where a point leaves something
open, we chose: 30 km/h of the haul trucks half laden on the border of classes C and D; the speed law
on class C, engine included; VECTO's cycles as rolling hills of 1.5 and 2 % with the published mean
speed; a climb's coolant by its hottest moment; air conditioning off where no temperature is told.

| point | published | band | ours | off | verdict |
|---|---|---|---|---|---|
";

/// The whole page.
pub(crate) fn markdown() -> String {
    let mut page = String::from(HEAD);
    write_page(&mut page).expect("a string takes all that is written");
    page
}

fn write_page(page: &mut String) -> fmt::Result {
    let points = reference::points();
    for point in &points {
        write_point(page, point)?;
    }
    let elsewhere: Vec<String> = points
        .iter()
        .filter(|point| point.computed().is_none())
        .map(|point| format!("`{}`", point.id()))
        .collect();
    writeln!(page, "\nNot physics, tested where it is computed: {}.", elsewhere.join(", "))?;
    writeln!(page, "\n### Known misses\n")?;
    if reference::KNOWN_MISSES.is_empty() {
        writeln!(page, "None.")?;
    }
    for (id, reason) in reference::KNOWN_MISSES {
        writeln!(page, "- `{id}`: {reason}")?;
    }
    writeln!(page, "\n### Sources\n")?;
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
    let Some(ours) = point.computed() else { return Ok(()) };
    let (band, unit) = (point.band(), point.unit());
    let published =
        point.published().map_or("–".into(), |value| format!("{} {unit}", short(value)));
    let off = match point.published() {
        Some(value) if value != 0.0 => format!("{:+.1} %", (ours / value - 1.0) * 100.0),
        _ => "–".into(),
    };
    let verdict = if band.holds(ours) { "met" } else { "missed" };
    writeln!(
        page,
        "| `{}` | {published} | {} to {} | {} {unit} | {off} | {verdict} |",
        point.id(),
        short(band.least),
        short(band.most),
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

/// Four significant digits or so.
fn short(value: f64) -> String {
    match value.abs() {
        size if size == f64::INFINITY => "∞".into(),
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
