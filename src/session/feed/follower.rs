//! The task of a feed: reads, waits, and says when it is behind.

use std::{pin::pin, sync::Arc};

use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout_at},
};

use super::{
    super::{Sessions, patience::within},
    FeedOptions, FeedStatus,
    freshness::Freshness,
    learn::Walk,
    position::{Position, Reach, Read},
    standing::FeedId,
};
use crate::{
    error::{ConfigError, ConfigErrorKind},
    store::{SessionStore, StoreError},
    trace,
};

pub(super) struct Follower<St> {
    ends: Ends<St>,
    freshness: Freshness,
    /// When the last read that succeeded has begun.
    read_at: watch::Sender<Option<Instant>>,
    /// Whether the last read has failed.
    fails: bool,
    hurry: Arc<Notify>,
}

impl<St: SessionStore> Follower<St> {
    pub(super) fn new(sessions: Sessions<St>, options: FeedOptions) -> Result<Self, ConfigError> {
        let standing = Arc::clone(&sessions.0.standing);
        let id = standing.begin().ok_or_else(|| {
            ConfigError::new(
                ConfigErrorKind::FollowedTwice,
                "these sessions are followed already: stop the first feed",
            )
        })?;
        let position = Position::new(sessions.0.store_timeout, sessions.0.ended.keep());
        Ok(Self {
            ends: Ends {
                sessions,
                position,
                under_way: None,
            },
            freshness: Freshness::new(standing, options, id),
            read_at: watch::Sender::new(None),
            fails: false,
            hurry: Arc::default(),
        })
    }

    pub(super) fn read_at(&self) -> watch::Receiver<Option<Instant>> {
        self.read_at.subscribe()
    }

    pub(super) fn status(&self) -> watch::Receiver<FeedStatus> {
        self.freshness.status.subscribe()
    }

    pub(super) fn hurry(&self) -> Arc<Notify> {
        Arc::clone(&self.hurry)
    }

    pub(super) fn id(&self) -> FeedId {
        self.freshness.id
    }

    pub(super) async fn run(mut self) {
        loop {
            match self.read().await {
                Ok(began) => self.has_read(began),
                Err(error) => self.has_failed(&error),
            }
            self.ends.sessions.0.ended.forget();
            self.ends.sessions.0.outdated.forget();
            self.wait().await;
        }
    }

    /// Reads, however long that takes. Meanwhile the feed falls behind when it is time.
    async fn read(&mut self) -> Result<Instant, StoreError> {
        let mut reading = pin!(self.ends.read());
        if let Ok(outcome) = timeout_at(self.freshness.deadline, &mut reading).await {
            return outcome;
        }
        self.freshness.set(FeedStatus::Behind);
        reading.await
    }

    fn has_read(&mut self, began: Instant) {
        self.fails = false;
        self.read_at.send_replace(Some(began));
        self.freshness.renew(began);
    }

    /// The first failure of a row is a warning, so that an outage does not fill the log.
    fn has_failed(&mut self, _error: &StoreError) {
        let _error = _error as &dyn std::error::Error;
        if self.fails {
            trace::debug!(error = _error, "ended sessions could still not be read");
            return;
        }
        trace::warn!(error = _error, "ended sessions could not be read");
        self.fails = true;
    }

    /// Waits until it is time to read again.
    async fn wait(&self) {
        let next = Instant::now() + self.freshness.options.every;
        let deadline = self.freshness.deadline;
        if deadline < next {
            if timeout_at(deadline, self.hurry.notified()).await.is_ok() {
                return;
            }
            self.freshness.set(FeedStatus::Behind);
        }
        // It fails when it is time and nobody has hurried.
        timeout_at(next, self.hurry.notified()).await.ok();
    }
}

/// The ends of sessions, and up to where they were read.
struct Ends<St> {
    sessions: Sessions<St>,
    position: Position,
    /// A read that has failed on its way goes on from there.
    under_way: Option<(Instant, Read, Walk)>,
}

impl<St: SessionStore> Ends<St> {
    /// Reads all that is new, and tells when that has begun.
    async fn read(&mut self) -> Result<Instant, StoreError> {
        let (began, read, mut walk) = match self.under_way.take() {
            Some(under_way) => under_way,
            None => self.begin().await?,
        };
        loop {
            match self.sessions.learn_page(&mut walk).await {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    self.under_way = Some((began, read, walk));
                    return Err(error);
                }
            }
        }
        self.position.has_read(&read);
        Ok(began)
    }

    async fn begin(&mut self) -> Result<(Instant, Read, Walk), StoreError> {
        let began = Instant::now();
        let reach = self.position.reach();
        if reach > Reach::New {
            let inner = &self.sessions.0;
            let now = within(inner.store_timeout, inner.store.now()).await?;
            self.position.tell(now);
        }
        let read = self.position.read(reach);
        let walk = Walk::since(read.since, read.now);
        Ok((began, read, walk))
    }
}
