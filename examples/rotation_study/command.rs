//! The command: which policies meet which networks and thieves, and what is printed of it.

use std::{
    error::Error,
    io::{self, Write},
    num::NonZero,
    path::PathBuf,
    thread,
};

use clap::Parser;

use crate::{
    chart,
    policies::Rules,
    report::{self, Row},
    study::{Tally, Trial, run_all},
    world::{Client, Network, Thief},
};

const DESKTOP: Network = Network {
    lost: 0.002,
    late: 0.15,
};
const MOBILE: Network = Network {
    lost: 0.01,
    late: 0.15,
};
/// Far worse than anything that was reported.
const AWFUL: Network = Network {
    lost: 0.05,
    late: 0.3,
};
const HOPELESS: Network = Network {
    lost: 0.1,
    late: 0.5,
};

/// Of a program that is started several times, or of several that were given one token.
const PROCESSES: Client = Client::Processes(3);
const FOLLOWER: Thief = Thief::Follower(90_000);
/// The thieves that other numbers are tried on. The second is within the window, where no
/// policy that has one can see it.
const THIEVES: [Thief; 5] = [
    FOLLOWER,
    Thief::Follower(5_000),
    Thief::FrontRunner,
    Thief::PunctualFrontRunner,
    Thief::CloseFrontRunner,
];

/// What the command line asks for.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// The same seed gives the same numbers, on any number of threads.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Honest sessions a policy and network. This crate's own get twice as many.
    #[arg(long, default_value_t = 2500)]
    runs: usize,
    /// Stolen sessions a policy and thief.
    #[arg(long, default_value_t = 100)]
    thefts: usize,
    /// All cores, if not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Where the chart goes.
    #[arg(long, default_value = "docs/rotation_study.svg")]
    chart: PathBuf,
    /// Compares other numbers for this crate's policy on worse networks instead.
    #[arg(long)]
    sweep: bool,
}

/// Runs the study and prints what came of it.
pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = arguments.threads.unwrap_or(cores).max(1);
    if arguments.sweep {
        return Ok(sweep(arguments, threads, out)?);
    }
    let rows = compare(arguments, threads);
    report::print(out, &rows)?;
    if let Some(ours) = rows.last() {
        let rotations = ours.desktop.rotations();
        writeln!(out, "\n{rotations:.0} rotations a session.")?;
    }
    if let Some(folder) = arguments.chart.parent() {
        std::fs::create_dir_all(folder)?;
    }
    chart::draw(&arguments.chart, &rows)?;
    writeln!(out, "The chart is in {}.", arguments.chart.display())?;
    Ok(())
}

fn compare(arguments: &Arguments, threads: usize) -> Vec<Row> {
    let all = Rules::compared();
    let mut trials = Vec::new();
    for (number, rules) in all.iter().enumerate() {
        let is_ours = number + 1 == all.len();
        let honest = arguments.runs * if is_ours { 2 } else { 1 };
        let trial = |client, network, thief, runs| Trial {
            rules: rules.clone(),
            client,
            network,
            thief,
            runs,
        };
        let theft = |thief| trial(Client::Tabs, DESKTOP, Some(thief), arguments.thefts);
        trials.extend([
            trial(Client::Tabs, DESKTOP, None, honest),
            trial(Client::Tabs, MOBILE, None, honest),
            trial(PROCESSES, DESKTOP, None, honest),
            theft(FOLLOWER),
            theft(Thief::FrontRunner),
        ]);
    }
    let mut tallies = run_all(&trials, arguments.seed, threads).into_iter();
    let mut tally = || tallies.next().unwrap_or_default();
    all.into_iter()
        .map(|rules| Row {
            name: rules.name,
            desktop: tally(),
            mobile: tally(),
            processes: tally(),
            follower: tally(),
            front_runner: tally(),
        })
        .collect()
}

/// Windows, budgets and spans side by side.
fn sweep(arguments: &Arguments, threads: usize, out: &mut impl Write) -> io::Result<()> {
    let numbers = [
        (10, 1, 5),
        (10, 2, 10),
        (10, 3, 5),
        (10, 3, 10),
        (10, 3, 15),
        (5, 3, 20),
        (10, 3, 20),
        (30, 3, 20),
        (10, 3, 32),
        (10, 4, 10),
        (10, 4, 20),
        (10, 5, 20),
    ];
    let networks = [MOBILE, AWFUL, HOPELESS];
    let mut trials = Vec::new();
    for (window, budget, span) in numbers {
        let trial = |network, thief, runs| Trial {
            rules: Rules::with(window, budget, span),
            client: Client::Tabs,
            network,
            thief,
            runs,
        };
        trials.extend(networks.map(|network| trial(network, None, arguments.runs)));
        for thief in THIEVES {
            trials.push(trial(DESKTOP, Some(thief), arguments.thefts));
        }
    }
    let mut tallies = run_all(&trials, arguments.seed, threads).into_iter();
    let mut rows: Vec<(String, Vec<Tally>, Vec<Tally>)> = Vec::new();
    for (window, budget, span) in numbers {
        let honest = tallies.by_ref().take(networks.len()).collect();
        let thieves = tallies.by_ref().take(THIEVES.len()).collect();
        rows.push((Rules::with(window, budget, span).name, honest, thieves));
    }
    report::print_sweep(
        out,
        &rows,
        &[
            "1 % lost, 15 % of them late",
            "5 % lost, 30 % late",
            "10 % lost, 50 % late",
        ],
    )
}
