use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use http::StatusCode;
use tower_bearer::transport::TransportError;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// Why there is no access token.
///
/// It is cheap to clone: all callers that waited for one refresh get the same error. It holds no
/// token.
///
/// [`kind`](Self::kind) is for programs to decide by. `Display` says what went wrong here, and not
/// what caused it. `Debug` shows the cause as well, for programs that return the error from
/// `main`. The causes that [`source`](StdError::source) leads to are for logs: their types and
/// texts are no part of this crate's API and may change in any release.
#[derive(Clone)]
pub struct ClientError {
    kind: ClientErrorKind,
    detail: Option<Detail>,
    retry_after: Option<Duration>,
    ends_session: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What a kind of error leaves open.
#[derive(Clone)]
enum Detail {
    Status(StatusCode),
    Code(Arc<str>),
    Flaw(&'static str),
}

/// What kept a client from having an access token, by whose fault it is.
///
/// | at fault | kinds | what helps |
/// | --- | --- | --- |
/// | nobody | [`NotSignedIn`](Self::NotSignedIn), [`Ended`](Self::Ended) | the user signs in |
/// | the network, or a server in trouble | [`Unreachable`](Self::Unreachable), [`Timeout`](Self::Timeout), [`Unavailable`](Self::Unavailable) | time |
/// | the server's answer, or a wrong URL | [`Redirected`](Self::Redirected), [`Status`](Self::Status), [`ContentType`](Self::ContentType), [`TooLarge`](Self::TooLarge), [`Malformed`](Self::Malformed) | a look at the configuration |
/// | the client, as the server sees it | [`Refused`](Self::Refused), [`RefusedAgain`](Self::RefusedAgain) | a look at the configuration |
/// | this machine | [`Store`](Self::Store), [`Proof`](Self::Proof) | a look at the token store, or at what holds the key |
/// | the application | [`Interrupted`](Self::Interrupted), [`NoRuntime`](Self::NoRuntime) | a change of the program |
///
/// After all but the first row the session is kept, and the refresh is tried again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ClientErrorKind {
    /// Nobody has signed in, and the store holds no tokens.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// The session has ended.
    #[error("the session has ended: {0}")]
    Ended(EndReason),
    /// The token endpoint could not be reached, or the connection broke before the whole answer
    /// had come.
    #[error("the token endpoint cannot be reached")]
    Unreachable,
    /// The token endpoint did not send a whole answer in time.
    #[error("the token endpoint did not answer in time")]
    Timeout,
    /// The server says that it cannot answer right now, with a status of 408, 425, 429 or 5xx. See
    /// [`ClientError::status`] and [`ClientError::retry_after`].
    #[error("the token endpoint is unavailable")]
    Unavailable,
    /// The token endpoint answered with a redirect. It is not followed, because the refresh token
    /// is meant for one server only. See [`ClientError::status`].
    #[error("the token endpoint answered with a redirect")]
    Redirected,
    /// The token endpoint answered with a status that RFC 6749 gives no meaning to, and without an
    /// OAuth error. See [`ClientError::status`].
    #[error("the token endpoint answered with an unexpected status")]
    Status,
    /// The answer has another content type than `application/json`. It may be a login page.
    #[error("the token endpoint's answer is not application/json")]
    ContentType,
    /// The answer is larger than
    /// [`answer_limit`](crate::ClientSessionBuilder::answer_limit) allows.
    #[error("the token endpoint's answer is too large")]
    TooLarge,
    /// An answer of the token endpoint does not have the form of RFC 6749 §5.1, or the tokens that
    /// were to be signed in with do not.
    #[error("the tokens are malformed")]
    Malformed,
    /// The token endpoint answered with an OAuth error (RFC 6749 §5.2), which
    /// [`ClientError::code`] names. An `invalid_grant` ends the session and is
    /// [`Ended`](Self::Ended) instead, and so is what
    /// [`ends_session_when`](crate::ClientSessionBuilder::ends_session_when) says.
    #[error("the token endpoint refuses the request")]
    Refused,
    /// The API refused an access token that comes from a refresh of a few seconds ago. Another
    /// refresh would not help.
    #[error("a fresh access token is refused")]
    RefusedAgain,
    /// The token store failed.
    #[error("the token store failed")]
    Store,
    /// No proof could be made that the client holds the key which the session is bound to (RFC 9449).
    /// The key cannot be read, it is another one, or it is elsewhere and does not sign.
    #[error("the session's key cannot be used")]
    Proof,
    /// The refresh did not come to its end: the HTTP client panicked, the runtime was shut down,
    /// or another sign-in replaced the session meanwhile.
    #[error("the refresh was interrupted")]
    Interrupted,
    /// A refresh is needed, but the caller is outside of any tokio runtime that could run it.
    #[error("there is no tokio runtime to refresh on")]
    NoRuntime,
}

/// What ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EndReason {
    /// The server refused the refresh token with `invalid_grant`, or as
    /// [`ends_session_when`](crate::ClientSessionBuilder::ends_session_when) says, and there is no
    /// newer token. The token has expired, or the session was ended on the server.
    #[error("the server refuses the refresh token")]
    Refused,
    /// Another process that shares the token store has signed out, or the tokens were removed from
    /// the store.
    #[error("signed out elsewhere")]
    Elsewhere,
    /// The application called [`ClientSession::logout`](crate::ClientSession::logout). The hook
    /// [`on_end`](crate::ClientSessionBuilder::on_end) is not told of it.
    #[error("signed out")]
    Logout,
}

