//! What can go wrong, and the one table from a failure to what the wire says of it.
//!
//! [`ConfigError`] is the caller's own mistake and comes before any request is served.
//! [`TokenError`] is what a peer's access token did. What a session operation meets is a
//! `session::SessionError`, what a store meets a
//! `store::StoreError`.

use std::{error::Error as StdError, fmt};

use http::StatusCode;

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// A configuration that cannot be used: keys, lifetimes, names.
///
/// `Display` says what is wrong and what would be right, `Debug` too, for programs that return
/// it from `main`; neither shows a secret.
pub struct ConfigError {
    kind: ConfigErrorKind,
    source: Option<BoxError>,
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// An issuer that is empty.
    #[error("the issuer is empty: give the https URL that names this authorization server")]
    EmptyIssuer,
    /// An audience that is empty.
    #[error("the audience is empty: give the URL or name of the API that the tokens are for")]
    EmptyAudience,
    /// A default client identifier that is empty.
    #[error("the client identifier is empty")]
    EmptyClientId,
    /// A subject that is empty.
    #[error("the subject is empty: give the identifier of the user who logged in")]
    EmptySubject,
    /// A realm with a character that does not fit a quoted string.
    #[error("the realm may hold printable ASCII except quote and backslash")]
    Realm,
    /// A lifetime or timeout that is zero or too large, or two that contradict.
    #[error("{0}")]
    Lifetime(&'static str),
    /// A window, budget or maximum out of its range, or something that is over a limit.
    #[error("{0}")]
    Limit(&'static str),
    /// A private claim with a registered name, or private claims that are no JSON object.
    #[error("private claims: {0}")]
    PrivateClaims(String),
    /// Key material that cannot be read as a key of the algorithm.
    #[error("the key cannot be read: {0}")]
    KeyFormat(&'static str),
    /// A key that is too short for its algorithm.
    #[error("the {algorithm} key has {bits} bits, at least {minimum} are needed")]
    #[non_exhaustive]
    WeakKey {
        /// The algorithm that the key is for.
        algorithm: &'static str,
        /// How long the key is.
        bits: usize,
        /// How long it has to be.
        minimum: usize,
    },
    /// A refresh secret that is too short.
    #[error("the refresh secret has {bytes} bytes, at least 32 random ones are needed")]
    #[non_exhaustive]
    ShortSecret {
        /// How long the secret is.
        bytes: usize,
    },
    /// Keys that were to be replaced although a `KeySet` signs with one of them.
    #[error(
        "these are the keys of a KeySet, which has to verify what it signs: roll it over instead"
    )]
    KeysOfAKeySet,
    /// A JWK whose `use`, `key_ops` or `alg` forbids what is asked of it (RFC 7517 §4).
    #[error("the JWK is not meant for this: {0}")]
    KeyUse(&'static str),
    /// The algorithm is not one that this crate supports.
    #[error(
        "unsupported algorithm: {0:?}; there are HS, RS and PS with 256, 384 and 512, ES256, \
         ES384 and EdDSA"
    )]
    UnsupportedAlgorithm(String),
    /// Two keys of a set share a `kid`.
    #[error("two keys of the set have the same kid: {0:?}")]
    DuplicateKid(String),
    /// A set that has no key that could be used.
    #[error("the key set is empty")]
    EmptyKeySet,
    /// The refresh key is among the access keys.
    #[error("the refresh key must not be one of the access token keys")]
    SharedKey,
    /// The operating system gave no random bytes, or the back end could not make a key.
    #[error("no key could be generated")]
    Generate,
    /// A task was to be started outside of a tokio runtime.
    #[error("there is no tokio runtime to run the task")]
    NoRuntime,
    /// A URL that cannot be used, or that a token must not go to.
    #[error("the URL cannot be used: {0}")]
    Url(&'static str),
    /// A cookie's name or path that cannot be used, or a cookie that would be too large.
    #[error("the cookie cannot be used: {0}")]
    Cookie(&'static str),
    /// A store address that cannot be used.
    #[error("the store cannot be opened: {0}")]
    Store(&'static str),
}

impl ConfigError {
    pub(crate) fn new(kind: ConfigErrorKind) -> Self {
        Self { kind, source: None }
    }

    #[cfg_attr(
        not(any(feature = "session", feature = "cookie")),
        expect(dead_code, reason = "keys say all there is to say in their kind")
    )]
    pub(crate) fn with_source(kind: ConfigErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            source: Some(source.into()),
        }
    }

    /// What is wrong.
    pub fn kind(&self) -> &ConfigErrorKind {
        &self.kind
    }
}

impl From<ConfigErrorKind> for ConfigError {
    fn from(kind: ConfigErrorKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("ConfigError");
        debug.field(&format_args!("{}", self.kind));
        if let Some(source) = &self.source {
            debug.field(source);
        }
        debug.finish()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
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
