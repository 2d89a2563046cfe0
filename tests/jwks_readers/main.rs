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

mod server;
mod watch;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use tests_shared::skipped;

use crate::{
    server::{Server, Source, fresh},
    watch::{Seen, Watch, own, program},
};

const MAX_AGE: Duration = Duration::from_secs(2);
/// Some libraries ask for a key that they do not know at most this often.
const COOLDOWN: Duration = Duration::from_secs(30);
const SLACK: Duration = Duration::from_secs(2);
/// How long the tokens live that readers are shown while keys roll over as the manual says.
pub(crate) const LIFETIME: Duration = Duration::from_secs(8);
const ROLL_OVERS: usize = 3;

/// What each does where a key signs that nobody has published, and the one before is retired at once.
const READERS: [(&str, Unprepared); 6] = [
    ("jose", Unprepared::WAITS),
    ("express-oauth2-jwt-bearer", Unprepared::WAITS),
    ("jwks-rsa", Unprepared::KEEPS),
    ("get-jwks", Unprepared::KEEPS),
    ("PyJWT", Unprepared::WAITS),
    ("tower-bearer", Unprepared::WAITS),
];

#[derive(Debug, PartialEq)]
struct Unprepared {
    /// It refuses tokens of the new key for a while.
    refuses_new: bool,
    /// It accepts a token of the retired key as long as it is watched.
    keeps_retired: bool,
}

impl Unprepared {
    const WAITS: Self = Self {
        refuses_new: true,
        keeps_retired: false,
    };
    const KEEPS: Self = Self {
        refuses_new: false,
        keeps_retired: true,
    };
}

#[test]
fn a_roll_over_costs_no_reader_a_token() {
    let Some(folder) = installed() else { return };
    let server = Server::start(MAX_AGE);
    // Node looks for packages beside the script.
    let scripts = tempfile::tempdir().expect("a folder");
    let packages = scripts.path().join("node_modules");
    std::os::unix::fs::symlink(folder.join("node_modules"), packages).expect("a link");
    let watches = watches(&folder, scripts.path(), &server.source);
    for watch in &watches {
        watch.ready();
    }
    let planned = planned(&server, &watches);
    let unprepared = unprepared(&server, &watches);
    for watch in watches {
        watch.stop();
    }
    println!(
        "reader: tokens, refused | new key unannounced: refused, for, as | retired key: accepted for"
    );
    for (planned, emergency) in planned.iter().zip(&unprepared) {
        println!("{planned} | {}", emergency.1);
    }
    for ((reader, expected), (found, _)) in READERS.iter().zip(&unprepared) {
        assert_eq!(found, expected, "{reader}");
    }
}

/// As the manual says. Nothing is refused.
fn planned(server: &Server, watches: &[Watch]) -> Vec<String> {
    for _ in 0..ROLL_OVERS {
        let next = fresh();
        let published = next.verifying_key();
        server.keys.add_verifying(published).expect("it is new");
        thread::sleep(MAX_AGE + COOLDOWN + SLACK);
        let old = server.roll_over(next);
        thread::sleep(LIFETIME + SLACK);
        assert!(server.keys.retire(&old));
    }
    let tell = |watch: &Watch| {
        let seen = watch.seen();
        let refusals: Vec<_> = seen
            .iter()
            .filter_map(|seen| seen.refusal.as_ref())
            .collect();
        assert!(refusals.is_empty(), "{}: {refusals:?}", watch.reader);
        assert!(
            seen.len() > 100,
            "{} is too slow: {}",
            watch.reader,
            seen.len()
        );
        format!("{}: {}, {}", watch.reader, seen.len(), refusals.len())
    };
    watches.iter().map(tell).collect()
}

/// A key has leaked: nothing can be announced. It comes at the worst time, just after all have read the keys.
fn unprepared(server: &Server, watches: &[Watch]) -> Vec<(Unprepared, String)> {
    let next = fresh();
    server
        .keys
        .add_verifying(next.verifying_key())
        .expect("it is new");
    thread::sleep(MAX_AGE + COOLDOWN + SLACK);
    server.roll_over(next);
    thread::sleep(SLACK);
    for watch in watches {
        watch.seen();
    }
    let leaked = (server.source.token)(4 * COOLDOWN);
    let from = Instant::now();
    let old = server.roll_over(fresh());
    assert!(server.keys.retire(&old));
    for watch in watches {
        watch.show_retired(&leaked);
    }
    thread::sleep(COOLDOWN + 2 * SLACK);
    watches
        .iter()
        .map(|watch| suffered(&watch.seen(), from))
        .collect()
}

fn suffered(seen: &[Seen], from: Instant) -> (Unprepared, String) {
    let after = |seen: &Seen| seen.at.duration_since(from).as_secs_f32();
    let new = || seen.iter().filter(|seen| !seen.is_retired);
    let mut refused = new().filter(|seen| seen.refusal.is_some());
    let retired = || seen.iter().filter(|seen| seen.is_retired);
    let accepted = retired().rfind(|seen| seen.refusal.is_none());
    let last = new().next_back().expect("tokens");
    assert_eq!(last.refusal, None, "it never finds the new key");
    let (count, until) = (
        refused.clone().count(),
        refused.next_back().map_or(0.0, after),
    );
    let found = Unprepared {
        refuses_new: count > 0,
        keeps_retired: retired()
            .next_back()
            .is_some_and(|last| last.refusal.is_none()),
    };
    let why = new().find_map(|seen| seen.refusal.as_deref());
    let why = why.unwrap_or("nothing was refused");
    let accepted = accepted.map_or(0.0, after);
    let told = format!("{count}, {until:.1} s, {why} | {accepted:.1} s");
    (found, told)
}

fn watches(folder: &Path, scripts: &Path, source: &Source) -> Vec<Watch> {
    let tests = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/jwks_readers"));
    let (script, rules) = (
        scripts.join("reader.mjs"),
        [source.jwks_url.as_str(), &source.issuer, &source.audience],
    );
    fs::copy(tests.join("reader.mjs"), &script).expect("a copy");
    let start = |(reader, _): &(&'static str, Unprepared)| {
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
