//! The names of keys, and the entries of an index.

use std::{sync::Arc, time::Duration};

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{Record, StoreError},
};
use uuid::Uuid;

use crate::error::unexpected;

/// The latest time of expiry, in milliseconds since 1970: the end of the year 9999. Servers refuse
/// times that are too late.
const LAST: i64 = 253_402_300_799_999;

/// How much longer an entry is kept than it is needed. So a session does not outlive its entry if a
/// replica whose clock is behind takes over.
const LONGER: Duration = Duration::from_secs(60 * 60);

/// Over how many keys the notes of ended sessions are spread in a cluster, so that no server has to
/// take all of them.
const SPREAD: u8 = 16;

#[derive(Clone)]
pub(super) struct Keys {
    prefix: Arc<str>,
    /// How many keys hold notes of ended sessions.
    notes: u8,
}

impl Keys {
    /// The keys of a store on one server, or in a cluster.
    pub(super) fn new(prefix: &str, is_cluster: bool) -> Self {
        Self {
            prefix: prefix.into(),
            notes: if is_cluster { SPREAD } else { 1 },
        }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The key of a session. Because of the braces, any further keys of the session would be in
    /// the same slot of a cluster.
    pub(super) fn session(&self, id: SessionId) -> Vec<u8> {
        format!("{}session:{{{id}}}", self.prefix).into_bytes()
    }

    /// The pattern of the keys of all sessions.
    pub(super) fn sessions(&self) -> Vec<u8> {
        let mut pattern = Vec::new();
        for byte in self.prefix.bytes() {
            if b"*?[]\\^-".contains(&byte) {
                pattern.push(b'\\');
            }
            pattern.push(byte);
        }
        pattern.extend_from_slice(b"session:*");
        pattern
    }

    /// The session whose key this is, if it is one.
    pub(super) fn session_of(&self, key: &[u8]) -> Option<SessionId> {
        let key = key.strip_prefix(self.prefix.as_bytes())?;
        let id = key.strip_prefix(b"session:{")?.strip_suffix(b"}")?;
        let text = str::from_utf8(id).ok()?;
        let id = text.parse::<SessionId>().ok()?;
        // A UUID may be written in several ways.
        (id.to_string() == text).then_some(id)
    }

    /// The key of a subject's index. It contains the length of the issuer, so that the keys of two
    /// different subjects are never the same.
    pub(super) fn subject(&self, issuer: &str, subject: &str) -> Vec<u8> {
        let length = issuer.len();
        format!("{}subject:{length}:{issuer}:{subject}", self.prefix).into_bytes()
    }

    /// The numbers of the keys that hold notes of ended sessions.
    pub(super) fn notes(&self) -> impl Iterator<Item = u8> + use<> {
        0..self.notes
    }

    /// Which of these keys holds the note of a session.
    pub(super) fn note_of(&self, id: SessionId) -> u8 {
        let [.., last] = id.as_uuid().into_bytes();
        last % self.notes
    }

    /// A key that holds notes of ended sessions. The first one is named as the only one of a server
    /// that is no cluster, so that nothing is lost when its data move into a cluster.
    pub(super) fn ended(&self, number: u8) -> Vec<u8> {
        match number {
            0 => format!("{}ended", self.prefix),
            _ => format!("{}ended:{number}", self.prefix),
        }
        .into_bytes()
    }

    /// The key of a key ring.
    pub(super) fn ring(&self, name: &str) -> Vec<u8> {
        format!("{}ring:{name}", self.prefix).into_bytes()
    }

    /// One of many keys, none of which holds anything for longer than a script runs. In a cluster it is in the slot of
    /// its tag.
    pub(super) fn mark(&self, tag: &str) -> Vec<u8> {
        format!("{}ended:mark:{{{tag}}}", self.prefix).into_bytes()
    }
}

/// The last millisecond in which the session exists, since Redis deletes a key after this time.
pub(super) fn last_seen_at(ends_at: Timestamp) -> i64 {
    ends_at.as_millis().saturating_sub(1).clamp(1, LAST)
}

/// Until when the index lists a session that is not ended.
pub(super) fn listed_until(ends_at: Timestamp) -> String {
    digits(ends_at + LONGER)
}

/// The entry of a session in the index of its subject. `ends_at` is that of the login, so that
/// another session of the same identifier has another entry.
pub(super) fn listed(id: SessionId, ends_at: Timestamp) -> Vec<u8> {
    [id.as_uuid().as_bytes(), listed_until(ends_at).as_bytes()].concat()
}

/// The upper bound in an index of all entries below those of `id`. An entry begins with the
/// identifier.
pub(super) fn listed_below(id: Option<SessionId>) -> Vec<u8> {
    match id {
        Some(id) => [b"(".as_slice(), id.as_uuid().as_bytes()].concat(),
        None => b"+".to_vec(),
    }
}

/// The session that an entry of an index lists.
pub(super) fn listed_id(entry: &[u8]) -> Result<SessionId, StoreError> {
    identifier(entry.first_chunk())
}

/// The entry of a session among those that were ended of late.
pub(super) fn noted(id: SessionId, at: Timestamp) -> Vec<u8> {
    [digits(at).as_bytes(), id.as_uuid().as_bytes()].concat()
}

/// The session that a note is of.
pub(super) fn noted_id(entry: &[u8]) -> Result<SessionId, StoreError> {
    identifier(entry.last_chunk())
}

/// The lower bound of the sessions that were ended at `since` or later, or at `since` and above
/// `after`.
pub(super) fn noted_since(since: Timestamp, after: Option<SessionId>) -> Vec<u8> {
    match after {
        Some(id) => noted_after(&noted(id, since)),
        None => [b"[", digits(since).as_bytes()].concat(),
    }
}

/// The lower bound of the entries after this one.
pub(super) fn noted_after(entry: &[u8]) -> Vec<u8> {
    [b"(", entry].concat()
}

/// How long a session is listed among those that were ended of late, in milliseconds.
pub(super) fn noted_for() -> String {
    (Record::KEPT_AFTER_END + LONGER).as_millis().to_string()
}

fn identifier(bytes: Option<&[u8; 16]>) -> Result<SessionId, StoreError> {
    let bytes = bytes.ok_or_else(unexpected)?;
    Ok(SessionId::from_uuid(Uuid::from_bytes(*bytes)))
}

/// A time in 15 digits, so that texts sort as times. A time before 1970 is taken for 1970, and one
/// after the year 9999 for its end.
fn digits(time: Timestamp) -> String {
    format!("{:015}", time.as_millis().clamp(1, LAST))
}
