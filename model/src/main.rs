//! Checks the real protocol: `quick` or `deep`, all bounds or those whose name is given.

use std::{process::ExitCode, time::Instant};

use stateright::{Checker, Model};
use tower_bearer_model::{Bounds, Rules, World, deep, quick};

const USAGE: &str = "usage: tower-bearer-model [quick | deep] [name of the bounds]";

fn main() -> ExitCode {
    match wanted(std::env::args().skip(1)) {
        Ok(wanted) => {
            let failed = wanted.into_iter().filter(|bounds| !check(bounds)).count();
            ExitCode::from(u8::from(failed > 0))
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

/// The bounds that the arguments name.
fn wanted(mut args: impl Iterator<Item = String>) -> Result<Vec<Bounds>, String> {
    let all = match args.next().as_deref() {
        None | Some("quick") => quick(),
        Some("deep") => deep(),
        Some(_) => return Err(USAGE.to_owned()),
    };
    let Some(name) = args.next() else {
        return Ok(all);
    };
    let names: Vec<_> = all.iter().map(|bounds| bounds.name).collect();
    let named: Vec<_> = all.into_iter().filter(|it| it.name == name).collect();
    match named.is_empty() {
        true => Err(format!("no bounds are named {name:?}, but {names:?} are")),
        false => Ok(named),
    }
}

/// Explores everything within the bounds, and tells of it; prints a history for each claim
/// that fails.
fn check(bounds: &Bounds) -> bool {
    let since = Instant::now();
    let world = World::new(bounds.clone(), Rules::REAL);
    let checker = world.clone().checker().threads(2).spawn_bfs().join();
    println!(
        "{}: {} states, {} steps, depth {}, {:.1?}, rows {:?}",
        bounds.name,
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        since.elapsed(),
        world.seen()
    );
    let discoveries = checker.discoveries();
    let holds = discoveries.is_empty();
    for (property, path) in discoveries {
        println!("{property} fails:");
        for (state, action) in path.into_vec() {
            println!("  {state:?}");
            if let Some(action) = action {
                println!("    {action:?}");
            }
        }
    }
    holds
}
