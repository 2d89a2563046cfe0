//! A clock that is put in the place of the C library's, as testers of expiry do, counts for
//! remembered tokens too.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::Duration,
};

use tests_shared::{servers::ServerClock, skipped};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, Verifier,
    clock::{Clock, SystemClock},
    error::TokenError,
};

use crate::support::{LIFETIME, is_remembered};

/// Tells the child that it is one.
const CHILD: &str = "TOWER_BEARER_FAKED";
const SEEN: &str = "the token has been seen";

#[test]
fn a_clock_in_the_place_of_the_systems_ends_remembered_tokens() {
    if env::var_os(CHILD).is_some() {
        return see_a_token_end();
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(clock) = ServerClock::new(folder.path(), "libfaketimeMT.so.1") else {
        return skipped("libfaketime is not installed");
    };
    let this = "faked::a_clock_in_the_place_of_the_systems_ends_remembered_tokens";
    let mut child = Command::new(env::current_exe().unwrap());
    child
        .args(["--exact", this, "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    clock.set_on(&mut child);
    let mut child = child.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains(SEEN)));
    clock.advance(LIFETIME + Duration::from_secs(60));
    writeln!(child.stdin.take().unwrap(), "go on").unwrap();
    // What is left of its output is read to the end, so that it can write it.
    assert!(lines.all(|line| line.is_ok()));
    assert!(child.wait().unwrap().success());
}

fn see_a_token_end() {
    let keys = KeySet::new(SigningKey::generate(Algorithm::HS256).unwrap());
    let verifier = Verifier::new("issuer", "audience", keys.verifying()).unwrap();
    let issuer = Issuer::new("issuer", "audience", keys).unwrap();
    let claims = issuer.claims("alice", SystemClock.now(), LIFETIME);
    let token = issuer.sign(&claims).unwrap();
    let first = verifier.verify(token.expose()).unwrap();
    let again = verifier.verify(token.expose()).unwrap();
    assert!(is_remembered(&first, &again));
    println!("{SEEN}");
    io::stdin().lock().read_line(&mut String::new()).unwrap();
    let ended = verifier.verify(token.expose()).unwrap_err();
    assert_eq!(ended, TokenError::Expired);
}
