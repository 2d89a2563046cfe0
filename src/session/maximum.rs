//! The maximum of a subject's sessions. Logins may come at the same time, so what counts is what is
//! in the store after a login has written its session.

use std::{cmp::Reverse, net::IpAddr, time::Duration};

use super::{
    EndReason, Overflow, SessionError, SessionErrorKind, Sessions, end_request::Ending,
    patience::within,
};
use crate::{
    claims::SessionId,
    store::{Listed, Session, SessionStore},
};

/// The most sessions that a login ends. If there are more, as after a maximum was introduced, the
/// next logins go on.
const SURPLUS: usize = 100;
/// How often a login looks whether others that came at the same time have given way.
const LOOKS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

impl<St: SessionStore> Sessions<St> {
    /// Refuses a login that cannot succeed, before anything is written.
    pub(super) async fn look_for_room(&self, subject: &str) -> Result<(), SessionError> {
        match self.0.max_sessions {
            Some((max, Overflow::Refuse))
                if self.newest(subject, None, max).await?.records.len() >= max =>
            {
                Err(SessionError::new(SessionErrorKind::TooManySessions))
            }
            _ => Ok(()),
        }
    }

    /// With [`Overflow::Refuse`], refuses the login whose session is in the store if there are too
    /// many now, and ends that session.
    pub(super) async fn give_way(&self, own: &Session) -> Result<(), SessionError> {
        let Some((max, Overflow::Refuse)) = self.0.max_sessions else {
            return Ok(());
        };
        let (sessions, id, subject) = (self.clone(), own.id, own.subject.clone());
        // A login that is given up half-way must not keep a place.
        self.to_the_end(async move {
            let stays = sessions.may_stay(id, &subject, max).await;
            if !matches!(stays, Ok(true)) {
                sessions.0.store.end(id, EndReason::Evicted).await?;
            }
            match stays? {
                true => Ok(()),
                false => Err(SessionError::new(SessionErrorKind::TooManySessions)),
            }
        })
        .await
    }

    /// A session may stay only once it sees itself among no more than the maximum. The last to look
    /// of a number of sessions that all stay sees all of them, so there can never be too many.
    ///
    /// Those that are not among the oldest do not wait for that, so that of many that come at once
    /// some stay: the oldest look again until the others are gone.
    async fn may_stay(
        &self,
        id: SessionId,
        subject: &str,
        max: usize,
    ) -> Result<bool, SessionError> {
        for looked in 1..=LOOKS {
            if self.newest(subject, None, max + 1).await?.records.len() <= max {
                return Ok(true);
            }
            if self.newest(subject, Some(id), max).await?.records.len() >= max {
                break;
            }
            tokio::time::sleep(PAUSE * looked).await;
        }
        Ok(false)
    }

    /// With [`Overflow::EvictOldest`], ends the oldest sessions of a subject who has too many.
    ///
    /// Identifiers begin with the time by the clock of the server that made them, and those clocks
    /// may differ, so the store's clock decides which is the oldest. A session from the future is
    /// older than all: that clock has gone back since, and must not keep anyone from logging in.
    pub(super) async fn evict_oldest(
        &self,
        subject: &str,
        address: Option<IpAddr>,
    ) -> Result<(), SessionError> {
        let Some((max, Overflow::EvictOldest)) = self.0.max_sessions else {
            return Ok(());
        };
        let Listed { mut records, now } = self.newest(subject, None, max + SURPLUS).await?;
        records.sort_by_key(|record| {
            let started = Some(record.session.created_at).filter(|at| *at <= now);
            Reverse((started, record.session.id))
        });
        for oldest in records.into_iter().skip(max) {
            self.end_now(&oldest, Ending::new(EndReason::Evicted, address))
                .await?;
        }
        Ok(())
    }

    /// The newest live sessions of a subject below `before`.
    async fn newest(
        &self,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, SessionError> {
        let inner = &self.0;
        let list = inner
            .store
            .list(inner.issuer.issuer(), subject, before, limit);
        Ok(within(inner.store_timeout, list).await?)
    }
}
