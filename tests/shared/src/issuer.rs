//! An authorization server on loopback whose keys a test chooses one by one.

use std::{ops::Deref, time::Duration};

use http::{HeaderName, HeaderValue, request};
use serde_json::{Value, json};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey,
    clock::{Clock, SystemClock, Timestamp},
    testing::{Answer, FakeIssuer},
};

use crate::tokens::AUDIENCE;

pub const METADATA: &str = FakeIssuer::OPENID_METADATA;
pub const KEYS: &str = FakeIssuer::KEYS;
const LIFETIME: Duration = Duration::from_secs(300);

/// The server of the test kit, without keys and with its metadata in one place. It stops when it is dropped.
pub struct IssuerServer(FakeIssuer);

impl Deref for IssuerServer {
    type Target = FakeIssuer;

    fn deref(&self) -> &FakeIssuer {
        &self.0
    }
}

impl IssuerServer {
    /// A server whose metadata is right, and that has no keys yet.
    pub async fn start() -> Self {
        let server = FakeIssuer::start(AUDIENCE).await;
        server.answer(FakeIssuer::OAUTH_METADATA, Answer::status(404));
        server.answer(KEYS, Answer::json(json!({ "keys": [] })));
        Self(server)
    }

    /// Right metadata.
    pub fn metadata(&self) -> Value {
        serde_json::from_str(&self.0.metadata()).unwrap()
    }

    /// Publishes the keys of these.
    pub fn publish(&self, signers: &[&Signer]) {
        self.answer(KEYS, Answer::json(key_set(signers)));
    }

    /// The headers of all answers from now on. With an `etag`, requests that know it get a 304.
    pub fn headers(&self, headers: &[(&'static str, &'static str)]) {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        self.0.headers(headers.collect());
    }

    /// The last request.
    pub fn last(&self) -> request::Parts {
        self.last_request().unwrap()
    }

    /// A key of this issuer that is not published yet.
    pub fn signer(&self) -> Signer {
        Signer::new(&self.url())
    }
}

/// The JWK Set of these.
pub fn key_set(signers: &[&Signer]) -> Value {
    let keys = signers.iter().flat_map(|signer| signer.jwks());
    json!({ "keys": keys.collect::<Vec<_>>() })
}

/// A key of an issuer, and what is signed with it.
pub struct Signer(Issuer, SigningKey);

impl Signer {
    pub fn new(issuer: &str) -> Self {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let issuer = Issuer::new(issuer, AUDIENCE, KeySet::new(key.clone())).unwrap();
        Self(issuer, key)
    }

    /// The public keys.
    pub fn jwks(&self) -> Vec<Value> {
        let mut set: Value = serde_json::from_str(&self.0.keys().verifying().jwks()).unwrap();
        set["keys"].as_array_mut().unwrap().drain(..).collect()
    }

    /// A good token that was issued just now.
    pub fn token(&self) -> String {
        self.token_of(SystemClock.now())
    }

    /// A good token whose header names the key so.
    pub fn token_named(&self, kid: &str) -> String {
        self.token_named_of(kid, SystemClock.now())
    }

    /// The same, which was issued at this time.
    pub fn token_named_of(&self, kid: &str, issued_at: Timestamp) -> String {
        let key = self.1.clone().with_kid(kid).unwrap();
        let named = Issuer::new(self.0.issuer(), AUDIENCE, KeySet::new(key)).unwrap();
        let claims = named.claims("alice", issued_at, LIFETIME);
        named.sign(&claims).unwrap().expose().to_owned()
    }

    /// A token that was issued at this time, and is good for 5 minutes.
    pub fn token_of(&self, issued_at: Timestamp) -> String {
        let claims = self.0.claims("alice", issued_at, LIFETIME);
        self.0.sign(&claims).unwrap().expose().to_owned()
    }
}
