//! The servers as processes.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;
use tests_shared::skipped;
use tokio::task::block_in_place;
use tower_bearer::AccessToken;

/// A server that runs; it ends when its standard input does.
pub(crate) struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    pub(crate) facts: Facts,
}

/// What a script says of its server.
#[derive(Deserialize)]
pub(crate) struct Facts {
    pub(crate) issuer: String,
    /// Where there is no metadata.
    pub(crate) jwks_uri: Option<String>,
    pub(crate) audience: String,
    /// Where users are signed in without OAuth.
    access_token: Option<String>,
    #[serde(flatten)]
    login: Option<Login>,
    #[serde(flatten)]
    pub(crate) introspection: Option<Introspected>,
}

/// A client that a user is signed in with.
#[derive(Deserialize)]
pub(crate) struct Login {
    pub(crate) token_endpoint: String,
    /// Identifier and secret.
    pub(crate) client: (String, String),
    pub(crate) refresh_token: String,
}

/// Where the server tells of its tokens (RFC 7662).
#[derive(Deserialize)]
pub(crate) struct Introspected {
    #[serde(rename = "introspection_endpoint")]
    pub(crate) endpoint: String,
    /// Who may ask: identifier and secret.
    pub(crate) resource_server: (String, String),
}

/// What runs a script, and what has to be there for that.
#[derive(Clone, Copy)]
pub(crate) enum Needs {
    /// A package of npm, in the folder of the other tests with it.
    OidcProvider,
    /// A package of npm.
    Node(&'static str),
    Python,
    /// A program that the script starts.
    Program(&'static str),
}

fn folder(variable: &str, default: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    env::var_os(variable).map_or_else(|| root.join(default), PathBuf::from)
}

impl Needs {
    /// The command, if all is there.
    fn command(self, script: &str, mode: Option<&str>) -> Option<Command> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/foreign_issuers")
            .join(script);
        let own = folder("TOWER_BEARER_FOREIGN_ISSUERS", "target/foreign-issuers");
        let node = |folder: PathBuf, package: &str| {
            let has_node = Command::new("node").arg("--version").output().is_ok();
            let has_package = folder.join("node_modules").join(package).exists();
            (has_node && has_package).then(|| {
                let mut command = Command::new("node");
                command.arg(&script).arg(folder);
                command
            })
        };
        let python = || {
            let python = own.join("venv/bin/python");
            python.exists().then(|| {
                let mut command = Command::new(python);
                command.arg("-B").arg(&script);
                command
            })
        };
        let mut command = match self {
            Self::OidcProvider => {
                let folder = folder("TOWER_BEARER_OIDC_PROVIDER", "target/oidc-provider");
                node(folder, "oidc-provider")
            }
            Self::Node(package) => node(own, package),
            Self::Python => python(),
            Self::Program(program) => {
                let there = Command::new(program).arg("--version").output().is_ok();
                there.then(python).flatten()
            }
        }?;
        command.args(mode);
        Some(command)
    }
}

impl Server {
    /// Nothing where it is not installed.
    #[track_caller]
    pub(crate) fn start(needs: Needs, script: &str, mode: Option<&str>) -> Option<Self> {
        let Some(mut command) = needs.command(script, mode) else {
            skipped(&format!("what {script} needs is not installed"));
            return None;
        };
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().expect("it starts");
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        block_in_place(|| stdout.read_line(&mut line)).expect("readable");
        let facts = serde_json::from_str(&line);
        Some(Self {
            child,
            stdin,
            stdout,
            facts: facts.unwrap_or_else(|error| panic!("{script} said {line:?}: {error}")),
        })
    }

    /// The client that is signed in.
    pub(crate) fn login(&self) -> Option<&Login> {
        self.facts.login.as_ref()
    }

    /// A token that is there without a client.
    pub(crate) fn access_token(&self) -> AccessToken {
        let token = self.facts.access_token.as_deref();
        AccessToken::new(token.expect("a login or a token"))
    }

    /// Makes it sign with a new key.
    pub(crate) fn rotate(&mut self) {
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(b"rotate\n").expect("writable");
        let mut line = String::new();
        block_in_place(|| self.stdout.read_line(&mut line)).expect("readable");
        let facts: serde_json::Value = serde_json::from_str(&line).expect("it has rotated");
        self.facts.access_token = facts["access_token"].as_str().map(str::to_owned);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stdin = None;
        // The script stops what it has started.
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
