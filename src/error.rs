//! What can go wrong, and the one table from a failure to what the wire says of it.
//!
//! By whose fault it is:
//!
//! | error | of what |
//! | --- | --- |
//! | [`ConfigError`] | the application's configuration; it comes before any request is served |
//! | [`KeyError`](crate::jws::KeyError) | a key, or a set of keys |
//! | `store::OpenError` | a store that cannot be opened, or its address |
//! | [`ScopeError`](crate::claims::ScopeError) | text that is no scope, of the application's or of a request |
//! | [`TokenError`] | a peer's access token |
//! | `session::SessionError` | a refresh token, a login, or what serves them |
//! | `store::StoreError` | a store, while it is used |
//!
//! `kind()` is for programs. `Display` says what went wrong here and not what caused it. The causes
//! that [`source`](StdError::source) leads to are for logs only: their types and texts are no part of
//! this crate's API and may change in any release.

use std::{borrow::Cow, error::Error as StdError, fmt};

use http::StatusCode;

/// Any error that can be sent between threads, as in `tower`.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// A configuration that cannot be used: names, lifetimes, limits, cookies, URLs.
///
/// `Display` says what is wrong and what would be right, `Debug` too, for programs that return
/// it from `main`; neither shows a secret.
pub struct ConfigError {
    kind: ConfigErrorKind,
    what: Cow<'static, str>,
    source: Option<BoxError>,
}

/// What is wrong with a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// An issuer that is empty.
    EmptyIssuer,
    /// An audience that is empty.
    EmptyAudience,
    /// A client identifier that is empty.
    EmptyClientId,
    /// A subject that is empty.
    EmptySubject,
    /// A realm with a character that does not fit a quoted string.
    Realm,
    /// A lifetime or timeout that is zero or too large, or two that contradict.
    Lifetime,
    /// A window, budget or maximum out of its range, or something that is over a limit.
    Limit,
    /// A private claim with a registered name, or private claims that are no JSON object.
    PrivateClaims,
    /// The refresh key is among the access keys.
    SharedKey,
    /// A task was to be started outside of a tokio runtime.
    NoRuntime,
    /// A URL that cannot be used, or that a token must not go to.
    Url,
    /// A cookie's name or path that cannot be used, or a cookie that would be too large.
    Cookie,
}

impl ConfigErrorKind {
    /// What a sentence of this kind begins with.
    const fn lead(self) -> &'static str {
        match self {
            Self::PrivateClaims => "private claims: ",
            Self::Url => "the URL cannot be used: ",
            Self::Cookie => "the cookie cannot be used: ",
            _ => "",
        }
    }
}

impl ConfigError {
    /// A configuration of that kind that cannot be used, and what is wrong with it: a sentence that
    /// shows no secret.
    pub fn new(kind: ConfigErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            what: what.into(),
            source: None,
        }
    }

    /// What caused it.
    #[must_use]
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// What is wrong.
    pub fn kind(&self) -> ConfigErrorKind {
        self.kind
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("ConfigError");
        debug.field(&format_args!("{self}"));
        if let Some(source) = &self.source {
            debug.field(source);
        }
        debug.finish()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.lead(), self.what)
    }
}

impl StdError for ConfigError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Why an access token is refused. It holds nothing of the token.
///
/// Only [`ErrorCode`] goes to the peer; the kind is for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not three segments of canonical base64url, or not strict JSON objects in them.
    #[error("the token is malformed")]
    Malformed,
    /// Longer than the verifier's limit.
    #[error("the token is too long")]
    TooLong,
    /// `crit`, `b64` or a key of the token's own is in the header (RFC 7515 §4.1, RFC 7797).
    #[error("the token's header has a member that is refused")]
    Header,
    /// The header's `alg` is unknown, or is not the one that the key is bound to.
    #[error("the token's algorithm is not the key's")]
    Algorithm,
    /// No key of the set has the header's `kid`, or several could be meant.
    #[error("no key fits the token")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// The header's `typ` is not the one that is wanted (RFC 8725 §3.11).
    #[error("the token is of another type")]
    Type,
    /// A claim is missing or is not of its type.
    #[error("a claim of the token is missing or malformed")]
    Claims,
    /// `iss` is not the one that is wanted.
    #[error("the token was issued by another issuer")]
    Issuer,
    /// `aud` does not name this recipient.
    #[error("the token is meant for another audience")]
    Audience,
    /// `exp` has come. Only told once the signature has been verified.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Its session has been ended.
    #[error("the token's session has ended")]
    Revoked,
}

