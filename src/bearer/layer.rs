use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response};
use tower_layer::Layer;

use crate::{claims::Scope, realm::Realm, verifier::Verifier};

use super::{
    challenge::Rejection,
    guard::{AnyGuard, SessionGuard},
    rules::{Hook, Rules},
    service::Bearer,
};

/// Lets through only requests with a good access token. See [the policy](super).
///
/// ```
/// # use tower_bearer::{Algorithm, KeySet, SigningKey, Verifier, error::ConfigError};
/// use tower_bearer::{
///     Scope,
///     bearer::{BearerLayer, Realm},
/// };
///
/// // A text that cannot be a scope or a realm does not compile here.
/// const ADMIN: Scope = Scope::from_static("admin");
/// const SHOP: Realm = Realm::from_static("shop");
///
/// # fn layer() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA)?);
/// let verifier = Verifier::new("https://id.example", "https://api.example", keys.verifying())?;
/// let any_user = BearerLayer::new(verifier).realm(SHOP);
/// let admins = any_user.clone().require_scope(ADMIN);
/// let guests_too = any_user.clone().optional();
/// # let _ = (admins, guests_too);
/// # Ok(())
/// # }
/// # layer().unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct BearerLayer {
    rules: Arc<Rules>,
}

impl BearerLayer {
    /// Requires a token that `verifier` accepts.
    pub fn new(verifier: Verifier) -> Self {
        Self {
            rules: Arc::new(Rules::new(verifier)),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(Arc::make_mut(&mut self.rules));
        self
    }

    /// Takes the token from this cookie where the `Authorization` header has none. Off unless
    /// called, for a browser sends cookies whoever makes the request: but for GET, HEAD and
    /// OPTIONS a request with the cookie is refused, 403 `access_denied`, where a page of
    /// another origin makes it. So is one that asks for an `Upgrade`, whatever its method. See
    /// [the policy](crate::cookie).
    ///
    /// Two cookies of the name, or one that cannot be a token, are a 400 `invalid_request`.
    ///
    /// Shared caches leave answers to requests with `Authorization` alone (RFC 9111 §3.5), but
    /// not those to requests with cookies: give what is about one user `Cache-Control: private`
    /// or `no-store`.
    ///
    /// ```
    /// # use tower_bearer::{Verifier, bearer::BearerLayer, error::ConfigError};
    /// use tower_bearer::cookie::{AccessCookie, CookieOptions};
    ///
    /// # fn layer(verifier: Verifier) -> Result<BearerLayer, ConfigError> {
    /// let cookie = AccessCookie::new(CookieOptions::new("/"))?;
    /// Ok(BearerLayer::new(verifier).access_cookie(&cookie))
    /// # }
    /// ```
    #[cfg(feature = "cookie")]
    #[must_use]
    pub fn access_cookie(self, cookie: &crate::cookie::AccessCookie) -> Self {
        let cookie = super::cookie::Cookie::new(cookie);
        self.with(|rules| rules.cookie = cookie)
    }

    /// Lets requests without a token through, and without claims. A token that is there and is
    /// bad is refused all the same.
    ///
    /// Where a scope is required too, so is a token.
    #[must_use]
    pub fn optional(self) -> Self {
        self.with(|rules| rules.optional = true)
    }

    /// Requires **all** scope tokens of this scope (RFC 6749 §3.3), on top of what is required
    /// already.
    ///
    /// No token has an empty scope: where one is required, each request with a token gets a 403,
    /// and a warning is logged here. An empty setting thus closes a route and never opens it.
    ///
    /// ```
    /// # use std::error::Error;
    /// # use tower_bearer::{Verifier, bearer::BearerLayer};
    /// use tower_bearer::Scope;
    ///
    /// // Checked when the program is compiled …
    /// const PROFILE: Scope = Scope::from_static("profile");
    ///
    /// # fn layer(verifier: Verifier, setting: &str) -> Result<BearerLayer, Box<dyn Error>> {
    /// // … or when it reads its configuration.
    /// let from_setting: Scope = setting.parse()?;
    /// let layer = BearerLayer::new(verifier).require_scope(PROFILE).require_scope(from_setting);
    /// # Ok(layer)
    /// # }
    /// ```
    #[must_use]
    pub fn require_scope(self, scope: Scope) -> Self {
        self.with(|rules| rules.scopes.add_all(&scope))
    }

    /// Requires **at least one** of the scope tokens of this scope, on top of what is required
    /// already: called twice, it requires one of each.
    ///
    /// An empty scope: as with [`require_scope`](Self::require_scope).
    #[must_use]
    pub fn require_any_scope(self, scope: Scope) -> Self {
        self.with(|rules| rules.scopes.add_any(scope))
    }

    /// The `realm` of the challenge (RFC 9110 §11.5). Default: `api`.
    #[must_use]
    pub fn realm(self, realm: Realm) -> Self {
        self.with(|rules| rules.realm = realm)
    }

    /// Connects the layer to the sessions: it notes there which refresh tokens the clients hold,
    /// and refuses the tokens of sessions that are known to have ended.
    ///
    /// It costs no I/O. How much the guard knows is the guard's affair:
    /// `session::Sessions` knows of those that were ended in this process.
    #[must_use]
    pub fn sessions<G: SessionGuard + Clone>(self, guard: &G) -> Self {
        let guard = AnyGuard::new(guard.clone());
        self.with(|rules| rules.guard = Some(guard))
    }

    /// Does what [`sessions`](Self::sessions) does and, for each token that has a `sid`, asks
    /// the guard whether the session still runs: a logout then counts at once on all servers,
    /// at the price of a look into the store for each request.
    ///
    /// Where the guard cannot tell, the request gets a 503. A layer has one guard: the one that
    /// was given last. While the guard is asked, the instance of the inner service that is ready
    /// waits with the request, and a clone takes its place.
    #[must_use]
    pub fn check_live<G: SessionGuard + Clone>(self, guard: &G) -> Self {
        self.sessions(guard).with(|rules| rules.check_live = true)
    }

    /// Has refused requests answered by `hook`, which sees the request's headers. The layer
    /// adds `WWW-Authenticate`, `Cache-Control` and, on a 503, `Retry-After` where the answer
    /// lacks them, and drops the body where the request was a HEAD.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Response, header::CONTENT_TYPE};
    /// # use tower_bearer::{Verifier, bearer::BearerLayer};
    ///
    /// # fn layer(verifier: Verifier) -> BearerLayer {
    /// BearerLayer::new(verifier).on_rejection(|rejection, _headers| {
    ///     let mut response = Response::new(Bytes::from(format!("<p>{rejection}</p>")));
    ///     *response.status_mut() = rejection.code().status();
    ///     let html = http::HeaderValue::from_static("text/html");
    ///     response.headers_mut().insert(CONTENT_TYPE, html);
    ///     response
    /// })
    /// # }
    /// ```
    #[must_use]
    pub fn on_rejection<F>(self, hook: F) -> Self
    where
        F: Fn(&Rejection, &HeaderMap) -> Response<Bytes> + Send + Sync + 'static,
    {
        self.with(|rules| rules.on_rejection = Some(Hook(Arc::new(hook))))
    }
}

impl<S> Layer<S> for BearerLayer {
    type Service = Bearer<S>;

    fn layer(&self, inner: S) -> Bearer<S> {
        Bearer::new(inner, Arc::clone(&self.rules))
    }
}
