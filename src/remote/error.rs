use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

use http::StatusCode;

use crate::{
    error::{BoxError, ConfigError},
    transport::TransportError,
    uri,
};

/// Why the keys of an issuer could not be fetched.
///
/// It is cheap to clone. `Display` says what went wrong here, with the address that was asked, and not
/// what caused it. `Debug` shows the cause as well, for programs that return the error from `main`.
/// The causes that [`source`](StdError::source) leads to are for logs: their types and texts are no
/// part of this crate's API and may change in any release.
#[derive(Clone)]
pub struct RemoteKeysError {
    kind: RemoteKeysErrorKind,
    address: Option<Arc<str>>,
    detail: Option<Detail>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What a kind of error leaves open.
#[derive(Clone)]
enum Detail {
    Status(StatusCode),
    Flaw(Cow<'static, str>),
}

/// What kept keys from being fetched, by whose fault it is.
///
/// | at fault | kinds | what helps |
/// | --- | --- | --- |
/// | the network, or an issuer in trouble | [`Unreachable`](Self::Unreachable), [`TimedOut`](Self::TimedOut), [`Status`](Self::Status) | time |
/// | the issuer's answer, or a wrong address | [`Status`](Self::Status), [`Redirected`](Self::Redirected), [`TooLarge`](Self::TooLarge), [`NotJson`](Self::NotJson), [`Metadata`](Self::Metadata), [`WrongIssuer`](Self::WrongIssuer), [`InsecureAddress`](Self::InsecureAddress), [`NotAKeySet`](Self::NotAKeySet), [`TooManyKeys`](Self::TooManyKeys), [`NoUsableKey`](Self::NoUsableKey) | a look at the configuration of both sides |
/// | the application | [`Interrupted`](Self::Interrupted), [`Config`](Self::Config) | a change of the program |
///
/// After each of them the keys that were fetched before are kept, and the fetch is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteKeysErrorKind {
    /// The issuer could not be reached, or the connection broke before the whole answer had come.
    #[error("the issuer cannot be reached")]
    Unreachable,
    /// The issuer did not send all answers in time.
    #[error("the issuer did not answer in time")]
    TimedOut,
    /// The issuer answered with another status than 200 or, where there were keys before, 304. See
    /// [`RemoteKeysError::status`].
    #[error("the issuer answered with an unexpected status")]
    Status,
    /// The issuer answered with a redirect that is not followed: to another origin, to no address
    /// that can be read, or with more than 3 redirects in a row.
    #[error("the issuer answered with a redirect that is not followed")]
    Redirected,
    /// The answer has more bytes than the limit.
    #[error("the issuer's answer is too large")]
    TooLarge,
    /// The answer is no JSON. It may be a login page. The metadata also has to be an object in which no
    /// name comes twice.
    #[error("the issuer's answer is no JSON")]
    NotJson,
    /// The issuer's metadata lacks `issuer` or `jwks_uri` (RFC 8414 §2), or `jwks_uri` is no address.
    #[error("the issuer's metadata cannot be used")]
    Metadata,
    /// The metadata is that of another issuer (RFC 8414 §3.3).
    #[error("the metadata is that of another issuer")]
    WrongIssuer,
    /// The metadata leads to an address without TLS.
    #[error("the address is not https")]
    InsecureAddress,
    /// The answer is JSON, but no JWK Set (RFC 7517 §5).
    #[error("the issuer's answer is no JWK Set")]
    NotAKeySet,
    /// The set has more keys than the limit.
    #[error("the key set has too many keys")]
    TooManyKeys,
    /// No key of the set can be used to verify tokens.
    #[error("no key of the set can be used")]
    NoUsableKey,
    /// The fetch did not come to its end: the HTTP client panicked, or the runtime was shut down.
    #[error("the fetch was interrupted")]
    Interrupted,
    /// The configuration cannot be used; the cause is a [`ConfigError`].
    #[error("the configuration cannot be used")]
    Config,
}

impl RemoteKeysError {
    pub(super) fn new(kind: RemoteKeysErrorKind) -> Self {
        Self {
            kind,
            address: None,
            detail: None,
            source: None,
        }
    }

    pub(super) fn with_status(kind: RemoteKeysErrorKind, status: StatusCode) -> Self {
        Self {
            detail: Some(Detail::Status(status)),
            ..Self::new(kind)
        }
    }

    /// `flaw` says more than the kind does.
    pub(super) fn with_flaw(kind: RemoteKeysErrorKind, flaw: impl Into<Cow<'static, str>>) -> Self {
        Self {
            detail: Some(Detail::Flaw(flaw.into())),
            ..Self::new(kind)
        }
    }

    pub(super) fn with_source(kind: RemoteKeysErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            source: Some(Arc::from(source.into())),
            ..Self::new(kind)
        }
    }

    /// Names the address that was asked, unless one is named already.
    pub(super) fn at(self, address: &http::Uri) -> Self {
        Self {
            address: self
                .address
                .or_else(|| Some(uri::shown_uri(address).into())),
            ..self
        }
    }

    /// What kept the keys from being fetched.
    pub fn kind(&self) -> RemoteKeysErrorKind {
        self.kind
    }

    /// The status of the answer, for the kinds [`Status`](RemoteKeysErrorKind::Status) and
    /// [`Redirected`](RemoteKeysErrorKind::Redirected).
    pub fn status(&self) -> Option<StatusCode> {
        match self.detail {
            Some(Detail::Status(status)) => Some(status),
            _ => None,
        }
    }

    /// The address that was asked, if one was, without its query.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }
}

impl fmt::Debug for RemoteKeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("RemoteKeysError");
        debug.field(&format_args!("{self}"));
        if let Some(source) = &self.source {
            debug.field(source);
        }
        debug.finish()
    }
}

impl fmt::Display for RemoteKeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        match &self.detail {
            Some(Detail::Status(status)) => write!(f, ": {status}")?,
            Some(Detail::Flaw(flaw)) => write!(f, ": {flaw}")?,
            None => {}
        }
        match &self.address {
            Some(address) => write!(f, " ({address})"),
            None => Ok(()),
        }
    }
}

impl StdError for RemoteKeysError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<RemoteKeysErrorKind> for RemoteKeysError {
    fn from(kind: RemoteKeysErrorKind) -> Self {
        Self::new(kind)
    }
}

impl From<ConfigError> for RemoteKeysError {
    fn from(error: ConfigError) -> Self {
        Self::with_source(RemoteKeysErrorKind::Config, error)
    }
}

impl From<TransportError> for RemoteKeysError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Unreachable(cause) => {
                Self::with_source(RemoteKeysErrorKind::Unreachable, cause)
            }
            TransportError::TooLarge => Self::new(RemoteKeysErrorKind::TooLarge),
        }
    }
}
