//! [`Crowd`]: clients at the same time that refresh all active sessions of a table.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use tower_bearer::{
    RefreshToken,
    session::{RefreshRequest, Sessions},
    store::SessionStore,
};

use crate::active::{CLIENT, sessions};

/// How long a crowd goes on.
#[derive(Clone)]
pub(crate) enum Until {
    Passed(Duration),
    /// Each session was refreshed so many times.
    Times(usize),
    Done(Arc<AtomicBool>),
}

/// What a crowd has done: how long each refresh took, and all of them.
pub(crate) struct Done {
    pub(crate) each: Vec<Duration>,
    pub(crate) all: Duration,
}

/// Clients, each in a task of its own.
pub(crate) struct Crowd<St> {
    clients: Vec<Client<St>>,
}

/// Somebody who refreshes one session after the other.
struct Client<St> {
    sessions: Sessions<St>,
    tokens: Vec<RefreshToken>,
    next: usize,
}

impl<St: SessionStore + Clone> Crowd<St> {
    /// Deals the sessions to so many clients.
    pub(crate) fn new(store: &St, tokens: Vec<RefreshToken>, clients: usize) -> Self {
        let sessions = sessions(store.clone());
        let count = clients.min(tokens.len());
        let mut clients: Vec<_> = (0..count)
            .map(|_| Client {
                sessions: sessions.clone(),
                tokens: Vec::new(),
                next: 0,
            })
            .collect();
        for (index, token) in scattered(tokens).into_iter().enumerate() {
            clients[index % count].tokens.push(token);
        }
        Self { clients }
    }

    /// Refreshes, with all clients at once.
    pub(crate) async fn run(&mut self, until: Until) -> Done {
        let start = Instant::now();
        let mut running = JoinSet::new();
        for client in std::mem::take(&mut self.clients) {
            running.spawn(client.run(start, until.clone()));
        }
        let mut each = Vec::new();
        for (client, taken) in running.join_all().await {
            self.clients.push(client);
            each.extend(taken);
        }
        Done {
            each,
            all: start.elapsed(),
        }
    }
}

impl<St: SessionStore> Client<St> {
    async fn run(mut self, start: Instant, until: Until) -> (Self, Vec<Duration>) {
        let mut taken = Vec::new();
        while match &until {
            Until::Passed(turn) => start.elapsed() < *turn,
            Until::Times(times) => taken.len() < times * self.tokens.len(),
            Until::Done(done) => !done.load(Relaxed),
        } {
            let begun = Instant::now();
            self.once().await;
            taken.push(begun.elapsed());
        }
        (self, taken)
    }

    async fn once(&mut self) {
        let token = &mut self.tokens[self.next];
        let request = RefreshRequest::new(token.clone()).client_id(CLIENT);
        let refreshed = self.sessions.refresh(request).await.expect("new tokens");
        *token = refreshed.tokens.refresh_token;
        self.next = (self.next + 1) % self.tokens.len();
    }
}

impl Done {
    /// How long one refresh takes of the crowd's time, in nanoseconds.
    pub(crate) fn pace(&self) -> f64 {
        self.all.as_nanos() as f64 / self.each.len() as f64
    }
}

/// Another order than that of the logins, in which neighbours are far from each other.
fn scattered<T>(values: Vec<T>) -> Vec<T> {
    // A prime, so that each place comes once.
    const STRIDE: usize = 7_919;
    let count = values.len();
    let mut placed: Vec<_> = values.into_iter().enumerate().collect();
    placed.sort_by_key(|(index, _)| index * STRIDE % count);
    placed.into_iter().map(|(_, value)| value).collect()
}

/// 99 of 100 take no longer, in milliseconds.
pub(crate) fn p99_ms(taken: &mut [Duration]) -> f64 {
    taken.sort_unstable();
    taken[taken.len() * 99 / 100].as_secs_f64() * 1e3
}
