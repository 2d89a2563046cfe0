use std::future::Future;

use super::{
    authenticate::{Authentication, IntoClientDecision},
    carrier::Carrier,
    client::ClientSecret,
    params::DEFAULT_BODY_LIMIT,
};

/// How the token and the revocation endpoint read requests, and which clients may send them.
///
/// One value serves both endpoints, on their own or in [`Endpoints`](super::Endpoints).
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
    pub(super) body_limit: usize,
}

impl Default for EndpointOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl EndpointOptions {
    /// Public clients, tokens in bodies, and bodies of at most 16 KiB.
    pub fn new() -> Self {
        Self {
            clients: Authentication::default(),
            carrier: Carrier::default(),
            body_limit: DEFAULT_BODY_LIMIT,
        }
    }

    /// How many bytes a request body has at most; 16 KiB unless set. Longer ones get a 413.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Checks the secrets of OAuth clients, from a Basic header or from `client_secret`.
    ///
    /// The check gets the client's identifier and secret, and returns a `bool` or a `Result`
    /// of one. `false` is a 401 `invalid_client`; an error, or no answer within 5 s, is a 503
    /// `temporarily_unavailable` with `Retry-After`, so that no client takes its good secret
    /// for a bad one.
    ///
    /// It is asked only where a secret comes. Without a check each secret is refused with
    /// `invalid_client`. A client that sends none is a public one, and is held to the session's
    /// `client_id` if it names itself; where no client is public,
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

    /// Refuses clients that do not authenticate: each request must carry a secret that the
    /// [check](Self::authenticate_client) accepts, or it is a 401 `invalid_client`, whatever it
    /// asks for. Without a check, all requests are refused.
    ///
    /// For servers whose clients are all confidential: back ends that can keep a secret. RFC
    /// 6749 §6 has such a client authenticate at each refresh, so that a refresh token that was
    /// stolen from it is worth nothing without the secret (RFC 9700 §2.2.2 and §4.14). Not for
    /// public clients, apps in browsers and on phones: what is shipped to users is no secret,
    /// and rotation is what protects their tokens. Where there are both kinds, give each its own
    /// `Sessions` with a refresh key of their own, and endpoints of its own.
    ///
    /// A session is held to the client that it was started for; one that was started without a
    /// `client_id` may be refreshed by each client that authenticates.
    #[must_use]
    pub fn require_client_authentication(mut self) -> Self {
        self.clients = self.clients.require();
        self
    }

    /// Takes refresh tokens from a cookie too. At the token endpoint the request then has an empty
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