/// An `error` code of RFC 6749 §5.2 and RFC 6750 §3.1, or what stands in for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// No credentials at all; no `error` is told (RFC 6750 §3.1).
    MissingToken,
    /// A request that cannot be understood.
    InvalidRequest,
    /// A body over the limit.
    BodyTooLarge,
    /// Another method than the endpoint's.
    MethodNotAllowed,
    /// Another content type than the endpoint's.
    UnsupportedMediaType,
    /// An access token that is refused.
    InvalidToken,
    /// An access token that does not allow this.
    InsufficientScope,
    /// A client that did not prove who it is.
    InvalidClient,
    /// A refresh token that is refused.
    InvalidGrant,
    /// A scope that goes beyond what was granted.
    InvalidScope,
    /// A grant type other than `refresh_token`.
    UnsupportedGrantType,
    /// As many sessions as the application allows.
    TooManySessions,
    /// A request with a cookie that a page of another origin sent.
    CrossOrigin,
    /// The caller's own mistake.
    ServerError,
    /// The store or the key set cannot be reached: try again later.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// The one table: status, `error`, default `error_description`.
    const fn wire(self) -> (StatusCode, &'static str, &'static str) {
        use ErrorCode as E;
        match self {
            E::MissingToken => (StatusCode::UNAUTHORIZED, "", ""),
            E::InvalidRequest => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "the request is malformed",
            ),
            E::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "invalid_request",
                "the body is too large",
            ),
            E::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "invalid_request",
                "the method is not allowed",
            ),
            E::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "invalid_request",
                "the content type is not supported",
            ),
            E::InvalidToken => (
                StatusCode::UNAUTHORIZED,
                "invalid_token",
                "the access token is invalid",
            ),
            E::InsufficientScope => (
                StatusCode::FORBIDDEN,
                "insufficient_scope",
                "the access token does not allow this",
            ),
            E::InvalidClient => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "the client is not authenticated",
            ),
            E::InvalidGrant => (
                StatusCode::BAD_REQUEST,
                "invalid_grant",
                "the refresh token is invalid",
            ),
            E::InvalidScope => (
                StatusCode::BAD_REQUEST,
                "invalid_scope",
                "the scope is malformed or goes beyond what was granted",
            ),
            E::UnsupportedGrantType => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                "the only grant type is refresh_token",
            ),
            E::TooManySessions => (
                StatusCode::FORBIDDEN,
                "access_denied",
                "there are too many sessions",
            ),
            E::CrossOrigin => (
                StatusCode::FORBIDDEN,
                "access_denied",
                "the request comes from another origin",
            ),
            E::ServerError => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "server_error",
                "the server has a fault",
            ),
            E::TemporarilyUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "try again in a moment",
            ),
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        self.wire().0
    }

    /// The value of `error`; empty for [`MissingToken`](Self::MissingToken).
    pub const fn as_str(self) -> &'static str {
        self.wire().1
    }

    /// The default `error_description`, the same for every cause of the code.
    pub const fn description(self) -> &'static str {
        self.wire().2
    }
}

/// The value of `error`; empty for [`MissingToken`](ErrorCode::MissingToken).
impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<TokenError> for ErrorCode {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::TooLong => Self::InvalidRequest,
            _ => Self::InvalidToken,
        }
    }
}
