use std::{fmt, panic::Location, time::Duration};

use tokio::{
    runtime,
    time::{Instant, timeout},
};

use crate::{
    Fixture,
    cases::{Case, cases},
    watching::{Panics, message},
};

const LONGEST: Duration = Duration::from_secs(600);
const COST_OF_A_PANIC: &str =
    "the request gets no answer; and what the case is about was not tried to its end";

/// Makes a module `$name` with a test for each case of the
/// [conformance suite](crate), each on a fixture of its own.
///
/// `$make` is an async function without arguments that returns a [`Fixture`](crate::Fixture). The
/// tests run at the same time, as other tests do.
#[macro_export]
macro_rules! store_conformance {
    ($name:ident, $make:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports)] // `$make` need not be a path.
            use super::*;

            $crate::__store_conformance_cases!($crate::__store_conformance_tests!($make));
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_conformance_tests {
    (($make:expr) $($cost:literal { $($part:ident::$case:ident,)+ })+) => {
        $($(
            #[test]
            fn $case() {
                let name = concat!(stringify!($part), "::", stringify!($case));
                $crate::test(name, $make);
            }
        )+)+
    };
}

/// Runs one case, in a runtime of its own.
#[doc(hidden)]
#[track_caller]
pub fn test<F: Fixture, Fut: Future<Output = F>>(name: &str, make: impl FnOnce() -> Fut) {
    test_one(cases(), name, make);
}

/// Runs one of the cases, in a runtime of its own.
#[track_caller]
pub(super) fn test_one<F: Send + 'static, Fut: Future<Output = F>>(
    mut cases: impl Iterator<Item = Case<F>>,
    name: &str,
    make: impl FnOnce() -> Fut,
) {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime");
    let case = cases.find(|case| case.name == name);
    let case = case.expect("a case of the table");
    let outcome = runtime.block_on(async { run(case, make().await).await });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// Runs every case in turn, each on a fixture of its own, and prints its name and how long it
/// took.
///
/// Use a runtime with several threads: without them, the cases that test races find little.
///
/// # Panics
///
/// If the store fails a case. The panic comes after the last case, and its message has all
/// failures.
#[track_caller]
pub fn check<F: Fixture, Fut: Future<Output = F>>(
    make: impl Fn() -> Fut,
) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move { assert_none(caller, &failures(make).await, cases::<F>().count()) }
}

/// Panics with all failures, if there are any.
pub(super) fn assert_none(caller: &Location<'_>, failed: &[Failure], cases: usize) {
    let all: Vec<_> = failed.iter().map(Failure::to_string).collect();
    assert!(
        failed.is_empty(),
        "{caller}: the store fails {} of {cases} cases\n{}",
        failed.len(),
        all.join("\n"),
    );
}

/// Like [`check`], but returns the failures instead of a panic.
pub async fn failures<F: Fixture, Fut: Future<Output = F>>(make: impl Fn() -> Fut) -> Vec<Failure> {
    failures_of(cases(), make).await
}

/// The failures of these cases.
pub(super) async fn failures_of<F: Send + 'static, Fut: Future<Output = F>>(
    cases: impl Iterator<Item = Case<F>>,
    make: impl Fn() -> Fut,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    for case in cases {
        // The name is printed before the outcome, so that it is known which case hangs.
        println!("{}", case.name);
        let begin = Instant::now();
        let outcome = run(case, make().await).await;
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        let millis = begin.elapsed().as_secs_f64() * 1000.0;
        println!("{verdict:>10} {millis:>9.1} ms");
        failures.extend(outcome.err());
    }
    failures
}

async fn run<F: Send + 'static>(case: Case<F>, fixture: F) -> Result<(), Failure> {
    let panics = Panics::default();
    let mut task = tokio::spawn((case.run)(fixture, panics.clone()));
    let why = match timeout(LONGEST, &mut task).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => message(&*error.into_panic()),
        Err(_) => {
            task.abort();
            format!("it has not come to its end within {LONGEST:?}")
        }
    };
    let panic = panics.first();
    Err(Failure {
        case: case.name,
        cost: panic.as_ref().map_or(case.cost, |_| COST_OF_A_PANIC),
        why: panic.unwrap_or(why),
    })
}

/// A case that a store has failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The part of the suite and the case, such as `racing::of_many_swaps_one_wins`.
    pub case: &'static str,
    /// What the fault costs the users of the application: what the case is about or, where the store panicked,
    /// what a panic costs.
    pub cost: &'static str,
    /// What the store did. Where it panicked, the call and the message.
    pub why: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, cost, why } = self;
        write!(f, "{case}: {why}\n  what it costs: {cost}")
    }
}
