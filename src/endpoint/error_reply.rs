use http::{
    HeaderValue, Method, Response, Version,
    header::{ALLOW, CONNECTION, WWW_AUTHENTICATE},
};

use crate::{
    error::ErrorCode,
    reply::{self, ReplyBody},
};

/// The error that a request is answered with: a code and a description, which contains nothing of
/// the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct ErrorReply {
    code: ErrorCode,
    description: &'static str,
    reason: Option<&'static str>,
}

impl ErrorReply {
    /// `invalid_request`, with a description of what is wrong.
    pub(super) const fn request(description: &'static str) -> Self {
        Self {
            code: ErrorCode::InvalidRequest,
            description,
            reason: None,
        }
    }

    /// `invalid_request` for a request that has no token. It alone has a `reason`, by which a page
    /// knows that its browser has no cookie.
    pub(super) const fn no_token(description: &'static str) -> Self {
        Self {
            reason: Some("no_token"),
            ..Self::request(description)
        }
    }

    /// `access_denied` for a refresh that only the browser can make, and no script. It alone has this
    /// `reason`.
    pub(super) const fn device_bound() -> Self {
        Self {
            code: ErrorCode::DeviceBound,
            description: ErrorCode::DeviceBound.description(),
            reason: Some("device_bound"),
        }
    }

    pub(super) fn into_response(self) -> Response<ReplyBody> {
        let mut response = reply::error_because(self.code, self.description, self.reason);
        // RFC 6749 §5.2 requires the challenge for this error. With other errors it would make
        // some HTTP clients hide the error from the application.
        if self.code == ErrorCode::InvalidClient {
            let challenge = HeaderValue::from_static("Basic realm=\"client\", charset=\"UTF-8\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response.map(ReplyBody::from)
    }

    /// The answer to a request of this version of HTTP. Where the rest of the body may still be on
    /// its way, the connection is of no further use (RFC 9110 §15.5.9). HTTP/2 has no such header:
    /// there it is only the stream that ends.
    pub(super) fn into_response_over(self, version: Version) -> Response<ReplyBody> {
        let mut response = self.into_response();
        if self.code == ErrorCode::BodyIncomplete && version <= Version::HTTP_11 {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        response
    }
}

impl From<ErrorCode> for ErrorReply {
    fn from(code: ErrorCode) -> Self {
        Self {
            code,
            description: code.description(),
            reason: None,
        }
    }
}

/// A 405 that names the allowed methods (RFC 9110 §15.5.6).
pub(crate) fn method_not_allowed(method: &Method, allow: &'static str) -> Response<ReplyBody> {
    let mut response = ErrorReply::from(ErrorCode::MethodNotAllowed).into_response();
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allow));
    if method == Method::HEAD {
        response.map(|_| ReplyBody::default())
    } else {
        response
    }
}
