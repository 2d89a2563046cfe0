//! How often do refresh token policies log honest clients out, and how soon do they see a thief?
//!
//! Simulates sessions of 30 days under this crate's own decision and under what others do:
//!
//! ```sh
//! cargo run --release -p examples --features study --bin rotation_study
//! ```
//!
//! prints the table and draws `docs/rotation_study.svg`. What is simulated stands in `world`;
//! what is not: losses that come in a row, server-side rendering, timeouts of proxies, and
//! older answers that overwrite newer ones.
//!
//! Each file uses only files to the left of it: `random`, `policies`, `server`, `world`, `study`,
//! `report`, `chart`, `command`.

mod chart;
mod command;
mod policies;
mod random;
mod report;
mod server;
mod study;
#[cfg(test)]
mod tests;
mod world;

use std::{error::Error, io};

use clap::Parser;

use self::command::{Arguments, run};

fn main() -> Result<(), Box<dyn Error>> {
    run(&Arguments::parse(), &mut io::stdout())
}
