//! The errors that this crate shares, and [`ErrorCode`], which says how a failure is answered over
//! HTTP.
//!
//! | error | what is at fault |
//! | --- | --- |
//! | [`ConfigError`] | the configuration of the application, before any request is served |
//! | [`KeyError`](crate::jws::KeyError) | a key, or a set of keys |
//! | [`OpenError`] | a store that cannot be opened, or its address |
//! | [`ScopeError`](crate::claims::ScopeError) | text that is not a scope, whoever it comes from |
//! | [`TokenError`] | the access token of a request |
//! | [`SessionError`] | a refresh token, a login, or the server's part in either |
//! | [`StoreError`] | a store that is in use |
//!
//! `kind()` is for programs. `Display` says what went wrong but not why. The causes that
//! [`source`](StdError::source) returns are for logs only: their types and texts are not part of
//! this crate's API and may change in any release.
//!
#![cfg_attr(
    feature = "store",
    doc = "
[`OpenError`]: crate::store::OpenError
[`StoreError`]: crate::store::StoreError
"
)]
#![cfg_attr(
    not(feature = "store"),
    doc = "
[`OpenError`]: https://docs.rs/tower-bearer/latest/tower_bearer/store/struct.OpenError.html
[`StoreError`]: https://docs.rs/tower-bearer/latest/tower_bearer/store/struct.StoreError.html
"
)]
#![cfg_attr(
    feature = "session",
    doc = "
[`SessionError`]: crate::session::SessionError
"
)]
#![cfg_attr(
    not(feature = "session"),
    doc = "
[`SessionError`]: https://docs.rs/tower-bearer/latest/tower_bearer/session/struct.SessionError.html
"
)]

use std::{borrow::Cow, error::Error as StdError, fmt};

use http::StatusCode;

/// Any error that can be sent between threads, as in `tower`.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// A configuration that cannot be used: names, lifetimes, limits, cookies, URLs.
///
/// `Display` says what is wrong and what would be right. So does `Debug`, for programs that return
/// the error from `main`. Neither shows a secret.
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
    /// Two trusted issuers with the same name.
    DuplicateIssuer,
    /// Keys that were discovered by another name than that of the issuer whose they are to be.
    KeysOfAnotherIssuer,
    /// No trusted issuer.
    NoIssuer,
    /// A token profile for a verifier that does not trust exactly one issuer, or foreign access tokens for such
    /// a verifier, or twice.
    Profile,
    /// A client identifier that is empty.
    EmptyClientId,
    /// Credentials of this program that no request can carry.
    Credentials,
    /// Signed answers that are required, without keys to verify them by.
    NoKeys,
    /// A realm with a character that a quoted string cannot contain.
    Realm,
    /// A lifetime or timeout that is zero or too large, or two that contradict each other.
    Lifetime,
    /// A window, budget or maximum outside its range, or a value over a limit.
    Limit,
    /// A private claim with a registered name, or private claims that are not a JSON object.
    PrivateClaims,
    /// The refresh key is among the access keys.
    SharedKey,
    /// A refresh key that is with a signer, which is not asked for refresh tokens.
    RefreshKey,
    /// Sessions that were to be followed by two feeds of one process.
    FollowedTwice,
    /// A task was to be started outside of a tokio runtime.
    NoRuntime,
    /// A URL that cannot be used, or that must not be sent a token.
    Url,
    /// A name or path of a cookie that cannot be used, or a cookie that would be too large.
    Cookie,
    /// A parameter of a challenge, or its value, that no header can hold or that is not the application's
    /// to set.
    ChallengeParameter,
    /// A prefix of a token in `Sec-WebSocket-Protocol` that no protocol can begin with.
    Protocol,
    /// Authentication context classes with a character that they cannot contain.
    AcrValues,
    /// A member of published metadata that cannot be written, or that is not the application's to set.
    Metadata,
    /// Root certificates that cannot be read, or none, or no version of TLS.
    Tls,
    /// Signature algorithms of which none is left, or one that is no signature of a key pair.
    Algorithm,
}

