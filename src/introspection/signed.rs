//! Signed answers (RFC 9701).

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use serde_json::{Map, Value};

use super::failure::Failure;
use crate::{
    clock::Timestamp,
    error::TokenError,
    json,
    jws::Header,
    verifier::{IssuerKeys, Missing},
};

/// The type of a signed answer, and with `application/` before it the media type (RFC 9701 §8.3).
const TYPE: &str = "token-introspection+jwt";
const MEDIA_TYPE: &str = "application/token-introspection+jwt";

/// How long an answer may have been under way, besides the leeway.
const UNDER_WAY: Duration = Duration::from_secs(60);

/// How signed answers are verified.
#[derive(Debug)]
pub(super) struct SignedAnswers {
    pub(super) keys: IssuerKeys,
    /// By what name the server knows this API.
    pub(super) recipient: String,
    pub(super) required: bool,
}

/// What an answer has to be right for.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) asked: Timestamp,
    pub(super) now: Timestamp,
    pub(super) leeway: Duration,
}

pub(super) fn is_signed(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(MEDIA_TYPE))
}

/// Which kinds of answers are asked for.
pub(super) fn accepted(signed: Option<&SignedAnswers>) -> HeaderValue {
    HeaderValue::from_static(match signed {
        None => "application/json",
        Some(SignedAnswers { required: true, .. }) => MEDIA_TYPE,
        Some(_) => "application/token-introspection+jwt, application/json;q=0.5",
    })
}

impl SignedAnswers {
    /// The members of the answer, if the server has signed it for this API (RFC 9701 §5).
    pub(super) async fn open(
        &self,
        jwt: &[u8],
        expected: &Expected<'_>,
    ) -> Result<Map<String, Value>, Failure> {
        let jwt =
            std::str::from_utf8(jwt).map_err(|_| Failure::Signature(TokenError::Malformed))?;
        let payload = self.verify(jwt).await.map_err(Failure::Signature)?;
        let mut claims = json::object(&payload).map_err(Failure::NotJson)?;
        if claims.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
            return Err(Failure::NotForUs("iss"));
        }
        if !claims.get("aud").is_some_and(|aud| self.is_named_by(aud)) {
            return Err(Failure::NotForUs("aud"));
        }
        let issued = claims
            .remove("iat")
            .map(serde_json::from_value::<Timestamp>);
        let issued = issued
            .and_then(Result::ok)
            .ok_or(Failure::NotForUs("iat"))?;
        let slack = expected.leeway + UNDER_WAY;
        if issued < expected.asked - slack || expected.now + slack < issued {
            return Err(Failure::NotForUs("iat"));
        }
        match claims.remove("token_introspection") {
            Some(Value::Object(members)) => Ok(members),
            _ => Err(Failure::NoVerdict),
        }
    }

    /// Waits once, where the key is being fetched.
    async fn verify(&self, jwt: &str) -> Result<Vec<u8>, TokenError> {
        let open = || {
            let is_right_type = |header: &Header| header.is_type(TYPE);
            self.keys.usable_for();
            let opened = self.keys.set().open(jwt, is_right_type, jwt.len());
            opened.map(|opened| opened.payload)
        };
        match (open(), self.keys.source()) {
            (Err(TokenError::UnknownKey), Some(source)) => {
                if let Missing::Fetching(fetching) = source.missing(None) {
                    fetching.await;
                }
                open()
            }
            (opened, _) => opened,
        }
    }

    fn is_named_by(&self, audience: &Value) -> bool {
        match audience {
            Value::String(one) => *one == self.recipient,
            Value::Array(many) => many.iter().any(|one| one.as_str() == Some(&self.recipient)),
            _ => false,
        }
    }
}
