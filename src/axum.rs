//! Extractors and responses for axum.

use std::{convert::Infallible, fmt};

use axum::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{Extensions, StatusCode, request::Parts};
use serde::de::DeserializeOwned;

use crate::{
    bearer::{self, Checked, Roles, Schemes},
    claims::{Claims, VerifiedToken},
    context::RequestContext,
    error::TokenError,
    token::{CamelCaseTokens, TokenResponse},
    trace,
};

/// Why [`Claims`] or a [`VerifiedToken`] could not be extracted from a request.
#[derive(Clone, Debug)]
pub struct ClaimsRejection(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// No layer has seen the request, which is a mistake of the application.
    MissingLayer,
    Refused(bearer::Rejection),
}

const MISSING_LAYER: &str = "no BearerLayer saw this request: \
    add `.route_layer(BearerLayer::new(verifier))` to the routes that take claims";

impl ClaimsRejection {
    fn refused(rejection: bearer::Rejection, parts: &Parts) -> Self {
        let rejection = rejection.for_request(&parts.method, &parts.headers);
        let extensions = &parts.extensions;
        let by_token = extensions.get().map(|token: &VerifiedToken| {
            let schemes = Schemes::of_passed(token.is_proved());
            (token.space(), schemes)
        });
        let by_layer = || {
            let checked: Option<&Checked> = extensions.get();
            checked.map(|checked| (&checked.space, checked.schemes.clone()))
        };
        Self(Kind::Refused(match by_token.or_else(by_layer) {
            Some((space, schemes)) => rejection.in_space(space.clone()).with_schemes(schemes),
            None => rejection,
        }))
    }

    /// Whether no [`BearerLayer`](bearer::BearerLayer) has seen the request. That is a mistake in
    /// the application's routes, and is answered with a 500.
    pub fn is_missing_layer(&self) -> bool {
        matches!(self.0, Kind::MissingLayer)
    }
}

impl fmt::Display for ClaimsRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::MissingLayer => f.write_str(MISSING_LAYER),
            Kind::Refused(rejection) => rejection.fmt(f),
        }
    }
}

impl std::error::Error for ClaimsRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::MissingLayer => None,
            Kind::Refused(rejection) => rejection.source(),
        }
    }
}

impl IntoResponse for ClaimsRejection {
    fn into_response(self) -> Response {
        match self.0 {
            Kind::MissingLayer => {
                trace::warn!("{MISSING_LAYER}");
                (StatusCode::INTERNAL_SERVER_ERROR, MISSING_LAYER).into_response()
            }
            Kind::Refused(rejection) => IntoResponse::into_response(rejection),
        }
    }
}

fn token(extensions: &Extensions) -> Result<Option<VerifiedToken>, ClaimsRejection> {
    let token = extensions.get::<VerifiedToken>().cloned();
    if token.is_none() && extensions.get::<Checked>().is_none() {
        return Err(ClaimsRejection(Kind::MissingLayer));
    }
    Ok(token)
}

/// Reads the private claims as `P`. If they do not fit, the issuer and this application disagree
/// on the claims. The client can do nothing but get a new token, so this is logged for the
/// operator.
fn claims<P: DeserializeOwned>(
    token: &VerifiedToken,
    parts: &Parts,
) -> Result<Claims<P>, ClaimsRejection> {
    token.claims_as().map_err(|_error| {
        trace::warn!(
            expected = std::any::type_name::<P>(),
            error = std::error::Error::source(&_error).map(tracing::field::display),
            "a verified token's private claims do not fit"
        );
        ClaimsRejection::refused(TokenError::Claims.into(), parts)
    })
}

/// Requires a token. Without one the answer is a 401.
impl<S: Sync> FromRequestParts<S> for VerifiedToken {
    type Rejection = ClaimsRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ClaimsRejection> {
        let missing = bearer::Rejection::missing_token;
        token(&parts.extensions)?.ok_or_else(|| ClaimsRejection::refused(missing(), parts))
    }
}

