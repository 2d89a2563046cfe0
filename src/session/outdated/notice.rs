//! [`Notice`]: how a store carries word of a user to all servers, as the end of a session of nobody.

use std::time::Duration;

use uuid::{Uuid, Variant};

use super::UserKey;
use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{Record, Session, SessionSecret, SessionState},
};

/// The issuer of these sessions, so that no list and no maximum of a user counts one.
const ISSUER: &str = "urn:tower-bearer:notice";

/// The time of a UUID version 7, which a notice has in the same place.
const TIME: usize = 6;
const LATEST: u64 = (1 << 48) - 1;

/// The access tokens of a user are outdated that were issued until some time.
///
/// All of it is in the identifier of its session, a UUID version 8: 48 bits of milliseconds as version 7 has
/// them, and 74 bits of the user's key. So a server that is told that this session has ended knows what is meant
/// and loads nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) user: UserKey,
    pub(super) until: Timestamp,
}

impl Notice {
    pub(super) fn id(self) -> SessionId {
        let millis = u64::try_from(self.until.as_millis()).unwrap_or(0);
        let [_, _, time @ ..] = millis.min(LATEST).to_be_bytes();
        let mut bytes = *self.user.0.as_bytes();
        if let Some(place) = bytes.first_chunk_mut::<TIME>() {
            *place = time;
        }
        SessionId::from_uuid(Uuid::new_v8(bytes))
    }

    /// What the end of this session means, if it is no session of a user.
    pub(super) fn of(id: SessionId) -> Option<Self> {
        let id = id.as_uuid();
        if id.get_version_num() != 8 || id.get_variant() != Variant::RFC4122 {
            return None;
        }
        let mut bytes = *id.as_bytes();
        let place = bytes.first_chunk_mut::<TIME>()?;
        let [a, b, c, d, e, f] = *place;
        *place = [0; TIME];
        Some(Self {
            user: UserKey(Uuid::from_bytes(bytes)),
            until: Timestamp::from_millis(i64::from_be_bytes([0, 0, a, b, c, d, e, f])),
        })
    }

    /// The session to be ended. No token of it can be made: its secret is known to nobody.
    pub(super) fn record(self, secret: SessionSecret, keep: Duration) -> Record {
        let subject = self.user.0.to_string();
        let mut session = Session::new(self.id(), ISSUER, subject, secret, self.until);
        session.ends_at = self.until + keep.max(Record::KEPT_AFTER_END);
        let state = SessionState::new(session.ends_at);
        Record { session, state }
    }
}
