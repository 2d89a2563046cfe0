#[cfg(feature = "dpop")]
mod dpop;
#[cfg(test)]
mod tests;

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;
use zeroize::Zeroizing;

use tower_bearer::{
    claims::Scope,
    clock::{Clock, SystemClock},
    transport::Transport,
};

use crate::{
    answer::Reading,
    dpop::{Dpop, Keys},
    endpoints::{Amend, Endpoints},
    error::{BoxError, ClientError, ConfigError, ConfigErrorKind as Kind, EndReason},
    error_response::ErrorResponse,
    held::Lifetimes,
    identity::ClientIdentity,
    origin,
    session::ClientSession,
    shared::{EndHook, SaveHook, Shared},
    state::State,
    store::{AnyStore, MemoryTokenStore, TokenStore},
    token_request::TokenRequest,
};

/// What an answer brings has to be kept, and stores have limits too.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// Configures a [`ClientSession`]. [`ClientSession::builder`] makes it. Everything else has a
/// default, and [`build`](Self::build) checks all of it at once.
#[must_use]
pub struct ClientSessionBuilder {
    transport: Transport,
    token_endpoint: String,
    revocation_endpoint: Option<String>,
    allow_plain: bool,
    client_id: Option<String>,
    client_secret: Option<Zeroizing<String>>,
    scope: Option<Scope>,
    amend: Option<Arc<Amend>>,
    timeout: Duration,
    answer_limit: usize,
    reading: Reading,
    keys: Keys,
    lifetimes: Lifetimes,
    store: AnyStore,
    clock: Box<dyn Clock>,
    on_end: Option<EndHook>,
    on_save_failed: Option<SaveHook>,
}

impl ClientSession {
    /// A session that gets its tokens from this token endpoint, an absolute URL, through this HTTP
    /// client.
    ///
    /// Proxies, TLS and connections are the HTTP client's own affair. It **must not follow
    /// redirects**, which would take the refresh token to another server. And it must not go
    /// through a [`RefreshLayer`](crate::RefreshLayer) of the same session, because a refresh would
    /// then wait for itself.
    pub fn builder<T, B, R>(token_endpoint: impl Into<String>, http: T) -> ClientSessionBuilder
    where
        T: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        T::Error: Into<Box<dyn StdError + Send + Sync>>,
        T::Future: Send,
        B: From<Bytes> + 'static,
        R: Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        ClientSessionBuilder::new(token_endpoint.into(), http)
    }
}

