//! A genuine token with any changes to its signature: another implementation of the algorithm says
//! the same of it.
//!
//! The first byte of the input chooses the algorithm. The rest is a list of changes, two bytes each:
//! where, and what is there instead. What is left over is put behind the signature.
#![no_main]

use std::{sync::LazyLock, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use tower_bearer::{Algorithm, Issuer, KeySet, SigningKey, Verifier};
use tower_bearer_fuzz::{AUDIENCE, ISSUER, NOW, ready};

/// Whether a text has this signature.
type Verify = Box<dyn Fn(&[u8], &[u8]) -> bool + Send + Sync>;

struct Signed {
    text: String,
    signature: Vec<u8>,
    ours: Verifier,
    theirs: Verify,
}

static SIGNED: LazyLock<[Signed; 3]> = LazyLock::new(|| {
    [Algorithm::EdDSA, Algorithm::ES256, Algorithm::ES512].map(|algorithm| {
        let key = ready(SigningKey::generate(algorithm));
        let pem = key
            .export_private()
            .expect("it is here")
            .expose()
            .to_owned();
        let keys = KeySet::new(key);
        let ours = ready(Verifier::new(ISSUER, AUDIENCE, keys.verifying())).without_cache();
        let issuer = ready(Issuer::new(ISSUER, AUDIENCE, keys));
        let claims = issuer.claims("anna", NOW, Duration::from_secs(600));
        let token = issuer.sign(&claims).expect("a signature");
        let (text, signature) = token.expose().rsplit_once('.').expect("three parts");
        Signed {
            text: text.to_owned(),
            signature: URL_SAFE_NO_PAD.decode(signature).expect("base64url"),
            ours,
            theirs: other(algorithm, &pem),
        }
    })
});

/// Verifies with the same key by another implementation.
fn other(algorithm: Algorithm, pem: &str) -> Verify {
    use ed25519_dalek::pkcs8::DecodePrivateKey;
    match algorithm {
        Algorithm::EdDSA => {
            let key = ed25519_dalek::SigningKey::from_pkcs8_pem(pem).expect("a key");
            let key = key.verifying_key();
            Box::new(move |text, signature| {
                ed25519_dalek::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify_strict(text, &signature).is_ok())
            })
        }
        Algorithm::ES512 => {
            use p521::ecdsa::{Signature, SigningKey, VerifyingKey, signature::Verifier};
            let key = VerifyingKey::from(&SigningKey::from_pkcs8_pem(pem).expect("a key"));
            Box::new(move |text, signature| {
                Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(text, &signature).is_ok())
            })
        }
        _ => {
            use p256::ecdsa::{Signature, SigningKey, VerifyingKey, signature::Verifier};
            let key = VerifyingKey::from(&SigningKey::from_pkcs8_pem(pem).expect("a key"));
            Box::new(move |text, signature| {
                Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(text, &signature).is_ok())
            })
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, changes)) = input.split_first() else {
        return;
    };
    let signed = &SIGNED[usize::from(*choice) % SIGNED.len()];
    let mut signature = signed.signature.clone();
    let (changes, left) = changes.as_chunks::<2>();
    for [place, byte] in changes {
        let place = usize::from(*place) % signature.len();
        signature[place] = *byte;
    }
    signature.extend(left);
    let token = format!("{}.{}", signed.text, URL_SAFE_NO_PAD.encode(&signature));
    let ours = signed.ours.verify_at(&token, NOW).is_ok();
    let theirs = (signed.theirs)(signed.text.as_bytes(), &signature);
    assert_eq!(ours, theirs, "{signature:02x?}");
});
