//! Clients that refresh and log out all the time, and check what they get.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower_bearer::store::SessionStore;

use super::application::{Answer, Application, Ask, Server};

const CLIENTS: usize = 16;

/// Rotations of each client between two faults. An answer that a fault costs takes one late
/// redelivery of the session's three in twenty generations (row 8 of the protocol).
const BETWEEN_FAULTS: u32 = 20;

/// Of so many rounds of a client, one ends in a logout.
const ROUNDS_TO_LOGOUT: usize = 50;

/// After which each server knows of every logout, once the store is back. One whose write took long is found
/// by the reads that come each half minute.
const TO_LEARN: Duration = Duration::from_secs(90);

/// How long an outage may last for the clients.
const PATIENCE: Duration = Duration::from_secs(60);

/// What has happened, and what must not have.
#[derive(Default)]
pub(crate) struct Ledger {
    over: AtomicBool,
    /// Nobody logs out or in.
    pub(crate) nobody_leaves: AtomicBool,
    /// A generation may come again with other times.
    pub(crate) store_loses_writes: AtomicBool,
    rotations: [AtomicU32; CLIENTS],
    sessions: AtomicUsize,
    refreshes: AtomicUsize,
    logouts: AtomicUsize,
    pub(crate) unavailable: AtomicUsize,
    lost: Faults,
    forked: Faults,
    resurrected: Faults,
    /// Ended at one server, and accepted by another.
    missed: Faults,
    wrong: Faults,
}

#[derive(Default)]
struct Faults(Mutex<Vec<String>>);

impl Faults {
    fn note(&self, fault: String) {
        self.0.lock().expect("unpoisoned").push(fault);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().expect("unpoisoned").clone()
    }
}

/// Clients at work.
pub(crate) struct Load<St> {
    pub(crate) application: Arc<Application<St>>,
    pub(crate) ledger: Arc<Ledger>,
    clients: JoinSet<Client<St>>,
}

/// One client, and what it was told.
pub(crate) struct Client<St> {
    number: usize,
    round: usize,
    application: Arc<Application<St>>,
    ledger: Arc<Ledger>,
    held: String,
    /// The claims of each generation's refresh token.
    seen: Vec<Value>,
    /// Refresh tokens of sessions whose logout was acknowledged.
    ended: Vec<String>,
}

