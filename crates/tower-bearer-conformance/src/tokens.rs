//! Servers on the store under trial, and the tokens of a client, which are read without the keys of
//! the server.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use tower_bearer::{
    Algorithm, Issuer, KeySet, RefreshToken, SessionId, SigningKey, TokenResponse, VerifiedToken,
    Verifier,
    claims::KeyThumbprint,
    clock::Timestamp,
    session::{KeyProof, Possession, PresentedToken, RefreshKey, Sessions, SessionsBuilder},
    store::SessionStore,
};

use crate::trial::{ISSUER, key};

const AUDIENCE: &str = "https://api.example";

/// A server on the store.
pub(super) fn server<St: SessionStore>(store: St) -> SessionsBuilder<St> {
    let key = SigningKey::from_secret(Algorithm::HS256, [5; 32]).unwrap();
    let issuer = Issuer::new(ISSUER, AUDIENCE, KeySet::new(key)).unwrap();
    SessionsBuilder::new(issuer, RefreshKey::from_keys(refresh_keys()), store)
}

fn refresh_keys() -> KeySet {
    KeySet::new(SigningKey::from_secret(Algorithm::HS256, [7; 32]).unwrap())
}

/// What the clients of bound sessions prove. They all have one key.
pub(super) fn proof() -> KeyProof {
    KeyProof::danger_unchecked(key(9))
}

/// Verifies the access tokens of a server.
pub(super) fn verifier<St: SessionStore>(server: &Sessions<St>) -> Verifier {
    let keys = server.issuer().keys().verifying();
    Verifier::new(ISSUER, AUDIENCE, keys).unwrap()
}

/// The answer of a server, with its tokens decoded.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) id: SessionId,
    pub(super) tokens: TokenResponse,
    /// The claims of the refresh token.
    pub(super) refresh: Value,
    pub(super) presented: PresentedToken,
    pub(super) access: VerifiedToken,
}

impl Held {
    pub(super) fn open(tokens: TokenResponse, verifier: &Verifier, now: Timestamp) -> Self {
        let segment = tokens.refresh_token.expose().split('.').nth(1).unwrap();
        let refresh: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap();
        let access = verifier.verify_at(tokens.access_token.expose(), now);
        Self {
            id: refresh["sid"].as_str().unwrap().parse().unwrap(),
            presented: PresentedToken::new(
                refresh["gen"].as_u64().unwrap() as u32,
                Timestamp::from_secs(refresh["exp"].as_i64().unwrap()),
                true,
            ),
            access: access.unwrap(),
            refresh,
            tokens,
        }
    }

    /// The key that the refresh token names.
    pub(super) fn key(&self) -> Option<KeyThumbprint> {
        let jkt = self.refresh["cnf"]["jkt"].as_str()?;
        Some(jkt.parse().unwrap())
    }

    /// The token in the hands of somebody who has the key, or has not. Either it or the session may
    /// be bound to a key.
    pub(super) fn in_hands(
        &self,
        bound_to: Option<&KeyThumbprint>,
        has_key: bool,
    ) -> PresentedToken {
        let possession = match (bound_to.is_some() || self.key().is_some(), has_key) {
            (false, _) => Possession::Unbound,
            (true, false) => Possession::Unproven,
            (true, true) => Possession::Proven,
        };
        self.presented.with_possession(possession)
    }

    /// A refresh token that is `ahead` generations after this one, forged by someone who has the
    /// key but not the session's secret.
    pub(super) fn forged(&self, ahead: u32) -> (RefreshToken, PresentedToken) {
        let generation = self.presented.generation + ahead;
        let presented = PresentedToken::new(generation, self.presented.exp, false);
        let mut claims = self.refresh.clone();
        claims["gen"] = generation.into();
        claims["jti"] = uuid::Uuid::new_v8([1; 16]).to_string().into();
        let token = refresh_keys().sign("rt+jwt", claims.to_string().as_bytes());
        (RefreshToken::new(token.unwrap()), presented)
    }
}
