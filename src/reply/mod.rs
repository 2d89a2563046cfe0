//! The small JSON answers that this crate makes itself.
#![cfg_attr(
    not(feature = "_jws"),
    allow(dead_code, reason = "clients and stores use a part of it")
)]

#[cfg(feature = "_jws")]
mod future;
mod load;
#[cfg(feature = "_jws")]
mod methods;
mod retry_after;

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER},
};
use http_body::{Frame, SizeHint};
use serde::Serialize;

use crate::error::ErrorCode;

#[cfg(feature = "_jws")]
pub(crate) use future::ReplyFuture;
#[cfg(feature = "_jws")]
pub use future::ResponseFuture;
#[cfg(feature = "_jws")]
pub(crate) use methods::method_not_allowed;
pub(crate) use retry_after::Pause;

/// A short response body that is already complete.
#[derive(Clone, Debug, Default)]
pub struct ReplyBody(Option<Bytes>);

impl From<Bytes> for ReplyBody {
    fn from(bytes: Bytes) -> Self {
        Self(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl http_body::Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// The description of a missing token. Its challenge has none (RFC 6750 §3.1), but people read the
/// body, or what gRPC has instead of one.
pub(crate) const TOKEN_REQUIRED: &str = "an access token is required";

/// An answer with the status of `code`, and `error` and `error_description` as JSON (RFC 6749
/// §5.2).
pub(crate) fn error(code: ErrorCode, description: &str) -> Response<Bytes> {
    error_because(code, description, None, Pause::OF_ENDPOINTS)
}

/// [`error`] with a third member, `reason`, for what a client has to tell apart and the codes of
/// the RFC do not. A 503 tells the pause.
pub(crate) fn error_because(
    code: ErrorCode,
    description: &str,
    reason: Option<&'static str>,
    pause: Pause,
) -> Response<Bytes> {
    let (name, description) = match code {
        ErrorCode::MissingToken => ("unauthorized", TOKEN_REQUIRED),
        _ => (code.as_str(), description),
    };
    let mut response = json(&ErrorBody {
        error: name,
        error_description: description,
        reason,
    });
    *response.status_mut() = code.status();
    if code == ErrorCode::TemporarilyUnavailable {
        response
            .headers_mut()
            .insert(RETRY_AFTER, pause.seconds().into());
    }
    response
}

/// An answer with status 200 and a JSON body, which must not be cached.
pub(crate) fn json(body: &impl Serialize) -> Response<Bytes> {
    // The bodies are this crate's own structs of strings and numbers: they always serialise.
    let text = serde_json::to_vec(body).unwrap_or_default();
    no_store_json(text.into())
}

/// An answer with status 200 and this JSON text, which must not be cached.
pub(crate) fn no_store_json(text: Bytes) -> Response<Bytes> {
    let mut response = Response::new(text);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
