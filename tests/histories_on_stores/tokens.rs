//! What a client holds, read as anyone who holds it can read it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use tower_bearer::{
    Algorithm, Claims, Issuer, KeySet, RefreshToken, SessionId, SigningKey, TokenResponse,
    Verifier,
    clock::{ManualClock, Timestamp},
    session::Presented,
};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const SECRET: [u8; 32] = [7; 32];

pub(crate) fn issuer() -> Issuer {
    let key = SigningKey::from_secret(Algorithm::HS256, [5; 32]).unwrap();
    Issuer::new(ISSUER, AUDIENCE, KeySet::new(key)).unwrap()
}

pub(crate) fn verifier(issuer: &Issuer, clock: &ManualClock) -> Verifier {
    Verifier::new(ISSUER, AUDIENCE, issuer.keys().verifying())
        .unwrap()
        .clock(clock.clone())
}

/// An answer, opened.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) id: SessionId,
    pub(crate) tokens: TokenResponse,
    /// The claims of the refresh token.
    pub(crate) refresh: Value,
    pub(crate) presented: Presented,
    pub(crate) access: Claims,
}

impl Held {
    pub(crate) fn open(tokens: TokenResponse, verifier: &Verifier) -> Self {
        let segment = tokens.refresh_token.expose().split('.').nth(1).unwrap();
        let refresh: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap();
        let access = verifier.verify(tokens.access_token.expose()).unwrap();
        Self {
            id: refresh["sid"].as_str().unwrap().parse().unwrap(),
            presented: Presented::new(
                refresh["gen"].as_u64().unwrap() as u32,
                refresh["jti"].as_str().unwrap().parse().unwrap(),
                Timestamp::from_secs(refresh["exp"].as_i64().unwrap()),
            ),
            access: access.claims().clone(),
            refresh,
            tokens,
        }
    }

    /// A token of this generation, or a few further on, from someone who has the key but not
    /// the session's secret.
    pub(crate) fn forged(&self, ahead: u32) -> (RefreshToken, Presented) {
        let presented = Presented::new(
            self.presented.generation + ahead,
            uuid::Uuid::new_v8([1; 16]),
            self.presented.exp,
        );
        let mut claims = self.refresh.clone();
        claims["gen"] = presented.generation.into();
        claims["jti"] = presented.jti.to_string().into();
        let token = self.tokens.refresh_token.expose();
        let header = token.split('.').next().unwrap();
        let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut mac = Hmac::<Sha256>::new_from_slice(&SECRET).unwrap();
        mac.update(input.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        let token = RefreshToken::new(format!("{input}.{signature}"));
        (token, presented)
    }
}
