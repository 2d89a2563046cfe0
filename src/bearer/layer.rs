use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response};
use tower_layer::Layer;

use crate::{error::ConfigError, realm::Realm, verifier::Verifier};

use super::{
    Bearer, LiveCheck, NoEndpoints, NoLiveCheck, Rejection, SessionGuard,
    guard::AnyGuard,
    policy::{Hook, Policy},
};

/// Lets through only requests with a good access token. See [the policy](super).
///
/// ```
/// # use tower_bearer::{Algorithm, KeySet, SigningKey, Verifier};
/// use tower_bearer::bearer::BearerLayer;
///
/// # fn layer() -> Result<(), Box<dyn std::error::Error>> {
/// # let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA)?);
/// let verifier = Verifier::new("https://id.example", "https://api.example", keys.verifying())?;
/// let any_user = BearerLayer::new(verifier).realm("example")?;
/// let admins = any_user.clone().require_scope("admin");
/// let guests_too = any_user.clone().optional();
/// # let _ = (admins, guests_too);
/// # Ok(())
/// # }
/// # layer().unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct BearerLayer<E = NoEndpoints, L = NoLiveCheck> {
    policy: Arc<Policy>,
    endpoints: E,
    live: L,
}

impl BearerLayer {
    /// Requires a token that `verifier` accepts.
    pub fn new(verifier: Verifier) -> Self {
        Self {
            policy: Arc::new(Policy::new(verifier)),
            endpoints: NoEndpoints,
            live: NoLiveCheck,
        }
    }
}

impl<E, L> BearerLayer<E, L> {
    fn with(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(Arc::make_mut(&mut self.policy));
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
        self.with(|policy| policy.cookie = cookie)
    }

    /// Lets requests without a token through, and without claims. A token that is there and is
    /// bad is refused all the same.
    ///
    /// Where a scope is required too, so is a token.
    #[must_use]
    pub fn optional(self) -> Self {
        self.with(|policy| policy.optional = true)
    }

    /// Requires **all** of these space-separated scope tokens (RFC 6749 §3.3), on top of what is
    /// required already.
    ///
    /// Text that names no scope, or cannot be one, is a mistake of the application's: each
    /// request is then answered with 500, and a warning is logged. Scopes that come from a
    /// configuration are better tried first: `text.parse::<Scope>()`.
    #[must_use]
    pub fn require_scope(self, scope: &str) -> Self {
        self.with(|policy| policy.required.add_all(scope))
    }

    /// Requires **at least one** of these space-separated scope tokens, on top of what is
    /// required already: called twice, it requires one of each.
    ///
    /// Text that is no scope: as with [`require_scope`](Self::require_scope).
    #[must_use]
    pub fn require_any_scope(self, scope: &str) -> Self {
        self.with(|policy| policy.required.add_any(scope))
    }

    /// The `realm` of the challenge (RFC 9110 §11.5). Default: `api`.
    ///
    /// # Errors
    ///
    /// Where `realm` holds something other than printable ASCII, a quote or a backslash.
    pub fn realm(self, realm: &str) -> Result<Self, ConfigError> {
        let realm = Realm::new(realm)?;
        Ok(self.with(|policy| policy.realm = realm))
    }

    /// Connects the layer to the sessions: it notes there which refresh tokens the clients hold,
    /// and refuses the tokens of sessions that are known to have ended.
    ///
    /// It costs no I/O. How much the guard knows is the guard's affair:
    /// `session::Sessions` knows of those that were ended in this process.
    #[must_use]
    pub fn sessions<G: SessionGuard + Clone>(self, guard: &G) -> Self {
        let guard = AnyGuard::new(guard.clone());
        self.with(|policy| policy.guard = Some(guard))
    }

    /// Does what [`sessions`](Self::sessions) does and, for each token that has a `sid`, asks
    /// the guard whether the session still runs: a logout then counts at once on all servers,
    /// at the price of a look into the store for each request.
    ///
    /// Where the guard cannot tell, the request gets a 503. A layer has one guard: the one that
    /// was given last. The inner service has to be `Clone`: the instance that is ready waits
    /// with the request.
    #[must_use]
    pub fn check_live<G: SessionGuard + Clone>(self, guard: &G) -> BearerLayer<E, LiveCheck> {
        let checked = self.sessions(guard).with(|policy| policy.check_live = true);
        BearerLayer {
            policy: checked.policy,
            endpoints: checked.endpoints,
            live: LiveCheck,
        }
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
        self.with(|policy| policy.on_rejection = Some(Hook(Arc::new(hook))))
    }

    /// Has the layer answer some requests by itself, **before** any token is looked for: for
    /// stacks without a router.
    pub fn serve<E2>(self, endpoints: E2) -> BearerLayer<E2, L> {
        BearerLayer {
            policy: self.policy,
            endpoints,
            live: self.live,
        }
    }
}

impl<S, E: Clone, L: Clone> Layer<S> for BearerLayer<E, L> {
    type Service = Bearer<S, E, L>;

    fn layer(&self, inner: S) -> Self::Service {
        let policy = Arc::clone(&self.policy);
        Bearer::new(inner, policy, self.endpoints.clone(), self.live.clone())
    }
}
