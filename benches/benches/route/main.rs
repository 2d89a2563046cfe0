//! The refresh endpoint over HTTP, beside the library called directly and beside servers that
//! others wrote, with the same clients: each sends the refresh token of the last answer.

mod memory;
mod peer;
mod postgres;
mod server;
mod subject;

use std::io;

use tower_bearer_benches::{effort::Effort, origin, report::Report};

fn main() -> io::Result<()> {
    let effort = Effort::from_args();
    let mut report = Report::new("route", effort);
    report.origin(origin::disk());
    if peer::has_node() {
        report.origin(origin::program("Node.js", "node"));
    }
    memory::measure(effort, &mut report)?;
    postgres::measure(effort, &mut report)?;
    report.finish()
}
