//! The application's own claims, on their way through tokens and stores. CI runs this with features
//! of serde_json that any crate of an application may turn on, and nothing may come out otherwise.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tests_shared as _;
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, Verifier,
    claims::Claims,
    clock::{Clock, SystemClock},
    session::{Grant, PrivateClaims, RefreshKey, RefreshRequest, Sessions},
    store::MemoryStore,
};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "https://api.example";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Mine {
    level: u32,
    ratio: f64,
    nested: Nested,
    list: Vec<f64>,
    #[serde(flatten)]
    more: More,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Nested {
    share: f32,
    largest: u64,
    least: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct More {
    rate: f64,
}

/// Some of these floats a parser reads wrong in the last bit, unless it is exact.
fn mine() -> Mine {
    Mine {
        level: 7,
        ratio: 0.1,
        nested: Nested {
            share: 0.3,
            largest: u64::MAX,
            least: i64::MIN,
        },
        list: vec![1.5e300, 5e-324, -0.000001234, 123456789.12345679, -0.0, 2.0],
        more: More { rate: 0.7 },
    }
}

/// In another order than that of the alphabet, as the claims above.
const TEXT: &str = concat!(
    r#"{"zeta":{"b":0.1,"a":[1.5,{"y":-2.5e-7,"x":3}]},"alpha":"#,
    r#"18446744073709551615,"object":{"$serde_json::private::Number":"1.5"}}"#,
);

fn keys() -> KeySet {
    KeySet::new(SigningKey::generate(Algorithm::HS256).unwrap())
}

/// The claims of the token as any reader has them.
fn payload(token: &str) -> Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let segment = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
}

#[test]
fn a_token_brings_the_claims_bit_for_bit() {
    let keys = keys();
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys.clone()).unwrap();
    let verifier = Verifier::new(ISSUER, AUDIENCE, keys.verifying()).unwrap();
    let claims = issuer.claims("anna", SystemClock.now(), Duration::from_secs(60));
    let token = issuer.sign(&claims.with_private(mine())).unwrap();
    let verified = verifier.verify(token.expose()).unwrap();
    let Claims { private, .. } = verified.claims_as::<Mine>().unwrap();
    assert_eq!(private, mine());
    assert!(
        private
            .list
            .iter()
            .any(|number| number.to_bits() == (-0.0_f64).to_bits())
    );
}

#[tokio::test]
async fn a_session_brings_the_claims_bit_for_bit() {
    let keys = keys();
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys.clone()).unwrap();
    let verifier = Verifier::new(ISSUER, AUDIENCE, keys.verifying()).unwrap();
    let refresh_key = RefreshKey::from_secret([7; 32]).unwrap();
    let sessions = Sessions::builder(issuer, refresh_key, MemoryStore::new()).build();
    let sessions = sessions.unwrap();
    let grant = Grant::new("anna").claims(&mine());
    let login = sessions.start(grant).await.unwrap();
    let request = RefreshRequest::new(login.refresh_token);
    let refreshed = sessions.refresh(request).await.unwrap();
    for token in [login.access_token, refreshed.tokens.access_token] {
        assert_eq!(payload(token.expose())["ratio"], 0.1);
        let verified = verifier.verify(token.expose()).unwrap();
        assert_eq!(verified.claims_as::<Mine>().unwrap().private, mine());
    }
}

#[test]
fn a_store_keeps_the_claims_bit_for_bit() {
    let claims = PrivateClaims::new(&mine()).unwrap();
    let kept = PrivateClaims::from_json(&claims.to_json()).unwrap();
    assert_eq!(kept, claims);
    assert_eq!(kept.get::<Mine>().unwrap(), mine());

    let claims = PrivateClaims::from_json(TEXT).unwrap();
    let kept = PrivateClaims::from_json(&claims.to_json()).unwrap();
    assert_eq!(kept, claims);
    for part in [
        r#""b":0.1"#,
        r#""y":-2.5e-7"#,
        r#"{"$serde_json::private::Number":"1.5"}"#,
    ] {
        assert!(kept.to_json().contains(part), "{}", kept.to_json());
    }
}
