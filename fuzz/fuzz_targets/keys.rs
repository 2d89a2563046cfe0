//! Any bytes as a key or a key set: both crypto back ends say the same of it, and what is taken for a set is
//! written as one that is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_bearer::{
    Algorithm, SigningKey, VerifyingKey, VerifyingKeys,
    jws::{CryptoProvider, JwkSet, JwkSetReader, KeyError, KeyErrorKind},
};
use tower_bearer_fuzz::providers;

const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::HS256,
    Algorithm::RS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::EdDSA,
    Algorithm::Ed25519,
    Algorithm::MLDSA44,
];

/// The DER of an Ed25519 key before the key itself (RFC 8410 §4).
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

fuzz_target!(|bytes: &[u8]| {
    for algorithm in ALGORITHMS {
        private(|by| SigningKey::with_provider(by).from_pem(algorithm, bytes));
        private(|by| SigningKey::with_provider(by).from_der(algorithm, bytes));
        public(|by| VerifyingKey::with_provider(by).from_pem(algorithm, bytes));
        public(|by| VerifyingKey::with_provider(by).from_der(algorithm, bytes));
    }
    let point = [&ED25519_SPKI, bytes].concat();
    public(|by| VerifyingKey::with_provider(by).from_der(Algorithm::EdDSA, &point));
    if let Ok(json) = std::str::from_utf8(bytes) {
        private(|by| SigningKey::with_provider(by).from_jwk(json));
        public(|by| VerifyingKey::with_provider(by).from_jwk(json));
        sets(json);
    }
});

/// The same private key to both, which writes the same text, or refused by both.
fn private(read: impl Fn(CryptoProvider) -> Result<SigningKey, KeyError>) {
    same(|by| {
        let key = read(by)?;
        Ok((
            key.kid().to_owned(),
            key.export_private()
                .expect("it is here")
                .expose()
                .to_owned(),
        ))
    });
}

fn public(read: impl Fn(CryptoProvider) -> Result<VerifyingKey, KeyError>) {
    same(|by| Ok((read(by)?.kid().to_owned(), String::new())));
}

fn same(read: impl Fn(CryptoProvider) -> Result<(String, String), KeyError>) {
    let kind = |by| -> Result<_, KeyErrorKind> { read(by).map_err(|error| error.kind()) };
    let [one, other] = providers().map(kind);
    // RustCrypto has no ML-DSA, and says so whatever the key is.
    let lacks = |verdict: &Result<_, _>| *verdict == Err(KeyErrorKind::UnsupportedAlgorithm);
    assert!(
        one == other || lacks(&one) || lacks(&other),
        "{one:?} {other:?}"
    );
}

fn sets(json: &str) {
    let reader = |by| JwkSetReader::new().provider(by);
    let [one, other] = providers().map(|by| reader(by).read(json));
    let shown = |set: Result<JwkSet, _>| set.and_then(JwkSet::into_keys).map(|keys| keys.jwks());
    if !json.contains("AKP") {
        assert_eq!(shown(one), shown(other));
    }
    if let Ok(set) = JwkSetReader::new().without_secrets().read(json) {
        compare_sets(set, JwkSet::read(json).expect("the same text"));
    }
    if let Ok(keys) = VerifyingKeys::from_jwks(json) {
        // Secrets are not shown, so that a set of nothing else is empty.
        let shown = keys.jwks();
        if shown.contains("\"kty\"") {
            let again = VerifyingKeys::from_jwks(&shown).expect("its own set");
            assert_eq!(again.jwks(), shown);
        }
    }
}

/// Without secrets a set has the same public keys, and what is said of the others is short.
fn compare_sets(public: JwkSet, all: JwkSet) {
    assert!(public.keys().len() <= all.keys().len());
    for skipped in public.skipped() {
        assert!(skipped.to_string().len() < 8192);
    }
    if let Ok(public) = public.into_keys() {
        assert_eq!(
            public.jwks(),
            all.into_keys().expect("the same keys").jwks()
        );
    }
}
