//! A genuine token with any changes to its signature: both crypto back ends say the same of it.
//!
//! The first byte of the input chooses the algorithm. The rest is a list of changes, two bytes each:
//! where, and what is there instead. What is left over is put behind the signature.
#![no_main]

use std::{sync::LazyLock, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, Verifier, VerifyingKeys, jws::CryptoProvider,
};
use tower_bearer_fuzz::{AUDIENCE, ISSUER, NOW, providers, ready};

const ALGORITHMS: [Algorithm; 7] = [
    Algorithm::HS256,
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::EdDSA,
];

struct Signed {
    text: String,
    signature: Vec<u8>,
    verifiers: [Verifier; 2],
}

static SIGNED: LazyLock<[Signed; 7]> = LazyLock::new(|| {
    ALGORITHMS.map(|algorithm| {
        let key = ready(SigningKey::generate(algorithm));
        let verifiers = providers().map(|provider| verifier(&key, provider));
        let issuer = ready(Issuer::new(ISSUER, AUDIENCE, KeySet::new(key)));
        let claims = issuer.claims("anna", NOW, Duration::from_secs(600));
        let token = issuer.sign(&claims).expect("a signature");
        let (text, signature) = token.expose().rsplit_once('.').expect("three parts");
        Signed {
            text: text.to_owned(),
            signature: URL_SAFE_NO_PAD.decode(signature).expect("base64url"),
            verifiers,
        }
    })
});

/// Verifies with the same key by this provider.
fn verifier(key: &SigningKey, provider: CryptoProvider) -> Verifier {
    let (text, reader) = (
        key.export_private().expect("it is here"),
        SigningKey::with_provider(provider),
    );
    let same = match text.expose().starts_with('{') {
        true => reader.from_jwk(text.expose()),
        false => reader.from_pem(key.algorithm(), text.expose()),
    };
    let keys = ready(VerifyingKeys::new([ready(same).verifying_key()]));
    ready(Verifier::new(ISSUER, AUDIENCE, keys)).without_cache()
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
    let [one, other] = [0, 1].map(|at| signed.verifiers[at].verify_at(&token, NOW).err());
    assert_eq!(one, other, "{signature:02x?}");
});