impl ClientSessionBuilder {
    fn new<T, B, R>(token_endpoint: String, http: T) -> Self
    where
        T: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
        T::Error: Into<BoxError>,
        T::Future: Send,
        B: From<Bytes> + 'static,
        R: Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        Self {
            transport: Transport::new(http),
            token_endpoint,
            revocation_endpoint: None,
            allow_plain: false,
            client_id: None,
            client_secret: None,
            scope: None,
            amend: None,
            timeout: Duration::from_secs(10),
            answer_limit: 64 * 1024,
            reading: Reading::default(),
            keys: Keys::None,
            lifetimes: Lifetimes {
                default: Duration::from_secs(5 * 60),
                share: 0.8,
            },
            store: AnyStore::new(MemoryTokenStore::new()),
            clock: Box::new(SystemClock),
            on_end: None,
            on_save_failed: None,
        }
    }

    /// The endpoint where [`logout`](ClientSession::logout) revokes the refresh token (RFC 7009), an
    /// absolute URL. By default the server is not told of a logout.
    pub fn revocation_endpoint(mut self, url: impl Into<String>) -> Self {
        self.revocation_endpoint = Some(url.into());
        self
    }

    /// The client identifier (RFC 6749 §2.2). Without a [`client_secret`](Self::client_secret) it is
    /// sent as a parameter of the form. By default none is sent.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// The secret of a confidential client. It is sent with the client identifier in a Basic
    /// header, and both are form-encoded first, as RFC 6749 §2.3.1 demands. For other ways to
    /// authenticate see [`on_token_request`](Self::on_token_request).
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(Zeroizing::new(secret.into()));
        self
    }

    /// The scope to ask for with each refresh. By default none is named, so that the server keeps
    /// to the scope that was granted at the login.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Calls this hook with each request to the token and revocation endpoints before it is sent.
    /// The hook may change the request, and must not block.
    ///
    /// ```
    /// # use tower_bearer_client::ClientSessionBuilder;
    /// # fn configure(builder: ClientSessionBuilder) -> ClientSessionBuilder {
    /// // For a server that wants the secret in the form, and to know which API it is for.
    /// builder.client_id("app").on_token_request(|request| {
    ///     request.set_param("client_secret", "hunter2");
    ///     request.set_param("resource", "https://api.example");
    /// })
    /// # }
    /// ```
    pub fn on_token_request(
        mut self,
        hook: impl Fn(&mut TokenRequest) + Send + Sync + 'static,
    ) -> Self {
        self.amend = Some(Arc::new(hook));
        self
    }

    /// How long one exchange with the token endpoint may take, from the request to the last byte of
    /// the answer. A refresh consists of at most three exchanges per refresh token. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many bytes an answer of the token endpoint may have, 1 MiB at most. Default: 64 KiB.
    ///
    /// A larger answer is not read. If the server has replaced the refresh token in it, the new one
    /// is lost, and many servers end the session when the old one comes again. So the limit has to be
    /// well above what your server sends. A store is asked for as much room before each refresh.
    pub fn answer_limit(mut self, bytes: usize) -> Self {
        self.answer_limit = bytes;
        self
    }

    /// The share of an access token's lifetime after which a request starts a refresh in the
    /// background, from 0.2 to 0.95. Default: 0.8. A random share of up to 0.1 is taken off, so that
    /// clients that signed in together do not refresh together.
    pub fn refresh_after(mut self, share: f64) -> Self {
        self.lifetimes.share = share;
        self
    }

    /// The lifetime of an access token if the server names none, or less than a second. Default:
    /// 5 minutes. If the token really expires earlier, the API refuses it, which starts a refresh
    /// too.
    pub fn default_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetimes.default = lifetime;
        self
    }

    /// Where the tokens are kept. Default: a new [`MemoryTokenStore`].
    pub fn store(mut self, store: impl TokenStore) -> Self {
        self.store = AnyStore::new(store);
        self
    }

    /// The wall clock. It tells the age of tokens that come from the store, and shows that the
    /// machine has slept. Everything else is measured by tokio's clock. Default: the system's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Says by which other answers than `invalid_grant` the server tells that the refresh token is no
    /// longer good, so that the user has to sign in.
    ///
    /// RFC 6749 §5.2 has `invalid_grant` for that, and nothing else ends a session by default. Some
    /// servers answer with another code, or with none. If the function says `true`, the refresh does
    /// what it does after an `invalid_grant`: it looks into the store for a newer token, and only then
    /// ends the session.
    ///
    /// The function is asked about client errors (4xx) only. A lost answer, a timeout, a redirect, a
    /// 408, 425, 429 or 5xx never ends a session, nor does a refused proof of a key. But a proxy or a
    /// wrong URL may also answer with a 4xx, so be as narrow as you can. The function must not block.
    ///
    /// ```
    /// # use tower_bearer_client::ClientSessionBuilder;
    /// # fn configure(builder: ClientSessionBuilder) -> ClientSessionBuilder {
    /// // For a server that answers a dead token with 400 and an empty body …
    /// let builder = builder.ends_session_when(|response| {
    ///     response.status() == 400 && response.body().is_some_and(|body| body.is_empty())
    /// });
    /// // … or for one that calls it an invalid request.
    /// builder.ends_session_when(|response| response.code() == Some("invalid_request"))
    /// # }
    /// ```
    pub fn ends_session_when(
        mut self,
        is_end: impl Fn(&ErrorResponse<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.reading.ends_session = Some(Arc::new(is_end));
        self
    }

    /// Takes an access token for a bearer token if the server names no type. By default, and by RFC
    /// 6749 §5.1 and §7.1, such a token is not used.
    ///
    /// A token may be of a type that must not be sent alone, such as one that is bound to a key. As a
    /// bearer token it is in the hands of everyone who sees a request, and the server may take it for
    /// stolen. A token of a type that the client does not know is never used.
    pub fn danger_accept_missing_token_type(mut self) -> Self {
        self.reading.accept_missing_token_type = true;
        self
    }

    /// Calls this hook when a session has ended other than by the program's own
    /// [`logout`](ClientSession::logout), once for each session. The hook must not block. If it
    /// panics, the session works on as if it had returned.
    pub fn on_end(mut self, hook: impl Fn(EndReason) + Send + Sync + 'static) -> Self {
        self.on_end = Some(Box::new(hook));
        self
    }

    /// Calls this hook each time a refresh or [`settle`](ClientSession::settle) finds that new tokens
    /// cannot be saved, with the error of the store. [`sign_in`](ClientSession::sign_in) and
    /// [`check_store`](ClientSession::check_store) only return the error. Nobody has to sign in again,
    /// but something is wrong with the store that only a person can mend, such as a full disk.
    ///
    /// Usually this is found before anything is sent. If
    /// [`SessionStatus::unsaved`](crate::SessionStatus::unsaved) is set, it was found after the
    /// refresh. Refreshes that fail are apart as after other failures: 1 s at first, and up to 60 s.
    /// `settle` tries at once, whenever it is called. The hook must not block. If it panics, the
    /// session works on as if it had returned.
    pub fn on_save_failed(mut self, hook: impl Fn(&ClientError) + Send + Sync + 'static) -> Self {
        self.on_save_failed = Some(Box::new(hook));
        self
    }

    /// Lets the URLs of the endpoints have the scheme `http` for any host.
    ///
    /// Everyone on the network path to that host can read the refresh tokens and the client secret,
    /// and so take over the session.
    pub fn danger_allow_plain_http(mut self) -> Self {
        self.allow_plain = true;
        self
    }

    /// Checks the configuration and makes the session. Nothing is sent or read yet.
    ///
    /// # Errors
    ///
    /// The [kind](ConfigError::kind) says which setting is wrong:
    ///
    /// - [`TokenEndpoint`](Kind::TokenEndpoint) and
    ///   [`RevocationEndpoint`](Kind::RevocationEndpoint): the URL is not absolute, has a fragment
    ///   or a user name, or its scheme is not https although the host is another machine.
    /// - [`ClientId`](Kind::ClientId): the identifier is empty, or there is a secret without one.
    /// - [`ClientSecret`](Kind::ClientSecret): the secret is too long for a header.
    /// - [`AnswerLimit`](Kind::AnswerLimit): it is zero or above 1 MiB.
    /// - [`Timeout`](Kind::Timeout) and [`DefaultLifetime`](Kind::DefaultLifetime): it is zero.
    /// - [`RefreshAfter`](Kind::RefreshAfter): it is not between 0.2 and 0.95.
    pub fn build(self) -> Result<ClientSession, ConfigError> {
        self.check()?;
        let endpoint = |kind: Kind, url: &str| {
            origin::endpoint(url, self.allow_plain).map_err(|why| ConfigError::new(kind, why))
        };
        let token = endpoint(Kind::TokenEndpoint, &self.token_endpoint)?;
        let revocation = self.revocation_endpoint.as_deref();
        let revocation = revocation.map(|url| endpoint(Kind::RevocationEndpoint, url));
        let endpoints = Endpoints {
            token,
            revocation: revocation.transpose()?,
            identity: self.identity()?,
            transport: self.transport,
            scope: self.scope,
            amend: self.amend,
            timeout: self.timeout,
            answer_limit: self.answer_limit,
            reading: self.reading,
        };
        Ok(ClientSession::new(Shared {
            dpop: Dpop::new(self.keys),
            endpoints,
            store: self.store,
            clock: self.clock,
            lifetimes: self.lifetimes,
            on_end: self.on_end,
            on_save_failed: self.on_save_failed,
            state: State::new().into(),
            turn: tokio::sync::Mutex::default(),
            retained: tokio::sync::Mutex::default(),
        }))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let (kind, why) = if self.lifetimes.default.is_zero() {
            (Kind::DefaultLifetime, "it must not be zero")
        } else if self.timeout.is_zero() {
            (Kind::Timeout, "it must not be zero")
        } else if !(1..=LARGEST_ANSWER).contains(&self.answer_limit) {
            (Kind::AnswerLimit, "give a number of bytes from 1 to 1 MiB")
        } else if !(0.2..=0.95).contains(&self.lifetimes.share) {
            (Kind::RefreshAfter, "give a share from 0.2 to 0.95")
        } else {
            return Ok(());
        };
        Err(ConfigError::new(kind, why))
    }

    fn identity(&self) -> Result<ClientIdentity, ConfigError> {
        match (self.client_id.as_deref(), &self.client_secret) {
            (None, None) => Ok(ClientIdentity::Unnamed),
            (None, Some(_)) => {
                let why = "a client secret needs an identifier";
                Err(ConfigError::new(Kind::ClientId, why))
            }
            (Some(""), _) => Err(ConfigError::new(Kind::ClientId, "it is empty")),
            (Some(id), None) => Ok(ClientIdentity::Named(id.to_owned())),
            (Some(id), Some(secret)) => ClientIdentity::basic(id, secret).ok_or(ConfigError::new(
                Kind::ClientSecret,
                "it does not fit a header",
            )),
        }
    }
}

impl fmt::Debug for ClientSessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not even the URLs, which may hold a password until they have been checked.
        f.debug_struct("ClientSessionBuilder")
            .finish_non_exhaustive()
    }
}
