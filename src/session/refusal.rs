/// Why a refresh token is refused. The client is not told the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The token is not a refresh token of this issuer.
    #[error("not a refresh token of this issuer")]
    Malformed,
    /// There is no such session.
    #[error("the session is unknown")]
    Unknown,
    /// The signature is right, but the `jti` is not the session's. Somebody else has the signing
    /// key.
    #[error("the token is forged with the real key")]
    Forged,
    /// The session was ended.
    #[error("the session has been ended")]
    Ended,
    /// The token or the session has expired.
    #[error("the session has expired")]
    Expired,
    /// The client had moved on to a newer token. The session is ended, unless
    /// [`danger_refuse_without_ending`](super::SessionsBuilder::danger_refuse_without_ending)
    /// is set.
    #[error("the token was used before")]
    Reused,
    /// The session is bound to another OAuth client.
    #[error("the session is another client's")]
    OtherClient,
    /// The session is bound to a key, and the presenter has not proved that it holds that key. The
    /// token is in other hands, or the client is set up wrongly. The session goes on for whoever
    /// has the key.
    #[error("the session is bound to a key that was not proved")]
    Unproven,
    /// As [`Unproven`](Self::Unproven), and the key is that of a browser's device (feature `dbsc`).
    /// Only the browser itself can prove it, and no script.
    #[error("the session is bound to a device whose key was not proved")]
    UnprovenDevice,
    /// The session is not bound to a key, and the sessions of this client have to be (feature `dpop`).
    /// It is from before that was required, and its user logs in again.
    #[error("the session is bound to no key, and has to be")]
    Unbound,
    /// The session has reached the last generation number.
    #[error("the session has reached its last generation")]
    Exhausted,
    /// The application's refresh hook refuses the subject.
    #[error("the application refuses the subject")]
    Subject,
}

impl Refusal {
    /// A short name for logs that stays the same across versions. The
    /// [metrics](crate::manual::observability) have the same names in the label `error.type`.
    ///
    /// ```
    /// use tower_bearer::session::{Refusal, SessionEventKind};
    ///
    /// fn why(kind: &SessionEventKind) -> Option<&'static str> {
    ///     match kind {
    ///         SessionEventKind::Refused(refusal) => Some(refusal.as_str()),
    ///         SessionEventKind::Ended(reason) => Some(reason.as_str()),
    ///         _ => None,
    ///     }
    /// }
    ///
    /// let refused = SessionEventKind::Refused(Refusal::OtherClient);
    /// assert_eq!(why(&refused), Some("other_client"));
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Forged => "forged",
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::Reused => "reused",
            Self::OtherClient => "other_client",
            Self::Unproven => "unproven",
            Self::UnprovenDevice => "unproven_device",
            Self::Unbound => "unbound",
            Self::Exhausted => "exhausted",
            Self::Subject => "subject",
        }
    }
}
