//! Tokens that a careful `Validation` lets pass there, and that are refused here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm::ES256, EncodingKey};
use serde_json::{Value, json};
use tower_bearer::{Algorithm, error::TokenError};

use crate::support::*;

/// A token of these texts.
#[track_caller]
fn signed(key: &EncodingKey, header: &str, claims: &str) -> String {
    let input = [header, claims]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".");
    let signature = jsonwebtoken::crypto::sign(input.as_bytes(), key, ES256).unwrap();
    format!("{input}.{signature}")
}

#[test]
fn what_passes_there_is_refused_here() {
    let key = ours(Algorithm::ES256);
    let (trusted, jwk, theirs) = (trusted(&key), jwk(&key), theirs(&key));
    let now = jsonwebtoken::get_current_timestamp();
    let kid = key.kid();
    let good_header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid });
    let header = |name: &str, value: Value| {
        let mut header = good_header.clone();
        header[name] = value;
        (header.to_string(), claims().to_string())
    };
    let untyped = json!({ "alg": "ES256", "kid": kid });
    let untyped = (untyped.to_string(), claims().to_string());
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name).unwrap();
        (good_header.to_string(), claims.to_string())
    };
    let claim = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        (good_header.to_string(), claims.to_string())
    };
    let twice = |text: String| text.replacen('{', r#"{"client_id":"other","#, 1);

    let good = signed(&theirs, &good_header.to_string(), &claims().to_string());
    assert_eq!(read_here(&trusted, &good).as_deref(), Ok("alice"));
    for (name, (header, claims), error) in [
        (
            "typ JWT, the default there",
            header("typ", json!("JWT")),
            TokenError::Type,
        ),
        ("no typ", untyped, TokenError::Type),
        (
            "the type of another token",
            header("typ", json!("logout+jwt")),
            TokenError::Type,
        ),
        (
            "a key that came with the token",
            header("jwk", jwk.clone()),
            TokenError::Header,
        ),
        (
            "a link to keys",
            header("jku", json!("https://evil.example")),
            TokenError::Header,
        ),
        (
            "a certificate",
            header("x5c", json!(["MIIB"])),
            TokenError::Header,
        ),
        ("b64", header("b64", json!(true)), TokenError::Header),
        (
            "another kid",
            header("kid", json!("unknown")),
            TokenError::UnknownKey,
        ),
        ("no jti", without("jti"), TokenError::Claims),
        ("no iat", without("iat"), TokenError::Claims),
        ("no client_id", without("client_id"), TokenError::Claims),
        (
            "iat in the future",
            claim("iat", json!(now + 200)),
            TokenError::NotYetValid,
        ),
        (
            "expired for less than a minute",
            claim("exp", json!(now - 50)),
            TokenError::Expired,
        ),
        (
            "a list of issuers",
            claim("iss", json!([ISS, "https://evil.example"])),
            TokenError::Claims,
        ),
        (
            "bound to a key",
            claim("cnf", json!({ "jkt": 7 })),
            TokenError::Claims,
        ),
        (
            "a claim twice",
            (good_header.to_string(), twice(claims().to_string())),
            TokenError::Malformed,
        ),
    ] {
        let token = signed(&theirs, &header, &claims);
        assert_eq!(read_here(&trusted, &token), Err(error), "{name}");
        let there = read_there(&jwk, ES256, &token);
        assert_eq!(there.as_deref().ok(), Some("alice"), "{name}: {there:?}");
    }
}

/// What a `Validation` does not check unless it is told.
#[test]
fn what_the_default_there_lets_pass() {
    let key = ours(Algorithm::ES256);
    let theirs = theirs(&key);
    let default = jsonwebtoken::Validation::new(ES256);
    let decoding = jsonwebtoken::DecodingKey::from_jwk(&serde_json::from_value(jwk(&key)).unwrap());
    let decoding = decoding.unwrap();
    let now = jsonwebtoken::get_current_timestamp();
    let with = |changes: &[(&str, Value)]| {
        let mut claims = claims();
        // Without an audience to compare, no token with one passes.
        claims.as_object_mut().unwrap().remove("aud").unwrap();
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        claims
    };
    for (name, claims, error) in [
        ("no aud", with(&[]), TokenError::Claims),
        (
            "another issuer",
            with(&[("aud", json!(AUD)), ("iss", json!("https://evil.example"))]),
            TokenError::Issuer,
        ),
        (
            "nbf",
            with(&[("aud", json!(AUD)), ("nbf", json!(now + 200))]),
            TokenError::NotYetValid,
        ),
    ] {
        let header = header(ES256, key.kid());
        let token = jsonwebtoken::encode(&header, &claims, &theirs).unwrap();
        assert_eq!(read_here(&trusted(&key), &token), Err(error), "{name}");
        let mut validation = default.clone();
        if claims.get("aud").is_some() {
            validation.set_audience(&[AUD]);
        }
        let there = jsonwebtoken::decode::<Value>(&token, &decoding, &validation);
        assert!(there.is_ok(), "{name}: {there:?}");
    }
}
