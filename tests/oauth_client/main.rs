//! Unmodified OAuth clients against the built quickstart.
//!
//! They need a Python that has them (`pip install authlib requests`): the one that
//! `TOWER_BEARER_PYTHON` names, or `python3`. Without one the test says that it was skipped;
//! where `CI` is set it fails.
#![cfg(all(feature = "axum", unix))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{env, ffi::OsString, process::Command};

use tests_shared::{program::Server, skipped};

const ACCESS_TTL: &str = "2";

#[test]
fn authlib() {
    let python = env::var_os("TOWER_BEARER_PYTHON").unwrap_or_else(|| "python3".into());
    if !has_authlib(&python) {
        return skipped(&format!("{python:?} has no authlib and requests"));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start("quickstart", folder.path(), &[("ACCESS_TTL", ACCESS_TTL)]);
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/oauth_client/authlib_client.py"
    );
    let url = format!("http://{}", server.addr);
    let output = Command::new(python)
        .args([script, &url, ACCESS_TTL])
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{errors}");
    print!("{told}");
    server.stop();
}

fn has_authlib(python: &OsString) -> bool {
    let imports = Command::new(python)
        .args(["-c", "import authlib, requests"])
        .output();
    imports.is_ok_and(|output| output.status.success())
}
