//! Access tokens for tests, good ones and such as no issuer would make.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderValue, Request, header::AUTHORIZATION};
use serde_json::{Value, json};
use sha2::Sha256;
use tower_bearer::{
    Algorithm, Claims, Issuer, KeySet, SigningKey, VerifiedToken, Verifier,
    bearer::{Admission, SessionGuard},
    clock::{Clock, ManualClock, Timestamp},
    context::RequestHead,
};

pub const ISSUER: &str = "https://id.example";
pub const AUDIENCE: &str = "https://api.example";
pub const LIFETIME: Duration = Duration::from_secs(300);
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// An issuer, its verifier, and the one clock of both.
pub struct Tokens {
    pub issuer: Issuer,
    pub verifier: Verifier,
    pub clock: ManualClock,
    kid: String,
}

impl Tokens {
    pub fn new() -> Self {
        let key = SigningKey::from_secret(Algorithm::HS256, SECRET).unwrap();
        let kid = key.kid().to_owned();
        let keys = KeySet::new(key);
        let clock = ManualClock::new(Timestamp::from_secs(1_000_000));
        let verifier = Verifier::new(ISSUER, AUDIENCE, keys.verifying()).unwrap();
        Self {
            issuer: Issuer::new(ISSUER, AUDIENCE, keys).unwrap(),
            verifier: verifier.clock(clock.clone()),
            clock,
            kid,
        }
    }

    /// Claims of alice that are good for five minutes.
    pub fn claims(&self) -> Claims {
        self.issuer.claims("alice", self.clock.now(), LIFETIME)
    }

    pub fn sign<P: serde::Serialize>(&self, claims: &Claims<P>) -> String {
        self.issuer.sign(claims).unwrap().expose().to_owned()
    }

    /// A token of alice's without scope and session.
    pub fn plain(&self) -> String {
        self.sign(&self.claims())
    }

    pub fn scoped(&self, scope: &str) -> String {
        let mut claims = self.claims();
        claims.scope = scope.parse().unwrap();
        self.sign(&claims)
    }

    pub fn with_sid(&self, sid: &str) -> String {
        let mut claims = self.claims();
        claims.sid = Some(sid.to_owned());
        self.sign(&claims)
    }

    /// A token with these members over the usual ones; signed rightly, whatever they are.
    pub fn forge(&self, header: &Value, claims: &Value) -> String {
        let now = self.clock.now().as_secs();
        let header = merge(
            json!({ "alg": "HS256", "typ": "at+jwt", "kid": self.kid }),
            header,
        );
        let claims = merge(
            json!({
                "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "exp": now + 300, "iat": now,
                "jti": "forged", "client_id": "app", "scope": "read write",
            }),
            claims,
        );
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
        mac.update(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        format!("{signed}.{signature}")
    }
}

fn merge(mut base: Value, over: &Value) -> Value {
    for (name, value) in over.as_object().into_iter().flatten() {
        base[name] = value.clone();
    }
    base
}

/// A GET without credentials.
pub fn bare() -> Request<()> {
    Request::new(())
}

/// A GET with this `Authorization`.
pub fn authorized(value: &str) -> Request<()> {
    let mut request = bare();
    let value = HeaderValue::from_str(value).unwrap();
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}

/// A GET with this bearer token.
pub fn bearer(token: &str) -> Request<()> {
    authorized(&format!("Bearer {token}"))
}

/// What a guard says of a token that came with a request of which nothing else is known.
pub fn admit<G: SessionGuard>(guard: &G, token: &VerifiedToken) -> Admission {
    guard.admit(token, RequestHead::from(&Request::new(())))
}
