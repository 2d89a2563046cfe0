use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;
use zeroize::Zeroizing;

use super::{
    ClientSession, EndReason, TokenRequest, TokenStore,
    core::{Core, EndHook},
    endpoint::{Amend, Endpoint, Transport},
    held::Lifetimes,
    origin,
    state::State,
    store::{AnyStore, MemoryTokenStore},
    token_request::ClientIdentity,
};
use tower_bearer::{
    claims::Scope,
    clock::{Clock, SystemClock},
    error::{BoxError, ConfigError, ConfigErrorKind},
};

/// Configures a [`ClientSession`]; everything has a default but what
/// [`ClientSession::builder`] asks for.
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
    lifetimes: Lifetimes,
    store: AnyStore,
    clock: Box<dyn Clock>,
    on_end: Option<EndHook>,
}

impl ClientSessionBuilder {
    pub(super) fn new<T, B, R>(token_endpoint: String, http: T) -> Self
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
            lifetimes: Lifetimes {
                default: Duration::from_secs(5 * 60),
                share: 0.8,
            },
            store: AnyStore::new(MemoryTokenStore::new()),
            clock: Box::new(SystemClock),
            on_end: None,
        }
    }

    /// Where [`logout`](ClientSession::logout) revokes the refresh token (RFC 7009), an absolute
    /// URL. Default: nowhere.
    pub fn revocation_endpoint(mut self, url: impl Into<String>) -> Self {
        self.revocation_endpoint = Some(url.into());
        self
    }

    /// Names the client (RFC 6749 §2.2); without a secret, in the form.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// The secret of a confidential client, sent with its identifier in a Basic header as RFC
    /// 6749 §2.3.1 has it: both form-encoded first. For other ways to authenticate see
    /// [`on_token_request`](Self::on_token_request).
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(Zeroizing::new(secret.into()));
        self
    }

    /// The scope to ask for at each refresh. Default: none is named, so that it stays what was
    /// granted.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Has each request to the token and the revocation endpoint amended before it is sent. The
    /// hook must not block.
    ///
    /// ```
    /// # use tower_bearer_client::ClientSessionBuilder;
    /// # fn configure(builder: ClientSessionBuilder) -> ClientSessionBuilder {
    /// // For a server that wants the secret in the form, and to know which API it is for.
    /// builder.client_id("app").on_token_request(|request| {
    ///     request.set("client_secret", "hunter2");
    ///     request.set("resource", "https://api.example");
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

    /// How long one exchange with the token endpoint may take as a whole, of at most three in a
    /// refresh; 10 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many bytes an answer of the token endpoint has at most; 64 KiB unless set.
    pub fn answer_limit(mut self, bytes: usize) -> Self {
        self.answer_limit = bytes;
        self
    }

    /// After which share of its lifetime an access token is refreshed by the next request;
    /// 0.8 unless set, from 0.2 to 0.95. Up to a tenth of the lifetime is taken off at random.
    pub fn refresh_after(mut self, share: f64) -> Self {
        self.lifetimes.share = share;
        self
    }

    /// How long an access token is thought to live where the server does not say, or says 0;
    /// 5 minutes unless set. If it lives shorter, a 401 tells.
    pub fn default_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetimes.default = lifetime;
        self
    }

    /// Where the tokens are kept. Default: in memory.
    pub fn store(mut self, store: impl TokenStore) -> Self {
        self.store = AnyStore::new(store);
        self
    }

    /// The wall clock, by which the age of kept tokens is told and a sleep of the machine is
    /// noticed. Default: the system's. All else goes by tokio's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Tells the application that a session has ended, once for each session. The hook must not
    /// block; if it panics, nothing else stops.
    pub fn on_end(mut self, hook: impl Fn(EndReason) + Send + Sync + 'static) -> Self {
        self.on_end = Some(Box::new(hook));
        self
    }

    /// Sends refresh tokens and client secrets in the clear, to endpoints on other machines too.
    ///
    /// Whoever is on the way has the session.
    pub fn danger_allow_plain_http(mut self) -> Self {
        self.allow_plain = true;
        self
    }

    /// Checks the configuration.
    ///
    /// # Errors
    ///
    /// On an endpoint that is no absolute URL, has a fragment or is not https (unless on this
    /// machine), on an empty client identifier, a secret without one, a timeout or default
    /// lifetime of zero, or a share out of its range.
    pub fn build(self) -> Result<ClientSession, ConfigError> {
        self.check()?;
        let endpoint = |url: &str| origin::endpoint(url, self.allow_plain);
        let revocation = self.revocation_endpoint.as_deref().map(endpoint);
        let endpoint = Endpoint {
            token: endpoint(&self.token_endpoint)?,
            revocation: revocation.transpose()?,
            identity: self.identity()?,
            transport: self.transport,
            scope: self.scope,
            amend: self.amend,
            timeout: self.timeout,
            answer_limit: self.answer_limit,
        };
        Ok(ClientSession::new(Core {
            endpoint,
            store: self.store,
            clock: self.clock,
            lifetimes: self.lifetimes,
            on_end: self.on_end,
            state: State::new().into(),
            turn: tokio::sync::Mutex::default(),
        }))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let lifetime = "the default lifetime must not be zero";
        let timeout = "a timeout must not be zero";
        let share = "a refresh is due after 0.2 to 0.95 of the lifetime";
        Err(if self.lifetimes.default.is_zero() {
            ConfigError::new(ConfigErrorKind::Lifetime, lifetime)
        } else if self.timeout.is_zero() {
            ConfigError::new(ConfigErrorKind::Lifetime, timeout)
        } else if !(0.2..=0.95).contains(&self.lifetimes.share) {
            ConfigError::new(ConfigErrorKind::Limit, share)
        } else {
            return Ok(());
        })
    }

    fn identity(&self) -> Result<ClientIdentity, ConfigError> {
        let id = self.client_id.as_deref();
        match (id, &self.client_secret) {
            (None, None) => Ok(ClientIdentity::Unnamed),
            (None | Some(""), _) => {
                let empty = "the client identifier is empty";
                Err(ConfigError::new(ConfigErrorKind::EmptyClientId, empty))
            }
            (Some(id), None) => Ok(ClientIdentity::Named(id.to_owned())),
            (Some(id), Some(secret)) => {
                let long = "the client secret does not fit a header";
                ClientIdentity::basic(id, secret)
                    .ok_or_else(|| ConfigError::new(ConfigErrorKind::Limit, long))
            }
        }
    }
}

impl fmt::Debug for ClientSessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not even the URL: nobody has checked yet that it holds no password.
        f.debug_struct("ClientSessionBuilder")
            .finish_non_exhaustive()
    }
}
