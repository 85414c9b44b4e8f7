//! Prints published numbers beside the kernel's, as Markdown:
//! `cargo run -p fleet-core --example physics_report > docs/physics.md`.

#[path = "../tests/physics/fixtures.rs"]
mod fixtures;
#[path = "../tests/physics/reference.rs"]
mod reference;
#[path = "../tests/physics/report.rs"]
mod report;

#[expect(clippy::print_stdout, reason = "printing is what it is for")]
fn main() {
    print!("{}", report::markdown());
}
