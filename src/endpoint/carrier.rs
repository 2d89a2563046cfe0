//! The refresh token of a request, from its body or, with the feature `cookie`, from a cookie.

use super::error_reply::ErrorReply;
use crate::trace;

#[cfg(feature = "cookie")]
pub(super) use super::cookie::{Carried, Carrier};
#[cfg(not(feature = "cookie"))]
pub(super) use none::{Carried, Carrier};

/// The cookie, if it counts. One of another program that comes beside a token in the body does not: it is still there
/// because nobody has expired it, or somebody else has planted it.
pub(super) fn counting(in_body: Option<&str>, carried: Option<Carried>) -> Option<Carried> {
    carried.filter(|carried| in_body.is_none() || !carried.is_foreign())
}

/// The token of a request, from its body or from the cookie. It is an error if both have one.
pub(super) fn only<'a>(
    in_body: Option<&'a str>,
    carried: Option<&'a Carried>,
    missing: &'static str,
) -> Result<&'a str, ErrorReply> {
    match (in_body, carried.map(Carried::token)) {
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (None, None) => Err(no_token(missing)),
        (Some(_), Some(_)) => Err(ErrorReply::request(
            "there is a token in the body and a cookie",
        )),
    }
}

fn no_token(missing: &'static str) -> ErrorReply {
    trace::debug!(
        "a request brings no token, neither in its body nor in a cookie; where there is a cookie, \
         browsers send it below its Path only, and keep a Secure one over HTTPS and on localhost only"
    );
    ErrorReply::no_token(missing)
}

#[cfg(not(feature = "cookie"))]
mod none {
    use bytes::Bytes;
    use http::{HeaderMap, Request, Response, request::Parts};

    use super::ErrorReply;
    use crate::session::{RefreshRequest, Refreshed, SessionError};

    #[derive(Clone, Debug, Default)]
    pub(in crate::endpoint) struct Carrier(());

    pub(in crate::endpoint) enum Carried {}

    impl Carrier {
        pub(in crate::endpoint) fn find<B>(
            &self,
            _request: &Request<B>,
        ) -> Result<Option<Carried>, ErrorReply> {
            Ok(None)
        }

        pub(in crate::endpoint) fn binds_devices(&self) -> bool {
            false
        }

        pub(in crate::endpoint) fn unproven_device(&self, _request: &Parts) -> ErrorReply {
            ErrorReply::device_bound()
        }
    }

    impl Carried {
        pub(in crate::endpoint) fn token(&self) -> &str {
            match *self {}
        }

        pub(in crate::endpoint) fn is_foreign(&self) -> bool {
            match *self {}
        }

        pub(in crate::endpoint) fn beside(&self) -> Option<&str> {
            match *self {}
        }

        pub(in crate::endpoint) fn add_to(&self, _request: RefreshRequest) -> RefreshRequest {
            match *self {}
        }

        pub(in crate::endpoint) fn refreshed(
            &self,
            _refreshed: &Refreshed,
        ) -> Result<Response<Bytes>, SessionError> {
            match *self {}
        }

        pub(in crate::endpoint) fn clear(&self, _headers: &mut HeaderMap) {
            match *self {}
        }
    }
}
