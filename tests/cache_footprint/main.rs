//! The tokens that a verifier remembers take no more memory than it was allowed.

#![allow(clippy::unwrap_used)]

use std::{alloc::System, time::Duration};

use serde_json::{Map, Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tests_shared as _;
use tower_bearer::{
    Algorithm, CacheLimits, Issuer, KeySet, SigningKey, Verifier,
    clock::{Clock, SystemClock},
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ALLOWED: usize = 1024 * 1024;
const LIFETIME: Duration = Duration::from_secs(600);

/// Bytes that are in use once the verifier has seen many more tokens than it may remember.
fn remembered(private: &Value) -> usize {
    let keys = KeySet::new(SigningKey::generate(Algorithm::HS256).unwrap());
    let issuer = Issuer::new("issuer", "audience", keys.clone()).unwrap();
    let tokens: Vec<_> = (0..2_000)
        .map(|number| {
            let claims = issuer.claims(format!("user {number}"), SystemClock.now(), LIFETIME);
            issuer.sign(&claims.with_private(private)).unwrap()
        })
        .collect();
    let verifier = Verifier::new("issuer", "audience", keys.verifying()).unwrap();
    let region = Region::new(ALLOCATOR);
    let verifier = verifier.cache(CacheLimits::default().bytes(ALLOWED));
    for token in &tokens {
        verifier.verify(token.expose()).unwrap();
    }
    let change = region.change();
    drop(verifier);
    change.bytes_allocated - change.bytes_deallocated
}

#[track_caller]
fn check(what: &str, private: &Value) {
    let bytes = remembered(private);
    println!("{what}: {bytes} bytes");
    assert!(bytes <= ALLOWED, "{what}: {bytes} bytes");
    assert!(bytes > ALLOWED / 4, "{what}: only {bytes} bytes");
}

fn members(count: usize, value: &Value) -> Value {
    let members: Map<_, _> = (0..count)
        .map(|number| (format!("m{number}"), value.clone()))
        .collect();
    members.into()
}

/// One test, since the allocator counts for the whole process.
#[test]
fn a_cache_keeps_to_its_bytes_whatever_the_claims_are_like() {
    // Where nodes are full and lists have just been doubled.
    for count in [0, 1, 4, 7, 8, 11, 12, 15, 29, 57, 113, 225] {
        let flat = members(count, &json!(7));
        let nested = json!({ "inner": flat, "list": [flat] });
        for (shape, private) in [("flat", &flat), ("nested", &nested)] {
            check(&format!("{shape}, {count} members"), private);
        }
    }
    for number in [json!(0.1), json!(7), json!(-1.234_567_890_123_456_7e-100)] {
        let numbers = json!({ "numbers": vec![number.clone(); 150] });
        check(&format!("150 times {number}"), &numbers);
    }
}
