//! How a process learns of the sessions that others end: it reads them from the store, by their position.

mod follower;
mod freshness;
mod learn;
mod meter;
mod options;
mod position;
mod standing;

use std::{fmt, future::pending, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::Instant,
};

pub use options::{FeedOptions, FeedStatus, WhenBehind};
pub(super) use standing::{Stand, Standing};

use self::{follower::Follower, standing::FeedId};
use super::{Sessions, runtime};
use crate::{claims::SessionId, error::ConfigError, store::SessionStore};

/// The handle of the task that [`Sessions::follow`] has started.
///
/// The task stops when the handle is dropped. Requests are then answered as without a feed, whatever was to
/// happen when it is behind. So keep it as long as the server runs, by a name: `let _ =` drops it at once.
#[must_use = "the task stops when this is dropped: keep it by a name, as in `let _feed = …`, since `let _ = …` drops it"]
pub struct SessionFeed {
    task: JoinHandle<()>,
    /// When the last read that succeeded has begun.
    read_at: watch::Receiver<Option<Instant>>,
    status: watch::Receiver<FeedStatus>,
    behind_after: Duration,
    hurry: Arc<Notify>,
    standing: Arc<Standing>,
    id: FeedId,
}

impl SessionFeed {
    /// Waits until the feed is [current](FeedStatus::Current): at the start, until everything was read that
    /// there was. It waits for as long as the store fails, so give it a [timeout](tokio::time::timeout), and
    /// let the server start all the same after that or not at all.
    pub async fn caught_up(&self) {
        let mut status = self.status.clone();
        let current = status.wait_for(|status| *status == FeedStatus::Current);
        if current.await.is_err() {
            // The task is gone. It never catches up.
            pending().await
        }
    }

    /// The age of what this process knows: how long ago the last read of the store that succeeded has begun.
    /// None before the first one. While all is well, it is between zero and
    /// [`every`](FeedOptions::every) and the time of a read. It is meant for a gauge among the application's
    /// metrics.
    pub fn age(&self) -> Option<Duration> {
        let read_at = *self.read_at.borrow();
        read_at.map(|began| began.elapsed())
    }

    /// Whether this process knows of the ends that it is to know of.
    pub fn status(&self) -> FeedStatus {
        let told = *self.status.borrow();
        match told {
            // The task may not have had its turn yet, as after a freeze of the process.
            FeedStatus::Current if self.age().is_some_and(|age| age >= self.behind_after) => {
                FeedStatus::Behind
            }
            _ => told,
        }
    }

    /// Reads at once, and not only when it is time. Call it when something tells the application that a
    /// session was ended elsewhere, such as a message of its own bus. Such a message may come twice, late or
    /// never: it is only a hint, and what was ended is read from the store. Calls that come during a read
    /// make one more together.
    pub fn read_now(&self) {
        self.hurry.notify_one();
    }

    /// Stops the task, and waits until it has stopped. This process then learns of no more sessions that
    /// others end, and goes on refusing the tokens of those that it knows.
    pub async fn stop(mut self) {
        self.release();
        // The task is being stopped, so it no longer matters how it has ended.
        let _ = (&mut self.task).await;
    }

    fn release(&self) {
        self.standing.release(self.id);
        self.task.abort();
    }
}

impl Drop for SessionFeed {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for SessionFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFeed")
            .field("age", &self.age())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl<St: SessionStore> Sessions<St> {
    /// Starts a task that learns which sessions are ended by other processes, and which access tokens
    /// [expired](Self::expire_access_tokens), so that a
    /// [layer](crate::bearer::BearerLayer::sessions) of this process refuses them too. It
    /// also learns what was ended before this process has started, so [`load_ended`](Self::load_ended) is
    /// not needed beside it.
    ///
    /// The task reads from the store what was ended since it last looked, by default every half second, one
    /// short query each time. Requests ask the memory of the process alone. Nothing is lost while the store
    /// cannot be reached: the task goes on from where it was. An end that became visible later than two [store
    /// timeouts](super::SessionsBuilder::store_timeout) after its time, as when a write hung, is seen up to half a
    /// minute late, and up to five minutes late where it took longer than eleven and a minute.
    ///
    /// Keep the [`SessionFeed`] as long as the server runs, by a name: `let _ =` drops it at once, and stops the
    /// task.
    ///
    /// What happens to requests while the store cannot be read is a choice. By default they are served on, and
    /// a logout elsewhere is not known until the store is back: see [`WhenBehind`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use tokio::time::timeout;
    /// use tower_bearer::session::{FeedOptions, SessionFeed, Sessions};
    ///
    /// async fn follow(sessions: &Sessions) -> Result<SessionFeed, Box<dyn std::error::Error>> {
    ///     let feed = sessions.follow(FeedOptions::new())?;
    ///     timeout(Duration::from_secs(10), feed.caught_up()).await?;
    ///     Ok(feed)
    /// }
    /// ```
    ///
    /// [`on_event`](super::SessionsBuilder::on_event) is told of an end by the process that has ended the
    /// session, and not again by those that learn of it.
    ///
    /// # Errors
    ///
    /// - The interval is zero, or the time after which the feed is behind is not above it, or above a day.
    /// - These sessions are followed already, also by a clone.
    /// - This is not called within a tokio runtime.
    pub fn follow(&self, options: FeedOptions) -> Result<SessionFeed, ConfigError> {
        options.check()?;
        let behind_after = options.behind_after;
        let runtime = runtime::current()?;
        let follower = Follower::new(self.clone(), options)?;
        Ok(SessionFeed {
            read_at: follower.read_at(),
            status: follower.status(),
            behind_after,
            hurry: follower.hurry(),
            standing: Arc::clone(&self.0.standing),
            id: follower.id(),
            task: runtime.spawn(follower.run()),
        })
    }

    /// Notes that a session was ended, as an application learns it from elsewhere, such as its own message
    /// bus. From now on a [layer](crate::bearer::BearerLayer::sessions) of this process refuses the session's
    /// access tokens, until they have expired. Nothing is written to the store now, but a refresh at this process ends the
    /// session there. So take identifiers only from those who may end sessions.
    pub fn note_ended(&self, id: SessionId) {
        self.0.ended.note(id);
    }
}
