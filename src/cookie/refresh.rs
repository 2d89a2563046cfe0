use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use super::{
    access::AccessCookie,
    attributes::{Age, Attributes},
    find::{CrossOrigin, Found},
    options::CookieOptions,
    origin::OriginCheck,
    set_cookies::SetCookies,
};
use crate::{
    error::ConfigError,
    reply::{self, ReplyBody},
    session::{RefreshOutcome, Refreshed, SessionError, Sessions},
    store::SessionStore,
    token::{Spelling, TokenResponse, TokenType},
};

/// A cookie that carries refresh tokens. See [the policy](super).
///
/// Give it to the endpoints, and use it in the responses to a login and a logout:
///
/// ```
/// use http::Response;
/// use tower_bearer::{
///     ReplyBody,
///     cookie::{CookieOptions, RefreshCookie, SetCookies},
///     endpoint::{EndpointOptions, Endpoints},
///     error::ConfigError,
///     session::{Grant, SessionError, Sessions},
/// };
///
/// fn endpoints(sessions: &Sessions) -> Result<(RefreshCookie, Endpoints), ConfigError> {
///     let cookie = RefreshCookie::new(sessions, CookieOptions::new())?;
///     let options = EndpointOptions::new().refresh_cookie(&cookie);
///     let endpoints = Endpoints::new(sessions).under("/auth").options(options);
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
    /// The name of another program's cookie.
    foreign: Option<Arc<str>>,
}

impl RefreshCookie {
    /// A cookie with this name and these attributes for the refresh tokens of these sessions.
    ///
    /// # Errors
    ///
    /// - The name, the path or an allowed origin cannot be used.
    /// - The cookie would be above 4096 bytes, attributes included, which browsers need not keep
    ///   (RFC 6265 §6.1). Reasons can be a long issuer, or an RSA or ML-DSA key for refresh tokens.
    pub fn new<St: SessionStore>(
        sessions: &Sessions<St>,
        options: CookieOptions,
    ) -> Result<Self, ConfigError> {
        let (attributes, origins) = options.build("refresh_token")?;
        let longest = sessions.longest_refresh_token()?;
        let age = Age::OfToken(sessions.session_lifetime());
        let _fits = attributes.set(longest.expose(), age)?;
        Ok(Self {
            attributes,
            origins,
            access: None,
            foreign: None,
        })
    }

    /// Also takes refresh tokens from a cookie that another program has set under this name, if the request
    /// has no cookie of this one's. They are [adopted](crate::session::Sessions::adopt), which needs a
    /// [`Takeover`](crate::session::Takeover), and the answer sets this cookie. A token of this crate is
    /// refused there: such a name may have no prefix, so that others can plant a cookie of theirs.
    ///
    /// The other program's cookie stays in the browser until it expires, or until you expire it, which takes its
    /// name, `Path` and `Domain`. Do so in the answers to a login and a logout: a token in it that was never taken over
    /// would be taken over after the logout, whoever's it is. The revocation endpoint therefore revokes what is in
    /// both cookies; a logout of your own has to [revoke](crate::session::Sessions::revoke) the other one too.
    ///
    /// Know what this opens: a name without a prefix can be set by every host of the same site. Whoever controls one
    /// can plant a token of their own there, and a visitor without a session then acts in their account, also
    /// under this crate's `__Host-` cookie. The other program had the same weakness; here it ends with the takeover.
    ///
    /// The token has only letters, digits and `-._~+/=`. The path of the other cookie has to reach the token
    /// endpoint.
    #[must_use]
    pub fn take_over_from(self, name: impl Into<String>) -> Self {
        Self {
            foreign: Some(name.into().into()),
            ..self
        }
    }

    /// Also puts the access token into a cookie, which the
    /// [layer](crate::bearer::BearerLayer::access_cookie) reads. Both cookies are then set and
    /// removed together. Only a client that presents the live refresh token soon after its
    /// delivery gets the access cookie alone. The access token stays in the body too.
    ///
    /// An access token that is bound to a key (`"token_type": "DPoP"`) is of no use in a cookie, as no
    /// proof comes with it. It is not put into one, and the access cookie of a login before is removed.
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

