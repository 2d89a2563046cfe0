//! The cookie that the layer reads if it was given one and the header has no token.

use http::{HeaderMap, Request};

use super::{challenge::Rejection, credentials::Credentials};
#[cfg(feature = "cookie")]
use crate::cookie::{AccessCookie, CrossOrigin, Found};

#[derive(Clone, Debug, Default)]
pub(super) struct Cookie(#[cfg(feature = "cookie")] Option<AccessCookie>);

#[cfg(feature = "cookie")]
impl Cookie {
    pub(super) fn new(cookie: &AccessCookie) -> Self {
        Self(Some(cookie.clone()))
    }

    /// The token in the cookie.
    pub(super) fn find<'a, B>(
        &self,
        request: &'a Request<B>,
    ) -> Result<Credentials<'a>, Rejection> {
        let Some(cookie) = &self.0 else {
            return Ok(Credentials::Absent);
        };
        match cookie.find(request) {
            Ok(Found::Absent) => Ok(Credentials::Absent),
            Ok(Found::Malformed) => Ok(Credentials::Malformed),
            Ok(Found::Token(token)) => Ok(Credentials::Token(token.as_bytes())),
            Err(CrossOrigin) => Err(Rejection::cross_origin()),
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
