//! The laws of the world and its driver, seen from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod driver;
mod report;
mod world;