impl ConfigErrorKind {
    /// The first words of `Display` for this kind.
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
    /// Creates an error of this kind. `what` says what is wrong with the configuration; it must not
    /// contain a secret.
    pub fn new(kind: ConfigErrorKind, what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            what: what.into(),
            source: None,
        }
    }

    /// Adds the cause of the error.
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

/// Why an access token is refused. It contains no part of the token.
///
/// The peer sees only the [`ErrorCode`]; this error is for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The token is not three segments of canonical base64url, or its header or payload is not a
    /// strict JSON object.
    #[error("the token is malformed")]
    Malformed,
    /// The token is longer than the verifier's limit.
    #[error("the token is too long")]
    TooLong,
    /// The header contains `crit`, `b64`, or a key or the address of one (RFC 7515 §4.1, RFC 7797).
    #[error("the token's header has a member that is refused")]
    Header,
    /// The header's `alg` is unknown, or is not the one that the key is bound to.
    #[error("the token's algorithm is not the key's")]
    Algorithm,
    /// No key of the set has the header's `kid`, or the header has no `kid` and not exactly one key
    /// has its `alg`.
    #[error("no key fits the token")]
    UnknownKey,
    /// The signature is not the key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// The token is another one than an access token, or than the [profile] takes for one: by the header's
    /// `typ` (RFC 8725 §3.11), or by a claim that tells them apart. It is also the error of a good
    /// token where the profile is another provider's. The log says by what.
    ///
    /// [profile]: https://docs.rs/tower-bearer/latest/tower_bearer/profile/index.html
    #[error("the token is of another type")]
    Type,
    /// A claim is missing or has the wrong type.
    #[error("a claim of the token is missing or malformed")]
    Claims,
    /// `iss` is not the expected issuer. If no key fits a token, this is judged by the `iss` that nobody
    /// has verified.
    #[error("the token was issued by another issuer")]
    Issuer,
    /// `aud` does not name this recipient.
    #[error("the token is meant for another audience")]
    Audience,
    /// `exp` has passed. This is reported only if the signature and the other claims are right.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The authorization server says that the token is not active (RFC 7662 §2.2): it knows no such
    /// token, or it has expired or was revoked.
    #[error("the authorization server does not call the token active")]
    Inactive,
    /// The session of the token has ended.
    #[error("the token's session has ended")]
    SessionEnded,
    /// The user's access tokens of that time were expired at once, as their roles have changed. The client is
    /// told that the token has expired.
    #[error("the token was issued before the roles of its user have changed")]
    Outdated,
    /// The token is bound to a key (its `cnf` claim, RFC 7800), and no proof came with the request
    /// that its presenter holds that key. Or it is bound to two, and one of them is not the key of a
    /// DPoP proof.
    #[error("the token is bound to a key that was not proved")]
    Unproven,
    /// Whether the token is good cannot be told now: the keys of its issuer, or the authorization
    /// server that is asked about it, cannot be reached. The request is answered with a 503.
    #[error("whether the token is good cannot be told now")]
    Unavailable,
    /// The token is bound to no key, and has to be: it came by the scheme `DPoP`, or its client may use
    /// no other.
    #[error("the token is bound to no key, and has to be")]
    Unbound,
    /// What came is no [ticket](https://docs.rs/tower-bearer/latest/tower_bearer/ticket/index.html) that opens
    /// this: it was used before, has run out, or is for another path or of other servers. The log says which,
    /// as far as it can be told.
    #[error("the ticket is not good, or not any more")]
    Ticket,
}

