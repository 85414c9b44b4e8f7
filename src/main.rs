//! Data Fleet in one process.
fn main() {}
