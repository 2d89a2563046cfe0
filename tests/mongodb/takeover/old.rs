//! The program of the tutorial, as it runs on Express and Mongoose.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tests_shared::skipped;

/// As tutorials have it. It is too short for a key of this crate.
pub(crate) const SECRET: &str = "secret";

/// The program as a process, which is killed when it is dropped.
pub(crate) struct Express {
    child: Child,
    pub(crate) addr: SocketAddr,
}

/// Where its packages are, if Node.js is there too.
pub(crate) fn packages() -> Option<PathBuf> {
    let folder = env::var_os("TOWER_BEARER_TAKEOVER").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| root().join("target/takeover"));
    let has_node = Command::new("node").arg("--version").output().is_ok();
    if has_node && folder.join("node_modules/mongoose").exists() {
        return Some(folder);
    }
    let missing = folder.display();
    skipped(&format!(
        "there is no node, or no express and mongoose in {missing}"
    ));
    None
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

impl Express {
    /// Starts it on a free port. What it does not know goes on to that address.
    pub(crate) fn start(packages: &Path, mongodb: &str, forward_to: Option<SocketAddr>) -> Self {
        let mut command = Command::new("node");
        command
            .arg(root().join("examples/takeover/express.mjs"))
            .arg(packages)
            .env("MONGODB_URL", mongodb)
            .env("JWT_SECRET", SECRET)
            .env("PORT", "0")
            .env_remove("FORWARD_TO")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(addr) = forward_to {
            command.env("FORWARD_TO", format!("http://{addr}"));
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let addr = line.trim_end().strip_prefix("listening on http://");
        let addr = addr.expect("where it listens").parse().unwrap();
        Self { child, addr }
    }
}

impl Express {
    /// Asks it to stop, and waits until it has answered what it was asked.
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(sent.unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Express {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
