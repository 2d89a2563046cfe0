use std::{error::Error as StdError, fmt};

/// A configuration that cannot be used.
///
/// It comes from [`ClientSessionBuilder::build`](crate::ClientSessionBuilder::build) and from
/// parsing an [`Origin`](crate::Origin), so before any request is sent. `Display` says which
/// setting is wrong and why, and shows no secret. So does `Debug`, for programs that return the
/// error from `main`.
#[derive(Clone)]
pub struct ConfigError {
    kind: ConfigErrorKind,
    why: &'static str,
}

/// The setting that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// An [`Origin`](crate::Origin) that access tokens are meant for.
    #[error("the origin of the API cannot be used")]
    Origin,
    /// The URL of the token endpoint.
    #[error("the URL of the token endpoint cannot be used")]
    TokenEndpoint,
    /// The URL of the revocation endpoint.
    #[error("the URL of the revocation endpoint cannot be used")]
    RevocationEndpoint,
    /// The client identifier.
    #[error("the client identifier cannot be used")]
    ClientId,
    /// The client secret.
    #[error("the client secret cannot be used")]
    ClientSecret,
    /// The timeout of an exchange with the token endpoint.
    #[error("the timeout cannot be used")]
    Timeout,
    /// The limit for the size of the token endpoint's answers.
    #[error("the limit of answers cannot be used")]
    AnswerLimit,
    /// The lifetime of tokens for which the server names none.
    #[error("the default lifetime cannot be used")]
    DefaultLifetime,
    /// The share of its lifetime after which a token is refreshed.
    #[error("the time of the refresh cannot be used")]
    RefreshAfter,
}

impl ConfigError {
    pub(crate) fn new(kind: ConfigErrorKind, why: &'static str) -> Self {
        Self { kind, why }
    }

    /// The setting that is wrong.
    pub fn kind(&self) -> ConfigErrorKind {
        self.kind
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConfigError")
            .field(&format_args!("{self}"))
            .finish()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.why)
    }
}

impl StdError for ConfigError {}
