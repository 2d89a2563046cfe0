//! A device that is signed in, and refreshes as quickly as it can while its requests go here and there.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tests_shared::client::{Client, get, post};

/// Where the programs are, and how much of the traffic goes to the new one.
pub(crate) struct Known {
    pub(crate) old: SocketAddr,
    pub(crate) new: SocketAddr,
    pub(crate) percent: AtomicU32,
    pub(crate) stops: AtomicBool,
}

/// What all devices met.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    refreshed: AtomicU32,
    lost: AtomicU32,
    doubled: AtomicU32,
    unavailable: AtomicU32,
    logged_out: Mutex<Vec<String>>,
}

impl Tally {
    /// Waits until so many more refreshes have succeeded.
    pub(crate) async fn some_more(&self, number: u32) {
        let goal = self.refreshed.load(Ordering::SeqCst) + number;
        let deadline = Instant::now() + Duration::from_secs(120);
        while self.refreshed.load(Ordering::SeqCst) < goal && self.is_well() {
            assert!(Instant::now() < deadline, "it is too slow: {self:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn is_well(&self) -> bool {
        self.logged_out.lock().unwrap().is_empty()
    }

    #[track_caller]
    pub(crate) fn nobody_is_out(&self) {
        let logged_out = self.logged_out.lock().unwrap();
        assert!(logged_out.is_empty(), "{logged_out:?}");
        for count in [&self.lost, &self.doubled, &self.unavailable] {
            assert!(count.load(Ordering::SeqCst) > 0, "{self:?}");
        }
    }
}

pub(crate) struct Device {
    number: usize,
    token: String,
    known: Arc<Known>,
    tally: Arc<Tally>,
    clients: [Client; 2],
    /// The state of a small generator of numbers.
    random: u64,
}

/// What a request to refresh came to.
enum Got {
    Tokens {
        access: String,
        refresh: String,
    },
    /// Nothing, or a 503: the same token is presented again.
    Nothing,
    Refusal(u16),
}

impl Device {
    pub(crate) fn new(number: usize, token: String, known: Arc<Known>, tally: Arc<Tally>) -> Self {
        Self {
            number,
            token,
            clients: [Client::new(known.old), Client::new(known.new)],
            known,
            tally,
            random: number as u64 + 1,
        }
    }

    fn percent(&mut self) -> u32 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        u32::try_from((self.random >> 33) % 100).unwrap()
    }

    /// Refreshes until it is told to stop, or is logged out.
    pub(crate) async fn work(mut self) {
        while !self.known.stops.load(Ordering::SeqCst) {
            let to_new = self.percent() < self.known.percent.load(Ordering::SeqCst);
            let client = self.clients[usize::from(to_new)].clone();
            let got = match (to_new, self.percent()) {
                (true, 0..15) => {
                    // The answer is lost on its way.
                    self.ask(&client).await;
                    self.tally.lost.fetch_add(1, Ordering::SeqCst);
                    Got::Nothing
                }
                (true, 15..30) => {
                    self.tally.doubled.fetch_add(1, Ordering::SeqCst);
                    let (one, other) = tokio::join!(self.ask(&client), self.ask(&client));
                    match one {
                        Got::Nothing => other,
                        one => one,
                    }
                }
                _ => self.ask(&client).await,
            };
            match got {
                Got::Tokens { access, refresh } => {
                    self.token = refresh;
                    self.tally.refreshed.fetch_add(1, Ordering::SeqCst);
                    self.call(&access).await;
                }
                Got::Nothing => {
                    self.tally.unavailable.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Got::Refusal(status) => {
                    let out = format!("device {} got {status}, to_new {to_new}", self.number);
                    return self.tally.logged_out.lock().unwrap().push(out);
                }
            }
        }
    }

    async fn ask(&self, client: &Client) -> Got {
        let body = json!({ "refreshToken": self.token }).to_string();
        let Ok(answer) = client.attempt(post("/refresh-token").json(body)).await else {
            return Got::Nothing;
        };
        match (answer.status, serde_json::from_slice(&answer.body)) {
            (200, Ok(serde_json::Value::Object(tokens))) => {
                let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
                Got::Tokens {
                    access: text("accessToken"),
                    refresh: text("refreshToken"),
                }
            }
            (200 | 503, _) => Got::Nothing,
            (status, _) => Got::Refusal(status),
        }
    }

    /// The new program's API takes the access tokens of both. One whose key was lost with a process is refused,
    /// and the device refreshes.
    async fn call(&self, access: &str) {
        if let Ok(answer) = self.clients[1].attempt(get("/me").bearer(access)).await
            && answer.status == 200
        {
            let name = format!("user-{}", self.number % super::USERS);
            assert_eq!(answer.json()["name"], name);
        }
    }
}
