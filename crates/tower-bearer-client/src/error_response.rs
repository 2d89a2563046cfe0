use std::fmt;

use bytes::Bytes;
use http::{Response, StatusCode};
use tower_bearer::transport::TooLong;

pub(crate) type EndsSession = dyn Fn(&ErrorResponse<'_>) -> bool + Send + Sync;

/// An answer by which the token endpoint refuses a refresh (RFC 6749 §5.2), for
/// [`ends_session_when`](crate::ClientSessionBuilder::ends_session_when).
///
/// Its status is a client error (4xx), and neither 408, 425 nor 429, which say that the same request
/// may well succeed later.
pub struct ErrorResponse<'a> {
    response: &'a Response<Bytes>,
    code: Option<&'a str>,
}

impl<'a> ErrorResponse<'a> {
    pub(crate) fn new(response: &'a Response<Bytes>, code: Option<&'a str>) -> Self {
        Self { response, code }
    }

    /// The status: a client error (4xx).
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The `error` of RFC 6749 §5.2.
    ///
    /// `None` unless all of this holds:
    ///
    /// - There is one `Content-Type`, and it is `application/json`, with or without parameters.
    /// - The body is a JSON object in which no name comes twice, and is within
    ///   [`answer_limit`](crate::ClientSessionBuilder::answer_limit).
    /// - `error` is a string of 1 to 64 characters, and each of them is an ASCII letter, a digit or
    ///   one of `_-.:/`.
    ///
    /// Where a server sends something else, look at the [`body`](Self::body).
    pub fn code(&self) -> Option<&str> {
        self.code
    }

    /// The body, of any content type. `None` if it has more bytes than
    /// [`answer_limit`](crate::ClientSessionBuilder::answer_limit) allows: it was not read then.
    pub fn body(&self) -> Option<&[u8]> {
        let is_read = self.response.extensions().get::<TooLong>().is_none();
        is_read.then(|| self.response.body().as_ref())
    }
}

impl fmt::Debug for ErrorResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A server may have put a token into the body.
        f.debug_struct("ErrorResponse")
            .field("status", &self.status())
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}
