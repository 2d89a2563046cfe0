//! The contract of every store: on nx-27017, and on the server at `MONGODB_URL` if that is set.
//!
//! The clock of nx-27017 is not moved: it is a program of many threads, some of which then see another time for a
//! moment. The cases that have to move it are not tried there, the random histories among them.

use std::{
    env, fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use tower_bearer_conformance::{Failure, Fixture, failures, ring};

use super::*;

/// What a case says that has to move the clock of a server which cannot be moved.
const FIXED: &str = "the server's clock cannot be moved";

struct OnServer {
    store: MongoStore,
    peer: MongoStore,
    clock: Arc<Clock>,
    slowness: u32,
}

/// The clock of the server.
enum Clock {
    /// The file that libfaketime has the time from, at a server that somebody else has started.
    File(PathBuf, Mutex<f64>),
    Fixed,
}

impl Clock {
    fn turn(&self, seconds: f64) {
        match self {
            Self::File(file, ahead) => {
                let mut ahead = ahead.lock().expect("unpoisoned");
                *ahead += seconds;
                fs::write(file, format!("{:+.6}\n", *ahead)).expect("writable");
            }
            Self::Fixed => panic!("{FIXED}"),
        }
    }
}

impl Fixture for OnServer {
    type Store = MongoStore;

    fn store(&self) -> &MongoStore {
        &self.store
    }

    fn peer(&self) -> &MongoStore {
        &self.peer
    }

    async fn advance(&self, by: Duration) {
        self.clock.turn(by.as_secs_f64());
    }

    async fn turn_back(&self, by: Duration) -> bool {
        self.clock.turn(-by.as_secs_f64());
        true
    }

    fn histories(&self) -> u32 {
        100 / self.slowness
    }

    fn repetitions_divided_by(&self) -> u32 {
        self.slowness
    }

    fn deletes_by_itself(&self) -> bool {
        true
    }
}

/// Each case has a collection of its own, and the server's clock to itself.
struct Stores {
    url: String,
    clock: Arc<Clock>,
    /// nx-27017 is slow, and tried with less.
    slowness: u32,
    cases: AtomicU32,
}

impl Stores {
    fn on(url: String, clock: Clock, slowness: u32) -> Self {
        Self {
            url,
            clock: Arc::new(clock),
            slowness,
            cases: AtomicU32::new(0),
        }
    }

    async fn make(&self) -> OnServer {
        let case = self.cases.fetch_add(1, Ordering::Relaxed);
        // With patience, as the machine may be busy with other tests.
        let options = MongoOptions::new().timeout(Duration::from_secs(20));
        let options = options.collection(format!("case_{}_{case}", std::process::id()));
        let open = async || MongoStore::connect_with(&self.url, options.clone()).await;
        OnServer {
            store: open().await.expect("it opens"),
            peer: open().await.expect("it opens"),
            clock: Arc::clone(&self.clock),
            slowness: self.slowness,
        }
    }

    /// Tries all cases. Gives those that need a clock which can be moved, and those that fail.
    async fn check(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        Self::told(failures(async || self.make().await).await)
    }

    /// The same, of the suite of key rings.
    async fn check_rings(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        Self::told(ring::failures(async || self.make().await).await)
    }

    fn told(failures: Vec<Failure>) -> (Vec<&'static str>, Vec<&'static str>) {
        let (untried, failed): (Vec<_>, Vec<_>) = failures
            .into_iter()
            .partition(|failure| failure.why.contains(FIXED));
        for failure in &untried {
            println!("not tried, as {FIXED}: {}", failure.case);
        }
        for failure in &failed {
            println!("{failure}");
        }
        let cases = |of: Vec<Failure>| of.iter().map(|failure| failure.case).collect();
        (cases(untried), cases(failed))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract() {
    if let Some(server) = Nx27017::start().await {
        let (untried, failed) = Stores::on(server.url(), Clock::Fixed, 10).check().await;
        assert_eq!(untried.len(), 16, "as the docs say");
        // Its subject has a NUL, which nx-27017 does not find where a filter has a range too.
        assert_eq!(failed, ["listing::a_list_shows_live_sessions_only"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_key_rings() {
    if let Some(server) = Nx27017::start().await {
        let stores = Stores::on(server.url(), Clock::Fixed, 10);
        let (untried, failed) = stores.check_rings().await;
        let clock = [
            "ring::keeping::a_ring_is_kept_for_ever",
            "ring::clock::every_load_tells_the_time_by_one_clock",
        ];
        assert_eq!(untried, clock, "as the docs say");
        assert_eq!(failed, Vec::<&str>::new());
    }
}

/// Not a test of its own machine: whoever has a MongoDB sets the variable. The database is to be
/// one for tests, for the collections of the cases stay in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_on_the_server_of_the_environment() {
    let Ok(url) = env::var("MONGODB_URL") else {
        println!("MONGODB_URL is not set");
        return;
    };
    let clock = env::var_os("MONGODB_CLOCK").map(PathBuf::from);
    let clock = clock.map_or(Clock::Fixed, |file| Clock::File(file, Mutex::new(0.0)));
    let stores = Stores::on(url, clock, 1);
    let (mut untried, mut failed) = stores.check().await;
    let (untried_rings, failed_rings) = stores.check_rings().await;
    untried.extend(untried_rings);
    failed.extend(failed_rings);
    assert_eq!(failed, Vec::<&str>::new());
    if env::var_os("MONGODB_CLOCK_STAYS").is_none() {
        assert_eq!(
            untried,
            Vec::<&str>::new(),
            "set MONGODB_CLOCK, or MONGODB_CLOCK_STAYS=1"
        );
    }
}
