use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use http::StatusCode;

use super::store::TokenStoreError;
use tower_bearer::error::BoxError;

/// Why there is no access token.
///
/// Cheap to clone: all who waited for one refresh get the same error. It holds no token. `Debug`
/// says what went wrong too, for programs that return it from `main`.
#[derive(Clone)]
pub struct ClientError {
    kind: ClientErrorKind,
    code: Option<Arc<str>>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What kept a client from having an access token. Only [`Ended`](Self::Ended) means that
/// someone has to sign in again; after all others the session is kept and tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ClientErrorKind {
    /// Nobody has signed in, and the store holds no tokens.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// The session has ended.
    #[error("the session has ended: {0}")]
    Ended(EndReason),
    /// The token endpoint could not be reached, or the answer broke off.
    #[error("the token endpoint cannot be reached")]
    Unreachable,
    /// There was no whole answer in time.
    #[error("the token endpoint did not answer in time")]
    Timeout,
    /// The server says that it cannot answer right now: 5xx, 408 or 429.
    #[error("the token endpoint is unavailable: {0}")]
    Unavailable(StatusCode),
    /// An answer that leads elsewhere. It is not followed: the refresh token is for one server.
    #[error("the token endpoint answered with a redirect: {0}")]
    Redirected(StatusCode),
    /// A status that has no meaning here, without an OAuth error.
    #[error("the token endpoint answered with {0}")]
    Status(StatusCode),
    /// An answer that is no JSON, a login page for example.
    #[error("the token endpoint's answer is not application/json")]
    ContentType,
    /// An answer above the limit.
    #[error("the token endpoint's answer is too large")]
    TooLarge,
    /// An answer, or tokens to sign in with, that are not as RFC 6749 §5.1 has them.
    #[error("the tokens are malformed: {0}")]
    Malformed(&'static str),
    /// An OAuth error other than a final `invalid_grant`: see [`ClientError::code`].
    #[error("the token endpoint refuses the request")]
    Refused,
    /// The token store failed.
    #[error("the token store failed")]
    Store,
    /// An access token that is fresh from a refresh was refused too: another refresh would not
    /// help.
    #[error("a fresh access token is refused")]
    RefusedAgain,
    /// The refresh was stopped half way: it panicked, its runtime has ended, or someone has signed
    /// in meanwhile.
    #[error("the refresh was interrupted")]
    Interrupted,
    /// A refresh is due, and there is no tokio runtime to run it.
    #[error("there is no tokio runtime to refresh on")]
    NoRuntime,
}

/// What ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EndReason {
    /// The server refuses the refresh token: a final `invalid_grant`. It expired, or the
    /// session was ended there.
    #[error("the server refuses the refresh token")]
    Refused,
    /// Another process that shares the store has signed out, or the tokens were removed.
    #[error("signed out elsewhere")]
    Elsewhere,
    /// [`ClientSession::logout`](super::ClientSession::logout).
    #[error("signed out")]
    Logout,
}

impl ClientError {
    pub(super) fn new(kind: ClientErrorKind) -> Self {
        Self {
            kind,
            code: None,
            retry_after: None,
            source: None,
        }
    }

    pub(super) fn with_source(kind: ClientErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            source: Some(Arc::from(source.into())),
            ..Self::new(kind)
        }
    }

    /// An OAuth error (RFC 6749 §5.2). The description stays where it is: nobody promised that
    /// the server puts no token into it.
    pub(super) fn refused(code: &str) -> Self {
        Self {
            code: Some(code.into()),
            ..Self::new(ClientErrorKind::Refused)
        }
    }

    pub(super) fn and_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self {
            retry_after,
            ..self
        }
    }

    /// What kept the client from having an access token.
    pub fn kind(&self) -> ClientErrorKind {
        self.kind
    }

    /// The OAuth error code that the server gave, where it gave one.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// How long the server asked to wait, where it did.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the session is over, so that someone has to sign in.
    pub fn is_signed_out(&self) -> bool {
        matches!(
            self.kind,
            ClientErrorKind::NotSignedIn | ClientErrorKind::Ended(_)
        )
    }

    /// Whether the server says that the refresh token is no good, which is still to be believed.
    pub(super) fn is_invalid_grant(&self) -> bool {
        self.code() == Some("invalid_grant")
    }

    /// Whether the same request may well succeed a moment later.
    pub(super) fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            ClientErrorKind::Unreachable
                | ClientErrorKind::Timeout
                | ClientErrorKind::Unavailable(_)
        )
    }
}

impl fmt::Debug for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("ClientError");
        debug.field(&format_args!("{self}"));
        if let Some(source) = &self.source {
            debug.field(source);
        }
        debug.finish()
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        match &self.code {
            Some(code) => write!(f, ": {code}"),
            None => Ok(()),
        }
    }
}

impl StdError for ClientError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<ClientErrorKind> for ClientError {
    fn from(kind: ClientErrorKind) -> Self {
        Self::new(kind)
    }
}

impl From<TokenStoreError> for ClientError {
    fn from(error: TokenStoreError) -> Self {
        Self::with_source(ClientErrorKind::Store, error)
    }
}

/// Why a request through [`RefreshService`](super::RefreshService) has no answer.
///
/// A server answers with a response; a client that has no token to send has none to give, and
/// one that it made up would pass for the server's word.
#[derive(Debug)]
#[non_exhaustive]
pub enum RequestError<E> {
    /// There is no access token. The request was not sent, or was answered with a 401 that could
    /// not be mended.
    Token(ClientError),
    /// The inner service failed; its error, unchanged.
    Inner(E),
}

impl<E> RequestError<E> {
    /// Whether the session is over, so that someone has to sign in.
    pub fn is_signed_out(&self) -> bool {
        matches!(self, Self::Token(error) if error.is_signed_out())
    }
}

impl<E: Into<BoxError>> RequestError<E> {
    /// The error alone, in a box: a [`ClientError`], or the inner service's.
    ///
    /// For layers above that want errors which fit a box, as tower's timeout and buffer do. Where
    /// the inner service's error is a box already, a `RequestError` of it is no
    /// [`Error`](StdError), and does not.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use http::{Request, Response};
    /// # use tower::{BoxError, Service, ServiceBuilder};
    /// use tower_bearer_client::{RefreshLayer, RequestError};
    ///
    /// # fn client<S>(
    /// #     layer: RefreshLayer, http: S,
    /// # ) -> impl Service<Request<()>, Response = Response<()>, Error = BoxError>
    /// # where
    /// #     S: Service<Request<()>, Response = Response<()>, Error = std::io::Error> + Clone,
    /// # {
    /// ServiceBuilder::new()
    ///     .timeout(Duration::from_secs(60))
    ///     .map_err(RequestError::into_boxed)
    ///     .layer(layer)
    ///     .timeout(Duration::from_secs(20))
    ///     .service(http)
    /// # }
    /// ```
    pub fn into_boxed(self) -> Box<dyn StdError + Send + Sync> {
        match self {
            Self::Token(error) => error.into(),
            Self::Inner(error) => error.into(),
        }
    }
}

impl<E> fmt::Display for RequestError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "there is no access token for the request",
            Self::Inner(_) => "the request failed",
        })
    }
}

impl<E: StdError + 'static> StdError for RequestError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Token(error) => Some(error),
            Self::Inner(error) => Some(error),
        }
    }
}

impl<E> From<ClientError> for RequestError<E> {
    fn from(error: ClientError) -> Self {
        Self::Token(error)
    }
}
