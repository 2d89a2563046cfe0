use std::time::Duration;

use tokio::{sync::oneshot, task::JoinHandle};

use super::{Sessions, patience::within, runtime};
use crate::{
    error::{ConfigError, ConfigErrorKind},
    store::SessionStore,
    trace,
};

const BATCH: usize = 500;

/// The handle of the task that [`Sessions::clean_up`] has started. The task stops when the handle
/// is dropped.
#[derive(Debug)]
#[must_use = "the task stops when this is dropped"]
pub struct CleanUp {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl CleanUp {
    pub(super) fn start<St: SessionStore>(
        sessions: Sessions<St>,
        every: Duration,
    ) -> Result<Self, ConfigError> {
        if every.is_zero() {
            return Err(ConfigError::new(
                ConfigErrorKind::Lifetime,
                "the clean-up interval must not be zero",
            ));
        }
        let runtime = runtime::current()?;
        let (stop, mut stopped) = oneshot::channel();
        let task = runtime.spawn(async move {
            loop {
                sessions.delete_expired().await;
                // The channel answers when the handle is stopped or dropped; else it is time again.
                if tokio::time::timeout(every, &mut stopped).await.is_ok() {
                    return;
                }
            }
        });
        Ok(Self { stop, task })
    }

    /// Stops the task and waits until a deletion that is under way is done.
    pub async fn stop(self) {
        drop(self.stop);
        // The task is being stopped, so it no longer matters whether it has panicked.
        let _ = self.task.await;
    }
}

impl<St: SessionStore> Sessions<St> {
    /// Deletes all expired sessions in batches, and lets other tasks run between them.
    async fn delete_expired(&self) {
        let inner = &self.0;
        loop {
            match within(inner.store_timeout, inner.store.delete_expired(BATCH)).await {
                Ok(deleted) if deleted < BATCH => return,
                Ok(_) => tokio::task::yield_now().await,
                Err(_error) => {
                    trace::warn!(
                        error = &_error as &dyn std::error::Error,
                        "expired sessions could not be deleted"
                    );
                    return;
                }
            }
        }
    }
}
