//! What those get who come too often.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER};
use serde_json::json;
use tower_governor::GovernorError;

use crate::shared::auth;

/// 429, where no session is at stake: at the login, and for requests with an access token.
pub(crate) fn too_many(error: GovernorError) -> Response<Body> {
    answer(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", &error)
}

/// 503, where a client may take 429 for the end of its session, as Chromium does.
pub(crate) fn later(error: GovernorError) -> Response<Body> {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    answer(status, "temporarily_unavailable", &error)
}

fn answer(status: StatusCode, code: &str, error: &GovernorError) -> Response<Body> {
    let GovernorError::TooManyRequests { wait_time, .. } = error else {
        // The layer is where it cannot work.
        let body = json!({ "error": "server_error" });
        return auth::json(StatusCode::INTERNAL_SERVER_ERROR, &body).map(Body::new);
    };
    let body = json!({ "error": code, "error_description": "too many requests: come again later" });
    let mut response = auth::json(status, &body).map(Body::new);
    // The whole seconds of the wait are 0 where it is shorter than one. Nobody is to come too early.
    let seconds = HeaderValue::from(wait_time.saturating_add(1));
    response.headers_mut().insert(RETRY_AFTER, seconds);
    response
}
