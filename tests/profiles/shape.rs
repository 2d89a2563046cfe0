//! What is known of a provider's tokens, and how one is made.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tower_bearer::{
    Algorithm, TokenProfile, TrustedIssuer, VerifiedToken, Verifier, VerifyingKey, VerifyingKeys,
    clock::{ManualClock, Timestamp},
    error::TokenError,
};

pub(crate) const NOW: i64 = 1_000_000;
pub(crate) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
pub(crate) const KID: &str = "k";

/// A token: the header's `typ`, if it has one, and the claims.
#[derive(Clone, Debug)]
pub(crate) struct Token(pub(crate) Option<&'static str>, pub(crate) Value);

/// The tokens of one provider.
pub(crate) struct Shape {
    /// The name of its profile.
    pub(crate) name: &'static str,
    pub(crate) issuer: &'static str,
    /// What the API is configured for.
    pub(crate) audience: &'static str,
    pub(crate) access: Token,
    /// `sub`, `client_id`, `scope`, `sid`, `jti`, `aud` and roles, as the application gets them.
    pub(crate) read: Value,
    /// An ID token of the same user and client.
    pub(crate) id: Option<Token>,
    /// Refresh tokens, logout tokens and the like, where they are JWTs.
    pub(crate) others: Vec<Token>,
    /// Changes after which the access token is none any more.
    pub(crate) marks: Vec<Value>,
}

impl Shape {
    pub(crate) fn profile(&self) -> TokenProfile {
        TokenProfile::named(self.name).unwrap()
    }

    /// Whether the profile is RFC 9068 as it stands.
    pub(crate) fn is_strict(&self) -> bool {
        self.access.0 == Some("at+jwt") && self.marks.is_empty()
    }

    /// Whether tokens are accepted whoever they are meant for.
    pub(crate) fn takes_any_audience(&self) -> bool {
        self.is_danger() && self.name != "danger-canaille"
    }

    /// Whether the name of the profile warns of it.
    pub(crate) fn is_danger(&self) -> bool {
        self.name.starts_with("danger-")
    }

    pub(crate) fn verifier(&self) -> Verifier {
        self.verifier_with(self.profile())
    }

    pub(crate) fn verifier_with(&self, profile: TokenProfile) -> Verifier {
        verifier(trusted(self.issuer, self.audience).profile(profile))
    }

    /// Verifies an access token after these changes to its claims.
    pub(crate) fn verify(&self, changes: &Value) -> Result<VerifiedToken, TokenError> {
        self.verifier().verify(&sign(&self.access.with(changes)))
    }
}

impl Token {
    /// This token with these claims over its own. The value `absent` removes one.
    pub(crate) fn with(&self, changes: &Value) -> Self {
        let mut claims = self.1.clone();
        let members = claims.as_object_mut().unwrap();
        members.extend(changes.as_object().unwrap().clone());
        members.retain(|_, value| *value != "absent");
        Self(self.0, claims)
    }
}

pub(crate) fn keys(secret: &[u8], kid: &str) -> VerifyingKeys {
    let key = VerifyingKey::from_secret(Algorithm::HS256, secret).unwrap();
    VerifyingKeys::new([key.with_kid(kid).unwrap()]).unwrap()
}

pub(crate) fn trusted(issuer: &str, audience: &str) -> TrustedIssuer {
    TrustedIssuer::new(issuer, audience, keys(SECRET, KID)).unwrap()
}

pub(crate) fn verifier(issuer: TrustedIssuer) -> Verifier {
    let clock = ManualClock::new(Timestamp::from_secs(NOW));
    Verifier::trusting([issuer]).unwrap().clock(clock)
}

pub(crate) fn sign(token: &Token) -> String {
    sign_by(SECRET, KID, token)
}

pub(crate) fn sign_by(secret: &[u8], kid: &str, Token(typ, claims): &Token) -> String {
    sign_text(secret, kid, *typ, &claims.to_string())
}

pub(crate) fn sign_text(secret: &[u8], kid: &str, typ: Option<&str>, payload: &str) -> String {
    let mut header = json!({ "alg": "HS256", "kid": kid });
    if let Some(typ) = typ {
        header["typ"] = typ.into();
    }
    sign_headed(secret, header, payload)
}

pub(crate) fn sign_headed(secret: &[u8], header: Value, payload: &str) -> String {
    let head = URL_SAFE_NO_PAD.encode(header.to_string());
    let body = URL_SAFE_NO_PAD.encode(payload);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(format!("{head}.{body}").as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{head}.{body}.{signature}")
}

/// What the application gets of a token.
pub(crate) fn read(token: &VerifiedToken) -> Value {
    let claims = token.claims();
    json!({
        "sub": claims.sub, "client_id": claims.client_id, "scope": claims.scope, "sid": claims.sid,
        "jti": claims.jti, "aud": claims.aud, "roles": token.roles().collect::<Vec<_>>(),
    })
}

/// All providers.
pub(crate) fn all() -> Vec<Shape> {
    let mut all = crate::hosted::shapes();
    all.extend(crate::own::strict());
    all.extend(crate::own::others());
    all
}

#[track_caller]
pub(crate) fn named(name: &str) -> Shape {
    let mut all = all().into_iter();
    all.find(|shape| shape.name == name).unwrap()
}
