//! Keys roll over while libraries of others read them, each at its defaults, and verify tokens all the time.
//!
//! They are in the folder that `TOWER_BEARER_JWKS_READERS` names, or in `target/jwks-readers`, and need `node`. Without
//! them the test says that it was skipped; where `CI` is set it fails.
#![cfg(all(feature = "axum", feature = "http-client", unix))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod ring;
mod server;
mod unannounced;
mod watch;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tests_shared::skipped;

use crate::{
    server::Source,
    watch::{Watch, own, program},
};

const MAX_AGE: Duration = Duration::from_secs(2);
/// Some libraries ask for a key that they do not know at most this often.
const COOLDOWN: Duration = Duration::from_secs(30);
const SLACK: Duration = Duration::from_secs(2);
/// How long the tokens live that readers are shown while keys roll over as the manual says.
pub(crate) const LIFETIME: Duration = Duration::from_secs(8);

const READERS: [&str; 6] = [
    "jose",
    "express-oauth2-jwt-bearer",
    "jwks-rsa",
    "get-jwks",
    "PyJWT",
    "tower-bearer",
];

/// Starts a server and all readers of its keys, lets them work, and stops them.
fn with_readers<S>(
    start: impl FnOnce() -> S,
    source: impl Fn(&S) -> &Source,
    work: impl FnOnce(&S, &[Watch]),
) {
    let Some(folder) = installed() else { return };
    let server = start();
    // Node looks for packages beside the script.
    let scripts = tempfile::tempdir().expect("a folder");
    let packages = scripts.path().join("node_modules");
    std::os::unix::fs::symlink(folder.join("node_modules"), packages).expect("a link");
    let watches = watches(&folder, scripts.path(), source(&server));
    for watch in &watches {
        watch.ready();
    }
    work(&server, &watches);
    for watch in watches {
        watch.stop();
    }
}

fn watches(folder: &Path, scripts: &Path, source: &Source) -> Vec<Watch> {
    let tests = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/jwks_readers"));
    let (script, rules) = (
        scripts.join("reader.mjs"),
        [source.jwks_url.as_str(), &source.issuer, &source.audience],
    );
    fs::copy(tests.join("reader.mjs"), &script).expect("a copy");
    let start = |reader: &&'static str| {
        let verify = match *reader {
            "tower-bearer" => own(source),
            "PyJWT" => {
                let script = tests.join("reader.py");
                let arguments = [&[script.to_str().expect("UTF-8")], &rules[..]].concat();
                program(&folder.join("venv/bin/python"), &arguments)
            }
            library => {
                let script = script.to_str().expect("UTF-8");
                program(
                    Path::new("node"),
                    &[&[script, library], &rules[..]].concat(),
                )
            }
        };
        Watch::start(reader, verify, source)
    };
    READERS.iter().map(start).collect()
}

/// The folder with the libraries, if they are all there.
fn installed() -> Option<PathBuf> {
    let folder = env::var_os("TOWER_BEARER_JWKS_READERS").map(PathBuf::from);
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/jwks-readers");
    let folder = folder.unwrap_or_else(own);
    let has_node = Command::new("node").arg("--version").output().is_ok();
    let python = folder.join("venv/bin/python");
    let imports = Command::new(python)
        .args(["-c", "import jwt, cryptography"])
        .output();
    let has_python = imports.is_ok_and(|output| output.status.success());
    if has_node && has_python && folder.join("node_modules/jose").is_dir() {
        return Some(folder);
    }
    skipped(&format!("no node, or no readers of key sets in {folder:?}"));
    None
}
