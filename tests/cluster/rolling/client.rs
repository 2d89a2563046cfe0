//! A client that stays logged in, and shows its tokens to everybody.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use tokio::time::sleep;
use tower_bearer::{
    RefreshToken, TokenResponse,
    clock::{Clock, SystemClock, Timestamp},
    error::TokenError,
    session::{Grant, RefreshRequest, SessionErrorKind},
};

use super::{
    World,
    counts::{Said, Verdict},
};

const PAUSE: Duration = Duration::from_millis(40);

pub(super) struct Client {
    world: Arc<World>,
    number: u32,
    /// Which server it turns to next.
    turn: usize,
    /// After how long it refreshes: some do so long after their access token has expired.
    refreshes_after: Duration,
}

impl Client {
    pub(super) fn new(world: &Arc<World>, number: u32) -> Self {
        let refreshes_after = match number % 8 {
            0 => Duration::from_secs(9),
            other => Duration::from_millis(400 + 200 * u64::from(other)),
        };
        Self {
            world: Arc::clone(world),
            number,
            turn: number as usize,
            refreshes_after,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let mut tokens = self.log_in().await;
            self.world.counts.logged_in();
            while let Some(next) = self.use_and_refresh(tokens).await {
                tokens = next;
            }
        }
    }

    fn next(&mut self) -> usize {
        self.turn += 1;
        self.turn % self.world.nodes.len()
    }

    async fn log_in(&mut self) -> TokenResponse {
        loop {
            let node = self.next();
            let grant = Grant::new(format!("client-{}", self.number));
            let start = |server: Arc<super::node::Server>| async move {
                server.sessions.start(grant).await
            };
            match self.world.nodes[node].call(start).await {
                Some(Ok(tokens)) => return tokens,
                Some(Err(error)) if error.kind() != SessionErrorKind::Unavailable => {
                    panic!("a login fails: {error}")
                }
                _ => self.world.counts.came_again(),
            }
            sleep(PAUSE).await;
        }
    }

    /// `None` if the refresh was refused, so that the client has to log in again.
    async fn use_and_refresh(&mut self, tokens: TokenResponse) -> Option<TokenResponse> {
        let from = Instant::now();
        let access = tokens.access_token.expose();
        let good_until = expires(access);
        let kid = self
            .world
            .counts
            .signed_by(access, tokens.refresh_token.expose());
        while from.elapsed() < self.refreshes_after {
            if SystemClock.now() < good_until && !self.show(access, &kid, good_until).await {
                break;
            }
            sleep(PAUSE).await;
        }
        self.refresh(tokens.refresh_token).await
    }

    /// Shows the token to one of the servers and to the resource server. Tells whether nobody refuses it.
    async fn show(&mut self, token: &str, kid: &str, good_until: Timestamp) -> bool {
        let node = self.next();
        let (shown, begun) = (token.to_owned(), Instant::now());
        let verify = |server: Arc<super::node::Server>| async move {
            server.verifier.authenticate(&shown).await.map(drop)
        };
        let verdict = self.world.nodes[node].call(verify).await;
        let by_keys = self.world.resource.verify(token).await;
        if SystemClock.now() >= good_until {
            return true;
        }
        let mut is_good = true;
        let who = [
            Some((node, verdict)),
            by_keys.map(|by_keys| (3, Some(by_keys))),
        ];
        for (judge, verdict) in who.into_iter().flatten() {
            let said = match verdict {
                None | Some(Err(TokenError::Unavailable)) => Said::Nothing,
                Some(Err(error)) => Said::Refused(error.to_string()),
                Some(Ok(())) => Said::Accepted,
            };
            is_good &= !matches!(said, Said::Refused(_));
            self.world.counts.saw(Verdict {
                kid,
                judge,
                begun,
                said,
            });
        }
        is_good
    }

    /// Asks each server in turn until one answers.
    async fn refresh(&mut self, token: RefreshToken) -> Option<TokenResponse> {
        loop {
            let node = self.next();
            let request = RefreshRequest::new(token.clone());
            let refresh = |server: Arc<super::node::Server>| async move {
                server.sessions.refresh(request).await
            };
            match self.world.nodes[node].call(refresh).await {
                Some(Ok(refreshed)) => {
                    self.world.counts.refreshed();
                    return Some(refreshed.tokens);
                }
                Some(Err(error)) if error.kind() != SessionErrorKind::Unavailable => {
                    let told = format!("server {node} refuses a refresh: {error}");
                    self.world.counts.refused(told);
                    return None;
                }
                _ => self.world.counts.came_again(),
            }
            sleep(PAUSE).await;
        }
    }
}

/// A part of a token, without a look at its signature.
pub(super) fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).expect("three parts");
    let json = URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&json).expect("JSON")
}

fn expires(token: &str) -> Timestamp {
    Timestamp::from_secs(part(token, 1)["exp"].as_i64().expect("a time"))
}
