use std::time::Duration;

use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey,
    error::ConfigErrorKind,
    jws::KeyErrorKind,
    session::{Grant, Overflow, RefreshKey, SessionErrorKind, Sessions, SessionsBuilder},
    store::MemoryStore,
};

use crate::support::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn builder() -> SessionsBuilder {
    Sessions::builder(
        issuer(),
        RefreshKey::from_secret(SECRET).unwrap(),
        MemoryStore::new(),
    )
}

#[track_caller]
fn wrong(builder: SessionsBuilder) -> ConfigErrorKind {
    builder.build().expect_err("a wrong configuration").kind()
}

#[test]
fn lifetimes_that_are_zero_inverted_or_endless_are_refused() {
    for builder in [
        builder().access_lifetime(Duration::ZERO),
        builder().access_lifetime(Duration::from_millis(999)),
        builder().idle_lifetime(Duration::ZERO),
        builder().session_lifetime(Duration::ZERO),
        builder().access_lifetime(31 * DAY),
        builder().idle_lifetime(181 * DAY),
        builder().session_lifetime(Duration::MAX),
        builder().hook_timeout(Duration::ZERO),
        builder().store_timeout(Duration::ZERO),
    ] {
        assert_eq!(wrong(builder), ConfigErrorKind::Lifetime);
    }
}

#[test]
fn limits_out_of_range_are_refused() {
    for builder in [
        builder().reuse_window(Duration::from_secs(301)),
        builder().late_budget(3, 0),
        builder().late_budget(3, 33),
        builder().late_budget(20, 20),
        builder().max_sessions(0, Overflow::Refuse),
        builder().max_sessions(1001, Overflow::EvictOldest),
    ] {
        assert_eq!(wrong(builder), ConfigErrorKind::Limit);
    }
}

#[test]
fn a_rotation_that_comes_too_late_is_refused_by_its_name() {
    let builder = builder().idle_lifetime(DAY);
    let error = builder
        .rotate_bound_after(DAY / 2 + Duration::from_secs(1))
        .build();
    let error = error.err().unwrap();
    assert_eq!(error.kind(), ConfigErrorKind::Limit);
    assert!(error.to_string().contains("rotate_bound_after"), "{error}");
}

#[test]
fn an_issuer_that_would_make_long_refresh_tokens_is_refused() {
    let key = SigningKey::from_secret(Algorithm::HS256, [5; 32]).unwrap();
    let long = Issuer::new("x".repeat(513), AUDIENCE, KeySet::new(key)).unwrap();
    let key = RefreshKey::from_secret(SECRET).unwrap();
    let builder = Sessions::builder(long, key, MemoryStore::new());
    assert_eq!(wrong(builder), ConfigErrorKind::Limit);
}

#[test]
fn the_edges_of_the_ranges_are_accepted() {
    for builder in [
        builder().reuse_window(Duration::ZERO),
        builder().reuse_window(Duration::from_secs(300)),
        builder().late_budget(0, 1),
        builder().late_budget(31, 32),
        builder().access_lifetime(30 * DAY),
        builder().idle_lifetime(180 * DAY),
        builder().max_sessions(1, Overflow::Refuse),
    ] {
        builder.build().unwrap();
    }
}

#[test]
fn one_key_for_both_kinds_of_token_is_refused() {
    let access = SigningKey::from_secret(Algorithm::HS256, SECRET).unwrap();
    let keys = KeySet::new(access).clone();
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys).unwrap();
    let key = RefreshKey::from_secret(SECRET).unwrap();
    let shared = Sessions::builder(issuer, key, MemoryStore::new());
    assert_eq!(wrong(shared), ConfigErrorKind::SharedKey);
    let previous = RefreshKey::from_secret([9; 32])
        .unwrap()
        .with_previous_secret([5; 32])
        .unwrap();
    let shared = Sessions::builder(super::support::issuer(), previous, MemoryStore::new());
    assert_eq!(wrong(shared), ConfigErrorKind::SharedKey);
}

#[test]
fn a_short_refresh_secret_is_refused() {
    for length in [0, 1, 31] {
        let error = RefreshKey::from_secret(vec![1; length]).unwrap_err();
        assert!(matches!(error.kind(), KeyErrorKind::Weak { bits, .. } if bits == 8 * length));
    }
}

#[tokio::test]
async fn a_malformed_grant_is_refused() {
    let world = world();
    for grant in [
        Grant::new("anna").claims(&serde_json::json!({ "large": "x".repeat(8_000) })),
        Grant::new("anna").claims(&deep(200)),
    ] {
        let error = world.sessions.start(grant).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Grant);
    }
}

fn deep(levels: usize) -> serde_json::Value {
    (0..levels).fold(
        serde_json::json!(1),
        |inner, _| serde_json::json!({ "in": inner }),
    )
}
