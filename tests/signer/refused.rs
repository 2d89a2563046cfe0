//! Signers that do not fit, as it is told when the sessions are built.

use std::time::Duration;

use tower_bearer::{
    Algorithm, KeySet, SigningKey,
    error::ConfigErrorKind,
    jws::SignerOptions,
    session::{RefreshKey, SessionsBuilder},
    store::MemoryStore,
};

use crate::support::*;

fn builder(options: SignerOptions) -> SessionsBuilder<MemoryStore> {
    let keys = KeySet::new(Moody::new().key(options));
    SessionsBuilder::new(issuer(keys), refresh_key(), MemoryStore::new())
}

#[track_caller]
fn kind(builder: SessionsBuilder<MemoryStore>) -> ConfigErrorKind {
    builder.build().unwrap_err().kind()
}

#[test]
fn a_refresh_key_is_here() {
    let here = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
    let elsewhere = KeySet::new(Moody::new().key(SignerOptions::new()));
    let key = RefreshKey::from_keys(elsewhere);
    let builder = SessionsBuilder::new(issuer(here), key, MemoryStore::new());
    assert_eq!(kind(builder), ConfigErrorKind::RefreshKey);
}

#[test]
fn the_same_key_is_not_taken_for_both() {
    let key = Moody::new().key(SignerOptions::new());
    let refresh = RefreshKey::from_keys(KeySet::new(key.clone()));
    let builder = SessionsBuilder::new(issuer(KeySet::new(key)), refresh, MemoryStore::new());
    assert_eq!(kind(builder), ConfigErrorKind::SharedKey);
}

#[test]
fn a_signature_is_there_within_a_quarter_of_the_reuse_window() {
    let within = |secs| SignerOptions::new().timeout(Duration::from_secs(secs));
    for secs in [0, 3, 60] {
        assert_eq!(
            kind(builder(within(secs))),
            ConfigErrorKind::Lifetime,
            "{secs}"
        );
    }
    builder(within(2)).build().unwrap();
    let short = Duration::from_secs(8);
    assert_eq!(
        kind(builder(within(2)).reuse_window(short)),
        ConfigErrorKind::Lifetime
    );
    builder(within(60))
        .reuse_window(Duration::ZERO)
        .build()
        .unwrap();
    builder(within(60)).strict_rotation().build().unwrap();
}
