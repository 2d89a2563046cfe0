//! What a follower does: it serves requests, and refuses the tokens of sessions that others have ended.
//!
//! | it is told | it answers |
//! | --- | --- |
//! | | `caught_up NANOS`, once it knows what was ended before, so long after it began to follow |
//! | `wait SESSION` | `waiting`, when it has made a token of the session; and `ended SESSION NANOS` when it has learned of the end, with the time, after its layer has refused the token |
//! | `served` | `served COUNT`: of all tokens that it has made, its layer lets so many through now |

use std::{
    io,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use http::{HeaderValue, StatusCode};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin, stdin};
use tower_bearer::{
    Verifier,
    clock::{Clock, SystemClock},
    session::{FeedOptions, Sessions, WhenBehind},
};
use tower_bearer_benches::{
    stacks::{Stack, guarded},
    tokens::{self, AUDIENCE},
};

use crate::engine;

/// What the command line of a follower starts with.
pub(crate) const FLAG: &str = "--follow";

pub(crate) const CAUGHT_UP: &str = "caught_up";
pub(crate) const WAIT: &str = "wait";
pub(crate) const WAITING: &str = "waiting";
pub(crate) const ENDED: &str = "ended";
pub(crate) const SERVED: &str = "served";

/// By the machine's clock, which all processes share.
pub(crate) fn now() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970")
}

pub(crate) async fn follow(engine: &str, address: &str) -> io::Result<()> {
    let sessions = engine::sessions(engine, address).await;
    let began = Instant::now();
    let options = FeedOptions::new().when_behind(WhenBehind::Refuse);
    let feed = sessions.follow(options).expect("it follows");
    feed.caught_up().await;
    println!("{CAUGHT_UP} {}", began.elapsed().as_nanos());
    let server = Server::new(sessions);
    let mut tokens = Vec::new();
    let mut lines: Lines<BufReader<Stdin>> = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.split_once(' ') {
            Some((WAIT, session)) => tokens.push(server.wait(session.to_owned())),
            _ => println!("{SERVED} {}", server.served(&tokens)),
        }
    }
    Ok(())
}

struct Server {
    sessions: Sessions,
    verifier: Verifier,
}

impl Server {
    fn new(sessions: Sessions) -> Self {
        let issuer = sessions.issuer();
        let verifier = Verifier::new(issuer.issuer(), AUDIENCE, issuer.keys().verifying());
        Self {
            verifier: verifier.expect("both have names"),
            sessions,
        }
    }

    fn layer(&self) -> impl Stack + Send + use<> {
        guarded(self.verifier.clone(), &self.sessions)
    }

    /// A token of this session, whose end is waited for.
    fn wait(&self, session: String) -> HeaderValue {
        let token = self.token(session.clone());
        let over = self
            .sessions
            .over(&self.verifier.verify(&token).expect("good"));
        let (token, mut layer) = (tokens::bearer(&token), self.layer());
        println!("{WAITING}");
        let shown = token.clone();
        tokio::spawn(async move {
            over.await;
            assert_eq!(layer(Some(&shown)), StatusCode::UNAUTHORIZED);
            println!("{ENDED} {session} {}", now().as_nanos());
        });
        token
    }

    /// As its client would show it.
    fn token(&self, session: String) -> String {
        let (issuer, now) = (self.sessions.issuer(), SystemClock.now());
        let mut claims = issuer.claims("user", now, Duration::from_secs(600));
        claims.sid = Some(session);
        let token = issuer.sign(&claims).expect("signed");
        token.expose().to_owned()
    }

    fn served(&self, tokens: &[HeaderValue]) -> usize {
        let mut layer = self.layer();
        let accepted = tokens
            .iter()
            .filter(|token| layer(Some(*token)).is_success());
        accepted.count()
    }
}
