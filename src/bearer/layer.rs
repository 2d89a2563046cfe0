use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Response};
use tower_layer::Layer;

use crate::{
    claims::Scope, realm::Realm, resource::ProtectedResource, ticket::Tickets, verifier::Verifier,
};

use super::{
    acr::AcrValues,
    challenge::Rejection,
    guard::{AnyGuard, SessionGuard},
    params::{ChallengeParameters, ParametersHook},
    protocol::TokenProtocol,
    rules::{Hook, Rules},
    service::Bearer,
};

/// The layer that lets through only requests with a valid access token. See
/// [the policy](super).
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
    /// A layer that requires an access token which `verifier` accepts.
    pub fn new(verifier: Verifier) -> Self {
        Self {
            rules: Arc::new(Rules::new(verifier)),
        }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(Arc::make_mut(&mut self.rules));
        self
    }

    /// Takes the token from this cookie if the `Authorization` header has none. Without this call
    /// no cookie is read.
    ///
    /// A browser sends the cookie even if a page of another origin makes the request. Such a
    /// request is refused with 403 `access_denied`, unless its method is GET, HEAD or OPTIONS and
    /// it has no `Upgrade` header. See [the policy](crate::cookie).
    ///
    /// Two cookies of this name, or one that cannot be a token, are a 400 `invalid_request`.
    ///
    /// A shared cache does not store the responses to requests with an `Authorization` header
    /// (RFC 9111 §3.5), but it may store those to requests with cookies. So send responses that
    /// are about one user with `Cache-Control: private` or `no-store`.
    ///
    /// ```
    /// # use tower_bearer::{Verifier, bearer::BearerLayer, error::ConfigError};
    /// use tower_bearer::cookie::{AccessCookie, CookieOptions};
    ///
    /// # fn layer(verifier: Verifier) -> Result<BearerLayer, ConfigError> {
    /// let cookie = AccessCookie::new(CookieOptions::new())?;
    /// Ok(BearerLayer::new(verifier).access_cookie(&cookie))
    /// # }
    /// ```
    #[cfg(feature = "cookie")]
    #[must_use]
    pub fn access_cookie(self, cookie: &crate::cookie::AccessCookie) -> Self {
        let cookie = super::cookie::Cookie::new(cookie);
        self.with(|rules| rules.cookie = cookie)
    }

    /// Also takes the token from the `Sec-WebSocket-Protocol` header of the request that opens a WebSocket: from
    /// the one element that begins with this prefix. Browsers let a page set no other header there. Without this
    /// call no token is read from it, and from requests that open no WebSocket none is ever.
    ///
    /// ```text
    /// new WebSocket(url, ["chat.v1", "bearer." + accessToken])
    /// ```
    ///
    /// The element is removed before the inner service sees the request, so that the application can neither
    /// log it nor select it. The client has to offer a protocol of the application's beside it, and the
    /// application has to select that one: Chromium and others drop the connection if none of those is selected that
    /// they have offered. A handshake with the token alone, with two of them or with an element that is no
    /// protocol is a 400 `invalid_request`.
    ///
    /// No origin is checked: a page of another origin has to know a token, and a browser sends none by
    /// itself. Such a page may have a token of its own user, so what is opened must not tie the
    /// browser's cookies to the user of the token. The token may hold the characters that a protocol may hold, as each JWT does, but neither `/`
    /// nor `=`. One that is bound to a key is refused, as a page cannot send a proof with it; it can use a
    /// [ticket](Self::tickets).
    ///
    /// ```
    /// # use tower_bearer::{Verifier, bearer::BearerLayer};
    /// use tower_bearer::bearer::TokenProtocol;
    ///
    /// # fn layer(verifier: Verifier) -> BearerLayer {
    /// BearerLayer::new(verifier).websocket_protocol(TokenProtocol::default())
    /// # }
    /// ```
    #[must_use]
    pub fn websocket_protocol(self, protocol: TokenProtocol) -> Self {
        self.with(|rules| rules.ways.protocol = Some(protocol))
    }

    /// Also takes [tickets](crate::ticket), in the query parameter `access_ticket`, and lets the application
    /// [issue](crate::ticket::Tickets::issue) them for the tokens that it has let through. For that, the text
    /// of each token is copied, so give tickets to the layer of those routes only that need them.
    ///
    /// A link on a page of another site that leads to a ticket is refused with 403 `access_denied`. That does not
    /// keep all strangers from [having a browser show their ticket](crate::ticket).
    ///
    /// The routes that issue tickets and those that take them need the same tickets, or such with the same
    /// secret.
    #[must_use]
    pub fn tickets(self, tickets: &Tickets) -> Self {
        self.with(|rules| rules.ways.tickets = Some(tickets.clone()))
    }

    /// Also lets requests without a token through, to which no claims are added. A request with an
    /// invalid token is still refused.
    ///
    /// This has no effect if a scope is required: a token is then required too.
    #[must_use]
    pub fn optional(self) -> Self {
        self.with(|rules| rules.optional = true)
    }

    /// Requires **all** scope tokens of this scope (RFC 6749 §3.3), in addition to what is
    /// required already.
    ///
    /// If the scope is empty, every request with a token gets a 403, and a warning is logged when
    /// this is called. So an empty setting by mistake closes a route and never opens it.
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

    /// Requires **at least one** of the scope tokens of this scope, in addition to what is
    /// required already. If it is called twice, one scope token of each scope is required.
    ///
    /// An empty scope closes the route, as with [`require_scope`](Self::require_scope).
    #[must_use]
    pub fn require_any_scope(self, scope: Scope) -> Self {
        self.with(|rules| rules.scopes.add_any(scope))
    }

    /// Sets the `realm` of the challenge (RFC 9110 §11.5). The default is `api`.
    #[must_use]
    pub fn realm(self, realm: Realm) -> Self {
        self.with(|rules| rules.space = rules.space.with_realm(realm))
    }

    /// Requires that the user has authenticated in one of these ways (RFC 9470): the claim `acr` must be
    /// one of them. If it is called twice, it must be one of both. Otherwise the answer is 401
    /// `insufficient_user_authentication`, and a client that can lets the user authenticate once more. Where somebody
    /// acts (`session::Grant::actor`) for a user who has not authenticated, the answer is that of
    /// [`require_no_actor`](Self::require_no_actor), as no login would help.
    ///
    /// If there are no values, every request with a token gets the 401, and a warning is logged when this
    /// is called.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tower_bearer::{Verifier, bearer::BearerLayer};
    /// use tower_bearer::bearer::AcrValues;
    ///
    /// const SECOND_FACTOR: AcrValues = AcrValues::from_static("phr mfa");
    ///
    /// # fn layer(verifier: Verifier) -> BearerLayer {
    /// BearerLayer::new(verifier)
    ///     .require_acr(SECOND_FACTOR)
    ///     .require_max_age(Duration::from_secs(15 * 60))
    /// # }
    /// ```
    #[must_use]
    pub fn require_acr(self, values: AcrValues) -> Self {
        self.with(|rules| rules.step_up.require_acr(&values))
    }

    /// Requires that the user has authenticated at most this long ago, give or take the verifier's
    /// [leeway](Verifier::leeway) (RFC 9470): the claim `auth_time`. It counts in whole seconds, rounded
    /// down, and if this is called twice, the shorter time counts. The answer is that of
    /// [`require_acr`](Self::require_acr).
    ///
    /// A refresh is no authentication: a token keeps the time of its session's login.
    #[must_use]
    pub fn require_max_age(self, max_age: Duration) -> Self {
        self.with(|rules| rules.step_up.require_max_age(max_age))
    }

    /// Refuses tokens by which somebody acts for the user: those with the claim `act` (RFC 8693 §4.1). The answer is 403
    /// `access_denied`. It is for what a user must do in person, such as a change of the password, of the
    /// address for mails, or of a second factor.
    ///
    /// With [`optional`](Self::optional), a request without a token passes as before.
    ///
    /// ```
    /// # use tower_bearer::{Verifier, bearer::BearerLayer};
    /// # fn layer(verifier: Verifier) -> BearerLayer {
    /// let any_route = BearerLayer::new(verifier);
    /// let change_of_password = any_route.clone().require_no_actor();
    /// # change_of_password
    /// # }
    /// ```
    #[must_use]
    pub fn require_no_actor(self) -> Self {
        self.with(|rules| rules.refuses_actors = true)
    }

    /// Names the metadata of this resource in each challenge (`resource_metadata`, RFC 9728 §5.1), and
    /// the scopes that are required in that of each 401, so that a client knows where to get a token and
    /// what to ask for. A 403 names all that is required, and not only what is lacking first. Where
    /// [one of several](Self::require_any_scope) is enough, the first of them is named, or the one that the
    /// token has.
    ///
    /// The metadata are served by the resource itself, which is a [layer](crate::resource) of its own.
    #[must_use]
    pub fn resource(self, resource: &ProtectedResource) -> Self {
        let url = Arc::clone(resource.shared_url());
        self.with(|rules| rules.space = rules.space.with_metadata(url))
    }

    /// Adds parameters of the application to each challenge, which `hook` gives from the rejection and the
    /// request's headers. A layer has one such hook, and the last call sets it.
    ///
    /// ```
    /// # use tower_bearer::{Verifier, bearer::BearerLayer, error::ConfigError};
    /// use tower_bearer::{bearer::ChallengeParameters, error::ErrorCode};
    ///
    /// # fn layer(verifier: Verifier) -> Result<BearerLayer, ConfigError> {
    /// let help = ChallengeParameters::new().with("error_uri", "https://api.example/help")?;
    /// Ok(BearerLayer::new(verifier).challenge_parameters(move |rejection, _headers| {
    ///     match rejection.code() {
    ///         ErrorCode::InsufficientScope => help.clone(),
    ///         _ => ChallengeParameters::new(),
    ///     }
    /// }))
    /// # }
    /// ```
    #[must_use]
    pub fn challenge_parameters<F>(self, hook: F) -> Self
    where
        F: Fn(&Rejection, &HeaderMap) -> ChallengeParameters + Send + Sync + 'static,
    {
        self.with(|rules| rules.parameters = Some(ParametersHook(Arc::new(hook))))
    }

    /// Connects the layer to the sessions. It then refuses the access tokens of sessions that the
    /// guard knows were ended, and tells the guard which refresh tokens the clients hold.
    ///
    /// This costs no I/O, unless the guard [says so](super::Admission::IfLive). The guard `session::Sessions` knows of the sessions that were ended in
    /// this process since it started, and of those that were ended before if the application calls
    /// `Sessions::load_ended` as it starts. Without that call, a restart makes the access tokens of
    /// users who have logged out good again, until they expire. `Sessions::follow` also learns of the
    /// sessions that are ended by other servers, and [`check_live`](Self::check_live) asks the store.
    #[must_use]
    pub fn sessions<G: SessionGuard + Clone>(self, guard: &G) -> Self {
        let guard = AnyGuard::new(guard.clone());
        self.with(|rules| rules.guard = Some(guard))
    }

    /// Does what [`sessions`](Self::sessions) does and, for each token with a `sid`, also asks the
    /// guard whether the session is still live. A logout then takes effect on all servers at once,
    /// and each request costs one read from the store.
    ///
    /// If the guard cannot tell, the request gets a 503.
    ///
    /// A layer has one guard, and the last call of `sessions` or `check_live` sets it. While the
    /// guard is asked, the ready instance of the inner service waits with the request, and a clone
    /// takes its place.
    #[must_use]
    pub fn check_live<G: SessionGuard + Clone>(self, guard: &G) -> Self {
        self.sessions(guard).with(|rules| rules.check_live = true)
    }

    /// Takes tokens that are bound to a key by the scheme `DPoP`, each request with a proof that its
    /// sender holds the key (RFC 9449 §7). Without this call no such token can be used.
    ///
    /// The verifier also says which clients [must](crate::dpop::DpopVerifier::require) bind their
    /// tokens. The tokens of all others are taken by themselves too, unless they are bound.
    ///
    /// The proof of each request has a signature of its own to be checked. The check of the access
    /// token stays a look into the verifier's cache.
    ///
    /// ```
    /// # use tower_bearer::{Verifier, bearer::BearerLayer, dpop::DpopVerifier, error::ConfigError};
    /// # fn layer(verifier: Verifier) -> Result<BearerLayer, ConfigError> {
    /// let dpop = DpopVerifier::new("https://api.example")?;
    /// Ok(BearerLayer::new(verifier).dpop(&dpop))
    /// # }
    /// ```
    #[cfg(feature = "dpop")]
    #[must_use]
    pub fn dpop(self, verifier: &crate::dpop::DpopVerifier) -> Self {
        let dpop = super::dpop::Dpop::new(verifier);
        self.with(|rules| rules.dpop = dpop)
    }

    /// Also accepts a token that is bound to a key (its `cnf` claim, RFC 7800) without a proof that the
    /// presenter holds the key. Without this call such a token is refused with 401 `invalid_token`
    /// (RFC 9449 §7.1). So is one that names another key or a certificate besides that of its DPoP proof.
    ///
    /// This is dangerous: the binding then protects nothing, and whoever steals the token can use it.
    /// It is for an application that checks the proof by itself, such as that of mutual TLS
    /// (RFC 8705).
    #[must_use]
    pub fn danger_accept_bound_tokens_without_proof(self) -> Self {
        self.with(|rules| rules.takes_unproven = true)
    }

    /// Lets `hook` make the responses to refused requests, from the rejection and the request's
    /// headers. The layer adds `WWW-Authenticate`, `Cache-Control` and, with a 503, `Retry-After`
    /// where the response lacks them; its own stays as it is. It drops the body if the request is a HEAD. A layer has one
    /// hook, and the last call sets it.
    ///
    /// The hook also makes the responses to gRPC requests, which a gRPC client understands only if
    /// they have gRPC's form. [`Rejection::to_response`] has the form that the request asks for.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Response, header::CONTENT_TYPE};
    /// # use tower_bearer::{Verifier, bearer::BearerLayer};
    ///
    /// # fn layer(verifier: Verifier) -> BearerLayer {
    /// BearerLayer::new(verifier).on_rejection(|rejection, _headers| {
    ///     let mut response = Response::new(Bytes::from(format!("<p>{rejection}</p>")));
    ///     *response.status_mut() = rejection.status();
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
