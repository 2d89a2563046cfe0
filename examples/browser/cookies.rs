//! The cookies of a session, and whether they are bound to the device.

use std::env;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use tower_bearer::{
    TokenResponse,
    cookie::{AccessCookie, CookieOptions, RefreshCookie},
    dbsc::{DeviceBinding, DeviceOptions, DeviceSecret},
    endpoint::EndpointOptions,
    session::{SessionError, Sessions},
};

use super::shared::config::StartError;

/// Whether the setting is on.
pub(crate) fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|set| set == "1")
}

#[derive(Clone)]
pub(crate) enum Cookies {
    Plain(RefreshCookie),
    /// Browsers that can bind the session to their device are asked to, with a second cookie for the
    /// access token.
    Bound(DeviceBinding, AccessCookie),
}

impl Cookies {
    pub(crate) fn new(sessions: &Sessions) -> Result<Self, StartError> {
        // No other host can set it.
        let mut options = CookieOptions::new();
        if is_set("INSECURE_COOKIES") {
            options = options.danger_insecure_over_http();
        }
        let error = |error| StartError::new("cookie", &error);
        let refresh = RefreshCookie::new(sessions, options).map_err(error)?;
        if !is_set("DEVICE_BOUND") {
            return Ok(Self::Plain(refresh));
        }
        let access = AccessCookie::new(CookieOptions::new()).map_err(error)?;
        let options = DeviceOptions::new(secret()?).under("/auth");
        let binding = DeviceBinding::new(sessions, &refresh.with_access_cookie(&access), options);
        Ok(Self::Bound(binding.map_err(error)?, access))
    }

    /// The endpoints take the refresh token from the cookie too.
    pub(crate) fn add_to(&self, options: EndpointOptions) -> EndpointOptions {
        match self {
            Self::Plain(cookie) => options.refresh_cookie(cookie),
            Self::Bound(binding, _) => options.device_binding(binding),
        }
    }

    /// The answer to a login: the refresh token in a cookie, and only the access token in the body.
    pub(crate) fn response(&self, tokens: &TokenResponse) -> Result<Response, SessionError> {
        match self {
            Self::Plain(cookie) => Ok(cookie.response(tokens)?.into_response()),
            Self::Bound(binding, _) => Ok(binding.response(tokens)?.into_response()),
        }
    }

    /// The answer to a logout, once the session has been ended.
    pub(crate) fn logged_out(&self) -> Response {
        match self {
            Self::Plain(cookie) => (cookie.clear(), StatusCode::NO_CONTENT).into_response(),
            Self::Bound(binding, _) => binding.logged_out().into_response(),
        }
    }
}

/// Made anew at each start. Browsers whose session is bound then need one more round trip, and a
/// server of several would read it from where all of them do.
fn secret() -> Result<DeviceSecret, StartError> {
    DeviceSecret::generate().map_err(|error| StartError::new("device secret", &error))
}
