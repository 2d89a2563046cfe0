//! Both back ends in one program: each verifies what the other has signed and reads what it has written,
//! and a key keeps the one that it was made for.

use tower_bearer::{
    Algorithm, KeySet, SigningKey, VerifyingKey, VerifyingKeys,
    error::TokenError,
    jws::{CryptoProvider, JwkSetReader},
};

use crate::support::*;

/// Each with the other one.
fn pairs() -> [[CryptoProvider; 2]; 2] {
    let (aws_lc, rust) = (CryptoProvider::aws_lc_rs(), CryptoProvider::rust_crypto());
    [[aws_lc, rust], [rust, aws_lc]]
}

/// RSA keys take seconds to generate, so they are all the same one.
fn made(by: CryptoProvider, algorithm: Algorithm) -> SigningKey {
    let reader = SigningKey::with_provider(by);
    match algorithm.as_str().starts_with(['R', 'P']) {
        true => reader.from_pem(algorithm, include_str!("rsa_pkcs8.pem")),
        false => reader.generate(algorithm),
    }
    .unwrap()
}

/// The same key of another provider.
fn moved(key: &SigningKey, to: CryptoProvider) -> SigningKey {
    let (text, reader) = (key.export_private().unwrap(), SigningKey::with_provider(to));
    match text.expose().starts_with('{') {
        true => reader.from_jwk(text.expose()),
        false => reader.from_pem(key.algorithm(), text.expose()),
    }
    .unwrap()
}

#[test]
fn each_takes_what_the_other_has_signed() {
    for ([signs, verifies], algorithm) in pairs().into_iter().flat_map(|p| ALL.map(|a| (p, a))) {
        let key = made(signs, algorithm);
        let same = moved(&key, verifies);
        assert_eq!([key.provider(), same.provider()], [signs, verifies]);
        assert_eq!(key.kid(), same.kid(), "{algorithm}: the thumbprint");

        let written = [&key, &same].map(|key| key.export_private().unwrap().expose().to_owned());
        assert_eq!(written[0], written[1], "{algorithm}");

        let token = token(&KeySet::new(key.clone()));
        let keys = VerifyingKeys::new([same.verifying_key()]).unwrap();
        accepted(&keys, &token);

        if !algorithm.as_str().starts_with(['R', 'P']) {
            let other = made(verifies, algorithm).with_kid(key.kid()).unwrap();
            let keys = VerifyingKeys::new([other.verifying_key()]).unwrap();
            assert_eq!(verify(&keys, &token), Err(TokenError::Signature));
        }
    }
}

#[test]
fn a_set_is_read_for_one_provider() {
    let key = |algorithm| made(CryptoProvider::default(), algorithm).verifying_key();
    let keys = [Algorithm::EdDSA, Algorithm::RS256].map(key);
    let set = VerifyingKeys::new(keys).unwrap().jwks();
    let providers = |reader: JwkSetReader| -> Vec<_> {
        let set = reader.read(&set).unwrap();
        set.keys().iter().map(VerifyingKey::provider).collect()
    };
    for [provider, _] in pairs() {
        let reader = JwkSetReader::new().provider(provider);
        assert_eq!(providers(reader), [provider; 2]);
    }
    let default = CryptoProvider::default();
    assert_eq!(providers(JwkSetReader::new()), [default; 2]);
}

/// `scripts/test` runs the suites on both.
#[test]
fn the_tests_run_on_the_provider_that_was_asked_for() {
    let asked = std::env::var("TOWER_BEARER_TEST_PROVIDER");
    let asked = asked.as_deref().unwrap_or("aws-lc-rs");
    let key = SigningKey::generate(Algorithm::HS256).unwrap();
    let names = [key.provider(), CryptoProvider::default()].map(CryptoProvider::name);
    assert_eq!(names, [asked; 2]);
}

#[test]
fn a_default_that_is_in_use_stays() {
    let used = CryptoProvider::default();
    used.install_default().unwrap();
    let [[_, other], _] = match pairs() {
        [first, second] if first[0] == used => [first, second],
        [first, second] => [second, first],
    };
    let error = other.install_default().unwrap_err();
    assert_eq!(error.installed(), used);
    assert_eq!(
        error.to_string(),
        format!(
            "{} cannot become the default, for the process uses {} already: install it before anything else",
            other.name(),
            used.name()
        )
    );
    assert_eq!(CryptoProvider::default(), used);
}
