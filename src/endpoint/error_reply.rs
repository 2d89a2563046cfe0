use http::{
    HeaderValue, Response, Version,
    header::{CONNECTION, WWW_AUTHENTICATE},
};

#[cfg(feature = "dpop")]
use crate::dpop::{DPOP_NONCE, DpopError};
use crate::{
    error::ErrorCode,
    reply::{self, Pause, ReplyBody},
    session::SessionError,
};

/// The error that a request is answered with: a code and a description, which contains nothing of
/// the request.
#[derive(Clone, Debug)]
pub(super) struct ErrorReply {
    code: ErrorCode,
    description: &'static str,
    reason: Option<&'static str>,
    pause: Pause,
    /// The nonce that the next proof needs.
    #[cfg(feature = "dpop")]
    nonce: Option<HeaderValue>,
}

impl ErrorReply {
    /// `invalid_request`, with a description of what is wrong.
    pub(super) const fn request(description: &'static str) -> Self {
        Self {
            code: ErrorCode::InvalidRequest,
            description,
            reason: None,
            pause: Pause::OF_ENDPOINTS,
            #[cfg(feature = "dpop")]
            nonce: None,
        }
    }

    /// `invalid_request` for a request that has no token. It alone has a `reason`, by which a page
    /// knows that its browser has no cookie.
    pub(super) fn no_token(description: &'static str) -> Self {
        Self {
            reason: Some("no_token"),
            ..Self::request(description)
        }
    }

    /// `access_denied` for a refresh that only the browser can make, and no script. It alone has this
    /// `reason`.
    pub(super) fn device_bound() -> Self {
        Self {
            reason: Some("device_bound"),
            ..ErrorCode::DeviceBound.into()
        }
    }

    /// `invalid_dpop_proof` for a session that is bound to a key, at an endpoint that checks no proofs.
    pub(super) fn unchecked_proof() -> Self {
        Self {
            description: "DPoP proofs are not checked here",
            ..ErrorCode::InvalidDpopProof.into()
        }
    }

    pub(super) fn into_response(self) -> Response<ReplyBody> {
        let mut response =
            reply::error_because(self.code, self.description, self.reason, self.pause);
        if let Some(challenge) = challenge(self.code) {
            let challenge = HeaderValue::from_static(challenge);
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        #[cfg(feature = "dpop")]
        if let Some(nonce) = self.nonce {
            response.headers_mut().insert(DPOP_NONCE, nonce);
        }
        response.map(ReplyBody::from)
    }

    /// The answer to a request of this version of HTTP. Where the rest of the body may still be on
    /// its way, the connection is of no further use (RFC 9110 §15.5.9). HTTP/2 has no such header:
    /// there it is only the stream that ends.
    pub(super) fn into_response_over(self, version: Version) -> Response<ReplyBody> {
        let code = self.code;
        let mut response = self.into_response();
        if code == ErrorCode::BodyIncomplete && version <= Version::HTTP_11 {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        response
    }
}

/// RFC 6749 §5.2 and RFC 7662 §2.3 require a challenge for these errors. With other errors it would make
/// some HTTP clients hide the error from the application.
const fn challenge(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::InvalidClient => Some("Basic realm=\"client\", charset=\"UTF-8\""),
        ErrorCode::InvalidToken => Some("Bearer realm=\"introspection\", error=\"invalid_token\""),
        _ => None,
    }
}

impl From<ErrorCode> for ErrorReply {
    fn from(code: ErrorCode) -> Self {
        Self {
            code,
            description: code.description(),
            reason: None,
            pause: Pause::OF_ENDPOINTS,
            #[cfg(feature = "dpop")]
            nonce: None,
        }
    }
}

impl From<&SessionError> for ErrorReply {
    fn from(error: &SessionError) -> Self {
        Self {
            pause: error.pause(),
            ..error.code().into()
        }
    }
}

#[cfg(feature = "dpop")]
impl From<DpopError> for ErrorReply {
    fn from(error: DpopError) -> Self {
        Self {
            code: error.code(),
            description: error.description(),
            reason: None,
            pause: Pause::OF_ENDPOINTS,
            nonce: error.nonce().cloned(),
        }
    }
}
