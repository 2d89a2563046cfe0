use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, HeaderName},
    request::Parts,
};

use super::{
    check, field,
    options::DeviceOptions,
    proof::ALGORITHMS,
    seal::{Purpose, Sealer},
    wire::SessionConfig,
};
use crate::{
    claims::SessionId,
    cookie::{AccessCookie, Found, RefreshCookie},
    error::ConfigError,
    jws::CryptoProvider,
    reply::{self, ReplyBody},
    session::{SessionError, Sessions, TokenReader},
    store::SessionStore,
    token::TokenResponse,
};

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Binds the sessions of browsers to their devices. It is the one source of all that a browser is told:
/// the offer in the answer to a login, the endpoints' paths, the session's scope and the attributes of
/// the cookie. It is cheap to clone.
///
/// ```
/// use http::Response;
/// use tower_bearer::{
///     ReplyBody,
///     cookie::{AccessCookie, CookieOptions, RefreshCookie},
///     dbsc::{DeviceBinding, DeviceOptions, DeviceSecret},
///     endpoint::{EndpointOptions, Endpoints},
///     session::{Grant, SessionError, Sessions},
/// };
/// # type BoxError = Box<dyn std::error::Error>;
///
/// fn binding(sessions: &Sessions, secret: [u8; 32]) -> Result<DeviceBinding, BoxError> {
///     let access = AccessCookie::new(CookieOptions::new())?;
///     let cookie = RefreshCookie::new(sessions, CookieOptions::new())?.with_access_cookie(&access);
///     let options = DeviceOptions::new(DeviceSecret::from_secret(secret)?).under("/auth");
///     Ok(DeviceBinding::new(sessions, &cookie, options)?)
/// }
///
/// fn endpoints(sessions: &Sessions, binding: &DeviceBinding) -> Endpoints {
///     let options = EndpointOptions::new().device_binding(binding);
///     Endpoints::new(sessions).under("/auth").options(options)
/// }
///
/// async fn log_in(
///     sessions: &Sessions,
///     binding: &DeviceBinding,
/// ) -> Result<Response<ReplyBody>, SessionError> {
///     let tokens = sessions.start(Grant::new("anna")).await?;
///     binding.response(&tokens)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct DeviceBinding(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cookie: RefreshCookie,
    access: AccessCookie,
    sealer: Sealer,
    reader: TokenReader,
    registration_path: String,
    refresh_path: String,
    excluded: Vec<String>,
    challenge_lifetime: Duration,
    offer_lifetime: Duration,
    binding_time: Duration,
    provider: Option<CryptoProvider>,
}

impl DeviceBinding {
    /// Binds these sessions. `cookie` is theirs, [with an access
    /// cookie](RefreshCookie::with_access_cookie), which is the one that browsers keep an eye on.
    ///
    /// # Errors
    ///
    /// What Chromium would not bind, or would refresh with every request:
    ///
    /// - [`Cookie`](crate::error::ConfigErrorKind::Cookie): there is no access cookie; one of the two
    ///   is not `Secure`; the access cookie's name starts with `__Host-Http-`; or the refresh cookie's
    ///   path does not lead to both endpoints.
    /// - [`Lifetime`](crate::error::ConfigErrorKind::Lifetime): access tokens live for less than five
    ///   minutes, or a challenge or an offer for less than a minute or more than a day.
    /// - [`Url`](crate::error::ConfigErrorKind::Url): a path does not start with `/`, or has a character
    ///   that would have to be escaped; or an excluded path leads to the token endpoint beside the
    ///   devices' own.
    pub fn new<St: SessionStore>(
        sessions: &Sessions<St>,
        cookie: &RefreshCookie,
        options: DeviceOptions,
    ) -> Result<Self, ConfigError> {
        let access = check::cookies(cookie, &options)?;
        check::paths(&options)?;
        let lifetime = sessions.access_lifetime();
        let challenge_lifetime = options.challenge_lifetime;
        let challenge_lifetime = challenge_lifetime.unwrap_or(lifetime.min(check::LONGEST));
        check::lifetimes(lifetime, challenge_lifetime, options.offer_lifetime)?;
        Ok(Self(Arc::new(Inner {
            access: access.clone(),
            // The browser refreshes when the access cookie has run out.
            cookie: cookie.clone().renewed_by_browser(),
            sealer: Sealer::new(options.secret, options.clock.0),
            reader: sessions.token_reader(),
            registration_path: options.registration_path,
            refresh_path: options.refresh_path,
            excluded: options.excluded,
            challenge_lifetime,
            offer_lifetime: options.offer_lifetime,
            binding_time: options.offer_lifetime + lifetime,
            provider: options.provider,
        })))
    }

    /// The path at which browsers register a key, as they see it.
    pub fn registration_path(&self) -> &str {
        &self.0.registration_path
    }

