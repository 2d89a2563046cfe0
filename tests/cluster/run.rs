//! `examples/cluster/run`: three servers, and a client that each refreshes in turn.

use std::process::Command;

use tests_shared::program;

/// Runs it on the store at this address, which is to be empty.
pub(crate) fn run(store: &str) {
    let script = program::root().join("examples/cluster/run");
    let output = Command::new(script)
        .env("STORE", store)
        .env("QUICKSTART", program::binary("quickstart"))
        .output()
        .expect("it runs");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    let mut expected = vec!["alice logged in at server 1, and server 2 knows it".to_owned()];
    for (at, knows) in [(2, 3), (3, 1), (1, 2), (2, 3), (3, 1), (1, 2)] {
        expected.push(format!("server {at} refreshed, server {knows} knows alice"));
    }
    for number in 1..4 {
        expected.push(format!(
            "logged out at server 1: server {number} answers 400"
        ));
    }
    for number in 1..4 {
        expected.push(format!(
            "logged out at server 1: server {number} answers the access token with 401"
        ));
    }
    let said: Vec<_> = said
        .lines()
        .filter(|line| !line.contains("http://"))
        .collect();
    assert_eq!(said, expected);
}
