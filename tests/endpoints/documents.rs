//! The key set, and what caches are told of it.

use std::time::Duration;

use http::{Method, StatusCode, header::IF_NONE_MATCH};
use tower_bearer::{Algorithm, KeySet, SigningKey, endpoint::JwksEndpoint};

use crate::support::*;

/// By default.
const CACHED: &str = "public, max-age=300, stale-if-error=3600";

fn keys(algorithm: Algorithm) -> KeySet {
    KeySet::new(SigningKey::generate(algorithm).unwrap())
}

#[tokio::test]
async fn the_key_set_is_public_and_cacheable() {
    let endpoint = JwksEndpoint::new(keys(Algorithm::ES256).verifying());
    let answer = ask(endpoint.clone(), bare(Method::GET)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), JSON);
    assert_eq!(answer.header("cache-control"), CACHED);
    assert_eq!(answer.header("pragma"), "");
    let set = answer.json();
    assert_eq!(set["keys"].as_array().unwrap().len(), 1);
    assert_eq!(set["keys"][0]["kty"], "EC");
    assert!(set["keys"][0]["d"].is_null());

    let hour = endpoint.max_age(Duration::from_secs(3600));
    let answer = ask(hour.clone(), bare(Method::GET)).await;
    assert_eq!(
        answer.header("cache-control"),
        "public, max-age=3600, stale-if-error=3600"
    );
    let strict = hour.stale_if_error(Duration::from_millis(999));
    let answer = ask(strict, bare(Method::GET)).await;
    assert_eq!(answer.header("cache-control"), "public, max-age=3600");
}

#[tokio::test]
async fn secrets_never_appear() {
    let endpoint = JwksEndpoint::new(keys(Algorithm::HS256).verifying());
    let answer = ask(endpoint, bare(Method::GET)).await;
    assert_eq!(answer.body, r#"{"keys":[]}"#);
}

#[tokio::test]
async fn a_client_that_has_it_gets_a_304() {
    let endpoint = JwksEndpoint::new(keys(Algorithm::EdDSA).verifying());
    let answer = ask(endpoint.clone(), bare(Method::GET)).await;
    let tag = answer.header("etag").to_owned();
    assert!(
        tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20,
        "{tag}"
    );

    let known = [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"x\" , {tag}"),
        "*".to_owned(),
    ];
    for value in known {
        let mut request = bare(Method::GET);
        request
            .headers_mut()
            .insert(IF_NONE_MATCH, value.parse().unwrap());
        let answer = ask(endpoint.clone(), request).await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{value}");
        assert_eq!(answer.header("etag"), tag);
        assert_eq!(answer.header("cache-control"), CACHED);
        assert!(answer.body.is_empty());
    }
    for value in ["\"x\"", "", tag.trim_matches('"')] {
        let mut request = bare(Method::GET);
        request
            .headers_mut()
            .insert(IF_NONE_MATCH, value.parse().unwrap());
        assert_eq!(
            ask(endpoint.clone(), request).await.status,
            StatusCode::OK,
            "{value}"
        );
    }
}

#[tokio::test]
async fn it_follows_roll_overs() {
    let keys = keys(Algorithm::EdDSA);
    let endpoint = JwksEndpoint::new(keys.verifying());
    let before = ask(endpoint.clone(), bare(Method::GET)).await;
    keys.roll_over(SigningKey::generate(Algorithm::EdDSA).unwrap())
        .unwrap();
    let after = ask(endpoint, bare(Method::GET)).await;
    assert_eq!(after.json()["keys"].as_array().unwrap().len(), 2);
    assert_ne!(before.header("etag"), after.header("etag"));
}

#[tokio::test]
async fn head_has_the_headers_only() {
    let endpoint = JwksEndpoint::new(keys(Algorithm::EdDSA).verifying());
    let get = ask(endpoint.clone(), bare(Method::GET)).await;
    let head = ask(endpoint, bare(Method::HEAD)).await;
    assert_eq!(head.status, StatusCode::OK);
    assert!(head.body.is_empty());
    assert_eq!(head.header("content-length"), get.body.len().to_string());
    for name in ["etag", "cache-control", "content-type"] {
        assert_eq!(head.header(name), get.header(name));
    }
}

#[tokio::test]
async fn only_get_and_head_are_allowed() {
    let endpoint = JwksEndpoint::new(keys(Algorithm::EdDSA).verifying());
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let answer = send(endpoint.clone(), bare(method)).await;
        answer.refused(405, "invalid_request");
        assert_eq!(answer.header("allow"), "GET, HEAD");
    }
}
