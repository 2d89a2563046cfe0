//! [`Rejection`]: the answer to a refused request (RFC 6750 §3).

use std::{error::Error as StdError, fmt, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
};

#[cfg(feature = "dpop")]
use crate::dpop::DPOP_NONCE;
use crate::{
    claims::{Scope, VerifiedToken},
    error::{ErrorCode, TokenError},
    realm::{ProtectionSpace, Realm},
    reply::{self, Pause},
    trace,
};

use super::{acr::AcrValues, grpc::Grpc, params::ChallengeParameters, schemes::Schemes};

mod causes;
mod details;

use details::Details;

/// Why a request was refused. [`to_response`](Self::to_response) makes the answer to it.
///
/// The layer makes rejections. An application that makes further checks can use them to answer in
/// the same form:
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
    /// Another description than that of the code.
    description: Option<&'static str>,
    /// Boxed, so that results stay small.
    details: Option<Box<Details>>,
    space: ProtectionSpace,
    schemes: Schemes,
    /// The nonce that the next proof needs.
    #[cfg(feature = "dpop")]
    nonce: Option<Box<HeaderValue>>,
    /// Set if the request speaks gRPC.
    grpc: Option<Grpc>,
    /// Whether the log has been told of it.
    is_logged: bool,
}

impl Rejection {
    fn new(code: ErrorCode) -> Self {
        Self {
            code,
            cause: None,
            description: None,
            details: None,
            space: ProtectionSpace::default(),
            schemes: Schemes::default(),
            #[cfg(feature = "dpop")]
            nonce: None,
            grpc: None,
            is_logged: false,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Details)) -> Self {
        change(self.details.get_or_insert_default());
        self
    }

    /// 401: the request has no access token. The challenge has no error code (RFC 6750 §3.1).
    pub fn missing_token() -> Self {
        Self::new(ErrorCode::MissingToken)
    }

    /// 403: the access token is valid but lacks the scope `needed`, which the challenge names.
    pub fn insufficient_scope(needed: &Scope) -> Self {
        Self::new(ErrorCode::InsufficientScope).with(|details| details.scope = Some(needed.clone()))
    }

    /// 401: the access token is valid, but its user has to authenticate in one of these ways, which the
    /// challenge names (RFC 9470 §3).
    ///
    /// ```
    /// use http::{StatusCode, header::WWW_AUTHENTICATE};
    /// use tower_bearer::bearer::{AcrValues, Rejection};
    ///
    /// let classes = AcrValues::from_static("phr");
    /// let response = Rejection::insufficient_acr(&classes).to_response();
    /// assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    /// let challenge = response.headers()[WWW_AUTHENTICATE].to_str()?;
    /// assert!(challenge.contains(r#"error="insufficient_user_authentication""#));
    /// assert!(challenge.ends_with(r#", acr_values="phr""#));
    /// # Ok::<_, http::header::ToStrError>(())
    /// ```
    pub fn insufficient_acr(needed: &AcrValues) -> Self {
        Self::insufficient_user_authentication(Some(needed), None)
    }

    /// 401: the access token is valid, but its user has to have authenticated at most this long ago,
    /// which the challenge says in whole seconds (RFC 9470 §3).
    pub fn exceeded_max_age(max_age: Duration) -> Self {
        Self::insufficient_user_authentication(None, Some(max_age))
    }

    /// 401 that names what is required, of which there is at least one.
    pub(super) fn insufficient_user_authentication(
        acr_values: Option<&AcrValues>,
        max_age: Option<Duration>,
    ) -> Self {
        Self::new(ErrorCode::InsufficientUserAuthentication).with(|details| {
            details.acr = acr_values.cloned();
            details.max_age = max_age;
        })
    }

    /// 403 `access_denied`: the application refuses the request, whatever its access token allows. There is no
    /// challenge, as another token would change nothing.
    ///
    /// ```
    /// use http::StatusCode;
    /// use tower_bearer::bearer::Rejection;
    ///
    /// let response = Rejection::access_denied().to_response();
    /// assert_eq!(response.status(), StatusCode::FORBIDDEN);
    /// ```
    pub fn access_denied() -> Self {
        Self::new(ErrorCode::AccessDenied)
    }

    /// 403: the access token is valid but lacks a role, which is no scope that the challenge could name.
    pub(super) fn insufficient_role() -> Self {
        Self::new(ErrorCode::InsufficientScope)
    }

    /// 403: somebody acts for the user, by an access token that is valid. Another token of theirs would not help.
    pub(super) fn acting() -> Self {
        Self {
            description: Some("the user has to do this in person"),
            ..Self::access_denied()
        }
    }

    /// 400: the credentials cannot be read.
    pub(super) fn malformed() -> Self {
        Self::new(ErrorCode::InvalidRequest)
    }

    /// 403: a page of another origin made the browser send the cookie, or go to an address with a ticket.
    pub(super) fn cross_origin() -> Self {
        Self::new(ErrorCode::CrossOrigin)
    }

    /// 503: whether the session is still live cannot be determined right now.
    pub(super) fn unavailable() -> Self {
        Self::new(ErrorCode::TemporarilyUnavailable)
    }

    /// 500: the layer itself is set up wrongly.
    pub(super) fn misconfigured() -> Self {
        Self::new(ErrorCode::ServerError)
    }

    /// The same rejection with this realm in its challenge. The default is `api`.
    #[must_use]
    pub fn with_realm(mut self, realm: Realm) -> Self {
        self.space = self.space.with_realm(realm);
        self
    }

    /// The same rejection with these parameters in its challenge, besides those that it has by itself.
    #[must_use]
    pub fn with_parameters(self, parameters: ChallengeParameters) -> Self {
        self.with(|details| details.parameters = parameters)
    }

