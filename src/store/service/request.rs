use std::fmt;

use crate::{
    claims::SessionId,
    store::{Record, RevokeReason, SessionState},
};

/// A call to a [`SessionStore`](crate::store::SessionStore), with the meaning that the method of
/// the same name has there.
///
/// `Debug` shows which call it is and of which session, and nothing else.
#[derive(Clone)]
#[non_exhaustive]
pub enum StoreRequest {
    /// The time by the store's clock.
    Now,
    /// Keep a new session.
    Insert(Box<Record>),
    /// The session, and the time.
    Load(SessionId),
    /// Replace the session's state if it is of the expected version and not revoked.
    Swap {
        /// Which session.
        id: SessionId,
        /// The version that it has to have.
        expected: u64,
        /// What its state is to become.
        next: Box<SessionState>,
    },
    /// Note that the clients hold these generations.
    Confirm(Vec<(SessionId, u32)>),
    /// Revoke a session.
    End {
        /// Which.
        id: SessionId,
        /// Why.
        reason: RevokeReason,
    },
    /// Revoke all sessions of a subject.
    EndAll {
        /// Whose.
        issuer: String,
        /// Whose.
        subject: String,
        /// Why.
        reason: RevokeReason,
    },
    /// The live sessions of a subject.
    List {
        /// Whose.
        issuer: String,
        /// Whose.
        subject: String,
        /// Only those with an identifier above.
        after: Option<SessionId>,
        /// At most so many.
        limit: usize,
    },
    /// Delete sessions whose end has come.
    DeleteExpired {
        /// At most so many.
        limit: usize,
    },
}

impl StoreRequest {
    /// Whether it may be sent again when nobody knows what became of it: doing it twice is as
    /// doing it once, and the second answer is as good as the first.
    ///
    /// The others must not be repeated by a layer. A second `Insert` is a `Duplicate`, and the
    /// login fails. A second `Swap` seems to have lost, and a second `End` finds the session
    /// ended: no session is harmed by that, but nobody is told what has happened. The caller
    /// is answered with a 503, comes again, and the protocol serves it. A second
    /// `DeleteExpired` deletes beyond the limit and does not count what the first has deleted,
    /// so that a clean-up ends too early, until its next time.
    pub fn is_idempotent(&self) -> bool {
        match self {
            Self::Now | Self::Load(_) | Self::Confirm(_) | Self::List { .. } => true,
            Self::Insert(_)
            | Self::Swap { .. }
            | Self::End { .. }
            | Self::EndAll { .. }
            | Self::DeleteExpired { .. } => false,
        }
    }

    /// The session that it is about, where it is about one: to spread calls over several stores
    /// by it.
    ///
    /// Calls without one concern all stores.
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::Insert(record) => Some(record.session.id),
            Self::Load(id) | Self::Swap { id, .. } | Self::End { id, .. } => Some(*id),
            Self::Now
            | Self::Confirm(_)
            | Self::EndAll { .. }
            | Self::List { .. }
            | Self::DeleteExpired { .. } => None,
        }
    }

    /// What it is called, for metrics and spans.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Insert(_) => "insert",
            Self::Load(_) => "load",
            Self::Swap { .. } => "swap",
            Self::Confirm(_) => "confirm",
            Self::End { .. } => "end",
            Self::EndAll { .. } => "end_all",
            Self::List { .. } => "list",
            Self::DeleteExpired { .. } => "delete_expired",
        }
    }
}

impl fmt::Debug for StoreRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreRequest")
            .field("name", &self.name())
            .field("session", &self.session())
            .finish_non_exhaustive()
    }
}
