//! Any payload under a genuine signature: what passes has claims that make it pass, and passes no
//! more when it has expired, whether it is remembered or not.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tower_bearer::{Verifier, error::TokenError};
use tower_bearer_fuzz::{NOW, sign, verifier};

static VERIFIER: LazyLock<Verifier> = LazyLock::new(verifier);

fuzz_target!(|payload: &[u8]| {
    let token = sign(payload);
    let Ok(verified) = VERIFIER.verify_at(&token, NOW) else {
        return;
    };
    let claims = verified.claims();
    assert_eq!(claims.iss, "https://id.example");
    assert!(!claims.sub.is_empty());
    let again = VERIFIER.verify_at(&token, NOW);
    assert_eq!(again.as_ref().map(|token| token.claims()), Ok(claims));

    let leeway = std::time::Duration::from_secs(5);
    let late = VERIFIER.verify_at(&token, claims.exp + leeway);
    assert_eq!(late.err(), Some(TokenError::Expired));
});