    /// The response to a login: a 200 with the refresh token in the cookie and the JSON of RFC
    /// 6749 §5.1, without the refresh token, in the body. It has `Cache-Control: no-store`.
    ///
    /// # Errors
    ///
    /// The same as for [`set`](Self::set).
    pub fn response(&self, tokens: &TokenResponse) -> Result<Response<ReplyBody>, SessionError> {
        let response = with_cookies(tokens, self.set(tokens)?);
        Ok(response.map(ReplyBody::from))
    }

    /// Sets the cookies, for a response of another form. Each lives as long as its token, or until the browser is
    /// closed if that is how the session [was started](crate::session::Grant::cookies_end_with_browser).
    ///
    /// # Errors
    ///
    /// If a cookie would be above 4096 bytes: the refresh key was changed to a larger one since
    /// [`new`](Self::new), or the application's claims are too large for an
    /// [access cookie](Self::with_access_cookie).
    pub fn set(&self, tokens: &TokenResponse) -> Result<SetCookies, SessionError> {
        let token = tokens.refresh_token.expose();
        let age = Age::of(tokens.refresh_expires_in, tokens.cookies_end_with_browser);
        let cookie = self.attributes.set(token, age)?;
        match &self.access {
            Some(access) if needs_a_proof(tokens) => Ok(cookie.and(access.clear())),
            Some(access) => Ok(cookie.and(access.set(tokens)?)),
            None => Ok(cookie),
        }
    }

    /// Removes the cookies from the browser, in the response to a logout. Do not use it in the
    /// response to an error, which may be about an older token than the one in the browser.
    pub fn clear(&self) -> SetCookies {
        let cookie = self.attributes.clear();
        match &self.access {
            Some(access) => cookie.and(access.clear()),
            None => cookie,
        }
    }

    /// The response to a refresh. If the client presented the live refresh token soon after its
    /// delivery (row 5 of the protocol), it is not set again: this response may arrive after one
    /// with a newer token.
    pub(crate) fn refreshed(&self, refreshed: &Refreshed) -> Result<Response<Bytes>, SessionError> {
        Ok(with_cookies(
            &refreshed.tokens,
            self.set_refreshed(refreshed)?,
        ))
    }

    /// The cookies of the response to a refresh.
    pub(crate) fn set_refreshed(&self, refreshed: &Refreshed) -> Result<SetCookies, SessionError> {
        let tokens = &refreshed.tokens;
        match (refreshed.outcome, &self.access) {
            (RefreshOutcome::Current, Some(access)) if !needs_a_proof(tokens) => {
                Ok(access.set(tokens)?)
            }
            (RefreshOutcome::Current, _) => Ok(SetCookies::default()),
            _ => self.set(tokens),
        }
    }

    /// The cookies of sessions that browsers bind to a device.
    #[cfg(feature = "dbsc")]
    pub(crate) fn renewed_by_browser(self) -> Self {
        let access = self.access.map(AccessCookie::renewed_by_browser);
        Self { access, ..self }
    }

    #[cfg(feature = "dbsc")]
    pub(crate) fn access_cookie(&self) -> Option<&AccessCookie> {
        self.access.as_ref()
    }

    #[cfg(feature = "dbsc")]
    pub(crate) fn is_secure(&self) -> bool {
        self.attributes.is_secure()
    }

    #[cfg(feature = "dbsc")]
    pub(crate) fn is_sent_to(&self, path: &str) -> bool {
        self.attributes.is_sent_to(path)
    }

    pub(crate) fn find<'a, B>(&self, request: &'a Request<B>) -> Result<Found<'a>, CrossOrigin> {
        Found::in_request(request, self.name(), &self.origins)
    }

    /// What another program has set.
    pub(crate) fn find_foreign<'a, B>(
        &self,
        request: &'a Request<B>,
    ) -> Result<Found<'a>, CrossOrigin> {
        match &self.foreign {
            Some(name) => Found::in_request(request, name, &self.origins),
            None => Ok(Found::Absent),
        }
    }
}

/// Whether each use of the access token needs a proof, which a cookie cannot bring.
fn needs_a_proof(tokens: &TokenResponse) -> bool {
    tokens.token_type == TokenType::DPoP
}

/// The response with the tokens that a script may see in its body, and the others in cookies.
fn with_cookies(tokens: &TokenResponse, cookies: SetCookies) -> Response<Bytes> {
    let body = tokens.to_wire(Spelling::Snake).without_refresh_token();
    let mut response = reply::json(&body);
    cookies.append_to(response.headers_mut());
    response
}
