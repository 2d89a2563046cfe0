//! The cookie for refresh tokens, if the application has configured one.

use bytes::Bytes;
use http::{HeaderMap, Request, Response};

use super::error_reply::ErrorReply;
use crate::{
    cookie::{Found, RefreshCookie},
    error::ErrorCode,
    session::{Refreshed, SessionError},
    token::RefreshToken,
};

#[derive(Clone, Debug, Default)]
pub(super) struct Carrier(Option<RefreshCookie>);

/// A token that came in the cookie. The new token goes back into the cookie.
pub(super) struct Carried {
    cookie: RefreshCookie,
    token: RefreshToken,
}

impl Carrier {
    pub(super) fn new(cookie: &RefreshCookie) -> Self {
        Self(Some(cookie.clone()))
    }

    /// The token in the request's cookie. A browser adds the cookie even if a page of another
    /// origin makes the request, so the origin is checked before the token.
    pub(super) fn find<B>(&self, request: &Request<B>) -> Result<Option<Carried>, ErrorReply> {
        let Some(cookie) = &self.0 else {
            return Ok(None);
        };
        match cookie.find(request.headers()) {
            Found::Absent => Ok(None),
            _ if !cookie.origins().admits(request) => Err(ErrorCode::CrossOrigin.into()),
            Found::Malformed => Err(ErrorReply::request("the cookie is repeated or malformed")),
            Found::Token(token) => Ok(Some(Carried {
                cookie: cookie.clone(),
                token: RefreshToken::new(token),
            })),
        }
    }
}

impl Carried {
    pub(super) fn token(&self) -> &str {
        self.token.expose()
    }

    pub(super) fn refreshed(&self, refreshed: &Refreshed) -> Result<Response<Bytes>, SessionError> {
        self.cookie.refreshed(refreshed)
    }

    /// Clears the cookie, in the answer to a revocation.
    pub(super) fn clear(&self, headers: &mut HeaderMap) {
        self.cookie.clear().append_to(headers);
    }
}
