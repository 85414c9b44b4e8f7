//! What the flags ask for, checked; all that is wrong with them at once.

use std::{ops::RangeInclusive, sync::Arc};

use anyhow::{Result, bail};
use fleet_core::{
    ErrorKind,
    eta::{Pacing, Planner, Progress},
    physics::TruckModel,
    route::{BuiltinRouter, Ferries, Network, Place, Places, VehicleSize, osm::Report},
    time::{Clock, SystemClock, Time},
};

use crate::{cli::RouteArgs, network, truck};

/// The truck that drives when none is named.
const USUAL_TRUCK: &str = "rigid_6x2_25t5";
/// The most drivers on board.
pub(super) const DRIVERS_MAX: u32 = 3;

/// A question that can be answered.
pub(super) struct Question {
    pub(super) router: BuiltinRouter,
    /// Origin, calls on the way, destination.
    pub(super) places: Vec<Place>,
    pub(super) model: Arc<TruckModel>,
    pub(super) payload_kg: f64,
    pub(super) drivers: u32,
    pub(super) pacing: Pacing,
    pub(super) departs: Option<Time>,
    pub(super) tank_ml: Option<u64>,
    /// Whether the way itself depends on truck and hour.
    pub(super) chooses: bool,
    pub(super) alternatives: usize,
    /// What was not said, and is taken so.
    pub(super) assumed: Vec<String>,
}

impl Question {
    pub(super) fn planner(&self) -> fleet_core::Result<Planner<'_>> {
        let planner =
            Planner::new(self.router.network(), Arc::clone(&self.model), self.payload_kg)?;
        Ok(planner.with_drivers(self.drivers).with_pacing(self.pacing))
    }

    pub(super) fn start(&self, planner: &Planner<'_>) -> Progress {
        let start = planner.departure(self.departs);
        Progress { tank_ml: self.tank_ml.unwrap_or(start.tank_ml), ..start }
    }
}

/// What is wrong with the flags, collected.
#[derive(Default)]
struct Faults(Vec<String>);

pub(super) fn ask(args: &RouteArgs) -> Result<Question> {
    let (network, report) = network::read(args.network.as_deref(), args.dem.as_deref())?;
    let mut faults = Faults::default();
    let places = faults.places(args, &network);
    let model = truck::find(args.truck.as_deref().unwrap_or(USUAL_TRUCK));
    let model = model.map_err(|error| faults.0.push(format!("--truck: {error:#}"))).ok();
    let departs = faults.time(args.depart.as_deref());
    let drivers = faults.whole("--drivers", args.drivers.as_deref(), 1, 1..=DRIVERS_MAX);
    let alternatives = faults.whole("--alternatives", args.alternatives.as_deref(), 0, 0..=5);
    let most_l = model.as_ref().map_or(2_000.0, |model| model.fuel_tank_l);
    let fuel_l = faults.number("--fuel", args.fuel.as_deref(), 0.0..=most_l);
    let load_t = match &model {
        Some(model) => faults.load(args.load.as_deref(), model),
        None => faults.number("--load", args.load.as_deref(), 0.0..=60.0),
    };
    let height_m = faults.number("--height", args.height.as_deref(), 1.0..=6.0);
    let (Some(model), Some(places), true) = (model, places, faults.0.is_empty()) else {
        bail!("{}", faults.0.join("; "));
    };
    let most_kg = model.payload_max_kg;
    let payload_kg = load_t.map_or(most_kg, |t| (t * 1e3).min(most_kg));
    let ferries = if args.ferries { Ferries::Allowed } else { Ferries::LeftOut };
    let weight_t = Some((model.kerb_kg + payload_kg) * 1e-3);
    let vehicle = VehicleSize { height_m, weight_t, ..VehicleSize::default() };
    let router = BuiltinRouter::new(network).with_ferries(ferries).with_vehicle(vehicle);
    if let Some(cache) = &args.cache {
        router.prepare_in(cache)?;
    }
    let is_timed = args.truck.is_some() || args.depart.is_some();
    let is_trucked = is_timed || args.load.is_some();
    Ok(Question {
        router,
        places,
        payload_kg,
        drivers,
        pacing: if is_trucked { Pacing::Usual } else { Pacing::FreeFlow },
        departs,
        tank_ml: fuel_l.map(ml),
        chooses: is_timed,
        alternatives: usize::try_from(alternatives).unwrap_or(0),
        assumed: assumed(args, &model, is_trucked, report.as_ref()),
        model,
    })
}

