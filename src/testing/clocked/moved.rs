//! All times of a session, moved.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    store::{Ended, Record, Session, SessionState},
};

/// So long that no test turns its clock as far back.
const AHEAD: Duration = Duration::from_secs(1_000 * 365 * 24 * 60 * 60);

pub(super) trait Moved: Sized {
    fn moved(self, by: impl Fn(Timestamp) -> Timestamp) -> Self;

    /// As the store is given it.
    fn ahead(self) -> Self {
        self.moved(|time| time + AHEAD)
    }

    /// As it was before that.
    fn back(self) -> Self {
        self.moved(|time| time - AHEAD)
    }
}

impl Moved for Timestamp {
    fn moved(self, by: impl Fn(Timestamp) -> Timestamp) -> Self {
        by(self)
    }
}

impl Moved for Record {
    fn moved(self, by: impl Fn(Timestamp) -> Timestamp) -> Self {
        let Self { session, state } = self;
        Self {
            session: session.moved(&by),
            state: state.moved(&by),
        }
    }
}

// A field that is added is an error here, and not a time that is forgotten.
impl Moved for Session {
    fn moved(self, by: impl Fn(Timestamp) -> Timestamp) -> Self {
        let Self {
            id,
            issuer,
            subject,
            secret,
            created_at,
            auth_time,
            ends_at,
            scope,
            client_id,
            claims,
            metadata,
            idle_lifetime,
            extra,
        } = self;
        Self {
            id,
            issuer,
            subject,
            secret,
            created_at: by(created_at),
            auth_time: by(auth_time),
            ends_at: by(ends_at),
            scope,
            client_id,
            claims,
            metadata,
            idle_lifetime,
            extra,
        }
    }
}

impl Moved for SessionState {
    fn moved(self, by: impl Fn(Timestamp) -> Timestamp) -> Self {
        let Self {
            version,
            generation,
            rotated_at,
            delivered_at,
            confirmed_at,
            late,
            expires_at,
            last_refreshed_at,
            ended,
            bound_to,
            extra,
        } = self;
        Self {
            version,
            generation,
            rotated_at: rotated_at.map(&by),
            delivered_at: delivered_at.map(&by),
            confirmed_at: confirmed_at.map(&by),
            late,
            expires_at: by(expires_at),
            last_refreshed_at: last_refreshed_at.map(&by),
            ended: ended.map(|Ended { at, reason }| Ended::new(by(at), reason)),
            bound_to,
            extra,
        }
    }
}
