//! Signed answers (RFC 9701).

use std::time::Duration;

use http::Response;
use serde_json::{Value, json};
use tower_bearer::{
    Algorithm, KeySet, SigningKey,
    error::TokenError,
    introspection::{ClientAuthentication, IntrospectionBuilder},
    remote::RemoteKeys,
};

use crate::support::*;

const TYPE: &str = "token-introspection+jwt";
const MEDIA_TYPE: &str = "application/token-introspection+jwt";

fn keys() -> KeySet {
    KeySet::new(SigningKey::generate(Algorithm::ES256).unwrap())
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "api", "iat": NOW, "token_introspection": good() })
}

fn changed(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn answer(keys: &KeySet, typ: &str, claims: &Value) -> Response<bytes::Bytes> {
    let jwt = keys.sign(typ, claims.to_string().as_bytes()).unwrap();
    let response = Response::builder().header("content-type", MEDIA_TYPE);
    response.body(jwt.into()).unwrap()
}

async fn verdict(
    keys: &KeySet,
    answer: Response<bytes::Bytes>,
    configure: fn(IntrospectionBuilder) -> IntrospectionBuilder,
) -> Result<String, TokenError> {
    let server = Server::start().await;
    server.answers(answer);
    let world = world(configure(server.builder().signed_by(keys.verifying())));
    let verdict = world.verifier.authenticate("token").await;
    let asked = server.asked();
    assert!(
        asked[0].headers["accept"]
            .to_str()
            .unwrap()
            .starts_with(MEDIA_TYPE)
    );
    verdict.map(|token| token.claims().sub.clone())
}

#[tokio::test]
async fn an_answer_that_is_signed_for_us_counts() {
    let keys = keys();
    let typ = "application/Token-Introspection+JWT";
    for (typ, claims) in [
        (TYPE, claims()),
        (typ, claims()),
        (TYPE, changed("aud", json!(["other", "api"]))),
        (TYPE, changed("iat", json!(NOW - 60))),
        (TYPE, changed("iat", json!(NOW + 60))),
    ] {
        let signed = answer(&keys, typ, &claims);
        let verdict = verdict(&keys, signed, |builder| builder.require_signed()).await;
        assert_eq!(verdict.as_deref(), Ok("alice"), "{typ} {claims}");
    }
    let inactive = changed("token_introspection", json!({ "active": false }));
    let verdict = verdict(&keys, answer(&keys, TYPE, &inactive), |builder| builder).await;
    assert_eq!(verdict, Err(TokenError::Inactive));
}

#[tokio::test]
async fn one_that_is_not_is_no_answer() {
    let keys = keys();
    let mut odd: Vec<Response<bytes::Bytes>> = vec![
        answer(&self::keys(), TYPE, &claims()),
        // Other tokens of the same key.
        answer(&keys, "at+jwt", &claims()),
        answer(&keys, "JWT", &claims()),
    ];
    for claims in [
        changed("iss", json!("https://other.example")),
        changed("iss", json!(null)),
        changed("aud", json!("other")),
        changed("aud", json!(["other"])),
        changed("aud", json!(null)),
        changed("iat", json!(null)),
        changed("iat", json!("now")),
        changed("iat", json!(NOW - 66)),
        changed("iat", json!(NOW + 66)),
        changed("token_introspection", json!(null)),
        changed("token_introspection", json!("x")),
        changed("token_introspection", json!({})),
        // The members belong inside.
        with(json!({ "iss": ISSUER, "aud": "api", "iat": NOW })),
    ] {
        odd.push(answer(&keys, TYPE, &claims));
    }
    let mut broken = answer(&keys, TYPE, &claims());
    let text = String::from_utf8(broken.body().to_vec()).unwrap();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    // Another first character, for the last one has bits that do not count.
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    *broken.body_mut() = format!("{signed}.{first}{}", &signature[1..]).into();
    odd.push(broken);
    for signed in odd {
        let told = format!("{:?}", signed.body());
        let verdict = verdict(&keys, signed, |builder| builder).await;
        assert_eq!(verdict, Err(TokenError::Unavailable), "{told}");
    }
}

#[tokio::test]
async fn json_counts_unless_signatures_are_required() {
    let keys = keys();
    let plain = || json_answer(&good());
    let asked_for = verdict(&keys, plain(), |builder| builder).await;
    assert_eq!(asked_for.as_deref(), Ok("alice"));
    let required = verdict(&keys, plain(), |builder| builder.require_signed()).await;
    assert_eq!(required, Err(TokenError::Unavailable));
}

/// Who has no client identifier is named by its audience.
#[tokio::test]
async fn who_asks_by_a_bearer_token_is_named_by_its_audience() {
    let keys = keys();
    let server = Server::start().await;
    server.answers(answer(&keys, TYPE, &changed("aud", json!(AUDIENCE))));
    let client = ClientAuthentication::bearer("of-this-api");
    let builder = server.builder_with(client).signed_by(keys.verifying());
    world(builder).passes("token").await;
}

/// Keys that are fetched are fetched for an answer, too.
#[tokio::test]
async fn the_keys_may_be_such_as_are_fetched() {
    let keys = keys();
    let (server, key_server) = (Server::start().await, Server::start().await);
    key_server.says(&serde_json::from_str(&keys.verifying().jwks()).unwrap());
    let fetched = RemoteKeys::at(key_server.address(), http())
        .danger_allow_plain_http()
        .wait_timeout(Duration::from_secs(30))
        .lazy()
        .unwrap();
    let builder = server.builder().signed_by(fetched).require_signed();
    let world = world(builder);
    server.answers(answer(&keys, TYPE, &claims()));
    key_server.times(0);
    world.passes("token").await;
    key_server.times(1);
    // A key that is not there is not fetched again at once, and no verdict on the token.
    server.answers(answer(&self::keys(), TYPE, &claims()));
    let verdict = world.verifier.authenticate("another").await;
    assert_eq!(verdict.map(|_| ()), Err(TokenError::Unavailable));
    key_server.times(1);
}