/// A kind of error answer: its status, its `error` code (RFC 6749 §5.2, RFC 6750 §3.1) and its
/// default description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The request has no credentials. The challenge then has no `error` (RFC 6750 §3.1).
    MissingToken,
    /// The request cannot be understood.
    InvalidRequest,
    /// The body of the request is over the limit.
    BodyTooLarge,
    /// The body of the request broke off or did not come in time. The request may be sent again
    /// as it is (RFC 9110 §15.5.9).
    BodyIncomplete,
    /// The endpoint does not serve the method of the request.
    MethodNotAllowed,
    /// The endpoint does not read the content type of the request.
    UnsupportedMediaType,
    /// The access token is refused.
    InvalidToken,
    /// The user has not authenticated in the way or as recently as the request needs (RFC 9470 §3).
    InsufficientUserAuthentication,
    /// The scope of the access token does not allow the request.
    InsufficientScope,
    /// The application refuses the request, whatever its access token allows.
    AccessDenied,
    /// The proof that the client holds a key is missing or refused (RFC 9449 §5). At a resource the
    /// status is 401 instead (RFC 9449 §7.1).
    InvalidDpopProof,
    /// The proof needs a nonce of the server, which the answer has (RFC 9449 §8). At a resource the
    /// status is 401 instead (RFC 9449 §9).
    UseDpopNonce,
    /// The client did not prove who it is.
    InvalidClient,
    /// The refresh token is refused.
    InvalidGrant,
    /// The scope is malformed or goes beyond what was granted.
    InvalidScope,
    /// A resource is malformed, or the session was not granted for it (RFC 8707 §2).
    InvalidTarget,
    /// The grant type is not `refresh_token`.
    UnsupportedGrantType,
    /// The user has as many sessions as the application allows.
    TooManySessions,
    /// A page of another origin sent the request, together with a cookie or as a link to a ticket.
    CrossOrigin,
    /// The session is bound to a device, and the request has no proof of that device.
    DeviceBound,
    /// The server has a fault, such as a mistake in how the application uses this crate.
    ServerError,
    /// The store or the key set cannot be reached: try again later.
    ///
    /// The answer says in `Retry-After` after how many seconds (RFC 9110 §10.2.3). It is a random number
    /// between one and a limit, which all layers and endpoints of a process share, as clients that come
    /// back all at once would keep a server down:
    ///
    /// | in a second in which this process answers | the limit |
    /// | --- | --- |
    /// | 100 requests with this code, or fewer | halves, down to 1 s |
    /// | more than 100 | doubles, up to 120 s |
    ///
    /// So who has few clients tells nobody more than a second, and after the last refusal it takes seven
    /// seconds at most until that is so again. Three answers keep to a lower limit:
    ///
    /// | the answer | tells at most |
    /// | --- | --- |
    /// | of a layer, as somebody waits for it | 5 s |
    /// | to a token that cannot be judged, as its key or another server's answer is not there | 1 s, and is not counted: anybody can make up such a token |
    /// | to a refresh whose write was not answered, and may have happened | half of the [reuse window](https://docs.rs/tower-bearer/latest/tower_bearer/session/struct.SessionsBuilder.html#method.reuse_window) |
    ///
    /// [The manual](https://docs.rs/tower-bearer/latest/tower_bearer/manual/scale/index.html#a-region-is-lost)
    /// shows what it is good for.
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// The status, the `error` and the default `error_description` of each code.
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
            // Not `invalid_request`, which some clients take for the end of a session: nothing is
            // known of the token, and the next request may well succeed.
            E::BodyIncomplete => (
                StatusCode::REQUEST_TIMEOUT,
                "temporarily_unavailable",
                "the request body broke off or did not arrive in time",
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
            E::InsufficientUserAuthentication => (
                StatusCode::UNAUTHORIZED,
                "insufficient_user_authentication",
                "the user has to authenticate again or in another way",
            ),
            E::InsufficientScope => (
                StatusCode::FORBIDDEN,
                "insufficient_scope",
                "the access token does not allow this",
            ),
            E::AccessDenied => (
                StatusCode::FORBIDDEN,
                "access_denied",
                "the request is refused",
            ),
            E::InvalidDpopProof => (
                StatusCode::BAD_REQUEST,
                "invalid_dpop_proof",
                "the DPoP proof is invalid",
            ),
            E::UseDpopNonce => (
                StatusCode::BAD_REQUEST,
                "use_dpop_nonce",
                "the DPoP proof needs the nonce of this answer",
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
            E::InvalidTarget => (
                StatusCode::BAD_REQUEST,
                "invalid_target",
                "the resource is malformed or was not granted",
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
            E::DeviceBound => (
                StatusCode::FORBIDDEN,
                "access_denied",
                "the session is bound to a device, whose browser refreshes it",
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
            TokenError::Unavailable => Self::TemporarilyUnavailable,
            _ => Self::InvalidToken,
        }
    }
}
