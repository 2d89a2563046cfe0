//! Random histories of sessions, on every store, against the pure decision as oracle.
//!
//! More cases than the default: `PROPTEST_CASES=10000 cargo test --all-features --test histories_on_stores`.
#![cfg(feature = "session")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod client;
mod history;
mod reference;
mod run;
mod table;
mod tokens;
mod walked;

use std::{cell::RefCell, future::Future};

use proptest::test_runner::{Config, RngSeed, TestRunner};
use tower_bearer::{
    clock::{ManualClock, Timestamp},
    store::{MemoryStore, SessionStore},
};

use self::walked::Walked;

/// Runs random histories as the test `$store`, `$cases` of them unless the environment wants
/// another number.
macro_rules! histories_on {
    ($store:ident, $cases:expr, $open:expr) => {
        #[test]
        fn $store() {
            on($cases, $open);
        }
    };
}

histories_on!(memory, 1500, async |clock| (
    MemoryStore::with_clock(clock),
    ()
));
#[cfg(feature = "sqlite")]
histories_on!(sqlite_in_a_file, 200, in_a_file);

#[cfg(feature = "sqlite")]
async fn in_a_file(clock: ManualClock) -> (tower_bearer::store::SqliteStore, impl Sized) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("app.db").display());
    let store = tower_bearer::store::SqliteStore::connect(&url).await;
    (store.unwrap().with_clock(clock), directory)
}

fn on<St, Keep, Opened>(cases: u32, open: impl FnOnce(ManualClock) -> Opened)
where
    St: SessionStore + Clone,
    Opened: Future<Output = (St, Keep)>,
{
    let clock = ManualClock::new(Timestamp::default());
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().unwrap();
    let (store, _keep) = runtime.block_on(open(clock.clone()));
    let wanted = Config::default();
    // The default run walks the same histories each time, so that each outcome is among them.
    let (cases_wanted, rng_seed) = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => (wanted.cases, wanted.rng_seed),
        None => (cases, RngSeed::Fixed(1)),
    };
    let config = Config {
        cases: cases_wanted,
        rng_seed,
        // A failing history is printed whole: it belongs into `histories.rs`, by hand.
        failure_persistence: None,
        ..wanted
    };
    let run_cases = config.cases;
    let walked = RefCell::new(Walked::default());
    let result = TestRunner::new(config).run(&history::histories(), |history| {
        run::run(history, &runtime, &store, &clock, &mut walked.borrow_mut())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let walked = walked.into_inner();
    println!("{walked:?}");
    let never = walked.never();
    assert!(
        run_cases < cases || never.is_empty(),
        "never happened: {never:?}"
    );
}
