//! A client that goes to either server, and checks what it gets.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::Value;
use tests_shared::client::payload;

use super::{
    pair::{Ledger, generation},
    *,
};

/// Of so many rounds of a client, one ends in a logout.
const ROUNDS_TO_LOGOUT: u64 = 60;

/// What a client leaves behind.
pub(crate) struct Left {
    pub(crate) held: Tokens,
    /// Refresh tokens of sessions whose logout was acknowledged.
    pub(crate) ended: Vec<String>,
}

/// A client that goes to either server.
pub(crate) struct Walker {
    number: usize,
    random: Random,
    addresses: watch::Receiver<[Client; 2]>,
    ledger: Arc<Ledger>,
    ended: Vec<String>,
}

/// A session as its client sees it.
struct Held {
    tokens: Tokens,
    /// The claims of each generation's refresh token.
    seen: Vec<Value>,
    /// Bit i: generation − i may have needed a late redelivery.
    late: u32,
}

impl Walker {
    pub(crate) fn new(
        number: usize,
        random: Random,
        addresses: watch::Receiver<[Client; 2]>,
        ledger: Arc<Ledger>,
    ) -> Self {
        Self {
            number,
            random,
            addresses,
            ledger,
            ended: Vec::new(),
        }
    }

    pub(crate) async fn walk(mut self) -> Left {
        let mut held = self.log_in().await;
        while !self.ledger.load.over.load(Relaxed) {
            match self.random.below(ROUNDS_TO_LOGOUT) {
                0 => {
                    self.log_out(held).await;
                    held = self.log_in().await;
                }
                // Both at once cost a late redelivery, as there is no window.
                1..10 if held.late & 0xf_ffff == 0 => self.refresh_twice(&mut held).await,
                _ => self.refresh_once(&mut held).await,
            }
            if self.random.below(4) == 0 {
                self.use_access_token(&held).await;
            }
        }
        let ended = self.ended;
        Left {
            held: held.tokens,
            ended,
        }
    }

    async fn ask(&self, server: usize, call: Call) -> Option<Answer> {
        let client = self.addresses.borrow()[server].clone();
        self.ledger.load.ask(&client, call).await
    }

    /// Asks one server or the other until there is an answer.
    async fn insist(&mut self, call: impl Fn() -> Call) -> Answer {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            let server = self.random.below(2) as usize;
            if let Some(answer) = self.ask(server, call()).await {
                return answer;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("client {} gets no answer", self.number);
    }

    async fn log_in(&mut self) -> Held {
        let tokens = self.insist(log_in).await.tokens();
        self.ledger.sessions.fetch_add(1, Relaxed);
        Held {
            seen: vec![payload(&tokens.refresh)],
            tokens,
            late: 0,
        }
    }

    async fn refresh_once(&mut self, held: &mut Held) {
        let server = self.random.below(2) as usize;
        let answer = match self.ask(server, refresh(&held.tokens.refresh)).await {
            Some(answer) => answer,
            None => {
                held.late |= 1 << 31;
                let token = held.tokens.refresh.clone();
                self.insist(|| refresh(&token)).await
            }
        };
        self.take(held, answer);
    }

    /// Two tabs present one token, each to its server.
    async fn refresh_twice(&mut self, held: &mut Held) {
        held.late |= 1 << 31;
        let present = |server| self.ask(server, refresh(&held.tokens.refresh));
        let (one, other) = tokio::join!(present(0), present(1));
        self.ledger.twice.fetch_add(1, Relaxed);
        for answer in [one, other].into_iter().flatten() {
            self.take(held, answer);
        }
    }

    /// Takes an answer to the token that is held, or to its predecessor.
    fn take(&self, held: &mut Held, answer: Answer) {
        if answer.status != 200 {
            let claims = payload(&held.tokens.refresh);
            self.ledger.load.over.store(true, Relaxed);
            return self.ledger.lost.note(format!("{claims} got {answer:?}"));
        }
        let tokens = answer.tokens();
        let claims = payload(&tokens.refresh);
        let generation = generation(&tokens.refresh) as usize;
        match held.seen.get(generation) {
            Some(seen) if *seen != claims => {
                self.ledger.forks.note(format!("{seen} and {claims}"));
            }
            Some(_) => {}
            None if generation == held.seen.len() && claims["sid"] == held.seen[0]["sid"] => {
                held.seen.push(claims);
                // What was marked in advance was about this generation.
                held.late = ((held.late << 1) & (u32::MAX >> 1)) | (held.late >> 31);
                held.tokens = tokens;
                self.ledger.load.rotations[self.number].fetch_add(1, Relaxed);
            }
            None => self.ledger.forks.note(format!("{claims} out of turn")),
        }
        self.ledger.load.total.fetch_add(1, Relaxed);
    }

    async fn use_access_token(&mut self, held: &Held) {
        let server = self.random.below(2) as usize;
        let call = get("/me").bearer(&held.tokens.access);
        if let Some(answer) = self.ask(server, call).await
            && answer.status != 200
        {
            self.ledger.lost.note(format!("/me: {answer:?}"));
        }
    }

    /// Ends the session at one server while the other is rotating it.
    async fn log_out(&mut self, held: Held) {
        let Tokens {
            access,
            refresh: token,
            ..
        } = held.tokens;
        let by_access = self.random.below(2) == 0;
        let end = || match by_access {
            true => post("/auth/logout").bearer(&access),
            false => post("/auth/revoke").form(format!("token={token}")),
        };
        let server = self.random.below(2) as usize;
        let (mut ended, rotated) = tokio::join!(
            self.ask(server, end()),
            self.ask(1 - server, refresh(&token))
        );
        if ended.is_none() {
            ended = Some(self.insist(end).await);
        }
        let status = ended.map(|answer| answer.status);
        // An earlier try, whose answer was lost, may have ended the access token.
        let is_over = matches!(status, Some(200 | 204)) || (by_access && status == Some(401));
        assert!(is_over, "a logout got {status:?}");
        self.ledger.logouts.fetch_add(1, Relaxed);

        let rotated = rotated.filter(|answer| answer.status == 200);
        let rotated = rotated.map(|answer| answer.tokens().refresh);
        for token in rotated.into_iter().chain([token]) {
            for server in [0, 1] {
                let answer = self.ask(server, refresh(&token)).await;
                if answer.is_some_and(|answer| answer.status == 200) {
                    let claims = payload(&token);
                    self.ledger.resurrected.note(format!("{claims}"));
                }
            }
            self.ended.push(token);
        }
    }
}

/// SplitMix64: what is tried is to be told by its seed, not to be secret.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}
