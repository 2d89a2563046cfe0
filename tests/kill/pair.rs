//! Two servers share a database, and both are killed at random moments under load.

use std::{
    env,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::SystemTime,
};

use tempfile::TempDir;
use tests_shared::client::payload;
use tower_bearer::{SessionId, store::SessionStore};
use tower_bearer_sqlx::SqliteStore;

use super::{
    walker::{Left, Random, Walker},
    *,
};

const SERVERS: [&str; 2] = ["quickstart", "hyper"];

/// Rotations of each client between two kills: with fewer, the answers that kills have cost
/// would add up to more than the budget of a session.
const BETWEEN_KILLS: u32 = 20;

/// What has happened, and what must not have.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) load: Load,
    kills: AtomicUsize,
    pub(crate) sessions: AtomicUsize,
    pub(crate) twice: AtomicUsize,
    pub(crate) logouts: AtomicUsize,
    pub(crate) lost: Faults,
    pub(crate) forks: Faults,
    pub(crate) resurrected: Faults,
}

#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<String>>);

impl Faults {
    pub(crate) fn note(&self, fault: String) {
        self.0.lock().expect("unpoisoned").push(fault);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().expect("unpoisoned").clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_on_one_database_lose_nothing() {
    let seconds = setting("KILL_SECONDS").unwrap_or(30);
    let seed = setting("KILL_SEED").unwrap_or_else(nanos);
    println!("KILL_SEED={seed}");
    let mut random = Random::new(seed);
    let mut pair = Pair::start();
    let (here, addresses) = watch::channel(pair.clients());
    let ledger = Arc::new(Ledger::default());
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let random = Random::new(seed.wrapping_add(1 + number as u64));
        let walker = Walker::new(number, random, addresses.clone(), Arc::clone(&ledger));
        clients.spawn(walker.walk());
    }

    let deadline = Instant::now() + Duration::from_secs(seconds);
    let has_enough = || {
        let (kills, logouts) = (&ledger.kills, &ledger.logouts);
        Instant::now() >= deadline && kills.load(Relaxed) >= 4 && logouts.load(Relaxed) > 0
    };
    while !has_enough() && !ledger.load.over.load(Relaxed) {
        enough(&ledger.load, BETWEEN_KILLS, &mut clients).await;
        sleep(Duration::from_micros(random.below(200_000))).await;
        let victims = match random.below(7) {
            0..3 => 0..1,
            3..6 => 1..2,
            // Then nobody is left who knows what is not yet in the file.
            _ => 0..2,
        };
        ledger.kills.fetch_add(victims.len(), Relaxed);
        pair.kill(victims);
        here.send_replace(pair.clients());
        let rotations = &ledger.load.rotations;
        rotations.iter().for_each(|count| count.store(0, Relaxed));
    }
    enough(&ledger.load, BETWEEN_KILLS, &mut clients).await;
    ledger.load.over.store(true, Relaxed);

    let mut left = clients.join_all().await;
    pair.kill(0..2);
    compare_rows(&left, pair.folder.path(), &ledger).await;
    for client in pair.clients() {
        ask_again(&mut left, &client, &ledger).await;
    }
    pair.servers.into_iter().for_each(Server::stop);
    settle(&ledger);
}

/// Two servers in one folder.
struct Pair {
    servers: [Server; 2],
    folder: TempDir,
}

impl Pair {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let servers = SERVERS.map(|example| Server::start(example, folder.path(), &[WINDOW]));
        Self { servers, folder }
    }

    fn clients(&self) -> [Client; 2] {
        self.servers
            .each_ref()
            .map(|server| Client::new(server.addr))
    }

    /// Kills these servers, and starts them again once all are dead.
    fn kill(&mut self, victims: Range<usize>) {
        for server in &self.servers[victims.clone()] {
            server.signal("KILL");
        }
        for server in &mut self.servers[victims.clone()] {
            server.wait();
        }
        for victim in victims {
            self.servers[victim] = Server::start(SERVERS[victim], self.folder.path(), &[WINDOW]);
        }
    }
}

/// Tells the numbers. All that went wrong is told, not only the first.
fn settle(ledger: &Ledger) {
    let [lost, forks, resurrected] =
        [&ledger.lost, &ledger.forks, &ledger.resurrected].map(Faults::all);
    let [kills, sessions, twice, logouts] = [
        &ledger.kills,
        &ledger.sessions,
        &ledger.twice,
        &ledger.logouts,
    ]
    .map(|count| count.load(Relaxed));
    let (unanswered, busy) = (
        ledger.load.lost.load(Relaxed),
        ledger.load.busy.load(Relaxed),
    );
    println!(
        "2 servers, {kills} kills, {CLIENTS} clients, {sessions} sessions, {} refreshes, {twice} \
         of them at both at once, {logouts} logouts, {unanswered} answers lost, {busy} busy: {} sessions lost, \
         {} forked, {} resurrected",
        ledger.load.total.load(Relaxed),
        lost.len(),
        forks.len(),
        resurrected.len(),
    );
    assert_eq!([lost, forks, resurrected].concat(), Vec::<String>::new());
    assert!(kills > 1 && unanswered > 0, "no kill hit a request");
    assert!(twice > 0 && logouts > 0, "there was no race");
}

/// What the store holds is what the clients were told.
async fn compare_rows(left: &[Left], folder: &Path, ledger: &Ledger) {
    let file = folder.join("tower-bearer.db");
    let address = format!("sqlite:{}?mode=rw", file.display());
    let store = SqliteStore::connect(&address).await.expect("it opens");
    let row = async |token: &str| {
        let sid: SessionId = text(token, "sid").parse().expect("a sid");
        store.load(sid).await.expect("it reads").record
    };
    for Left { held, ended } in left {
        let kept = row(&held.refresh).await;
        let as_told = kept.as_ref().is_some_and(|row| {
            row.state.ended.is_none()
                && u64::from(row.state.generation) == generation(&held.refresh)
        });
        if !as_told {
            let held = payload(&held.refresh);
            ledger
                .lost
                .note(format!("{held} is held, {kept:?} is kept"));
        }
        for token in ended {
            let kept = row(token).await;
            if kept.as_ref().is_none_or(|row| row.state.ended.is_none()) {
                ledger
                    .resurrected
                    .note(format!("ended, but {kept:?} is kept"));
            }
        }
    }
    store.close().await;
}

/// Each client's token still goes on, and no session that was ended does.
async fn ask_again(left: &mut [Left], client: &Client, ledger: &Ledger) {
    for Left { held, ended } in left {
        let answer = client.send(refresh(&held.refresh)).await;
        match answer.status {
            200 => *held = answer.tokens(),
            _ => ledger.lost.note(format!("at last: {answer:?}")),
        }
        for token in ended {
            if client.send(refresh(token)).await.status != 400 {
                let claims = payload(token);
                ledger.resurrected.note(format!("at last: {claims}"));
            }
        }
    }
}

fn text(token: &str, name: &str) -> String {
    payload(token)[name].as_str().expect("text").to_owned()
}

pub(crate) fn generation(token: &str) -> u64 {
    payload(token)["gen"].as_u64().expect("a generation")
}

fn setting(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().expect("a whole number"))
}

fn nanos() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("after 1970").as_nanos() as u64
}
