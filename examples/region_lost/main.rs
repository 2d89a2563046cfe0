//! A region with a third of 100 million sessions is lost: how many requests come back at once, for how
//! long, and what do the clients' pauses and `Retry-After` change?
//!
//! ```sh
//! cargo run --release -p examples --features study --bin region_lost
//! ```
//!
//! prints the tables of the manual's page on scale and draws `docs/region_lost.svg`. All numbers of the
//! model stand in `world`, with where they come from.
//!
//! Each file uses only files to the left of it: `random`, `load`, `world`, `policy`, `calendar`, `client`,
//! `region`, `tally`, `simulation`, `report`, `chart`, `command`.

mod calendar;
mod chart;
mod client;
mod command;
#[path = "../../src/reply/load.rs"]
mod load;
mod policy;
#[path = "../rotation_study/random.rs"]
mod random;
mod region;
mod report;
mod simulation;
mod tally;
#[cfg(test)]
mod tests;
mod world;

use std::{error::Error, io};

use clap::Parser;

use self::command::{Arguments, run};

fn main() -> Result<(), Box<dyn Error>> {
    run(&Arguments::parse(), &mut io::stdout())
}
