//! Random histories of sessions on two servers. They are compared with an oracle, which is the pure
//! decision of the crate, and with the table of the protocol, which is written here a second time.
//!
//! `PROPTEST_CASES=10000 cargo test …` tries more histories than usual.

mod checking;
mod client;
mod history;
mod reference;
mod refreshing;
mod stepping;
mod table;
mod tap;
mod walked;
mod world;

use std::{cell::RefCell, env, thread};

use proptest::test_runner::{Config, RngSeed, TestRunner};
use tokio::{runtime::Handle, sync::oneshot};

use self::{walked::Walked, world::World};
use crate::{Fixture, trial::Trial};

/// So many histories are enough to meet every row of the table.
const ENOUGH: u32 = 200;

pub(super) async fn random_histories_go_as_the_protocol_says<F: Fixture>(trial: Trial<F>) {
    let (runtime, (done, outcome)) = (Handle::current(), oneshot::channel());
    // Outside of the runtime, what a server notes waits until the server is told to write it.
    thread::spawn(move || {
        // Nobody receives the result if the case was abandoned.
        let _ = done.send(walk(&trial, &runtime));
    });
    match outcome.await {
        Ok(Ok(walked)) => println!("{walked:?}"),
        Ok(Err(why)) => panic!("{why}"),
        Err(_) => panic!("a call of the store failed"),
    }
}

fn walk<F: Fixture>(trial: &Trial<F>, runtime: &Handle) -> Result<Walked, String> {
    let mut config = Config::default();
    // The usual run tries the same histories each time, which are known to have each outcome.
    if env::var_os("PROPTEST_CASES").is_none() {
        (config.cases, config.rng_seed) = (trial.fixture.histories(), RngSeed::Fixed(1));
    }
    // A failing history is printed whole, after half a minute of shrinking at most.
    (config.failure_persistence, config.max_shrink_time) = (None, 30_000);
    let is_enough = config.cases >= ENOUGH;
    let walked = RefCell::new(Walked::default());
    TestRunner::new(config)
        .run(&history::histories(), |history| {
            let walked = &mut *walked.borrow_mut();
            walked.histories += 1;
            let world = World::new(history.setting, walked.histories, trial, runtime);
            world.run(&history.steps, walked)
        })
        .map_err(|error| error.to_string())?;
    let walked = walked.into_inner();
    match walked.never() {
        never if is_enough && !never.is_empty() => Err(format!("never happened: {never:?}")),
        _ => Ok(walked),
    }
}
