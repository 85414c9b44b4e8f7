//! What is asked, and all that is wrong with it.

use std::{fmt::Display, ops::RangeInclusive, sync::Arc};

use super::question::Question;
use crate::{
    Error, ErrorKind, Result,
    eta::Pacing,
    physics::TruckModel,
    route::{BuiltinRouter, Ferries, Network, Place, Places, VehicleSize},
    time::Time,
};

/// The truck that drives when none is named.
pub const USUAL_TRUCK: &str = "rigid_6x2_25t5";
/// Drivers there may be on board.
pub const DRIVERS: RangeInclusive<u32> = 1..=3;
/// How many other ways may be asked for.
pub const ALTERNATIVES: RangeInclusive<u32> = 0..=5;

/// A part of an [`Inquiry`], in the order in which faults are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "they are described where they stand in the inquiry")]
pub enum Field {
    From,
    Via,
    To,
    Truck,
    Depart,
    Drivers,
    Alternatives,
    Fuel,
    Load,
    Height,
    Ferries,
}

impl Field {
    /// Its name here.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::Via => "via",
            Self::To => "to",
            Self::Truck => "truck",
            Self::Depart => "depart",
            Self::Drivers => "drivers",
            Self::Alternatives => "alternatives",
            Self::Fuel => "fuel_l",
            Self::Load => "load_t",
            Self::Height => "height_m",
            Self::Ferries => "ferries",
        }
    }
}

/// How whoever asks calls the fields: a flag, a parameter.
pub type Names = fn(Field) -> &'static str;

/// A rule that a field breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which field.
    pub field: Field,
    /// `NotFound` for what is named and does not exist, else `Invalid`.
    pub kind: ErrorKind,
    /// The value and the rule, without the field.
    pub text: String,
}

impl Fault {
    /// A value breaks a rule.
    pub fn invalid(field: Field, text: impl Into<String>) -> Self {
        Self { field, kind: ErrorKind::Invalid, text: text.into() }
    }

    /// What an error says of a field.
    pub fn of(field: Field, error: &Error) -> Self {
        Self { field, kind: error.kind(), text: error.to_string() }
    }
}

/// A way that is asked for, as it was said: nothing is checked yet.
#[derive(Clone, Debug, Default)]
pub struct Inquiry {
    /// Where it begins: a place as [`Places::find`] takes it.
    pub from: String,
    /// Places to call at on the way, in their order.
    pub via: Vec<String>,
    /// Where it ends.
    pub to: String,
    /// The truck; [`USUAL_TRUCK`] unless given.
    pub truck: Option<Arc<TruckModel>>,
    /// Load, t: 0 to what the truck may carry; all of that unless given.
    pub load_t: Option<f64>,
    /// Height with load, m, 1 to 6: roads under lower limits are left out.
    pub height_m: Option<f64>,
    /// Departure; unless given, there is neither traffic by the clock nor anything shut.
    pub depart: Option<Time>,
    /// Drivers on board, of [`DRIVERS`]; one unless given.
    pub drivers: Option<u32>,
    /// Fuel in the tank at the start, l; a full tank unless given.
    pub fuel_l: Option<f64>,
    /// Whether ways may cross water by boat.
    pub ferries: bool,
    /// Other ways to be told, of [`ALTERNATIVES`]; none unless given.
    pub alternatives: Option<u32>,
    /// What else is taken without having been said, to be told with the answer.
    pub assumed: Vec<String>,
}

/// What is wrong with an inquiry, collected.
struct Faults(Vec<Fault>);

impl Inquiry {
    /// The question on the roads of `router`, whose ferries and vehicle are set as asked. `found` are
    /// faults that were seen before, in reading what was said: with any there is no question.
    ///
    /// # Errors
    /// All faults in one: `NotFound` if each is a place or a truck that is not known (with the nearest
    /// names), else `Invalid`.
    pub fn check(
        &self,
        router: BuiltinRouter,
        names: Names,
        found: Vec<Fault>,
    ) -> Result<Question> {
        let is_truck_lost = found.iter().any(|fault| fault.field == Field::Truck);
        let mut faults = Faults(found);
        let places = faults.places(self, router.network());
        let model = match &self.truck {
            Some(model) => Arc::clone(model),
            None => TruckModel::find(USUAL_TRUCK)?,
        };
        let drivers = faults.within(Field::Drivers, self.drivers, DRIVERS).unwrap_or(1);
        let alternatives = faults.within(Field::Alternatives, self.alternatives, ALTERNATIVES);
        let known = (!is_truck_lost).then_some(&*model);
        let most_l = known.map_or(2_000.0, |model| model.fuel_tank_l);
        let fuel_l = faults.within(Field::Fuel, self.fuel_l, 0.0..=most_l);
        let load_t = match known {
            Some(model) => faults.load(self.load_t, model),
            None => faults.within(Field::Load, self.load_t, 0.0..=60.0),
        };
        let height_m = faults.within(Field::Height, self.height_m, 1.0..=6.0);
        let places = match places {
            Some(places) if faults.0.is_empty() => places,
            _ => return Err(faults.told(names)),
        };
        let most_kg = model.payload_max_kg;
        let payload_kg = load_t.map_or(most_kg, |t| (t * 1e3).min(most_kg));
        let ferries = if self.ferries { Ferries::Allowed } else { Ferries::LeftOut };
        let weight_t = Some((model.kerb_kg + payload_kg) * 1e-3);
        let vehicle = VehicleSize { height_m, weight_t, ..VehicleSize::default() };
        let is_timed = self.truck.is_some() || self.depart.is_some();
        let is_trucked = is_timed || self.load_t.is_some();
        Ok(Question {
            router: router.with_ferries(ferries).with_vehicle(vehicle),
            places,
            payload_kg,
            drivers,
            pacing: if is_trucked { Pacing::Usual } else { Pacing::FreeFlow },
            departs: self.depart,
            tank_ml: fuel_l.map(ml),
            chooses: is_timed,
            alternatives: alternatives.unwrap_or(0),
            assumed: self.assumed(&model, is_trucked, names),
            model,
            names,
        })
    }

