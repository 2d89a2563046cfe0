use std::{error::Error as StdError, fmt};

use bytes::Bytes;
use http::{HeaderValue, Response};

use super::DPOP_NONCE;
use crate::{
    error::{ErrorCode, TokenError},
    reply, trace,
};

/// Why a request is refused for its proof. It contains no part of the proof.
///
/// Its [`code`](Self::code) is what the client is told. The kind is for logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpopError {
    kind: DpopErrorKind,
    nonce: Option<HeaderValue>,
}

/// What is wrong with a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DpopErrorKind {
    /// There is none, where one is required.
    #[error("there is no DPoP proof")]
    Missing,
    /// There are two `DPoP` headers.
    #[error("there are two DPoP proofs")]
    Repeated,
    /// It is not a proof in form, its key or algorithm is not allowed, or its signature is wrong.
    #[error("the DPoP proof is no good: {0}")]
    Token(TokenError),
    /// A claim is missing, malformed or too long.
    #[error("a claim of the DPoP proof is missing or malformed")]
    Claims,
    /// It is for another method.
    #[error("the DPoP proof is for another method")]
    Method,
    /// It is for another URL. If each proof is refused for this, the
    /// [public address](super::DpopVerifier::new) may be set up wrongly.
    #[error("the DPoP proof is for another URL")]
    Url,
    /// Its `iat` is too far from the time of this server.
    #[error("the DPoP proof is too old, or from the future")]
    Time,
    /// It has no nonce, and needs one.
    #[error("the DPoP proof has no nonce")]
    NonceMissing,
    /// Its nonce was not given out by this server, or too long ago.
    #[error("the nonce of the DPoP proof is refused")]
    Nonce,
    /// It does not name the access token that it came with, or names another one.
    #[error("the DPoP proof is for another access token")]
    OtherToken,
    /// It is right, but by another key than the access token's.
    #[error("the DPoP proof is by another key than the token's")]
    OtherKey,
    /// It was seen before.
    #[error("the DPoP proof was used before")]
    Replayed,
}

impl DpopError {
    /// The error of a request without a proof, at this path, that needs one.
    pub(crate) fn missing(path: &str) -> Self {
        trace::debug!(path, "there is no DPoP header, and this request needs one");
        let _ = path;
        DpopErrorKind::Missing.into()
    }

    pub(super) fn with_nonce(kind: DpopErrorKind, nonce: Option<HeaderValue>) -> Self {
        Self { kind, nonce }
    }

    /// What is wrong with the proof.
    pub fn kind(&self) -> DpopErrorKind {
        self.kind
    }

    /// The error code that the client is told. An access token that comes with a right proof of
    /// another key is an invalid one (RFC 9449 §7.1).
    pub fn code(&self) -> ErrorCode {
        match self.kind {
            DpopErrorKind::NonceMissing | DpopErrorKind::Nonce => ErrorCode::UseDpopNonce,
            DpopErrorKind::OtherKey => ErrorCode::InvalidToken,
            _ => ErrorCode::InvalidDpopProof,
        }
    }

    /// The nonce for the client's next try: the value of `DPoP-Nonce` in the answer. It is there if
    /// the code is `use_dpop_nonce`.
    pub fn nonce(&self) -> Option<&HeaderValue> {
        self.nonce.as_ref()
    }

    /// The answer to a login that is refused for its proof: 400, with `error` and
    /// `error_description` as JSON (RFC 9449 §5), and with `DPoP-Nonce` where a nonce is asked for.
    pub fn to_response(&self) -> Response<Bytes> {
        let mut response = reply::error(self.code(), self.description());
        if let Some(nonce) = &self.nonce {
            response.headers_mut().insert(DPOP_NONCE, nonce.clone());
        }
        response
    }

    /// It tells what the client can mend or knows anyway, and nothing else.
    pub(crate) fn description(&self) -> &'static str {
        match self.kind {
            DpopErrorKind::Missing => "a DPoP proof is required",
            DpopErrorKind::Time => "the iat of the DPoP proof is too far from the server's time",
            _ => self.code().description(),
        }
    }
}

impl From<DpopErrorKind> for DpopError {
    fn from(kind: DpopErrorKind) -> Self {
        Self { kind, nonce: None }
    }
}

impl From<DpopError> for Response<Bytes> {
    fn from(error: DpopError) -> Self {
        error.to_response()
    }
}

impl fmt::Display for DpopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl StdError for DpopError {}
