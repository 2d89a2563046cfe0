use super::SessionInfo;
use crate::token::TokenResponse;

/// What a refresh gave.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refreshed {
    /// The tokens for the client.
    pub tokens: TokenResponse,
    /// How they came about.
    pub outcome: RefreshOutcome,
    /// The session that they are of.
    pub session: SessionInfo,
}

/// How the tokens of a refresh came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefreshOutcome {
    /// The session has a new refresh token.
    Rotated,
    /// The client holds the live refresh token already. A cookie must not be set again: an
    /// older answer must not overwrite a newer one.
    Current,
    /// The client gets the live refresh token that it may not have received.
    Redelivered,
    /// The store had lost writes and has caught up with the client's token.
    Restored,
}
