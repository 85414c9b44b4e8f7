//! The whole platform as a user runs it: the real program, real files, real signals.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cluster;
mod contract;
mod crash;
mod dead_letters;
mod devices;
mod exact;
mod faces;
mod faults;
mod full_disk;
mod keys;
mod named_points;
mod network;
mod osrm;
mod parity;
mod program;
mod route;
mod tidy;
mod truck;
