//! The laws of the contracts: what is valid comes back from the wire and from JSON as it was, what
//! is not is refused by name, and no bytes make a decoder panic.

mod recorded;
mod refusals;
mod round_trips;
mod values;
