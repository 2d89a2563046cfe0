//! The names of keys, and the entries of an index.

use std::{sync::Arc, time::Duration};

use tower_bearer::{claims::SessionId, store::Session};

/// The latest time of expiry, in milliseconds since 1970: the end of the year 9999. Servers refuse
/// times that are too late.
const LAST: i64 = 253_402_300_799_999;

/// How much longer an entry of the index is kept than its session. So the session does not outlive
/// its entry if a replica whose clock is behind takes over.
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

    /// The key of a session. Because of the braces, any further keys of the session would be in
    /// the same slot of a cluster.
    pub(super) fn session(&self, id: SessionId) -> Vec<u8> {
        format!("{}session:{{{id}}}", self.0).into_bytes()
    }

    /// The key of a subject's index. It contains the length of the issuer, so that the keys of two
    /// different subjects are never the same.
    pub(super) fn subject(&self, issuer: &str, subject: &str) -> Vec<u8> {
        let length = issuer.len();
        format!("{}subject:{length}:{issuer}:{subject}", self.0).into_bytes()
    }
}

/// The last millisecond in which the session exists, since Redis deletes a key after this time.
pub(super) fn last_seen_at(session: &Session) -> i64 {
    session.ends_at.as_millis().saturating_sub(1).clamp(1, LAST)
}

/// Until when the index lists a session, as a number of fixed length, so that texts sort as times.
pub(super) fn listed_until(session: &Session) -> String {
    let until = (session.ends_at + LONGER).as_millis().clamp(1, LAST);
    format!("{until:015}")
}

/// A bound in an index that is above all entries of `id`. An entry is an identifier followed by
/// digits, and a colon sorts after all digits.
pub(super) fn listed_after(id: Option<SessionId>) -> Vec<u8> {
    let Some(id) = id else {
        return b"-".to_vec();
    };
    [b"(".as_slice(), id.as_uuid().as_bytes(), b":"].concat()
}