    /// What was not said, and is taken so.
    fn assumed(&self, model: &TruckModel, is_trucked: bool, names: Names) -> Vec<String> {
        let mut assumed = self.assumed.clone();
        if self.truck.is_none() {
            assumed.push(format!("truck {} ({})", model.id, names(Field::Truck)));
        }
        if self.load_t.is_none() {
            let most_t = model.payload_max_kg * 1e-3;
            assumed.push(format!("a full load of {most_t:.1} t ({})", names(Field::Load)));
        }
        if self.drivers.is_none() {
            assumed.push(format!("one driver ({})", names(Field::Drivers)));
        }
        if self.fuel_l.is_none() {
            let litres = model.fuel_tank_l * model.refuel_target_fraction;
            let fuel = names(Field::Fuel);
            assumed.push(format!("a full tank of {litres:.0} l at the start ({fuel})"));
        }
        if self.depart.is_none() {
            assumed.push(if is_trucked {
                let depart = names(Field::Depart);
                format!("no particular hour: traffic outside the peaks, nothing shut ({depart})")
            } else {
                "free flow: each road's own speed for loaded trucks, halts not counted".into()
            });
        }
        assumed
    }
}

#[expect(clippy::cast_sign_loss, reason = "checked to be positive")]
fn ml(litres: f64) -> u64 {
    (litres * 1e3) as u64
}

impl Faults {
    fn add(&mut self, field: Field, text: String) {
        self.0.push(Fault::invalid(field, text));
    }

    fn places(&mut self, inquiry: &Inquiry, network: &Network) -> Option<Vec<Place>> {
        let known = Places::new(network);
        let asked = [(Field::From, &inquiry.from)].into_iter();
        let asked = asked.chain(inquiry.via.iter().map(|via| (Field::Via, via)));
        let asked = asked.chain([(Field::To, &inquiry.to)]);
        let found: Vec<_> = asked
            .filter_map(|(field, text)| match known.find(text) {
                Ok(place) => Some(place),
                Err(error) => {
                    self.0.push(Fault::of(field, &error));
                    None
                }
            })
            .collect();
        (found.len() == inquiry.via.len() + 2).then_some(found)
    }

    fn load(&mut self, given: Option<f64>, model: &TruckModel) -> Option<f64> {
        let load_t = self.within(Field::Load, given, 0.0..=1_000.0)?;
        let most_t = model.payload_max_kg * 1e-3;
        if load_t > most_t + 1e-9 {
            let id = &model.id;
            self.add(Field::Load, format!("{load_t} t is more than {id} may carry: {most_t} t"));
            return None;
        }
        Some(load_t)
    }

    fn within<T: Copy + Display + PartialOrd>(
        &mut self,
        field: Field,
        given: Option<T>,
        range: RangeInclusive<T>,
    ) -> Option<T> {
        let value = given?;
        if range.contains(&value) {
            return Some(value);
        }
        let (least, most) = (range.start(), range.end());
        self.add(field, format!("{value} is outside {least} to {most}"));
        None
    }

    /// All of them in one, in the order of the fields.
    fn told(mut self, names: Names) -> Error {
        self.0.sort_by_key(|fault| fault.field);
        let is_lost = self.0.iter().all(|fault| fault.kind == ErrorKind::NotFound);
        let kind = if is_lost { ErrorKind::NotFound } else { ErrorKind::Invalid };
        let texts = self.0.iter().map(|fault| format!("{}: {}", names(fault.field), fault.text));
        Error::new(kind, texts.collect::<Vec<_>>().join("; "))
    }
}
