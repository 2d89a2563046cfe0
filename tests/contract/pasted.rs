//! What the servers print to try works when pasted into a shell.

use std::{path::Path, process::Command};

use tests_shared::{program::Server, skipped};

pub(crate) fn walk(example: &str, folder: &Path) {
    if Command::new("curl").arg("--version").output().is_err() {
        return skipped("curl is not installed");
    }
    let mut server = Server::start(example, folder, &[]);
    let commands = server.commands();
    assert!(commands.contains("/auth/login"), "{commands}");
    let output = Command::new("sh")
        .arg("-c")
        .arg(&commands)
        .output()
        .expect("sh runs");
    let told = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(told.contains(r#""sub":"alice""#), "{told}");
    assert!(told.contains(r#""access_token":"#), "{told}");
    assert!(
        told.trim_end().ends_with('}') && told.contains("invalid_grant"),
        "{told}"
    );
    server.stop();
}
