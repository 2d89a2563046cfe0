//! Unmodified OAuth clients against the built quickstart.
//!
//! Authlib needs a Python that has it (`pip install authlib requests`): the one that
//! `TOWER_BEARER_PYTHON` names, or `python3`. oauth4webapi needs `node` and the folder that
//! `TOWER_BEARER_OAUTH4WEBAPI` names, or `target/oauth4webapi`. Without them the tests say that they
//! were skipped; where `CI` is set they fail.
#![cfg(all(feature = "axum", unix))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{env, ffi::OsString, fs, path::PathBuf, process::Command};

use tests_shared::{program::Server, skipped};

const ACCESS_TTL: &str = "6";

/// Of the resource server that asks about tokens. The characters are such as form encoding changes.
const SECRET: &str = "100% of a+b: ä secret";

/// Authlib encodes its credentials as RFC 7617 has it, and not as RFC 6749 §2.3.1 does.
const PLAIN_SECRET: &str = "plain-secret";

#[test]
fn authlib() {
    let python = env::var_os("TOWER_BEARER_PYTHON").unwrap_or_else(|| "python3".into());
    if !has_authlib(&python) {
        return skipped(&format!("{python:?} has no authlib and requests"));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let env = [("ACCESS_TTL", ACCESS_TTL), ("CLIENT_SECRET", PLAIN_SECRET)];
    let server = Server::start("quickstart", folder.path(), &env);
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/oauth_client/authlib_client.py"
    );
    let url = format!("http://{}", server.addr);
    let output = Command::new(python)
        .args([script, &url, ACCESS_TTL, PLAIN_SECRET])
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{errors}");
    print!("{told}");
    server.stop();
}

/// Each kind of key that it knows.
const ALGORITHMS: [&str; 4] = ["ES256", "Ed25519", "PS256", "RS256"];

#[test]
fn oauth4webapi() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let installed = env::var_os("TOWER_BEARER_OAUTH4WEBAPI").map(PathBuf::from);
    let installed = installed.unwrap_or_else(|| root.join("target/oauth4webapi"));
    let has_node = Command::new("node").arg("--version").output().is_ok();
    if !has_node || !installed.join("node_modules/oauth4webapi").is_dir() {
        return skipped(&format!("no node, or no oauth4webapi in {installed:?}"));
    }
    let folder = tempfile::tempdir().expect("a folder");
    // Node looks for packages beside the script.
    let script = folder.path().join("client.mjs");
    fs::copy(
        root.join("tests/oauth_client/oauth4webapi_client.mjs"),
        &script,
    )
    .expect("a copy");
    let packages = folder.path().join("node_modules");
    std::os::unix::fs::symlink(installed.join("node_modules"), packages).expect("a link");

    let env = [
        ("DPOP", "require"),
        ("STORE", "memory"),
        ("CLIENT_SECRET", SECRET),
    ];
    let server = Server::start("quickstart", folder.path(), &env);
    let output = Command::new("node")
        .arg(script)
        .args([&format!("http://{}", server.addr), SECRET])
        .args(ALGORITHMS)
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{errors}");
    assert_eq!(told.lines().count(), ALGORITHMS.len(), "{told}");
    print!("{told}");
    server.stop();
}

fn has_authlib(python: &OsString) -> bool {
    let imports = Command::new(python)
        .args(["-c", "import authlib, requests"])
        .output();
    imports.is_ok_and(|output| output.status.success())
}