/// Gives `None` if the request has no token.
impl<S: Sync> OptionalFromRequestParts<S> for VerifiedToken {
    type Rejection = ClaimsRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Option<Self>, ClaimsRejection> {
        token(&parts.extensions)
    }
}

/// Requires a token. The answer is a 401 if there is none or if its private claims do not fit `P`.
impl<S: Sync, P: DeserializeOwned> FromRequestParts<S> for Claims<P> {
    type Rejection = ClaimsRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ClaimsRejection> {
        let token =
            <VerifiedToken as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        claims(&token, parts)
    }
}

/// Gives `None` if the request has no token. The answer is a 401 if the private claims of the
/// token do not fit `P`.
impl<S: Sync, P: DeserializeOwned> OptionalFromRequestParts<S> for Claims<P> {
    type Rejection = ClaimsRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Option<Self>, ClaimsRejection> {
        let Some(token) = token(&parts.extensions)? else {
            return Ok(None);
        };
        claims(&token, parts).map(Some)
    }
}

/// Requires a token. Without one the answer is a 401.
impl<S: Sync, R: DeserializeOwned> FromRequestParts<S> for Roles<R> {
    type Rejection = ClaimsRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ClaimsRejection> {
        let token =
            <VerifiedToken as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(Self::of(&token))
    }
}

/// Gives `None` if the request has no token.
impl<S: Sync, R: DeserializeOwned> OptionalFromRequestParts<S> for Roles<R> {
    type Rejection = ClaimsRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Option<Self>, ClaimsRejection> {
        Ok(token(&parts.extensions)?.map(|token| Self::of(&token)))
    }
}

/// Whatever the request is, also outside of a layer.
impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::from(&*parts))
    }
}

/// The JSON of RFC 6749 §5.1, with `Cache-Control: no-store`.
impl IntoResponse for TokenResponse {
    fn into_response(self) -> Response {
        self.to_response().map(Body::from)
    }
}

/// The same in camelCase.
impl IntoResponse for CamelCaseTokens {
    fn into_response(self) -> Response {
        self.to_response().map(Body::from)
    }
}

/// The status, the JSON body and perhaps the nonce of
/// [`to_response`](crate::dpop::DpopError::to_response).
#[cfg(feature = "dpop")]
impl IntoResponse for crate::dpop::DpopError {
    fn into_response(self) -> Response {
        self.to_response().map(Body::from)
    }
}

/// Its JSON, with `Cache-Control: no-store`.
impl IntoResponse for crate::ticket::Ticket {
    fn into_response(self) -> Response {
        self.to_response().map(Body::from)
    }
}

impl IntoResponse for bearer::Rejection {
    fn into_response(self) -> Response {
        self.to_response().map(Body::from)
    }
}

/// The status and the JSON body of the error's [`code`](crate::session::SessionError::code).
#[cfg(feature = "session")]
impl IntoResponse for crate::session::SessionError {
    fn into_response(self) -> Response {
        self.to_response().map(Body::from)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::token::{AccessToken, RefreshToken};

    #[tokio::test]
    async fn a_token_response_is_rfc_6749() {
        let response = IntoResponse::into_response(TokenResponse {
            token_type: crate::TokenType::Bearer,
            access_token: AccessToken::new("a.b.c"),
            expires_in: Duration::from_secs(600),
            refresh_token: RefreshToken::new("r.s.t"),
            refresh_expires_in: Duration::from_secs(3600),
            scope: "read".parse().unwrap(),
            cookies_end_with_browser: false,
        });
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["pragma"], "no-cache");
        let body = axum::body::to_bytes(response.into_body(), 1024)
            .await
            .unwrap();
        assert_eq!(
            body,
            r#"{"access_token":"a.b.c","token_type":"Bearer","expires_in":600,"refresh_token":"r.s.t","scope":"read"}"#
        );
    }
}
