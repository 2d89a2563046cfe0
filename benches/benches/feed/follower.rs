//! [`Follower`]: another process, which says when it has learned of an end.

use std::{
    env, io,
    process::Stdio,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, Stdin, stdin},
    process::{Child, ChildStdin, ChildStdout, Command},
};
use tower_bearer::{
    SessionId, Verifier,
    clock::{Clock, SystemClock},
    session::{FeedOptions, Sessions},
};

use crate::engine;

/// What the command line of a follower starts with.
pub(crate) const FLAG: &str = "--follow";

/// Ends when it is dropped, and also when this process dies: it lives as long as its input is open.
pub(crate) struct Follower {
    _process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

/// By the machine's clock, which all processes share.
pub(crate) fn now() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970")
}

impl Follower {
    /// Starts one, and waits until it knows what was ended before.
    pub(crate) async fn start(engine: &str, address: &str) -> Self {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args([FLAG, engine, address]).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("it starts");
        let output = process.stdout.take().expect("it is piped");
        let mut follower = Self {
            input: process.stdin.take().expect("it is piped"),
            output: BufReader::new(output).lines(),
            _process: process,
        };
        follower.line().await;
        follower
    }

    /// Has it wait for the end of a session.
    pub(crate) async fn wait_for(&mut self, session: SessionId) {
        let line = format!("{session}\n");
        self.input
            .write_all(line.as_bytes())
            .await
            .expect("it listens");
        self.line().await;
    }

    /// When it has learned of the end.
    pub(crate) async fn learned_at(&mut self) -> Duration {
        let nanos = self.line().await.parse().expect("a number");
        Duration::from_nanos(nanos)
    }

    async fn line(&mut self) -> String {
        let line = self.output.next_line().await.expect("it answers");
        line.expect("it goes on")
    }
}

/// What a follower does: for each session that it is told of, it says first that it waits, and then when it
/// has learned of the end.
pub(crate) async fn serve(engine: &str, address: &str) -> io::Result<()> {
    let sessions = engine::sessions(engine, address).await;
    let feed = sessions.follow(FeedOptions::new()).expect("it follows");
    feed.caught_up().await;
    println!("ready");
    let mut lines: Lines<BufReader<Stdin>> = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let over = sessions.over(&token(&sessions, line));
        println!("waiting");
        over.await;
        println!("{}", now().as_nanos());
    }
    Ok(())
}

/// A token of this session, as its client would show it.
fn token(sessions: &Sessions, sid: String) -> tower_bearer::VerifiedToken {
    let issuer = sessions.issuer();
    let mut claims = issuer.claims("user", SystemClock.now(), Duration::from_secs(600));
    claims.sid = Some(sid);
    let token = issuer.sign(&claims).expect("signed");
    let keys = issuer.keys().verifying();
    let verifier = Verifier::new(issuer.issuer(), "https://api.example", keys);
    let verified = verifier.expect("good names").verify(token.expose());
    verified.expect("a good token")
}