fn assumed(
    args: &RouteArgs,
    model: &TruckModel,
    is_trucked: bool,
    report: Option<&Report>,
) -> Vec<String> {
    let mut assumed = Vec::new();
    if report.is_some_and(Report::has_unknown_grades) {
        assumed.push("flat roads where the extract has no heights (--dem)".into());
    }
    if args.truck.is_none() {
        assumed.push(format!("truck {} (--truck)", model.id));
    }
    if args.load.is_none() {
        let most_t = model.payload_max_kg * 1e-3;
        assumed.push(format!("a full load of {most_t:.1} t (--load)"));
    }
    if args.drivers.is_none() {
        assumed.push("one driver (--drivers)".into());
    }
    if args.fuel.is_none() {
        let litres = model.fuel_tank_l * model.refuel_target_fraction;
        assumed.push(format!("a full tank of {litres:.0} l at the start (--fuel)"));
    }
    if args.depart.is_none() {
        assumed.push(if is_trucked {
            "no particular hour: traffic outside the peaks, nothing shut (--depart)".into()
        } else {
            "free flow: each road's own speed for loaded trucks, halts not counted".into()
        });
    }
    assumed
}

#[expect(clippy::cast_sign_loss, reason = "checked to be positive")]
fn ml(litres: f64) -> u64 {
    (litres * 1e3) as u64
}

impl Faults {
    fn places(&mut self, args: &RouteArgs, network: &Network) -> Option<Vec<Place>> {
        let known = Places::new(network);
        let asked = [("FROM", &args.from)].into_iter();
        let asked = asked.chain(args.via.iter().map(|via| ("--via", via)));
        let asked = asked.chain([("TO", &args.to)]);
        let found: Vec<_> = asked
            .filter_map(|(flag, text)| match known.find(text) {
                Ok(place) => Some(place),
                Err(error) => {
                    self.0.push(format!("{flag}: {error:#}"));
                    None
                }
            })
            .collect();
        (found.len() == args.via.len() + 2).then_some(found)
    }

    fn time(&mut self, given: Option<&str>) -> Option<Time> {
        match given? {
            "now" => Some(SystemClock::new().now()),
            text => text.parse().map_err(|error| self.0.push(format!("--depart: {error}"))).ok(),
        }
    }

    fn load(&mut self, given: Option<&str>, model: &TruckModel) -> Option<f64> {
        let load_t = self.number("--load", given, 0.0..=1_000.0)?;
        let most_t = model.payload_max_kg * 1e-3;
        if load_t > most_t + 1e-9 {
            let id = &model.id;
            self.0.push(format!("--load: {load_t} t is more than {id} may carry: {most_t} t"));
            return None;
        }
        Some(load_t)
    }

    fn number(
        &mut self,
        flag: &str,
        given: Option<&str>,
        range: RangeInclusive<f64>,
    ) -> Option<f64> {
        let text = given?;
        match text.trim().parse::<f64>() {
            Ok(value) if range.contains(&value) => return Some(value),
            Ok(value) if value.is_finite() => {
                let (least, most) = (range.start(), range.end());
                self.0.push(format!("{flag}: {value} is outside {least} to {most}"));
            }
            _ => self.0.push(format!("{flag}: {text:?} is not a number")),
        }
        None
    }

    fn whole(
        &mut self,
        flag: &str,
        given: Option<&str>,
        usual: u32,
        range: RangeInclusive<u32>,
    ) -> u32 {
        let Some(text) = given else { return usual };
        let found = text.trim().parse::<u32>().ok().filter(|value| range.contains(value));
        found.unwrap_or_else(|| {
            let (least, most) = (range.start(), range.end());
            self.0.push(format!("{flag}: {text:?} is not a whole number of {least} to {most}"));
            usual
        })
    }
}

/// A failed search for a way, with what may help.
pub(super) fn hint(error: fleet_core::Error, question: &Question) -> anyhow::Error {
    let is_lost = error.kind() == ErrorKind::NotFound;
    let error = anyhow::Error::from(error);
    match question.router.ferries() {
        Ferries::LeftOut if is_lost => error.context("no way found (ferries: --ferries)"),
        Ferries::LeftOut | Ferries::Allowed => error,
    }
}
