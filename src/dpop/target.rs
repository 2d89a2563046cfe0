//! Where a request has gone to.

use http::{HeaderValue, header::HOST};

use super::RequestHead;

/// The path before nested axum routers have taken a part of it away.
#[cfg(feature = "axum")]
pub(super) fn original_path(request: RequestHead<'_>) -> &str {
    match request.extensions().get::<axum::extract::OriginalUri>() {
        Some(original) => original.path(),
        None => request.uri().path(),
    }
}

/// The host that the client has asked for. That of the request target, which HTTP/2 has, counts
/// before `Host` (RFC 9112 §3.2.2).
pub(super) fn authority(request: RequestHead<'_>) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => HeaderValue::to_str(host).ok(),
        _ => None,
    }
}
