//! The events of sessions, which the application and `tracing` are told of.

mod stream;
mod teller;

pub use stream::{EventsMissed, SessionEvents};
pub(super) use teller::{Events, Told};

use std::net::IpAddr;

use super::{EndReason, Refusal, Reuse};
use crate::{claims::SessionId, clock::Timestamp};

/// Something that happened to a session. It contains no token, secret or `jti`.
///
/// Events are those of one process: each is told once, by the process where it has happened, to the
/// [hook](super::SessionsBuilder::on_event) and the [streams](super::Sessions::events) there. A process that
/// goes down takes the events with it that nobody has read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionEvent {
    /// When this process told of it, by the clock of its machine. That of the store, by which sessions
    /// expire, may differ.
    pub time: Timestamp,
    /// What happened.
    pub kind: SessionEventKind,
    /// The session's identifier.
    pub session: SessionId,
    /// The user whose session it is, if that is known.
    pub subject: Option<String>,
    /// Who acts in place of the user, if somebody does: in this session or, where it has
    /// [ended](SessionEventKind::Ended), in the request that has ended it. `Some("")` is somebody whose name
    /// is not known.
    pub actor: Option<String>,
    /// How many generations the session was ahead of the presented token. It is negative if the
    /// token was ahead, and 0 if no refresh token was presented.
    pub distance: i64,
    /// The address of the client whose request has led to this, if it is [known](crate::context). It is in no
    /// line of the log.
    pub address: Option<IpAddr>,
}

/// What happened to a session. Rows are those of the
/// [table of the protocol](crate::manual::protocol#the-decision).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionEventKind {
    /// A user logged in, which started the session.
    Started,
    /// A session was begun for a refresh token of another program, which came for the first time
    /// ([`Takeover`](super::Takeover)).
    Adopted,
    /// A refresh as it should be: the client presented its live refresh token and gets a new one (row 6).
    ///
    /// This event may be missed: if the client hangs up while the store writes, the session is rotated, and
    /// nobody is told. So may be the [end](Self::Ended) of a session, if the store has written it and not said so.
    Rotated,
    /// The client presented its live refresh token again, soon after it got it (row 5).
    Repeated,
    /// The previous refresh token was presented soon after the rotation, by another tab or a quick
    /// retry (row 7).
    Neighbour,
    /// The previous refresh token was presented late, because an answer was lost (row 8).
    LateRedelivery,
    /// A client that has proved the key that its session is bound to presented a refresh token that
    /// had been moved past: by a copy of the client, or because an answer was lost (row 14).
    Overtaken,
    /// A session was bound to a key after its login.
    Bound,
    /// The user has [authenticated again](super::Sessions::reauthenticate), and got new tokens.
    Reauthenticated,
    /// A refresh token ahead of the store was presented: the store has lost writes (row 11).
    StoreLostWrites,
    /// A refresh token was presented after the client had moved on to a newer one. Most likely it
    /// was stolen (rows 9 and 10).
    Reused(Reuse),
    /// A refresh token of this issuer was refused.
    ///
    /// A token that is malformed or none of this issuer's ([`Refusal::Malformed`]) makes no event, because it names
    /// no session. The metric `tower_bearer.refreshes` counts it, as `malformed`.
    Refused(Refusal),
    /// The session was ended.
    Ended(EndReason),
}

impl SessionEventKind {
    /// A short name that stays the same across versions, for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Adopted => "adopted",
            Self::Rotated => "rotated",
            Self::Repeated => "repeated",
            Self::Neighbour => "neighbour",
            Self::LateRedelivery => "late_redelivery",
            Self::Overtaken => "overtaken",
            Self::Bound => "bound",
            Self::Reauthenticated => "reauthenticated",
            Self::StoreLostWrites => "store_lost_writes",
            Self::Reused(Reuse::Confirmed) => "reused_confirmed",
            Self::Reused(Reuse::BudgetSpent) => "reused_budget_spent",
            Self::Reused(Reuse::Strict) => "reused_strict",
            Self::Reused(Reuse::Older) => "reused_older",
            Self::Refused(Refusal::Forged) => "forged",
            Self::Refused(Refusal::Unproven | Refusal::UnprovenDevice) => "unproven",
            Self::Refused(_) => "refused",
            Self::Ended(_) => "ended",
        }
    }
}
