//! The command: which worlds meet which policies, and what is printed of it.

use std::{error::Error, io::Write, path::PathBuf, thread};

use clap::Parser;

use crate::{
    chart,
    policy::{Manner, Policy, RetryAfter},
    report::{self, Row},
    simulation::simulate,
    tally::Tally,
    world::{ADMISSION, BETWEEN_REQUESTS, Loss, MINUTE, Millis, USER_WAITS, World},
};

/// What the command line asks for.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// The same seed gives the same numbers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One of so many clients is simulated.
    #[arg(long, default_value_t = 250)]
    sample: u32,
    /// How long the region is away, in seconds.
    #[arg(long, default_value_t = 600)]
    outage: u32,
    /// What a refused request costs, as a share of a refresh.
    #[arg(long, default_value_t = ADMISSION)]
    refusal: f64,
    /// Where the chart goes.
    #[arg(long, default_value = "docs/region_lost.svg")]
    chart: PathBuf,
}

/// Runs all simulations and prints what came of them.
pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let world = arguments.world();
    let rows = compare(Policy::compared().into_iter().map(|policy| {
        let name = policy.name.to_owned();
        (name, world, policy)
    }));
    if let Some(first) = rows.first() {
        report::print_load(out, &first.tally, 60)?;
    }
    writeln!(out)?;
    report::print(out, "clients and servers", &rows)?;
    writeln!(out)?;
    report::print(out, "lost for, comes back", &compare(lengths(&world)))?;
    writeln!(out)?;
    report::print(out, "a refused request costs", &compare(refusals(&world)))?;
    writeln!(out)?;
    report::print_database(out, &databases(&world))?;
    if let Some(folder) = arguments.chart.parent() {
        std::fs::create_dir_all(folder)?;
    }
    chart::draw(&arguments.chart, &world, &rows)?;
    writeln!(out, "\nThe chart is in {}.", arguments.chart.display())?;
    Ok(())
}

impl Arguments {
    fn world(&self) -> World {
        World {
            loss: Loss::Region { spread: 0 },
            outage: Millis::from(self.outage) * 1000,
            sample: f64::from(self.sample.max(1)),
            admission: self.refusal.clamp(0.0, 0.9),
            seed: self.seed,
        }
    }
}

/// Simulates each on a thread of its own.
fn compare(trials: impl Iterator<Item = (String, World, Policy)>) -> Vec<Row> {
    thread::scope(|scope| {
        let workers: Vec<_> = trials
            .map(|(name, world, policy)| (name, scope.spawn(move || simulate(&world, &policy))))
            .collect();
        let joined = workers.into_iter().map(|(name, worker)| {
            let tally: Tally = worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Row { name, tally }
        });
        joined.collect()
    })
}

/// Those of this repository, as the endpoints are today and by load.
fn of_ours() -> impl Iterator<Item = Policy> {
    Policy::compared().into_iter().filter(|policy| {
        let is_ours = matches!(policy.client, Manner::Layer | Manner::Browser);
        is_ours && !matches!(policy.server, RetryAfter::Random(_))
    })
}

fn of_layer() -> impl Iterator<Item = Policy> {
    of_ours().filter(|policy| matches!(policy.client, Manner::Layer))
}

/// Shorter and longer outages, and clients that come back one after the other.
fn lengths(world: &World) -> impl Iterator<Item = (String, World, Policy)> {
    let mut trials = Vec::new();
    for policy in of_layer() {
        for (minutes, spread) in [(1, 0), (3, 0), (10, 0), (10, 5)] {
            let how = match spread {
                0 => "at once".to_owned(),
                _ => format!("within {spread} min"),
            };
            let name = format!("{minutes} min, {how}; {}", policy.name);
            let world = World {
                outage: minutes * MINUTE,
                loss: Loss::Region {
                    spread: spread * MINUTE,
                },
                ..*world
            };
            trials.push((name, world, policy));
        }
    }
    trials.into_iter()
}

/// Servers that can refuse for less.
fn refusals(world: &World) -> impl Iterator<Item = (String, World, Policy)> {
    of_ours().flat_map(|policy| {
        [0.0, 0.05].map(|admission| {
            let name = format!("{admission} of a refresh; {}", policy.name);
            (
                name,
                World {
                    admission,
                    ..*world
                },
                policy,
            )
        })
    })
}

/// Only the database of a region is lost: access tokens stay good.
fn databases(world: &World) -> Vec<(Row, f64)> {
    let mut trials = Vec::new();
    for policy in of_layer() {
        for minutes in [2, 5, 10] {
            let world = World {
                loss: Loss::Database,
                outage: minutes * MINUTE,
                ..*world
            };
            trials.push((format!("{minutes} min; {}", policy.name), world, policy));
        }
    }
    let asked: Vec<_> = trials
        .iter()
        .map(|(_, world, _)| if_asked(world.outage))
        .collect();
    compare(trials.into_iter()).into_iter().zip(asked).collect()
}

/// Whose request falls into the outage, and not into its last seconds, where each asks the store.
fn if_asked(outage: Millis) -> f64 {
    ((outage - USER_WAITS) as f64 / BETWEEN_REQUESTS as f64).clamp(0.0, 1.0)
}
