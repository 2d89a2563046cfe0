//! Any text as an access token: a verifier that remembers tokens says what one that does not says,
//! also when it is asked again.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tower_bearer::Verifier;
use tower_bearer_fuzz::{NOW, verifier};

static REMEMBERS: LazyLock<Verifier> = LazyLock::new(verifier);
static FORGETS: LazyLock<Verifier> = LazyLock::new(|| verifier().without_cache());

fuzz_target!(|token: &str| {
    let verified = FORGETS.verify_at(token, NOW);
    for _ in 0..2 {
        match (&verified, REMEMBERS.verify_at(token, NOW)) {
            (Ok(one), Ok(other)) => assert_eq!(one.claims(), other.claims()),
            (Err(one), Err(other)) => assert_eq!(*one, other),
            (one, other) => panic!("{one:?} is not {other:?}"),
        }
    }
});
