//! The simulated world: trucks that drive, rest, refuel and report, resumed exactly after any crash.
