//! Proofs that a client holds a key (RFC 9449): any text as one, and any header and claims under a
//! genuine signature. What passes is, as serde_json reads it, a proof by that key, for this request and
//! made just now. It passes once.
//!
//! The first byte of the input chooses. Then come changes of a genuine proof's header and claims, or the
//! text.
#![no_main]

use std::sync::LazyLock;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use http::Request;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use tower_bearer::{
    clock::ManualClock,
    dpop::{DpopErrorKind, DpopVerifier},
};
use tower_bearer_fuzz::{NOW, ready};

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_bytes(&[7; 32]));
static JWK: LazyLock<String> = LazyLock::new(|| {
    let x = encoded(KEY.verifying_key().as_bytes());
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#)
});

fuzz_target!(|input: &[u8]| {
    let verifier = ready(DpopVerifier::new("https://api.example"));
    // Each input is judged on its own.
    let verifier = verifier.clock(ManualClock::new(NOW));
    let Some((choice, rest)) = input.split_first() else {
        return;
    };
    let (header, claims) = match choice % 3 {
        0 => {
            judge(&verifier, rest);
            return;
        }
        1 => {
            let mut halves = rest.splitn(2, |byte| *byte == 0);
            let mut half = || halves.next().unwrap_or_default().to_vec();
            (half(), half())
        }
        _ => changed(rest),
    };
    let input = format!("{}.{}", encoded(&header), encoded(&claims));
    let signature = encoded(&KEY.sign(input.as_bytes()).to_bytes());
    let proof = format!("{input}.{signature}");
    if judge(&verifier, proof.as_bytes()).is_none() {
        check(&header, &claims);
        let again = judge(&verifier, proof.as_bytes());
        assert_eq!(again, Some(DpopErrorKind::Replayed));
    }
});

/// Why the proof is refused, if it is.
fn judge(verifier: &DpopVerifier, proof: &[u8]) -> Option<DpopErrorKind> {
    let request = Request::get("/a%2Fb/me?x").header("dpop", proof).body(());
    let verified = verifier.verify(&request.ok()?);
    match verified {
        Ok(proved) => {
            let proved = proved.expect("there was a proof");
            assert_eq!(proved.thumbprint().as_bytes().len(), 32);
            None
        }
        Err(error) => {
            assert!(error.to_response().status().is_client_error());
            Some(error.kind())
        }
    }
}

/// A genuine header and claims, with pieces replaced: where, how much, and by what.
fn changed(mut changes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let header = format!(r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{}}}"#, *JWK);
    let claims = format!(
        r#"{{"jti":"a","htm":"GET","htu":"https://api.example/a%2Fb/me","iat":{}}}"#,
        NOW.as_secs()
    );
    let mut texts = [header.into_bytes(), claims.into_bytes()];
    while let [which, at, length, fresh, rest @ ..] = changes {
        let text = &mut texts[usize::from(which % 2)];
        let at = usize::from(*at).min(text.len());
        let end = (at + usize::from(length % 16)).min(text.len());
        let (fresh, rest) = rest.split_at(usize::from(fresh % 16).min(rest.len()));
        text.splice(at..end, fresh.iter().copied());
        changes = rest;
    }
    texts.into()
}

fn check(header: &[u8], claims: &[u8]) {
    let header: Map<String, Value> = serde_json::from_slice(header).expect("an object");
    let claims: Map<String, Value> = serde_json::from_slice(claims).expect("an object");
    let typ = header["typ"].as_str().expect("a type").to_lowercase();
    assert_eq!(typ.strip_prefix("application/").unwrap_or(&typ), "dpop+jwt");
    assert_eq!(header["alg"], "EdDSA");
    let jwk: Value = serde_json::from_str(&JWK).expect("a key");
    assert_eq!(header["jwk"]["x"], jwk["x"]);
    for refused in ["crit", "b64", "jku", "x5u", "x5c"] {
        assert!(!header.contains_key(refused));
    }
    assert_eq!(claims["htm"], "GET");
    let jti = claims["jti"].as_str().expect("an identifier");
    assert!(!jti.is_empty() && jti.len() <= 256);
    let iat = claims["iat"].as_f64().expect("a time");
    assert!((NOW.as_secs() as f64 - iat).abs() < 61.0);
    let url = claims["htu"].as_str().expect("a URL").to_lowercase();
    assert!(url.starts_with("https://api.example"), "{url}");
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
