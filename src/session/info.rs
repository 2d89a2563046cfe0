use serde::Serialize;

use super::{Metadata, PrivateClaims, Session};
use crate::{
    claims::{Scope, SessionId},
    clock::Timestamp,
    store::Record,
};

/// What a user may see of a session. It contains no secret, and nothing that would help a thief
/// to choose the time of an attack.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session's identifier, the `sid` claim.
    #[serde(rename = "sid")]
    pub id: SessionId,
    /// The user whose session it is: the `sub` claim.
    pub subject: String,
    /// The OAuth client that the session is bound to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The scope that was granted at login.
    pub scope: Scope,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When the session was last refreshed, rounded down to the hour. So it can be before
    /// `created_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_refreshed_at: Option<Timestamp>,
    /// When the user last authenticated.
    pub auth_time: Timestamp,
    /// When the session expires, however often it is refreshed.
    pub ends_at: Timestamp,
    /// The application's own claims, as they were granted at login. They are meant for the
    /// refresh hook and are not serialized.
    #[serde(skip)]
    pub claims: PrivateClaims,
    /// The application's own notes.
    pub metadata: Metadata,
}

impl SessionInfo {
    /// What a user may see of `session`.
    pub(super) fn new(session: Session, last_refreshed_at: Option<Timestamp>) -> Self {
        const HOUR: i64 = 60 * 60;
        let to_the_hour = |at: Timestamp| {
            Timestamp::from_secs(at.as_secs().div_euclid(HOUR).saturating_mul(HOUR))
        };
        Self {
            id: session.id,
            subject: session.subject,
            client_id: session.client_id,
            scope: session.scope,
            created_at: session.created_at,
            last_refreshed_at: last_refreshed_at.map(to_the_hour),
            auth_time: session.auth_time,
            ends_at: session.ends_at,
            claims: session.claims,
            metadata: session.metadata,
        }
    }
}

impl From<Record> for SessionInfo {
    fn from(record: Record) -> Self {
        Self::new(record.session, record.state.last_refreshed_at)
    }
}