    /// The path at which browsers refresh, as they see it.
    pub fn refresh_path(&self) -> &str {
        &self.0.refresh_path
    }

    /// The response to a login: that of [`RefreshCookie::response`], with the offer to register a key
    /// unless the session is bound to one already.
    ///
    /// # Errors
    ///
    /// Those of [`RefreshCookie::set`].
    pub fn response(&self, tokens: &TokenResponse) -> Result<Response<ReplyBody>, SessionError> {
        let mut response = self.0.cookie.response(tokens)?;
        let own = self.0.reader.read(tokens.refresh_token.expose());
        // A login does not fail for want of an offer: its session goes on unbound.
        let own = own.ok().flatten();
        if let Some(own) = own.filter(|own| own.bound_to.is_none()) {
            self.offer(own.session, response.headers_mut());
        }
        Ok(response)
    }

    /// Adds the offer to register a key to a response of another form. Give the session of a client that
    /// has just logged in, or that has a live access token, and no other: the offer lets whoever gets
    /// this response bind that session to their device, if they have its refresh cookie.
    pub fn offer(&self, session: SessionId, headers: &mut HeaderMap) {
        let algorithms = ALGORITHMS.map(|algorithm| algorithm.as_str()).join(" ");
        let path = &self.0.registration_path;
        let challenge = self.0.sealer.seal(Purpose::Challenge, session);
        let offer = self.0.sealer.seal(Purpose::Offer, session);
        let offer = format!(
            "({algorithms});path=\"{path}\";challenge=\"{challenge}\";authorization=\"{offer}\""
        );
        let mut offer = field::value(offer);
        offer.set_sensitive(true);
        headers.append(field::REGISTRATION, offer);
    }

    /// Removes the cookies from the browser and makes it forget the key, in the response to a logout.
    /// End the session first: a browser whose cookie is gone refreshes, and a session that still lives
    /// would bring it back.
    ///
    /// It sends `Clear-Site-Data: "cookies"`, at which browsers remove all cookies of the registrable
    /// domain, those of other applications and subdomains included.
    pub fn clear(&self, headers: &mut HeaderMap) {
        self.0.cookie.clear().append_to(headers);
        headers.append(CLEAR_SITE_DATA, HeaderValue::from_static("\"cookies\""));
    }

    /// An empty 204 that does as [`clear`](Self::clear) says.
    pub fn logged_out(&self) -> Response<ReplyBody> {
        let mut response = Response::new(ReplyBody::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.clear(headers);
        response
    }

    pub(crate) fn cookie(&self) -> &RefreshCookie {
        &self.0.cookie
    }

    /// Whether the browser of this request, for a session that is bound, can have its key. Requests of
    /// one that has it wait for the access cookie, or say why they have not.
    pub(crate) fn may_have_key(&self, request: &Parts) -> bool {
        let Inner {
            access, excluded, ..
        } = &*self.0;
        let (headers, path) = (&request.headers, request.uri.path());
        access.find_in(headers) != Found::Absent
            || headers.contains_key(field::SKIPPED)
            || !access.is_sent_to(path)
            || excluded
                .iter()
                .any(|excluded| check::covers(excluded, path))
    }

    pub(super) fn access(&self) -> &AccessCookie {
        &self.0.access
    }

    pub(super) fn sealer(&self) -> &Sealer {
        &self.0.sealer
    }

    pub(super) fn reader(&self) -> &TokenReader {
        &self.0.reader
    }

    pub(super) fn challenge_lifetime(&self) -> Duration {
        self.0.challenge_lifetime
    }

    pub(super) fn offer_lifetime(&self) -> Duration {
        self.0.offer_lifetime
    }

    /// How long after its registration a key may bind its session.
    pub(super) fn binding_time(&self) -> Duration {
        self.0.binding_time
    }

    /// Whose cryptography the keys of devices use.
    pub(super) fn provider(&self) -> CryptoProvider {
        self.0.provider.unwrap_or_default()
    }

    /// What the browser has to know of its session, and what it signs next.
    pub(super) fn config(&self, session: SessionId, identifier: &str) -> Response<Bytes> {
        let (access, excluded) = (&self.0.access, &self.0.excluded);
        let mut response = reply::json(&SessionConfig::new(
            identifier,
            &self.0.refresh_path,
            access.name(),
            &access.attributes_without_age(),
            excluded,
        ));
        self.challenge(session, identifier, response.headers_mut());
        response
    }

    pub(super) fn challenge(&self, session: SessionId, identifier: &str, headers: &mut HeaderMap) {
        let challenge = self.0.sealer.seal(Purpose::Challenge, session);
        let challenge = field::value(format!("\"{challenge}\";id=\"{identifier}\""));
        headers.append(field::CHALLENGE, challenge);
    }
}