    /// The same rejection as the layer would make it that has let this token through: with its realm,
    /// the address of its resource's metadata, and the scheme by which the token came.
    #[must_use]
    pub fn for_token(self, token: &VerifiedToken) -> Self {
        self.in_space(token.space().clone())
            .with_schemes(Schemes::of_passed(token.is_proved()))
    }

    /// The same rejection of a request to what this names.
    pub(crate) fn in_space(self, space: ProtectionSpace) -> Self {
        Self { space, ..self }
    }

    /// The same rejection, which tells a client that needs another token the scope that it has to ask
    /// for.
    pub(super) fn asking_for(self, scope: impl FnOnce() -> Scope) -> Self {
        match self.status() == StatusCode::UNAUTHORIZED && self.scope().is_none() {
            true => self.with(|details| details.scope = Some(scope())),
            false => self,
        }
    }

    /// The same rejection with these schemes in its challenge.
    pub(crate) fn with_schemes(self, schemes: Schemes) -> Self {
        Self { schemes, ..self }
    }

    /// The same rejection, answered in the form that a request with this method and these headers
    /// understands: a gRPC request is answered in gRPC's own form, any other with JSON. Without
    /// this call the answer is JSON. The layer makes this call itself.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue, Method, StatusCode, header::CONTENT_TYPE};
    /// use tower_bearer::bearer::Rejection;
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc+proto"));
    /// let rejection = Rejection::missing_token().for_request(&Method::POST, &headers);
    /// let response = rejection.to_response();
    /// assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    /// assert_eq!(response.headers()["grpc-status"], "16");
    /// assert!(response.body().is_empty());
    /// ```
    #[must_use]
    pub fn for_request(self, method: &Method, headers: &HeaderMap) -> Self {
        let grpc = Grpc::of(method, headers);
        Self { grpc, ..self }
    }

    /// The same rejection, of which the log has been told.
    pub(super) fn logged(self) -> Self {
        self.log();
        Self {
            is_logged: true,
            ..self
        }
    }

    fn log(&self) {
        trace::debug!(
            code = ?self.code,
            cause = self.cause.map(tracing::field::display),
            scope = self.scope().map(tracing::field::display),
            acr_values = self.acr_values().map(tracing::field::display),
            max_age = self.max_age().map(|age| age.as_secs()),
            "request refused"
        );
    }

    /// The error code that the client is told.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The HTTP status of the answer: that of the [code](Self::code), but 401 if it is a proof that
    /// is refused (RFC 9449 §7.1).
    pub fn status(&self) -> StatusCode {
        match self.code {
            ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce => StatusCode::UNAUTHORIZED,
            code => code.status(),
        }
    }

    /// The scope that the token lacks, if that is the reason, or that the next token needs.
    pub fn scope(&self) -> Option<&Scope> {
        self.details.as_ref()?.scope.as_ref()
    }

    /// The ways in which the user may authenticate, if that is the reason.
    pub fn acr_values(&self) -> Option<&AcrValues> {
        self.details.as_ref()?.acr.as_ref()
    }

    /// How long ago the user may have authenticated, if that is the reason.
    pub fn max_age(&self) -> Option<Duration> {
        self.details.as_ref()?.max_age
    }

    /// What is wrong with the access token, if that is the reason. It is meant for logs and
    /// metrics: the client is told only whether the token has expired.
    pub fn cause(&self) -> Option<TokenError> {
        self.cause
    }

    /// The answer to the request: the status, the challenge and a JSON body with `error` and
    /// `error_description`. A gRPC request is answered with `grpc-status` and `grpc-message`
    /// instead of the body. See [the manual](crate::manual::grpc). A 503 has a `Retry-After`, and unless it is a token that
    /// cannot be judged it counts as [one more refusal](ErrorCode::TemporarilyUnavailable). With the feature `tracing`, it is
    /// logged why the request is refused, unless the layer has done so.
    pub fn to_response(&self) -> Response<Bytes> {
        if !self.is_logged {
            self.log();
        }
        let mut response = match self.grpc {
            Some(grpc) => grpc.error(self.code, self.status(), self.description(), self.pause()),
            None => reply::error_because(self.code, self.description(), None, self.pause()),
        };
        *response.status_mut() = self.status();
        self.complete(response.headers_mut());
        response
    }

    /// Adds those headers to an answer that it must have and does not have yet.
    pub(super) fn complete(&self, headers: &mut HeaderMap) {
        if !headers.contains_key(WWW_AUTHENTICATE) {
            for challenge in self.challenges() {
                headers.append(WWW_AUTHENTICATE, challenge);
            }
        }
        #[cfg(feature = "dpop")]
        if let Some(nonce) = &self.nonce {
            headers
                .entry(DPOP_NONCE)
                .or_insert_with(|| HeaderValue::clone(nonce));
        }
        if self.code == ErrorCode::TemporarilyUnavailable {
            headers
                .entry(RETRY_AFTER)
                .or_insert_with(|| self.pause().seconds().into());
        }
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }

    /// Anybody can make up a token that nobody can judge now.
    fn pause(&self) -> Pause {
        match self.cause {
            Some(_) => Pause::Second,
            None => Pause::OF_LAYERS,
        }
    }

    /// The description tells an expired token, which a client can refresh, from all other invalid
    /// ones, and gives no further detail.
    fn description(&self) -> &'static str {
        match self.cause {
            Some(TokenError::Expired | TokenError::Outdated) => "the access token has expired",
            _ => self.description.unwrap_or(self.code.description()),
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
mod tests;
