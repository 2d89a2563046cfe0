use std::fmt;

use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{Cursor, EndReason, Record, SessionState},
};

/// A call of a [`SessionStore`](crate::store::SessionStore). Each variant means what the method of
/// the same name means there.
///
/// `Debug` shows only the name of the call and the identifier of its session.
#[derive(Clone)]
#[non_exhaustive]
pub enum StoreRequest {
    /// Get the time by the store's clock.
    Now,
    /// Keep a new session.
    #[non_exhaustive]
    Insert {
        /// The session and its state.
        record: Box<Record>,
    },
    /// Get the session with this identifier, and the time.
    #[non_exhaustive]
    Load {
        /// The session's identifier.
        id: SessionId,
    },
    /// Replace a session's state if it has the expected version and is not ended.
    #[non_exhaustive]
    Swap {
        /// The session's identifier.
        id: SessionId,
        /// The version that the session must have.
        expected: u64,
        /// The new state.
        next: Box<SessionState>,
    },
    /// Note that the clients hold these generations.
    #[non_exhaustive]
    Confirm {
        /// Sessions, and the generation of each that its client holds.
        pairs: Vec<(SessionId, u32)>,
    },
    /// End a session.
    #[non_exhaustive]
    End {
        /// The session's identifier.
        id: SessionId,
        /// Why the session ends.
        reason: EndReason,
    },
    /// End all sessions of a subject, except for one.
    #[non_exhaustive]
    EndAll {
        /// The issuer that started the sessions.
        issuer: String,
        /// The user whose sessions these are.
        subject: String,
        /// The session that goes on, if any.
        keep: Option<SessionId>,
        /// Why the sessions end.
        reason: EndReason,
    },
    /// List the live sessions of a subject.
    #[non_exhaustive]
    List {
        /// The issuer that started the sessions.
        issuer: String,
        /// The user whose sessions these are.
        subject: String,
        /// List only sessions whose identifier is below this one.
        before: Option<SessionId>,
        /// The most sessions to list.
        limit: usize,
    },
    /// List a page of the live sessions of all subjects.
    #[non_exhaustive]
    ListAll {
        /// The issuer that started the sessions.
        issuer: String,
        /// Where the page begins.
        after: Option<Cursor>,
        /// The most sessions to list.
        limit: usize,
    },
    /// Tell which sessions were ended of late.
    #[non_exhaustive]
    EndedSince {
        /// The time from which on they were ended.
        since: Timestamp,
        /// Of those that were ended at that very time, only identifiers above this one.
        after: Option<SessionId>,
        /// The most sessions to tell of.
        limit: usize,
    },
    /// Delete sessions whose `ends_at` has come.
    #[non_exhaustive]
    DeleteExpired {
        /// The most sessions to delete.
        limit: usize,
    },
}

impl StoreRequest {
    /// Whether a layer may repeat the call when it got no answer: calling twice has the same
    /// effect as calling once, and the second answer is as good as the first.
    ///
    /// A layer must not repeat the other calls:
    /// - A second `Insert` fails with `Duplicate`, and with it the login.
    /// - A second `Swap` is lost, and a second `End` or `EndAll` finds the session ended. This
    ///   harms no session, but the event of what happened is never told. Without the repetition,
    ///   the client gets a 503 and tries again.
    /// - A second `DeleteExpired` deletes more than the limit and does not count what the first
    ///   has deleted, so that a clean-up may stop too early, until its next run.
    pub fn is_idempotent(&self) -> bool {
        match self {
            Self::Now
            | Self::Load { .. }
            | Self::Confirm { .. }
            | Self::List { .. }
            | Self::ListAll { .. }
            | Self::EndedSince { .. } => true,
            Self::Insert { .. }
            | Self::Swap { .. }
            | Self::End { .. }
            | Self::EndAll { .. }
            | Self::DeleteExpired { .. } => false,
        }
    }

    /// The identifier of the session, for calls that are about one session. A service can use it
    /// to distribute sessions over several stores.
    ///
    /// A call for which this is `None` concerns all of these stores.
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::Insert { record } => Some(record.session.id),
            Self::Load { id } | Self::Swap { id, .. } | Self::End { id, .. } => Some(*id),
            Self::Now
            | Self::Confirm { .. }
            | Self::EndAll { .. }
            | Self::List { .. }
            | Self::ListAll { .. }
            | Self::EndedSince { .. }
            | Self::DeleteExpired { .. } => None,
        }
    }

    /// The name of the call, for metrics and spans.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Insert { .. } => "insert",
            Self::Load { .. } => "load",
            Self::Swap { .. } => "swap",
            Self::Confirm { .. } => "confirm",
            Self::End { .. } => "end",
            Self::EndAll { .. } => "end_all",
            Self::List { .. } => "list",
            Self::ListAll { .. } => "list_all",
            Self::EndedSince { .. } => "ended_since",
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
