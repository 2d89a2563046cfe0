use std::fmt;

use http::{HeaderMap, HeaderValue, header::SET_COOKIE};

/// `Set-Cookie` headers (RFC 6265 §4.1) for a response.
///
/// `Debug` does not show them, and they are marked sensitive. With the feature `axum` they can be
/// part of a response: `(cookies, StatusCode::NO_CONTENT)`.
#[derive(Clone, Default)]
#[must_use]
pub struct SetCookies(Vec<HeaderValue>);

impl SetCookies {
    pub(super) fn one(mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        Self(vec![value])
    }

    #[cfg(feature = "session")]
    pub(super) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Adds the headers to those of a response, in addition to other cookies.
    pub fn append_to(self, headers: &mut HeaderMap) {
        for value in self.0 {
            headers.append(SET_COOKIE, value);
        }
    }
}

impl fmt::Debug for SetCookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetCookies(…)")
    }
}
