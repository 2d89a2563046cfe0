//! Signed answers of the introspection endpoint (RFC 9701).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{StatusCode, header::ACCEPT};
use serde_json::{Value, json};
use tower_bearer::{Verifier, error::TokenError};

use crate::{
    introspection::{claims, options},
    support::*,
};

const MEDIA_TYPE: &str = "application/token-introspection+jwt";

async fn asked(world: &World, accept: &str, token: &str) -> Answer {
    let endpoint = world.introspection().options(options());
    let mut request = with(post(FORM, &format!("token={token}")), &basic("api", "s"));
    request
        .headers_mut()
        .insert(ACCEPT, accept.parse().unwrap());
    let answer = ask(endpoint, request).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer
}

#[tokio::test]
async fn who_asks_for_it_gets_the_answer_as_a_jwt() {
    let world = world();
    let login = world.login().await;
    let access = login.access_token.expose();
    let plain = asked(&world, "application/json", access).await.json();
    assert_eq!(plain["active"], true);
    for (token, content) in [(access, plain), ("unknown", json!({ "active": false }))] {
        for accept in [
            MEDIA_TYPE,
            "text/html, Application/Token-Introspection+JWT;q=0.9",
        ] {
            let answer = asked(&world, accept, token).await;
            assert_eq!(answer.header("content-type"), MEDIA_TYPE);
            let jwt = std::str::from_utf8(&answer.body).unwrap();
            let header = jwt.split('.').next().unwrap();
            let header = URL_SAFE_NO_PAD.decode(header).unwrap();
            let header: Value = serde_json::from_slice(&header).unwrap();
            assert_eq!(header["typ"], "token-introspection+jwt");
            let mut signed = claims(jwt);
            assert!(signed["iat"].take().is_u64());
            let expected = json!({
                "iss": ISSUER,
                "aud": "api",
                "iat": null,
                "token_introspection": content,
            });
            assert_eq!(signed, expected);
        }
    }
}

#[tokio::test]
async fn who_does_not_gets_json() {
    let world = world();
    for accept in [
        "*/*",
        "application/json",
        "application/jwt",
        "application/*",
        "",
        // RFC 9110 §12.4.2: a weight of 0 says what is not acceptable.
        "application/token-introspection+jwt;q=0",
        "application/json, application/token-introspection+jwt; Q=0.000",
    ] {
        let answer = asked(&world, accept, "unknown").await;
        assert_eq!(answer.body, r#"{"active":false}"#);
        assert_eq!(answer.header("content-type"), JSON, "{accept}");
    }
}

/// The key is that of access tokens, and so is the issuer: its type alone must do.
#[tokio::test]
async fn a_signed_answer_is_no_access_token() {
    let world = world();
    let login = world.login().await;
    let answer = asked(&world, MEDIA_TYPE, login.access_token.expose()).await;
    let jwt = std::str::from_utf8(&answer.body).unwrap();
    let verifier = Verifier::new(ISSUER, "api", world.keys.verifying()).unwrap();
    assert_eq!(verifier.verify(jwt).unwrap_err(), TokenError::Type);
}
