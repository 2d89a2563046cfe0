//! Responses with public JSON documents, which may be cached and have an entity tag.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};

use crate::{
    jws::hmac_sha256,
    reply::{ReplyBody, method_not_allowed},
};

/// How long caches may keep a document by default.
pub(crate) const DEFAULT_MAX_AGE: Duration = Duration::from_secs(300);

/// How long caches may keep a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    pub(crate) max_age: Duration,
    /// For how much longer where the server does not answer (RFC 5861 §4), in whole seconds.
    pub(crate) stale_if_error: Duration,
}

impl Lifetime {
    fn cache_control(self) -> String {
        let max_age = self.max_age.as_secs();
        match self.stale_if_error.as_secs() {
            0 => format!("public, max-age={max_age}"),
            more => format!("public, max-age={max_age}, stale-if-error={more}"),
        }
    }
}

/// The document is gone when this time is over.
impl From<Duration> for Lifetime {
    fn from(max_age: Duration) -> Self {
        Self {
            max_age,
            stale_if_error: Duration::ZERO,
        }
    }
}

/// Answers GET and HEAD with the document, or with a 304 if the client has it already.
pub(crate) fn respond<B>(
    request: &Request<B>,
    lifetime: impl Into<Lifetime>,
    document: impl FnOnce() -> String,
) -> Response<ReplyBody> {
    let method = request.method();
    if method != Method::GET && method != Method::HEAD {
        return method_not_allowed(method, "GET, HEAD");
    }
    let document = document();
    let tag = entity_tag(&document);
    let known = holds(request.headers(), &tag);

    let mut response = Response::new(ReplyBody::default());
    set(
        &mut response,
        CACHE_CONTROL,
        &lifetime.into().cache_control(),
    );
    set(&mut response, ETAG, &tag);
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if method == Method::HEAD {
        set(&mut response, CONTENT_LENGTH, &document.len().to_string());
        return response;
    }
    response.map(|_| Bytes::from(document).into())
}

fn set(response: &mut Response<ReplyBody>, name: HeaderName, value: &str) {
    // The values consist of ASCII characters that are allowed in headers, so this never fails.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A strong entity tag (RFC 9110 §8.8.3): a digest of the content, so all servers give the same.
fn entity_tag(document: &str) -> String {
    let digest = hmac_sha256(b"entity tag", &[document.as_bytes()]);
    format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(digest))
}

/// Whether `If-None-Match` contains the tag, by weak comparison (RFC 9110 §13.1.2).
fn holds(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|known| {
            let known = known.trim();
            known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
        })
}
