use bytes::Bytes;
use http::{HeaderMap, Response};

use super::{
    access::AccessCookie, attributes::Attributes, find::Found, options::CookieOptions,
    origin::OriginCheck, set_cookies::SetCookies,
};
use crate::{
    error::ConfigError,
    reply::{self, ReplyBody},
    session::{RefreshOutcome, Refreshed, SessionError, Sessions},
    store::SessionStore,
    token::{Spelling, TokenResponse},
};

/// A cookie that carries refresh tokens. See [the policy](super).
///
/// It is given to the endpoints, and used at login and logout:
///
/// ```
/// use http::Response;
/// use tower_bearer::{
///     ReplyBody,
///     cookie::{CookieOptions, RefreshCookie, SetCookies},
///     endpoint::Endpoints,
///     error::ConfigError,
///     session::{Grant, SessionError, Sessions},
///     store::MemoryStore,
/// };
///
/// fn endpoints(
///     sessions: &Sessions,
/// ) -> Result<(RefreshCookie, Endpoints), ConfigError> {
///     let cookie = RefreshCookie::new(sessions, CookieOptions::new("/auth/token"))?;
///     let endpoints = Endpoints::new(sessions).under("/auth").refresh_cookie(&cookie);
///     Ok((cookie, endpoints))
/// }
///
/// async fn log_in(
///     sessions: &Sessions,
///     cookie: &RefreshCookie,
/// ) -> Result<Response<ReplyBody>, SessionError> {
///     let tokens = sessions.start(Grant::new("anna")).await?;
///     cookie.response(&tokens)
/// }
///
/// fn after_logout(cookie: &RefreshCookie) -> SetCookies {
///     cookie.clear()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct RefreshCookie {
    attributes: Attributes,
    origins: OriginCheck,
    access: Option<AccessCookie>,
}

impl RefreshCookie {
    /// A cookie of this name and these attributes for the refresh tokens of these sessions.
    ///
    /// # Errors
    ///
    /// Where the name, the path or an origin cannot be used, or where the cookie would be above
    /// 4096 bytes, attributes included, which browsers need not keep (RFC 6265 §6.1): long
    /// issuer names and RSA keys for refresh tokens do that.
    pub fn new<St: SessionStore>(
        sessions: &Sessions<St>,
        options: CookieOptions,
    ) -> Result<Self, ConfigError> {
        let (attributes, origins) = options.build("refresh_token")?;
        let longest = sessions.longest_refresh_token()?;
        let _fits = attributes.set(longest.expose(), sessions.session_lifetime())?;
        Ok(Self {
            attributes,
            origins,
            access: None,
        })
    }

    /// Puts the access token into a cookie too, for a
    /// [layer](crate::bearer::BearerLayer::access_cookie) that reads it from there: whatever
    /// sets or clears the one cookie does so with both. It stays in the body, and a client that
    /// has the live refresh token already gets the access cookie alone.
    #[must_use]
    pub fn with_access_cookie(self, cookie: &AccessCookie) -> Self {
        Self {
            access: Some(cookie.clone()),
            ..self
        }
    }

    /// The cookie's name.
    pub fn name(&self) -> &str {
        self.attributes.name()
    }

    /// The answer of a login: 200, the refresh token in the cookie, and in the body the
    /// snake_case form of RFC 6749 §5.1 without it. No cache keeps it.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn response(&self, tokens: &TokenResponse) -> Result<Response<ReplyBody>, SessionError> {
        let response = with_cookies(tokens, self.set(tokens)?);
        Ok(response.map(ReplyBody::from))
    }

    /// The cookies alone, for answers of another form. Each lives as long as its token.
    ///
    /// # Errors
    ///
    /// Where one would be above 4096 bytes: a larger refresh key was put in since
    /// [`new`](Self::new), or the application's claims are too large for an
    /// [access cookie](Self::with_access_cookie).
    pub fn set(&self, tokens: &TokenResponse) -> Result<SetCookies, SessionError> {
        let token = tokens.refresh_token.expose();
        let cookie = self.attributes.set(token, tokens.refresh_expires_in)?;
        match &self.access {
            Some(access) => Ok(cookie.and(access.set(tokens)?)),
            None => Ok(cookie),
        }
    }

    /// Takes the cookies out of the browser, for the answer to a logout and for no other: an
    /// error may be about an older token than the one that the browser holds by now.
    pub fn clear(&self) -> SetCookies {
        let cookie = self.attributes.clear();
        match &self.access {
            Some(access) => cookie.and(access.clear()),
            None => cookie,
        }
    }

    /// The answer to a refresh. A client that has the live refresh token already, row 5 of the
    /// protocol, must not be sent it: this answer may arrive after one with its successor.
    pub(crate) fn refreshed(&self, refreshed: &Refreshed) -> Result<Response<Bytes>, SessionError> {
        let tokens = &refreshed.tokens;
        let cookies = match (refreshed.outcome, &self.access) {
            (RefreshOutcome::Current, None) => SetCookies::default(),
            (RefreshOutcome::Current, Some(access)) => access.set(tokens)?,
            _ => self.set(tokens)?,
        };
        Ok(with_cookies(tokens, cookies))
    }

    pub(crate) fn find<'a>(&self, headers: &'a HeaderMap) -> Found<'a> {
        Found::find(headers, self.name())
    }

    pub(crate) fn origins(&self) -> &OriginCheck {
        &self.origins
    }
}

/// The token answer that a script may see, and what it may not.
fn with_cookies(tokens: &TokenResponse, cookies: SetCookies) -> Response<Bytes> {
    let body = tokens.to_wire(Spelling::Snake).without_refresh_token();
    let mut response = reply::json(&body);
    cookies.append_to(response.headers_mut());
    response
}
