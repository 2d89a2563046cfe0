use std::{future::Future, time::Duration};

use super::{
    authenticate::{Authentication, IntoClientDecision},
    body::BodyLimits,
    carrier::Carrier,
    client::ClientSecret,
    dpop::Proofs,
    introspector::Introspectors,
};
use crate::token::AccessToken;

/// How the token, the revocation and the introspection endpoint read requests, and who may send them.
///
/// One value serves all of them, on their own or in [`Endpoints`](super::Endpoints).
///
/// ```
/// use tower_bearer::{
///     endpoint::{EndpointOptions, Endpoints, TokenEndpoint},
///     session::Sessions,
/// };
///
/// fn endpoints(sessions: &Sessions) -> (TokenEndpoint, Endpoints) {
///     let options = EndpointOptions::new().body_limit(4 * 1024);
///     (
///         TokenEndpoint::new(sessions.clone()).options(options.clone()),
///         Endpoints::new(sessions).options(options),
///     )
/// }
/// ```
#[derive(Clone, Debug)]
pub struct EndpointOptions {
    pub(super) clients: Authentication,
    pub(super) carrier: Carrier,
    pub(super) proofs: Proofs,
    pub(super) body: BodyLimits,
    pub(super) introspectors: Introspectors,
}

impl Default for EndpointOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl EndpointOptions {
    /// Public clients, tokens in bodies, and bodies of at most 16 KiB that come within 10 seconds.
    pub fn new() -> Self {
        Self {
            clients: Authentication::default(),
            carrier: Carrier::default(),
            proofs: Proofs::default(),
            body: BodyLimits::DEFAULT,
            introspectors: Introspectors::default(),
        }
    }

