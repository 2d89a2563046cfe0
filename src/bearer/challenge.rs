//! What a refused request is told (RFC 6750 §3).

use std::{error::Error as StdError, fmt};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response,
    header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
};

use crate::{
    claims::Scope,
    error::{ErrorCode, TokenError},
    realm::Realm,
    reply,
};

/// Why a request was refused, and the answer that says so.
///
/// The layer makes these; an application that checks more by itself can answer in the same
/// words:
///
/// ```
/// use http::{StatusCode, header::WWW_AUTHENTICATE};
/// use tower_bearer::bearer::Rejection;
///
/// let response = Rejection::insufficient_scope(&"admin".parse()?).to_response();
/// assert_eq!(response.status(), StatusCode::FORBIDDEN);
/// let challenge = response.headers()[WWW_AUTHENTICATE].to_str()?;
/// assert!(challenge.ends_with(r#"error="insufficient_scope", error_description="the access token does not allow this", scope="admin""#));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rejection {
    code: ErrorCode,
    cause: Option<TokenError>,
    scope: Option<Scope>,
    realm: Realm,
}

impl Rejection {
    fn new(code: ErrorCode) -> Self {
        Self {
            code,
            cause: None,
            scope: None,
            realm: Realm::default(),
        }
    }

    /// 401: no access token came. The challenge has no error code (RFC 6750 §3.1).
    pub fn missing_token() -> Self {
        Self::new(ErrorCode::MissingToken)
    }

    /// 403: the access token is good but lacks `needed`, which the challenge names.
    pub fn insufficient_scope(needed: &Scope) -> Self {
        Self {
            scope: Some(needed.clone()),
            ..Self::new(ErrorCode::InsufficientScope)
        }
    }

    /// 400: the credentials cannot be read.
    pub(super) fn malformed() -> Self {
        Self::new(ErrorCode::InvalidRequest)
    }

    /// 403: a page of another origin made a browser send its cookie.
    #[cfg(feature = "cookie")]
    pub(super) fn cross_origin() -> Self {
        Self::new(ErrorCode::CrossOrigin)
    }

    /// 503: whether the token is good cannot be told right now.
    pub(super) fn unavailable() -> Self {
        Self::new(ErrorCode::TemporarilyUnavailable)
    }

    /// 500: the layer itself is set up wrongly.
    pub(super) fn misconfigured() -> Self {
        Self::new(ErrorCode::ServerError)
    }

    /// The same with this realm in the challenge; by default it is `api`.
    #[must_use]
    pub fn with_realm(self, realm: Realm) -> Self {
        Self { realm, ..self }
    }

    /// What the wire says of it.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The scope that was asked for, where the token lacks it.
    pub fn scope(&self) -> Option<&Scope> {
        self.scope.as_ref()
    }

    /// What was wrong with the access token, where that is the reason. For logs and metrics: of
    /// this the peer learns only whether the token expired.
    pub fn cause(&self) -> Option<TokenError> {
        self.cause
    }

    /// The answer: status, challenge, and a JSON body `{"error","error_description"}`.
    pub fn to_response(&self) -> Response<Bytes> {
        let mut response = reply::error(self.code, self.description());
        self.complete(response.headers_mut());
        response
    }

    /// Adds the headers that the answer must have and lacks.
    pub(super) fn complete(&self, headers: &mut HeaderMap) {
        if let Some(challenge) = self.challenge() {
            headers.entry(WWW_AUTHENTICATE).or_insert(challenge);
        }
        if self.code == ErrorCode::TemporarilyUnavailable {
            headers
                .entry(RETRY_AFTER)
                .or_insert(HeaderValue::from_static("1"));
        }
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }

    /// Tells expired, which a client mends by a refresh, from the rest, and nothing more.
    fn description(&self) -> &'static str {
        match self.cause {
            Some(TokenError::Expired) => "the access token has expired",
            _ => self.code.description(),
        }
    }

    /// The value of `WWW-Authenticate`. All parts of it are checked or this crate's own: nothing
    /// of the request can get in.
    fn challenge(&self) -> Option<HeaderValue> {
        let mut challenge = format!("Bearer realm=\"{}\"", self.realm);
        match self.code {
            ErrorCode::MissingToken => {}
            ErrorCode::InvalidRequest | ErrorCode::InvalidToken | ErrorCode::InsufficientScope => {
                let (error, description) = (self.code.as_str(), self.description());
                challenge += &format!(", error=\"{error}\", error_description=\"{description}\"");
            }
            _ => return None,
        }
        // An empty list is none (RFC 6749 §3.3).
        if let Some(scope) = self.scope.as_ref().filter(|scope| !scope.is_empty()) {
            challenge += &format!(", scope=\"{scope}\"");
        }
        HeaderValue::try_from(challenge).ok()
    }
}

/// 401 `invalid_token`; 400 where the token is over the size limit.
impl From<TokenError> for Rejection {
    fn from(cause: TokenError) -> Self {
        Self {
            cause: Some(cause),
            ..Self::new(cause.into())
        }
    }
}

impl From<Rejection> for Response<Bytes> {
    fn from(rejection: Rejection) -> Self {
        rejection.to_response()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.code {
            ErrorCode::MissingToken => "there is no access token",
            _ => self.description(),
        })
    }
}

impl StdError for Rejection {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn challenge(rejection: Rejection, expected: &str) {
        let response = rejection.to_response();
        assert_eq!(response.headers()[WWW_AUTHENTICATE], expected);
    }

    #[test]
    fn each_code_has_its_challenge() {
        challenge(Rejection::missing_token(), r#"Bearer realm="api""#);
        challenge(
            Rejection::malformed(),
            r#"Bearer realm="api", error="invalid_request", error_description="the request is malformed""#,
        );
        challenge(
            TokenError::Expired.into(),
            r#"Bearer realm="api", error="invalid_token", error_description="the access token has expired""#,
        );
    }

    #[test]
    fn all_bad_tokens_but_expired_ones_look_alike() {
        for cause in [
            TokenError::Signature,
            TokenError::Revoked,
            TokenError::UnknownKey,
        ] {
            challenge(
                cause.into(),
                r#"Bearer realm="api", error="invalid_token", error_description="the access token is invalid""#,
            );
        }
    }

    #[test]
    fn what_is_not_the_tokens_fault_has_no_challenge() {
        for rejection in [Rejection::unavailable(), Rejection::misconfigured()] {
            assert!(
                !rejection
                    .to_response()
                    .headers()
                    .contains_key(WWW_AUTHENTICATE)
            );
        }
    }

    #[test]
    fn the_realm_and_the_scope_are_named() {
        const REALM: Realm = Realm::from_static("a b");
        let missing = Rejection::missing_token().with_realm(REALM);
        challenge(missing, r#"Bearer realm="a b""#);
        for (scope, named) in [("a b", r#", scope="a b""#), ("", "")] {
            let rejection = Rejection::insufficient_scope(&scope.parse().unwrap());
            challenge(
                rejection,
                &format!(
                    r#"Bearer realm="api", error="insufficient_scope", error_description="the access token does not allow this"{named}"#
                ),
            );
        }
    }
}
