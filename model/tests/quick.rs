//! The real protocol holds within the quick bounds, each mutant fails, and the manual says so.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{collections::BTreeSet, time::Instant};

use stateright::{Checker, HasDiscoveries, Model};
use tower_bearer_model::{
    Bounds, Rules, TableRow, World,
    mutants::{self, Mutant},
    quick,
};

const MANUAL: &str = include_str!("../../src/manual/proof.md");

#[test]
fn the_protocol_holds_within_the_quick_bounds() {
    let (mut seen, mut in_manual) = (BTreeSet::new(), table("# Bounds"));
    let (mut all, since) = (0, Instant::now());
    for bounds in quick() {
        let world = World::new(bounds, Rules::REAL);
        let checker = world.clone().checker().threads(2).spawn_bfs().join();
        let (bounds, states) = (&world.bounds, checker.unique_state_count());
        let row = format!(
            "| {} | {} | {} | {} |",
            bounds.name,
            bounds.generations,
            bounds.calls,
            grouped(states)
        );
        println!("{row} depth {}", checker.max_depth());
        assert!(in_manual.remove(&*row), "the manual has not: {row}");
        all += states;
        seen.extend(world.seen());
        checker.assert_properties();
    }
    println!("{all} states in {:.1?}", since.elapsed());
    assert!(in_manual.is_empty(), "of the manual's: {in_manual:?}");
    assert!(MANUAL.contains(&format!("{} states in all", grouped(all))));
    // A claim about a row that no history shows would be empty.
    assert_eq!(seen, TableRow::ALL.into_iter().collect());
}

#[test]
fn each_mutant_breaks_its_claim() {
    let (mut wrong, mut steps) = (Vec::new(), 0);
    for mutant in mutants::all() {
        let (bounds, rules) = mutant.world().unwrap();
        let meant = HasDiscoveries::AnyOf(BTreeSet::from([mutant.fails]));
        let checker = World::new(bounds, rules)
            .checker()
            .threads(2)
            .finish_when(meant)
            .spawn_bfs()
            .join();
        match checker.discovery(mutant.fails) {
            Some(path) => {
                let length = path.into_actions().len();
                steps += length;
                println!(
                    "| {} | {} | {} | {length} |",
                    mutant.name, mutant.bounds, mutant.fails
                );
            }
            None => {
                let other = checker.discoveries().into_keys().collect::<Vec<_>>();
                wrong.push(format!(
                    "{}: {} holds, broken: {other:?}",
                    mutant.name, mutant.fails
                ));
            }
        }
    }
    println!(
        "{} mutants, counterexamples of {steps} steps",
        mutants::all().count()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_manual_lists_the_mutants_that_there_are() {
    let row = |it: &Mutant| format!("| {} | {} | {} |", it.name, it.bounds, it.fails);
    let mutants: BTreeSet<_> = mutants::all().map(row).collect();
    let in_manual: BTreeSet<_> = table("# Mutants").into_iter().map(str::to_owned).collect();
    let differ: Vec<_> = mutants.symmetric_difference(&in_manual).collect();
    assert!(differ.is_empty(), "{differ:#?}");
    assert_eq!(mutants.len(), mutants::all().count(), "two are the same");
}

/// What the protocol is known to fail, so that nobody believes more of it than is true. Once
/// it is mended this fails: then take the excuse out of the model.
#[test]
fn the_known_gap_is_still_there() {
    let mut bounds = bounds("failover");
    bounds.loses_deliveries = true;
    let fails = "no false logout";
    let checker = World::new(bounds, Rules::REAL)
        .checker()
        .finish_when(HasDiscoveries::AnyOf(BTreeSet::from([fails])))
        .spawn_bfs()
        .join();
    for (state, action) in checker.assert_any_discovery(fails).into_vec() {
        println!("  {state:?}");
        if let Some(action) = action {
            println!("    {action:?}");
        }
    }
}

/// Row 4 was once too strict with a neighbour whose token had just expired.
#[test]
fn what_was_mended_in_row_4_holds() {
    for (name, lifetimes) in [
        ("lifetimes", (6, 9)),
        ("lifetimes, failover", (6, 9)),
        ("lifetimes, thief", (9, 30)),
    ] {
        let mut bounds = bounds(name);
        bounds.lifetimes = lifetimes;
        let world = World::new(bounds, Rules::REAL);
        let checker = world.checker().threads(2).spawn_bfs().join();
        println!("{name}: {} states", checker.unique_state_count());
        checker.assert_properties();
    }
}

fn bounds(name: &str) -> Bounds {
    let is_it = |bounds: &Bounds| bounds.name == name;
    quick().into_iter().find(is_it).unwrap()
}

/// The rows of the table in a chapter of the manual.
fn table(chapter: &str) -> BTreeSet<&'static str> {
    let (_, text) = MANUAL.split_once(chapter).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with('|'));
    rows.take_while(|line| line.starts_with('|'))
        .skip(2)
        .collect()
}

/// A number as the manual writes it.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(" ")
}
