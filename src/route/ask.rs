//! What the flags ask for; what cannot be read in them is told with all else that is wrong.

use std::ops::RangeInclusive;

use anyhow::Result;
use fleet_core::{
    ErrorKind,
    itinerary::{ALTERNATIVES, DRIVERS, Fault, Field, Inquiry, Question},
    route::{BuiltinRouter, osm::Report},
    time::{Clock, SystemClock, Time},
};

use crate::{cli::RouteArgs, network, truck};

/// The fields by their flags.
const fn flag(field: Field) -> &'static str {
    match field {
        Field::From => "FROM",
        Field::Via => "--via",
        Field::To => "TO",
        Field::Truck => "--truck",
        Field::Depart => "--depart",
        Field::Drivers => "--drivers",
        Field::Alternatives => "--alternatives",
        Field::Fuel => "--fuel",
        Field::Load => "--load",
        Field::Height => "--height",
        Field::Ferries => "--ferries",
    }
}

/// What cannot be read in the flags, collected.
#[derive(Default)]
struct Faults(Vec<Fault>);

pub(super) fn ask(args: &RouteArgs) -> Result<Question> {
    let (network, report) = network::read(args.network.as_deref(), args.dem.as_deref())?;
    let mut faults = Faults::default();
    let truck = args.truck.as_deref().map(truck::find).transpose().unwrap_or_else(|error| {
        let (field, kind, text) = (Field::Truck, ErrorKind::NotFound, format!("{error:#}"));
        faults.0.push(Fault { field, kind, text });
        None
    });
    let is_flat = report.as_ref().is_some_and(Report::has_unknown_grades);
    let flat = is_flat.then(|| "flat roads where the extract has no heights (--dem)".to_owned());
    let inquiry = Inquiry {
        from: args.from.clone(),
        via: args.via.clone(),
        to: args.to.clone(),
        truck,
        load_t: faults.number(Field::Load, args.load.as_deref()),
        height_m: faults.number(Field::Height, args.height.as_deref()),
        depart: faults.time(args.depart.as_deref()),
        drivers: faults.whole(Field::Drivers, args.drivers.as_deref(), &DRIVERS),
        fuel_l: faults.number(Field::Fuel, args.fuel.as_deref()),
        ferries: args.ferries,
        alternatives: faults.whole(
            Field::Alternatives,
            args.alternatives.as_deref(),
            &ALTERNATIVES,
        ),
        assumed: flat.into_iter().collect(),
    };
    let question = inquiry.check(BuiltinRouter::new(network), flag, faults.0)?;
    if let Some(cache) = &args.cache {
        question.router().prepare_in(cache)?;
    }
    Ok(question)
}

impl Faults {
    fn add(&mut self, field: Field, text: String) {
        self.0.push(Fault::invalid(field, text));
    }

    fn time(&mut self, given: Option<&str>) -> Option<Time> {
        match given? {
            "now" => Some(SystemClock::new().now()),
            text => {
                text.parse().map_err(|error| self.0.push(Fault::of(Field::Depart, &error))).ok()
            }
        }
    }

    fn number(&mut self, field: Field, given: Option<&str>) -> Option<f64> {
        let text = given?;
        let found = text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
        if found.is_none() {
            self.add(field, format!("{text:?} is not a number"));
        }
        found
    }

    fn whole(
        &mut self,
        field: Field,
        given: Option<&str>,
        range: &RangeInclusive<u32>,
    ) -> Option<u32> {
        let text = given?;
        let found = text.trim().parse::<u32>().ok().filter(|value| range.contains(value));
        if found.is_none() {
            let (least, most) = (range.start(), range.end());
            self.add(field, format!("{text:?} is not a whole number of {least} to {most}"));
        }
        found
    }
}
