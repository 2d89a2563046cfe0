//! The names of keys, and what an index holds.

use std::{sync::Arc, time::Duration};

use tower_bearer::{claims::SessionId, store::Session};

/// The end of the year 9999: servers do not take just any number for a time.
const LAST: i64 = 253_402_300_799_999;

/// How much longer than a session its entry in the index stays, so that the session does not
/// outlive it where a replica whose clock is behind takes over.
const LONGER: Duration = Duration::from_secs(60 * 60);

#[derive(Clone)]
pub(super) struct Keys(Arc<str>);

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self(prefix.into())
    }

    pub(super) fn prefix(&self) -> &str {
        &self.0
    }

    /// The braces make whatever else may be kept of a session lie in the same slot of a cluster.
    pub(super) fn session(&self, id: SessionId) -> Vec<u8> {
        format!("{}session:{{{id}}}", self.0).into_bytes()
    }

    /// The length tells where the issuer ends.
    pub(super) fn subject(&self, issuer: &str, subject: &str) -> Vec<u8> {
        let length = issuer.len();
        format!("{}subject:{length}:{issuer}:{subject}", self.0).into_bytes()
    }
}

/// The last millisecond in which the session is there: to Redis, a key expires after its time.
pub(super) fn last_seen_at(session: &Session) -> i64 {
    session.ends_at.as_millis().saturating_sub(1).clamp(1, LAST)
}

/// Until when the index lists a session, in digits that sort as the times do.
pub(super) fn listed_until(session: &Session) -> String {
    let until = (session.ends_at + LONGER).as_millis().clamp(1, LAST);
    format!("{until:015}")
}

/// Where in an index the entries begin that come after those of `id`: there digits follow.
pub(super) fn listed_after(id: Option<SessionId>) -> Vec<u8> {
    let Some(id) = id else {
        return b"-".to_vec();
    };
    [b"(".as_slice(), id.as_uuid().as_bytes(), b":"].concat()
}
