use std::{error::Error as StdError, fmt, time::Duration};

use bytes::Bytes;
use http::Response;

use super::Refusal;
use crate::{
    error::{BoxError, ConfigError, ErrorCode},
    jws::SignError,
    reply::{self, Pause},
    store::{StoreError, StoreErrorKind},
    trace,
};

/// The error of a session operation.
///
/// Its [`code`](Self::code) is what the client may be told. The kind and the source are for logs.
/// None of them contains a token or a secret.
#[derive(Debug)]
pub struct SessionError {
    kind: SessionErrorKind,
    source: Option<BoxError>,
    pause: Pause,
}

/// Why a session operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SessionErrorKind {
    /// The refresh token is refused.
    #[error("the refresh token is refused: {0}")]
    InvalidGrant(Refusal),
    /// The requested scope goes beyond what was granted at login.
    #[error("the requested scope goes beyond the session's")]
    InvalidScope,
    /// A resource is malformed or was not granted at login.
    #[error("a resource is malformed or was not granted")]
    InvalidTarget,
    /// The subject has as many sessions as the application allows.
    #[error("the subject has too many sessions")]
    TooManySessions,
    /// The store, the application's hook or a [signer](crate::jws::Signer) failed or was too slow, too many
    /// refreshes of the same session met, or a [ring](crate::ring::KeyRing) could not be read for so long that no key may sign, or
    /// that the token may have a key which this process does not know yet. The client keeps its token and tries again.
    #[error("sessions are unavailable right now")]
    Unavailable,
    /// The application's hook asks the client to come again later, by
    /// [`Throttle`](super::RefreshDecision::Throttle). The client keeps its token.
    #[error("the application asks to come again later")]
    Throttled,
    /// The subject or the client of a grant is empty, or one of them or the scope is too long, or the cursor of a list
    /// leads nowhere. They may come from a request, so the client is told that its request cannot be served.
    #[error("the request asks for more than a session can hold, or for a page that is not there")]
    InvalidRequest,
    /// The application's grant is malformed, or its claims make the access token too long.
    #[error("the grant is malformed")]
    Grant,
    /// The store can never do this, however often it is tried: the session in it cannot be read,
    /// or it cannot keep such a session. The client keeps its token.
    #[error("the store cannot serve this session")]
    Store,
    /// The crypto back end could not sign, or the refresh key is not here.
    #[error("the tokens could not be signed")]
    Signing,
}

impl SessionError {
    pub(super) fn new(kind: SessionErrorKind) -> Self {
        Self {
            kind,
            source: None,
            pause: Pause::OF_ENDPOINTS,
        }
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        Self::new(SessionErrorKind::InvalidGrant(refusal))
    }

    /// An error that says more than its kind. It is the request's fault, and so not logged as a
    /// warning: otherwise whoever sends requests would fill the log.
    pub(super) fn with_detail(kind: SessionErrorKind, detail: &'static str) -> Self {
        trace::debug!(detail, "{kind}");
        Self {
            source: Some(detail.into()),
            ..Self::new(kind)
        }
    }

    /// It is as the application wants it, so nothing about it is a warning.
    pub(super) fn throttled(after: Duration) -> Self {
        Self {
            pause: Pause::told(after),
            ..Self::new(SessionErrorKind::Throttled)
        }
    }

    /// Logs the cause too, since the client is not told of it.
    pub(super) fn with_source(kind: SessionErrorKind, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        trace::warn!(error = &*source as &(dyn StdError + 'static), "{kind}");
        Self {
            source: Some(source),
            ..Self::new(kind)
        }
    }

    /// The same error where strangers can cause it as often as they like: it does not count for the load.
    pub(super) fn of_strangers(self) -> Self {
        Self {
            pause: Pause::Second,
            ..self
        }
    }

    /// The same error of a write that may have happened. Its client comes again within half of what is left of the
    /// window in which the answer is given once more for nothing: later, it would cost the session a late redelivery.
    pub(super) fn of_a_write(self, left: Duration) -> Self {
        let half = u8::try_from(left.as_secs() / 2).unwrap_or(u8::MAX);
        Self {
            pause: Pause::ByLoad(half.max(1)),
            ..self
        }
    }

    /// What its client is told in `Retry-After`, if it is a 503.
    pub(crate) fn pause(&self) -> Pause {
        self.pause
    }

    /// Why the operation failed.
    pub fn kind(&self) -> SessionErrorKind {
        self.kind
    }

    /// The response for the client: the status and the JSON body of the [`code`](Self::code).
    pub fn to_response(&self) -> Response<Bytes> {
        let code = self.code();
        reply::error_because(code, code.description(), None, self.pause)
    }

    /// The error code that the client may be told.
    pub fn code(&self) -> ErrorCode {
        match self.kind {
            SessionErrorKind::InvalidGrant(_) => ErrorCode::InvalidGrant,
            SessionErrorKind::InvalidScope => ErrorCode::InvalidScope,
            SessionErrorKind::InvalidTarget => ErrorCode::InvalidTarget,
            SessionErrorKind::TooManySessions => ErrorCode::TooManySessions,
            SessionErrorKind::Unavailable | SessionErrorKind::Throttled => {
                ErrorCode::TemporarilyUnavailable
            }
            SessionErrorKind::InvalidRequest => ErrorCode::InvalidRequest,
            SessionErrorKind::Grant | SessionErrorKind::Store | SessionErrorKind::Signing => {
                ErrorCode::ServerError
            }
        }
    }
}

impl From<SessionError> for Response<Bytes> {
    fn from(error: SessionError) -> Self {
        error.to_response()
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl StdError for SessionError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind() {
            // RFC 9110 §15.6.4: a 503 is for what passes. These do not.
            StoreErrorKind::Unstorable | StoreErrorKind::Corrupt => SessionErrorKind::Store,
            _ => SessionErrorKind::Unavailable,
        };
        Self::with_source(kind, error)
    }
}

impl From<SignError> for SessionError {
    fn from(error: SignError) -> Self {
        let kind = match error.kind().may_pass() {
            true => SessionErrorKind::Unavailable,
            false => SessionErrorKind::Signing,
        };
        Self::with_source(kind, error)
    }
}

impl From<ConfigError> for SessionError {
    fn from(error: ConfigError) -> Self {
        Self::with_source(SessionErrorKind::Grant, error)
    }
}