impl ClientError {
    pub(crate) fn new(kind: ClientErrorKind) -> Self {
        Self {
            kind,
            detail: None,
            retry_after: None,
            ends_session: false,
            source: None,
        }
    }

    pub(crate) fn with_source(kind: ClientErrorKind, source: impl Into<BoxError>) -> Self {
        Self::new(kind).caused_by(source)
    }

    /// An answer that is refused for its status.
    pub(crate) fn with_status(kind: ClientErrorKind, status: StatusCode) -> Self {
        Self {
            detail: Some(Detail::Status(status)),
            ..Self::new(kind)
        }
    }

    pub(crate) fn malformed(flaw: &'static str) -> Self {
        Self {
            detail: Some(Detail::Flaw(flaw)),
            ..Self::new(ClientErrorKind::Malformed)
        }
    }

    /// The key that the session is bound to cannot be used.
    pub(crate) fn no_proof(flaw: &'static str) -> Self {
        Self {
            detail: Some(Detail::Flaw(flaw)),
            ..Self::new(ClientErrorKind::Proof)
        }
    }

    /// An OAuth error (RFC 6749 §5.2). Its description is left out, because a server may have put
    /// a token into it.
    pub(crate) fn refused(code: &str) -> Self {
        Self {
            detail: Some(Detail::Code(code.into())),
            ..Self::new(ClientErrorKind::Refused)
        }
    }

    pub(crate) fn caused_by(self, source: impl Into<BoxError>) -> Self {
        Self {
            source: Some(Arc::from(source.into())),
            ..self
        }
    }

    pub(crate) fn and_retry_after(self, retry_after: Option<Duration>) -> Self {
        Self {
            retry_after,
            ..self
        }
    }

    /// The refresh token that was refused is no longer good.
    pub(crate) fn and_ends_session(self) -> Self {
        Self {
            ends_session: true,
            ..self
        }
    }

    /// What kept the client from having an access token.
    pub fn kind(&self) -> ClientErrorKind {
        self.kind
    }

    /// The status of the token endpoint's answer, for the kinds
    /// [`Unavailable`](ClientErrorKind::Unavailable),
    /// [`Redirected`](ClientErrorKind::Redirected) and [`Status`](ClientErrorKind::Status).
    pub fn status(&self) -> Option<StatusCode> {
        match self.detail {
            Some(Detail::Status(status)) => Some(status),
            _ => None,
        }
    }

    /// The `error` of the token endpoint's answer (RFC 6749 §5.2), for the kind
    /// [`Refused`](ClientErrorKind::Refused).
    pub fn code(&self) -> Option<&str> {
        match &self.detail {
            Some(Detail::Code(code)) => Some(code),
            _ => None,
        }
    }

    /// How long the server asked to wait, if it did; at most 5 minutes.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether there is no session any more, so that the user has to sign in.
    pub fn is_signed_out(&self) -> bool {
        matches!(
            self.kind,
            ClientErrorKind::NotSignedIn | ClientErrorKind::Ended(_)
        )
    }

    /// Whether the server says that the refresh token is no longer good. Before that is believed,
    /// the store is asked for a newer one.
    pub(crate) fn ends_session(&self) -> bool {
        self.ends_session
    }

    /// Whether the same request may well succeed a moment later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            ClientErrorKind::Unreachable | ClientErrorKind::Timeout | ClientErrorKind::Unavailable
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
        match &self.detail {
            Some(Detail::Status(status)) => write!(f, ": {status}"),
            Some(Detail::Code(code)) => write!(f, ": {code}"),
            Some(Detail::Flaw(flaw)) => write!(f, ": {flaw}"),
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

impl From<TransportError> for ClientError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Unreachable(cause) => {
                Self::with_source(ClientErrorKind::Unreachable, cause)
            }
            TransportError::TooLarge => Self::new(ClientErrorKind::TooLarge),
        }
    }
}
