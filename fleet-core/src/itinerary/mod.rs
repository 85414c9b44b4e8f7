//! A truck's way for whoever sends it: legs, climb, time, fuel, cost and stops in one answer.
//!
//! [`route`](crate::route) finds ways and [`eta`](crate::eta) makes timetables of them; here is what
//! a dispatcher asks and is told. An [`Inquiry`] is what was said, in words and numbers; checked
//! against a network it is a [`Question`], or all that is wrong with it at once, each fault under the
//! name that its asker gave the field. The answer is an [`Itinerary`]: plain values, rounded for
//! people, whose sums add up, the same whoever asks. `data-fleet route` is made of it.
//!
//! ```
//! use fleet_core::{itinerary::{Field, Inquiry}, route::BuiltinRouter};
//! let name = |field: Field| field.as_str();
//! let inquiry = Inquiry {
//!     from: "Guwahati".into(),
//!     to: "Tawang".into(),
//!     load_t: Some(16.0),
//!     ..Inquiry::default()
//! };
//! let planned = inquiry.check(BuiltinRouter::ne_india(), name, Vec::new())?.answer()?;
//! assert_eq!(planned.itinerary.distance_km, 504.0);
//! let wrong = Inquiry { from: "Guwahatti".into(), load_t: Some(99.0), ..inquiry };
//! let error = wrong.check(BuiltinRouter::ne_india(), name, Vec::new()).expect_err("two faults");
//! assert_eq!(
//!     error.to_string(),
//!     "from: no place is called \"Guwahatti\": did you mean Guwahati?; \
//!      load_t: 99 t is more than rigid_6x2_25t5 may carry: 17.2 t"
//! );
//! # Ok::<(), fleet_core::Error>(())
//! ```

mod answer;
mod geojson;
mod inquiry;
mod question;
mod teller;
mod told;
mod ways;

pub use self::{
    inquiry::{ALTERNATIVES, DRIVERS, Fault, Field, Inquiry, Names, USUAL_TRUCK},
    question::{Planned, Question},
    told::{
        Basis, ClosureRisk, Itinerary, ItineraryLeg, ItineraryStop, ItineraryTruck, ItineraryTurn,
        OtherWay, Promise, Waypoint,
    },
};

#[cfg(test)]
mod tests;
