//! Both sides of the wire.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, jwk::Jwk};
use serde_json::{Value, json};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, Verifier, VerifyingKeys,
    clock::{Clock, SystemClock},
    error::TokenError,
};

pub(crate) const ISS: &str = "https://id.example";
pub(crate) const AUD: &str = "https://api.example";

/// What both have, by both names.
pub(crate) const BOTH: [(Algorithm, jsonwebtoken::Algorithm); 12] = [
    (Algorithm::HS256, jsonwebtoken::Algorithm::HS256),
    (Algorithm::HS384, jsonwebtoken::Algorithm::HS384),
    (Algorithm::HS512, jsonwebtoken::Algorithm::HS512),
    (Algorithm::RS256, jsonwebtoken::Algorithm::RS256),
    (Algorithm::RS384, jsonwebtoken::Algorithm::RS384),
    (Algorithm::RS512, jsonwebtoken::Algorithm::RS512),
    (Algorithm::PS256, jsonwebtoken::Algorithm::PS256),
    (Algorithm::PS384, jsonwebtoken::Algorithm::PS384),
    (Algorithm::PS512, jsonwebtoken::Algorithm::PS512),
    (Algorithm::ES256, jsonwebtoken::Algorithm::ES256),
    (Algorithm::ES384, jsonwebtoken::Algorithm::ES384),
    (Algorithm::EdDSA, jsonwebtoken::Algorithm::EdDSA),
];

pub(crate) fn is_secret(algorithm: Algorithm) -> bool {
    algorithm.as_str().starts_with("HS")
}

/// The key of the files, or a new one: an RSA key takes long to make.
#[track_caller]
pub(crate) fn ours(algorithm: Algorithm) -> SigningKey {
    match algorithm.as_str().as_bytes() {
        [b'R' | b'P', ..] => {
            SigningKey::from_pem(algorithm, include_str!("../keys/rsa_pkcs8.pem")).unwrap()
        }
        _ => SigningKey::generate(algorithm).unwrap(),
    }
}

/// The same key there, from what this crate exports.
#[track_caller]
pub(crate) fn theirs(key: &SigningKey) -> EncodingKey {
    let text = key.export_private().unwrap();
    let text = text.expose();
    match key.algorithm().as_str().as_bytes() {
        [b'H', ..] => {
            let jwk: Value = serde_json::from_str(text).unwrap();
            let secret = URL_SAFE_NO_PAD.decode(jwk["k"].as_str().unwrap()).unwrap();
            EncodingKey::from_secret(&secret).unwrap()
        }
        [b'R' | b'P', ..] => EncodingKey::from_rsa_pem(text.as_bytes()).unwrap(),
        [b'E', b'S', ..] => EncodingKey::from_ec_pem(text.as_bytes()).unwrap(),
        _ => EncodingKey::from_ed_pem(text.as_bytes()).unwrap(),
    }
}

/// The JWK that verifies what the key signs: that of the JWKS, or the secret.
#[track_caller]
pub(crate) fn jwk(key: &SigningKey) -> Value {
    if is_secret(key.algorithm()) {
        return serde_json::from_str(key.export_private().unwrap().expose()).unwrap();
    }
    let set: Value = serde_json::from_str(&trusted(key).jwks()).unwrap();
    set["keys"][0].clone()
}

#[track_caller]
pub(crate) fn trusted(key: &SigningKey) -> VerifyingKeys {
    VerifyingKeys::new([key.verifying_key()]).unwrap()
}

/// Claims of RFC 9068, as a program there would write them.
pub(crate) fn claims() -> Value {
    let now = jsonwebtoken::get_current_timestamp();
    json!({
        "iss": ISS, "sub": "alice", "aud": AUD, "exp": now + 300, "iat": now, "jti": "1", "client_id": "c",
    })
}

/// A header as a program there has to write it.
pub(crate) fn header(algorithm: jsonwebtoken::Algorithm, kid: &str) -> Header {
    Header {
        typ: Some("at+jwt".to_owned()),
        kid: Some(kid.to_owned()),
        ..Header::new(algorithm)
    }
}

#[track_caller]
pub(crate) fn signed_here(key: &SigningKey) -> String {
    let issuer = Issuer::new(ISS, AUD, KeySet::new(key.clone())).unwrap();
    let claims = issuer.claims("alice", SystemClock.now(), Duration::from_secs(300));
    issuer.sign(&claims).unwrap().expose().to_owned()
}

/// Whose token it is, by this crate.
#[track_caller]
pub(crate) fn read_here(keys: &VerifyingKeys, token: &str) -> Result<String, TokenError> {
    let verifier = Verifier::new(ISS, AUD, keys.clone()).unwrap();
    let token = verifier.verify(token)?;
    Ok(token.claims().sub.clone())
}

/// What a careful program asks for.
pub(crate) fn validation(algorithm: jsonwebtoken::Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[ISS]);
    validation.set_audience(&[AUD]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation
}

/// Whose token it is, by the crate jsonwebtoken.
pub(crate) fn read_there(
    jwk: &Value,
    algorithm: jsonwebtoken::Algorithm,
    token: &str,
) -> Result<String, jsonwebtoken::errors::Error> {
    let jwk: Jwk = serde_json::from_value(jwk.clone())?;
    let key = DecodingKey::from_jwk(&jwk)?;
    let read = jsonwebtoken::decode::<Value>(token, &key, &validation(algorithm))?;
    Ok(read.claims["sub"].as_str().unwrap_or_default().to_owned())
}