impl<St: SessionStore> Load<St> {
    pub(crate) async fn on(stores: [St; 2]) -> Self {
        let application = Arc::new(Application::on(stores));
        let ledger = Arc::new(Ledger::default());
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = Client::new(number, Arc::clone(&application), Arc::clone(&ledger));
            clients.spawn(async move { client.await.walk().await });
        }
        let mut load = Self {
            application,
            ledger,
            clients,
        };
        load.enough().await;
        load
    }

    /// Waits until each client has rotated often enough since the last fault.
    pub(crate) async fn enough(&mut self) {
        let rotations = &self.ledger.rotations;
        rotations.iter().for_each(|count| count.store(0, Relaxed));
        let deadline = Instant::now() + PATIENCE;
        while rotations
            .iter()
            .any(|count| count.load(Relaxed) < BETWEEN_FAULTS)
        {
            // A client ends early only by a failed assertion.
            if let Some(ended) = self.clients.try_join_next() {
                drop(ended.expect("the client goes on"));
            }
            let is_in_time = Instant::now() < deadline && !self.ledger.over.load(Relaxed);
            assert!(is_in_time, "{:?}", self.ledger.faults());
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until some clients have rotated often enough, as all do whose sessions are served.
    pub(crate) async fn enough_of_some(&mut self) {
        let rotations = &self.ledger.rotations;
        rotations.iter().for_each(|count| count.store(0, Relaxed));
        let deadline = Instant::now() + PATIENCE;
        let served = || {
            let counts = rotations.iter().map(|count| count.load(Relaxed));
            counts.filter(|count| *count >= BETWEEN_FAULTS).count()
        };
        while served() < CLIENTS / 4 {
            assert!(Instant::now() < deadline, "{:?}", self.ledger.faults());
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Stops the clients where they are.
    pub(crate) async fn pause(&mut self) -> Vec<Client<St>> {
        self.ledger.over.store(true, Relaxed);
        let clients = std::mem::take(&mut self.clients);
        clients.join_all().await
    }

    /// Lets them go on.
    pub(crate) fn resume(&mut self, clients: Vec<Client<St>>) {
        self.ledger.over.store(false, Relaxed);
        for client in clients {
            self.clients.spawn(client.walk());
        }
    }

    /// Ends the load: each client's token still goes on, and no session that was ended does.
    pub(crate) async fn settle(mut self, what: &str) {
        self.enough().await;
        let clients = self.pause().await;
        // First, since a server also learns of an end when it is asked to refresh the session.
        for client in &clients {
            for token in &client.ended {
                client.must_be_known_everywhere(token).await;
            }
        }
        for mut client in clients {
            client.refresh().await;
            for token in client.ended.clone() {
                client.must_stay_ended(&token).await;
            }
        }
        self.ledger.settle(what);
    }
}

impl Ledger {
    fn faults(&self) -> [Vec<String>; 5] {
        let Self {
            lost,
            forked,
            resurrected,
            missed,
            wrong,
            ..
        } = self;
        [lost, forked, resurrected, missed, wrong].map(Faults::all)
    }

    /// Tells the numbers. All that went wrong is told, not only the first.
    fn settle(&self, what: &str) {
        let faults = self.faults();
        let [lost, forked, resurrected, missed, wrong] = faults.each_ref().map(Vec::len);
        let [sessions, refreshes, logouts, unavailable] = [
            &self.sessions,
            &self.refreshes,
            &self.logouts,
            &self.unavailable,
        ]
        .map(|count| count.load(Relaxed));
        println!(
            "{what}: {CLIENTS} clients, {sessions} sessions, {refreshes} refreshes, {logouts} \
             logouts, {unavailable} answers of 503: {lost} sessions lost, {forked} forked, \
             {resurrected} resurrected, {missed} logouts missed by the other server, {wrong} wrong status \
             codes"
        );
        assert_eq!(faults.concat(), Vec::<String>::new());
        assert!(logouts > 0, "nobody logged out");
    }
}

impl<St: SessionStore> Client<St> {
    async fn new(number: usize, application: Arc<Application<St>>, ledger: Arc<Ledger>) -> Self {
        let mut client = Self {
            number,
            round: number * ROUNDS_TO_LOGOUT / CLIENTS,
            application,
            ledger,
            held: String::new(),
            seen: Vec::new(),
            ended: Vec::new(),
        };
        client.log_in().await;
        client
    }

    async fn walk(mut self) -> Self {
        while !self.ledger.over.load(Relaxed) {
            self.round += 1;
            let may_leave = !self.ledger.nobody_leaves.load(Relaxed);
            if may_leave && self.round.is_multiple_of(ROUNDS_TO_LOGOUT) {
                self.log_out().await;
                self.log_in().await;
            }
            self.refresh().await;
        }
        self
    }

    /// The server whose turn it is.
    fn server(&self, turn: usize) -> &Server<St> {
        &self.application.servers[(self.round + turn) % 2]
    }

    async fn log_in(&mut self) {
        let subject = format!("client {}", self.number);
        for turn in 0.. {
            if let Some(token) = self.server(turn).log_in(&subject).await {
                self.seen = vec![payload(&token)];
                self.held = token;
                self.ledger.sessions.fetch_add(1, Relaxed);
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Asks one server after the other until one says more than that it cannot.
    async fn insist(&self, ask: Ask<'_>) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        for turn in 0.. {
            let answer = self.server(turn).answer(ask).await;
            if !answer.is_unavailable() || Instant::now() > deadline {
                return answer;
            }
            self.ledger.unavailable.fetch_add(1, Relaxed);
            sleep(Duration::from_millis(10)).await;
        }
        unreachable!("somebody answers")
    }

    pub(crate) async fn refresh(&mut self) {
        let held = self.held.clone();
        let answer = self.insist(Ask::Refresh(&held)).await;
        self.ledger.refreshes.fetch_add(1, Relaxed);
        let Some(token) = answer.token() else {
            self.ledger.over.store(true, Relaxed);
            let ledger = match answer.is_refused() {
                true => &self.ledger.lost,
                false => &self.ledger.wrong,
            };
            let claims = payload(&held);
            let told = self
                .application
                .told_of(claims["sid"].as_str().expect("a sid"));
            return ledger.note(format!("{claims} got {answer:?} after {told:?}"));
        };
        let claims = payload(&token);
        let generation = claims["gen"].as_u64().expect("a generation") as usize;
        match self.seen.get(generation) {
            None if generation == self.seen.len() && claims["sid"] == self.seen[0]["sid"] => {
                self.seen.push(claims);
                self.held = token;
                self.ledger.rotations[self.number].fetch_add(1, Relaxed);
            }
            Some(seen) if self.is_the_same(seen, &claims) => self.held = token,
            _ => self.ledger.forked.note(format!("{claims} out of turn")),
        }
    }

    fn is_the_same(&self, seen: &Value, claims: &Value) -> bool {
        match self.ledger.store_loses_writes.load(Relaxed) {
            true => seen["jti"] == claims["jti"],
            false => seen == claims,
        }
    }

    async fn log_out(&mut self) {
        let held = self.held.clone();
        let answer = self.insist(Ask::Revoke(&held)).await;
        if answer.status != 200 {
            return self.ledger.wrong.note(format!("a logout got {answer:?}"));
        }
        self.ledger.logouts.fetch_add(1, Relaxed);
        self.must_stay_ended(&held).await;
        self.ended.push(held);
    }

    async fn must_stay_ended(&self, token: &str) {
        let answer = self.insist(Ask::Refresh(token)).await;
        if !answer.is_refused() {
            let ledger = match answer.token() {
                Some(_) => &self.ledger.resurrected,
                None => &self.ledger.wrong,
            };
            ledger.note(format!("{} got {answer:?}", payload(token)));
        }
    }

    /// The feed of each server has to learn of it, whatever it has missed meanwhile.
    async fn must_be_known_everywhere(&self, token: &str) {
        let claims = payload(token);
        let sid = claims["sid"].as_str().expect("a sid");
        let deadline = Instant::now() + TO_LEARN;
        for server in &self.application.servers {
            while !server.knows_the_end_of(sid) {
                if Instant::now() > deadline {
                    return self.ledger.missed.note(format!("{claims}"));
                }
                sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// The store has lost everything: the client is told so, and logs in again.
    pub(crate) async fn start_again(&mut self) {
        self.must_stay_ended(&self.held).await;
        self.ended.clear();
        self.log_in().await;
    }
}

fn payload(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a JWT");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}