    /// The largest request body in bytes: 16 KiB by default. A larger one gets a 413.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body.bytes = bytes;
        self
    }

    /// How long the whole request body may take: 10 seconds by default. If it takes longer, the
    /// answer is a 408, as for a body that breaks off (RFC 9110 §15.5.9): the client may send the
    /// request again, and nothing has been done with its token. Over HTTP/1 the answer also closes
    /// the connection.
    ///
    /// Without this limit, anybody could keep connections and memory for as long as they like.
    #[must_use]
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body.timeout = timeout;
        self
    }

    /// Checks the secrets of OAuth clients, which they send in a Basic header or as
    /// `client_secret`.
    ///
    /// The check gets the client's identifier and secret, and returns a `bool` or a `Result` of
    /// one. `false` is answered with 401 `invalid_client`. An error, or no result within 5 seconds,
    /// is answered with 503 `temporarily_unavailable` and `Retry-After`, so that no client takes
    /// its secret for a wrong one.
    ///
    /// The check is called only if a request has a secret. Without a check, every secret is
    /// refused with `invalid_client`. A client without a secret is a public client. If it sends a
    /// `client_id`, that must be the session's. If none of your clients are public,
    /// [require](Self::require_client_authentication) a secret.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use tower_bearer::endpoint::EndpointOptions;
    /// # struct Clients;
    /// # impl Clients {
    /// #     async fn secret_of(&self, id: &str) -> Result<Option<String>, std::io::Error> {
    /// #         Ok(None)
    /// #     }
    /// # }
    /// # fn options(clients: Arc<Clients>) -> EndpointOptions {
    /// let options = EndpointOptions::new().authenticate_client(move |id, secret| {
    ///     let clients = Arc::clone(&clients);
    ///     async move {
    ///         let expected = clients.secret_of(&id).await?;
    ///         Ok::<_, std::io::Error>(expected.is_some_and(|expected| secret.matches(&expected)))
    ///     }
    /// });
    /// # options
    /// # }
    /// ```
    #[must_use]
    pub fn authenticate_client<F, Fut>(mut self, check: F) -> Self
    where
        F: Fn(String, ClientSecret) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoClientDecision> + Send + 'static,
    {
        self.clients = self.clients.check(check);
        self
    }

    /// Refuses clients that do not authenticate. A request without a secret that the
    /// [check](Self::authenticate_client) accepts is answered with 401 `invalid_client`. Without a
    /// check, all requests are refused.
    ///
    /// Use this if all clients are confidential, that is, back ends that can keep a secret.
    /// RFC 6749 §6 requires such a client to authenticate at each refresh, so that a stolen
    /// refresh token is of no use without the secret (RFC 9700 §2.2.2 and §4.14). Do not use it
    /// for public clients, which are apps in browsers and on phones: they cannot keep a secret,
    /// and rotation protects their tokens. If you have both kinds of clients, give each kind its
    /// own `Sessions`, refresh key and endpoints.
    ///
    /// Only the client that a session was started for can refresh it. A session that was started
    /// without a `client_id` can be refreshed by every client that authenticates.
    #[must_use]
    pub fn require_client_authentication(mut self) -> Self {
        self.clients = self.clients.require();
        self
    }

    /// Lets the client with this identifier ask the introspection endpoint about access tokens that are
    /// for `audience`, because it is the resource server of that name. It authenticates as any client
    /// does, with the secret that the [check](Self::authenticate_client) accepts. May be called several
    /// times, also for one client.
    ///
    /// ```
    /// use tower_bearer::endpoint::EndpointOptions;
    ///
    /// # let secret = "7Qe0…".to_owned();
    /// let options = EndpointOptions::new()
    ///     .authenticate_client(move |id, sent| {
    ///         let accepted = id == "orders" && sent.matches(&secret);
    ///         async move { accepted }
    ///     })
    ///     .resource_server("orders", "https://orders.example");
    /// ```
    #[must_use]
    pub fn resource_server(
        mut self,
        client_id: impl Into<String>,
        audience: impl Into<String>,
    ) -> Self {
        self.introspectors.add(client_id.into(), audience.into());
        self
    }

    /// Lets resource servers ask the introspection endpoint that authenticate with a bearer token of
    /// their own (RFC 7662 §2.1).
    ///
    /// The check gets that token, and gives the audience whose access tokens the sender may ask about,
    /// or `None`, which is answered with 401 `invalid_token`. An error, or no result within 5 seconds, is
    /// answered with 503. The token is usually a long random text that is compared in constant time;
    /// never take an access token of a user for it.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use tower_bearer::endpoint::EndpointOptions;
    /// # struct Keys;
    /// # impl Keys {
    /// #     async fn audience_of(&self, key: &str) -> Result<Option<String>, std::io::Error> {
    /// #         Ok(None)
    /// #     }
    /// # }
    /// # fn options(keys: Arc<Keys>) -> EndpointOptions {
    /// let options = EndpointOptions::new().authenticate_resource_server(move |token| {
    ///     let keys = Arc::clone(&keys);
    ///     async move { keys.audience_of(token.expose()).await }
    /// });
    /// # options
    /// # }
    /// ```
    #[must_use]
    pub fn authenticate_resource_server<F, Fut, E>(mut self, check: F) -> Self
    where
        F: Fn(AccessToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<String>, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.introspectors.check(check);
        self
    }

    /// Checks the proofs of clients that they hold a key: the header `DPoP` (RFC 9449 §5). Without
    /// this call no session that is bound to a key can be refreshed.
    ///
    /// A session is bound at its login, with `Grant::bound_to`. To refresh it, the client needs a
    /// proof of the same key. Without one, the answer is 400 `invalid_dpop_proof`, and with one of
    /// another key `invalid_grant`; neither changes the session. A session that is not bound stays
    /// so, whatever proof comes along, and its access tokens are `Bearer` tokens.
    ///
    /// To revoke a token no proof is needed, and one that comes is not looked at, so that no logout
    /// fails for one.
    ///
    /// The metadata then name the algorithms of proofs (`dpop_signing_alg_values_supported`).
    ///
    /// ```
    /// use tower_bearer::{dpop::DpopVerifier, endpoint::EndpointOptions, error::ConfigError};
    ///
    /// # fn options() -> Result<EndpointOptions, ConfigError> {
    /// let dpop = DpopVerifier::new("https://id.example")?;
    /// Ok(EndpointOptions::new().dpop(&dpop))
    /// # }
    /// ```
    #[cfg(feature = "dpop")]
    #[must_use]
    pub fn dpop(mut self, verifier: &crate::dpop::DpopVerifier) -> Self {
        self.proofs = Proofs::new(verifier);
        self
    }

    /// Also takes refresh tokens from the cookie of this binding, as
    /// [`refresh_cookie`](Self::refresh_cookie) does, and binds its session to the browser's device.
    /// [`Endpoints`](super::Endpoints) then also answer at `/device/register` and `/device/refresh` below
    /// their prefix. A page that refreshes a bound session by itself is answered with 403 `access_denied` and
    /// `"reason": "device_bound"`.
    #[cfg(feature = "dbsc")]
    #[must_use]
    pub fn device_binding(mut self, binding: &crate::dbsc::DeviceBinding) -> Self {
        self.carrier = Carrier::of_devices(binding);
        self
    }

    /// Also takes refresh tokens from a cookie. At the token endpoint the request then has an empty
    /// body or `{}`; the successor goes back into the cookie, and only the access token into the
    /// body. At the revocation endpoint, where the cookie's path has to reach it, the request has
    /// an empty body; it is a logout, and the answer clears the cookie. Tokens in bodies are
    /// answered as without a cookie. See [the policy](crate::cookie).
    #[cfg(feature = "cookie")]
    #[must_use]
    pub fn refresh_cookie(mut self, cookie: &crate::cookie::RefreshCookie) -> Self {
        self.carrier = Carrier::new(cookie);
        self
    }
}
