//! The cookie that the layer reads if it was given one and the header has no token.

use http::{HeaderMap, Request};

use super::{challenge::Rejection, credentials::Credentials};
#[cfg(feature = "cookie")]
use crate::cookie::{AccessCookie, Found};

#[derive(Clone, Debug, Default)]
pub(super) struct Cookie(#[cfg(feature = "cookie")] Option<AccessCookie>);

#[cfg(feature = "cookie")]
impl Cookie {
    pub(super) fn new(cookie: &AccessCookie) -> Self {
        Self(Some(cookie.clone()))
    }

    /// The token in the cookie. A browser adds the cookie even if a page of another origin makes
    /// the request, so the origin is checked before the token.
    pub(super) fn find<'a, B>(
        &self,
        request: &'a Request<B>,
    ) -> Result<Credentials<'a>, Rejection> {
        let Some(cookie) = &self.0 else {
            return Ok(Credentials::Absent);
        };
        match cookie.find(request.headers()) {
            Found::Absent => Ok(Credentials::Absent),
            _ if !cookie.origins().admits(request) => Err(Rejection::cross_origin()),
            Found::Malformed => Ok(Credentials::Malformed),
            Found::Token(token) => Ok(Credentials::Token(token.as_bytes())),
        }
    }

    pub(super) fn mark_sensitive(&self, headers: &mut HeaderMap) {
        if self.0.is_some() {
            super::credentials::mark_sensitive(headers, &http::header::COOKIE);
        }
    }
}

#[cfg(not(feature = "cookie"))]
impl Cookie {
    pub(super) fn find<'a, B>(
        &self,
        _request: &'a Request<B>,
    ) -> Result<Credentials<'a>, Rejection> {
        Ok(Credentials::Absent)
    }

    pub(super) fn mark_sensitive(&self, _headers: &mut HeaderMap) {}
}
