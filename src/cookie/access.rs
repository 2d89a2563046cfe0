#[cfg(feature = "dbsc")]
use std::time::Duration;

#[cfg(feature = "dbsc")]
use http::HeaderMap;
use http::Request;

#[cfg(feature = "dbsc")]
use super::options::HOST_HTTP;
use super::{
    attributes::{Age, Attributes},
    find::{CrossOrigin, Found},
    options::CookieOptions,
    origin::OriginCheck,
    set_cookies::SetCookies,
};
use crate::{error::ConfigError, token::TokenResponse};

/// A cookie that carries access tokens. See [the policy](super).
///
/// Use it for pages that a server renders, and for what a browser loads by itself, such as images
/// and downloads. A page that makes its requests by script should send the `Authorization` header
/// instead. The [layer](crate::bearer::BearerLayer::access_cookie) reads the cookie, after it has
/// checked the origin of the request.
///
/// ```
/// use tower_bearer::cookie::{AccessCookie, CookieOptions};
///
/// let cookie = AccessCookie::new(CookieOptions::new())?;
/// assert_eq!(cookie.name(), "__Host-access_token");
/// # Ok::<_, tower_bearer::error::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AccessCookie {
    attributes: Attributes,
    origins: OriginCheck,
    /// Whether the browser gets another one when this one has run out, so that it always has to run out.
    #[cfg(feature = "dbsc")]
    is_renewed_by_browser: bool,
}

impl AccessCookie {
    /// A cookie with this name and these attributes.
    ///
    /// # Errors
    ///
    /// If the name, the path or an allowed origin cannot be used.
    pub fn new(options: CookieOptions) -> Result<Self, ConfigError> {
        let (attributes, origins) = options.build("access_token")?;
        Ok(Self {
            attributes,
            origins,
            #[cfg(feature = "dbsc")]
            is_renewed_by_browser: false,
        })
    }

    /// The cookie's name.
    pub fn name(&self) -> &str {
        self.attributes.name()
    }

    /// Sets the cookie, in the response to a login or to a refresh that the application makes
    /// itself. It lives as long as the access token, or until the browser is closed if that is how the session
    /// [was started](TokenResponse::cookies_end_with_browser).
    ///
    /// # Errors
    ///
    /// If the cookie would be above 4096 bytes: the application's claims are too large for a
    /// cookie.
    pub fn set(&self, tokens: &TokenResponse) -> Result<SetCookies, ConfigError> {
        let token = tokens.access_token.expose();
        let ends_with_browser = tokens.cookies_end_with_browser && !self.has_to_run_out();
        let age = Age::of(tokens.expires_in, ends_with_browser);
        self.attributes.set(token, age)
    }

    fn has_to_run_out(&self) -> bool {
        #[cfg(feature = "dbsc")]
        return self.is_renewed_by_browser;
        #[cfg(not(feature = "dbsc"))]
        false
    }

    /// The cookie of sessions that browsers bind to a device.
    #[cfg(feature = "dbsc")]
    pub(super) fn renewed_by_browser(self) -> Self {
        Self {
            is_renewed_by_browser: true,
            ..self
        }
    }

    /// Removes the cookie from the browser, in the response to a logout. This does not
    /// end the session.
    pub fn clear(&self) -> SetCookies {
        self.attributes.clear()
    }

    /// The cookie with a token that the browser has already, for a shorter time.
    #[cfg(feature = "dbsc")]
    pub(crate) fn set_for(
        &self,
        token: &str,
        lifetime: Duration,
    ) -> Result<SetCookies, ConfigError> {
        self.attributes.set(token, Age::OfToken(lifetime))
    }

    /// What a browser that binds the cookie to a device compares it with: all attributes but its age.
    #[cfg(feature = "dbsc")]
    pub(crate) fn attributes_without_age(&self) -> String {
        self.attributes.without_age()
    }

    #[cfg(feature = "dbsc")]
    pub(crate) fn is_sent_to(&self, path: &str) -> bool {
        self.attributes.is_sent_to(path)
    }

    #[cfg(feature = "dbsc")]
    pub(crate) fn is_secure(&self) -> bool {
        self.attributes.is_secure()
    }

    #[cfg(feature = "dbsc")]
    pub(crate) fn has_host_http_prefix(&self) -> bool {
        let head = self.name().get(..HOST_HTTP.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(HOST_HTTP))
    }

    pub(crate) fn find<'a, B>(&self, request: &'a Request<B>) -> Result<Found<'a>, CrossOrigin> {
        Found::in_request(request, self.name(), &self.origins)
    }

    /// What the browser has, whichever page asks.
    #[cfg(feature = "dbsc")]
    pub(crate) fn find_in<'a>(&self, headers: &'a HeaderMap) -> Found<'a> {
        Found::find(headers, self.name())
    }
}
