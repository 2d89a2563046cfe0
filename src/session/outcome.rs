use super::{RefreshVerdict, SessionEventKind, SessionInfo};
use crate::token::TokenResponse;

/// The result of a refresh.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refreshed {
    /// The tokens for the client.
    pub tokens: TokenResponse,
    /// How the tokens came about.
    pub outcome: RefreshOutcome,
    /// The session that the tokens belong to.
    pub session: SessionInfo,
}

/// How the tokens of a refresh came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefreshOutcome {
    /// The session has a new refresh token.
    Rotated,
    /// The client presented the live refresh token and gets the same one. It must not be put into
    /// a cookie again, where it could overwrite a newer token from another answer.
    Current,
    /// The client presented the previous refresh token, or one from before its session was bound to a
    /// key, and gets the live one, which it may not have received.
    Redelivered,
    /// The store had lost writes, and has caught up with the client's refresh token.
    Restored,
}

impl RefreshOutcome {
    /// The outcome of an accepted token, and the event that tells of it.
    pub(super) fn of(verdict: RefreshVerdict) -> (Self, SessionEventKind) {
        match verdict {
            RefreshVerdict::Current => (Self::Current, SessionEventKind::Repeated),
            RefreshVerdict::Neighbour => (Self::Redelivered, SessionEventKind::Neighbour),
            RefreshVerdict::Late => (Self::Redelivered, SessionEventKind::LateRedelivery),
            RefreshVerdict::Overtaken => (Self::Redelivered, SessionEventKind::Overtaken),
            RefreshVerdict::Restore => (Self::Restored, SessionEventKind::StoreLostWrites),
            _ => (Self::Rotated, SessionEventKind::Rotated),
        }
    }
}
