//! [`Follower`]: another process, as the one that measures sees it.

use std::{collections::HashMap, env, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use tower_bearer::SessionId;

use crate::following::{CAUGHT_UP, ENDED, FLAG, SERVED, WAIT, WAITING};

/// After so long without an answer something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends when it is dropped, and also when this process dies: it lives as long as its input is open.
pub(crate) struct Follower {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    ended: HashMap<String, Duration>,
}

impl Follower {
    /// Starts one, and waits until it knows what was ended before. Tells also how long after the start
    /// of its feed that was.
    pub(crate) async fn start(engine: &str, address: &str) -> (Self, Duration) {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args([FLAG, engine, address]).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("it starts");
        let output = process.stdout.take().expect("it is piped");
        let mut follower = Self {
            input: process.stdin.take().expect("it is piped"),
            output: BufReader::new(output).lines(),
            process,
            ended: HashMap::new(),
        };
        let after = follower.answer(CAUGHT_UP).await;
        (follower, nanos(&after))
    }

    /// Gives it an access token of a session, and has it wait for the session's end.
    pub(crate) async fn wait_for(&mut self, session: SessionId) {
        self.ask(&format!("{WAIT} {session}")).await;
        self.answer(WAITING).await;
    }

    /// When it has begun to refuse the session's token.
    pub(crate) async fn learned_at(&mut self, session: SessionId) -> Duration {
        let session = session.to_string();
        loop {
            if let Some(at) = self.ended.remove(&session) {
                return at;
            }
            let (word, rest) = self.line().await;
            self.note(&word, &rest);
        }
    }

    /// How many of all tokens that it was given its layer lets through now.
    pub(crate) async fn served(&mut self) -> u32 {
        self.ask(SERVED).await;
        self.answer(SERVED).await.parse().expect("a number")
    }

    /// Halts it, or lets it go on.
    pub(crate) async fn signal(&self, signal: &str) {
        let id = self.process.id().expect("it runs").to_string();
        let sent = Command::new("kill")
            .args(["-s", signal, &id])
            .status()
            .await;
        assert!(sent.expect("kill runs").success());
    }

    async fn ask(&mut self, question: &str) {
        let line = format!("{question}\n");
        let asked = self.input.write_all(line.as_bytes()).await;
        asked.expect("it listens");
    }

    /// What comes after this word.
    async fn answer(&mut self, to: &str) -> String {
        loop {
            let (word, rest) = self.line().await;
            if word == to {
                return rest;
            }
            self.note(&word, &rest);
        }
    }

    fn note(&mut self, word: &str, rest: &str) {
        assert_eq!(word, ENDED, "{rest}");
        let (session, at) = rest.split_once(' ').expect("a session and a time");
        self.ended.insert(session.to_owned(), nanos(at));
    }

    async fn line(&mut self) -> (String, String) {
        let line = timeout(PATIENCE, self.output.next_line()).await;
        let line = line.expect("an end is learned of in time");
        let line = line.expect("it answers").expect("it goes on");
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        (word.to_owned(), rest.to_owned())
    }
}

fn nanos(text: &str) -> Duration {
    Duration::from_nanos(text.parse().expect("a number"))
}
