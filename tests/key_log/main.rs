//! What is logged of a key set. In a process of its own: `tracing` remembers who listens, per process.
#![cfg(feature = "tracing")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use serde_json::json;
use tests_shared::log::Log;
use tower_bearer::{Algorithm, KeySet, SigningKey, jws::JwkSet};

#[test]
fn keys_that_are_left_out_are_logged_with_the_reason() {
    let log = Log::listen();
    let good = KeySet::new(SigningKey::generate(Algorithm::ES256).unwrap());
    JwkSet::read(&good.verifying().jwks()).unwrap();
    assert_eq!(log.take(), "");

    let encrypts = json!({ "kty": "RSA", "use": "enc", "kid": "e\nnc" });
    let set = json!({ "keys": [encrypts] }).to_string();
    JwkSet::read(&set).unwrap();
    let lines = log.take();
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(
        lines.contains("DEBUG tower_bearer::jws::jwk_set"),
        "{lines}"
    );
    for part in ["position=0", r#"kid="e\nnc""#, "its use is not sig"] {
        assert!(lines.contains(part), "{part}: {lines}");
    }

    // What a key for another purpose is not: a fault.
    let secret = "c2VjcmV0".repeat(8);
    let broken = json!({ "kty": "EC", "kid": "broken", "crv": "P-256", "d": secret });
    let set = json!({ "keys": [encrypts, broken] }).to_string();
    JwkSet::read(&set).unwrap();
    let lines = log.take();
    assert_eq!(lines.lines().count(), 3, "{lines}");
    let warned = lines.lines().last().unwrap();
    assert!(
        warned.contains(" WARN ") && warned.contains("used=0 why=2 were left out"),
        "{lines}"
    );
    assert!(warned.contains("lacks a number of its key type"), "{lines}");
    assert!(!lines.contains(&secret), "{lines}");
}
