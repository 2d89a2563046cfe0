//! Checks the real protocol: `quick` or `deep`, all bounds or those whose name is given.

use std::{process::ExitCode, time::Instant};

use stateright::{Checker, Model};
use tower_bearer_model::{Rules, World, deep, quick};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let all = match args.next().as_deref() {
        None | Some("quick") => quick(),
        Some("deep") => deep(),
        Some(_) => {
            eprintln!("usage: tower-bearer-model [quick | deep] [name of the bounds]");
            return ExitCode::FAILURE;
        }
    };
    let name = args.next();
    let mut holds = true;
    for bounds in all {
        if name.as_deref().is_some_and(|name| name != bounds.name) {
            continue;
        }
        let since = Instant::now();
        let world = World::new(bounds, Rules::REAL);
        let checker = world.clone().checker().threads(2).spawn_bfs().join();
        println!(
            "{}: {} states, {} steps, depth {}, {:.1?}, rows {:?}",
            world.bounds.name,
            checker.unique_state_count(),
            checker.state_count(),
            checker.max_depth(),
            since.elapsed(),
            world.seen()
        );
        for (property, path) in checker.discoveries() {
            holds = false;
            println!("{property} fails:");
            for (state, action) in path.into_vec() {
                println!("  {state:?}");
                if let Some(action) = action {
                    println!("    {action:?}");
                }
            }
        }
    }
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
