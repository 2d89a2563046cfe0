use http::{
    HeaderValue, Method, Response,
    header::{ALLOW, WWW_AUTHENTICATE},
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
}

impl ErrorReply {
    /// `invalid_request`, with a description of what is wrong.
    pub(super) const fn request(description: &'static str) -> Self {
        Self {
            code: ErrorCode::InvalidRequest,
            description,
        }
    }

    pub(super) fn into_response(self) -> Response<ReplyBody> {
        let mut response = reply::error(self.code, self.description);
        // RFC 6749 §5.2 requires the challenge for this error. With other errors it would make
        // some HTTP clients hide the error from the application.
        if self.code == ErrorCode::InvalidClient {
            let challenge = HeaderValue::from_static("Basic realm=\"client\", charset=\"UTF-8\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response.map(ReplyBody::from)
    }
}

impl From<ErrorCode> for ErrorReply {
    fn from(code: ErrorCode) -> Self {
        Self {
            code,
            description: code.description(),
        }
    }
}

/// A 405 that names the allowed methods (RFC 9110 §15.5.6).
pub(super) fn method_not_allowed(method: &Method, allow: &'static str) -> Response<ReplyBody> {
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
