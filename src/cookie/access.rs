use http::HeaderMap;

use super::{
    attributes::Attributes, find::Found, options::CookieOptions, origin::OriginCheck,
    set_cookies::SetCookies,
};
use crate::{error::ConfigError, token::TokenResponse};

/// A cookie that carries access tokens. See [the policy](super).
///
/// For pages that a server renders and for what a browser loads by itself, images and
/// downloads; a page that makes its requests by script is better off with the header. A
/// [layer](crate::bearer::BearerLayer::access_cookie) reads it, and only where the origin of
/// the request is right.
///
/// ```
/// use tower_bearer::cookie::{AccessCookie, CookieOptions};
///
/// let cookie = AccessCookie::new(CookieOptions::new("/"))?;
/// assert_eq!(cookie.name(), "__Host-access_token");
/// # Ok::<_, tower_bearer::error::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AccessCookie {
    attributes: Attributes,
    origins: OriginCheck,
}

impl AccessCookie {
    /// A cookie of this name and these attributes.
    ///
    /// # Errors
    ///
    /// Where the name, the path or an origin cannot be used.
    pub fn new(options: CookieOptions) -> Result<Self, ConfigError> {
        let (attributes, origins) = options.build("access_token")?;
        Ok(Self {
            attributes,
            origins,
        })
    }

    /// The cookie's name.
    pub fn name(&self) -> &str {
        self.attributes.name()
    }

    /// The cookie for an answer that hands out these tokens: after a login, and wherever the
    /// application refreshes by itself. It lives as long as the access token.
    ///
    /// # Errors
    ///
    /// Where it would be above 4096 bytes: the application's claims are too large for a
    /// cookie.
    pub fn set(&self, tokens: &TokenResponse) -> Result<SetCookies, ConfigError> {
        let token = tokens.access_token.expose();
        self.attributes.set(token, tokens.expires_in)
    }

    /// Takes the cookie out of the browser, for the answer to a logout.
    pub fn clear(&self) -> SetCookies {
        self.attributes.clear()
    }

    pub(crate) fn find<'a>(&self, headers: &'a HeaderMap) -> Found<'a> {
        Found::find(headers, self.name())
    }

    pub(crate) fn origins(&self) -> &OriginCheck {
        &self.origins
    }
}
