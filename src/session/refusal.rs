/// Why a refresh token is refused. The peer is told none of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is not a refresh token of this issuer.
    #[error("not a refresh token of this issuer")]
    Malformed,
    /// There is no such session.
    #[error("the session is unknown")]
    Unknown,
    /// The signature is right, but the `jti` is not the session's: the signing key is out.
    #[error("the token is forged with the real key")]
    Forged,
    /// The session has been ended.
    #[error("the session has been revoked")]
    Revoked,
    /// The token or the session has expired.
    #[error("the session has expired")]
    Expired,
    /// The client has moved past the token; the session is revoked.
    #[error("the token was used before")]
    Reused,
    /// The session belongs to another client.
    #[error("the session is another client's")]
    OtherClient,
    /// The session is bound to a key, and this version can check no proof that the presenter
    /// holds it.
    #[error("the session is bound to a key that was not proved")]
    Unproven,
    /// The session has used up its generations.
    #[error("the session has reached its last generation")]
    Exhausted,
    /// The application refuses the subject.
    #[error("the application refuses the subject")]
    Subject,
}
