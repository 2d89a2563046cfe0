//! [`Peer`]: a server that others wrote, as a process.

use std::{
    io::{self, BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde::Deserialize;
use tests_shared::skipped;
use tokio::runtime::Runtime;
use tower_bearer_benches::{over_http::Route, schedule::Threads};

use crate::subject::Subject;

/// Ends when it is dropped, and also when this process dies: it lives as long as its input is open.
pub(crate) struct Peer {
    name: &'static str,
    process: Child,
    facts: Facts,
}

/// What to do where a peer is not there, or does not start.
const INSTALL: &str =
    "install Node.js with npm, and run `scripts/bench route`, which installs the packages";
const MEND: &str = "the reason is above. Node.js may be too old for it; if its packages are broken, delete \
    its folder in target/peers and run `scripts/bench route`, which installs them again";

/// What its script says.
#[derive(Deserialize)]
struct Facts {
    port: u16,
    path: String,
    form: String,
    tokens: Vec<String>,
}

impl Peer {
    /// Nothing where it is not installed. It runs where the thread may run that starts it.
    pub(crate) fn start(
        name: &'static str,
        clients: usize,
        database: Option<&str>,
    ) -> io::Result<Option<Self>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let project = name.replace('_', "-");
        let folder = root.join("../target/peers").join(&project);
        if !has_node() || !folder.join("node_modules/.package-lock.json").exists() {
            skipped(&format!(
                "{name} is not installed in target/peers: {INSTALL}"
            ));
            return Ok(None);
        }
        let mut process = Command::new("node")
            .arg(root.join("peers").join(&project).join("server.mjs"))
            .arg(folder)
            .arg(clients.to_string())
            .args(database)
            .env("NODE_ENV", "production")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line)?;
        // A script that fails ends without a line, and what it says on its standard error is shown.
        let Ok(facts) = serde_json::from_str(&line) else {
            drop(process.stdin.take());
            process.wait()?;
            skipped(&format!("{name} did not start: {MEND}"));
            return Ok(None);
        };
        Ok(Some(Self {
            name,
            process,
            facts,
        }))
    }

    /// Its clients run on the thread that asks.
    pub(crate) fn subject<'a>(&self, load: &'a Runtime) -> io::Result<Subject<'a>> {
        let Facts {
            port, path, form, ..
        } = &self.facts;
        let route = Route {
            server: SocketAddr::from((Ipv4Addr::LOCALHOST, *port)),
            path: path.clone(),
            form: form.clone(),
        };
        let threads = Threads::of_process(self.process.id());
        Subject::over_http(self.name, load, &route, &self.facts.tokens, threads)
    }
}

/// Whether there is what runs them.
pub(crate) fn has_node() -> bool {
    Command::new("node").arg("--version").output().is_ok()
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.process.stdin = None;
        let _ = self.process.wait();
    }
}
