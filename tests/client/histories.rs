//! Histories by chance: two clients with one store, a server whose refresh tokens are good once,
//! and all that happens meanwhile. An answer is never lost here, so that nobody has a reason to be
//! signed out but a logout.

use std::{ops::Range, time::Duration};

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tower_bearer_client::{ClientSession, EndReason};

use crate::{
    faulty::Faulty,
    support::{Ends, Fault, LIFETIME, Server, builder},
};

const HISTORIES: u64 = 300;
const EVENTS: usize = 60;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Request,
    ForgetAccessTokens,
    Unreachable,
    Panic,
    Logout,
    SignIn,
}

use Event::{ForgetAccessTokens, Logout, Panic, Request, SignIn, Unreachable};

/// Of which requests are most.
const EVENTS_BY_CHANCE: [Event; 20] = [
    Request,
    Request,
    Request,
    Request,
    Request,
    Request,
    Request,
    Request,
    Request,
    Request,
    Request,
    Request,
    Request,
    ForgetAccessTokens,
    ForgetAccessTokens,
    Unreachable,
    Unreachable,
    Panic,
    Logout,
    SignIn,
];

/// Xorshift: the same number gives the same history.
struct Chance(u64);

impl Chance {
    fn next(&mut self, range: Range<u64>) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        range.start + (self.0 >> 11) % (range.end - range.start)
    }

    fn millis(&mut self, longest: u64) -> Duration {
        Duration::from_millis(self.next(0..longest))
    }
}

struct Client {
    session: ClientSession,
    ends: Ends,
}

impl Client {
    fn new(server: &Server, store: &Faulty) -> Self {
        let ends = Ends::default();
        let session = ends.listen(builder(server)).store(store.clone());
        Self {
            session: session.build().unwrap(),
            ends,
        }
    }
}

async fn meet(event: Event, session: ClientSession, server: Server) {
    match event {
        Request => drop(session.access_token().await),
        ForgetAccessTokens => {
            server.forget_access_tokens();
            if let Ok(token) = session.access_token().await {
                let _ = session.access_token_after(&token).await;
            }
        }
        Unreachable => server.fail([Fault::Unreachable]),
        Panic => server.fail([Fault::Panics]),
        Logout => drop(session.logout().await),
        SignIn => {
            let login = server.login();
            session.sign_in(login).await.unwrap();
        }
    }
}

/// Tells how many sign-ins and logouts there were.
async fn live(chance: &mut Chance, clients: &[Client; 2], server: &Server) -> (usize, usize) {
    clients[0].session.sign_in(server.login()).await.unwrap();
    let (mut events, mut met) = (JoinSet::new(), vec![SignIn]);
    for _ in 0..EVENTS {
        let event = EVENTS_BY_CHANCE[chance.next(0..20) as usize];
        let client = &clients[chance.next(0..2) as usize];
        let event_is_met = meet(event, client.session.clone(), server.clone());
        let (when, patience) = (chance.millis(40_000), chance.millis(4_000));
        met.push(event);
        events.spawn(async move {
            sleep(when).await;
            timeout(patience, event_is_met).await
        });
    }
    while events.join_next().await.is_some() {}
    sleep(LIFETIME).await;
    let count = |kind| met.iter().filter(|event| **event == kind).count();
    (count(SignIn), count(Logout))
}

async fn history(seed: u64) {
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let server = Server::new();
    server.latency(chance.millis(3_000));
    let store = Faulty::slow(chance.millis(20));
    let clients = [(); 2].map(|()| Client::new(&server, &store));
    let (sign_ins, logouts) = live(&mut chance, &clients, &server).await;
    for client in &clients {
        let told = client.ends.told();
        assert!(!told.contains(&EndReason::Refused), "{seed}: {told:?}");
        assert!(told.len() <= sign_ins, "{seed}: {told:?}");
        let token = client.session.access_token().await;
        let is_signed_out = token.is_err_and(|error| error.is_signed_out());
        assert!(logouts > 0 || !is_signed_out, "{seed}");
    }
    let _ = tokio::join!(clients[0].session.logout(), clients[1].session.logout());
    for client in &clients {
        let error = client.session.access_token().await.unwrap_err();
        assert!(error.is_signed_out(), "{seed}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_signed_out_but_by_a_logout() {
    for seed in 1..=HISTORIES {
        history(seed).await;
    }
}
