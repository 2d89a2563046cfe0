//! What all clones of a session share.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{runtime::Handle, time::Instant};

use tower_bearer::clock::Clock;

use crate::{
    dpop::{Dpop, Key, Prover},
    endpoints::Endpoints,
    error::{ClientError, EndReason},
    held::Lifetimes,
    schedule::Moment,
    state::State,
    store::{AnyLock, AnyStore, SavedTokens, TokenStoreError},
    trace,
};

pub(crate) type EndHook = Box<dyn Fn(EndReason) + Send + Sync>;
pub(crate) type SaveHook = Box<dyn Fn(&ClientError) + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) endpoints: Endpoints,
    pub(crate) dpop: Dpop,
    pub(crate) store: AnyStore,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) on_end: Option<EndHook>,
    pub(crate) on_save_failed: Option<SaveHook>,
    pub(crate) state: Mutex<State>,
    /// Sign-ins and logouts change the store one after the other.
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// The lock of the store, while the newest tokens are not saved: nobody else may present those
    /// that the store still holds.
    pub(crate) retained: tokio::sync::Mutex<Option<AnyLock>>,
}

/// The lock of the store, and the place to keep it in if it has to be retained.
pub(crate) struct Locked<'a> {
    pub(crate) lock: AnyLock,
    place: tokio::sync::MutexGuard<'a, Option<AnyLock>>,
}

impl Locked<'_> {
    /// Gives the lock back, unless tokens are still unsaved.
    pub(crate) fn give_back(mut self, is_unsaved: bool) {
        if is_unsaved {
            *self.place = Some(self.lock);
        }
    }
}

/// What was in the store when it was emptied, and the error if it could not be.
#[derive(Default)]
pub(crate) struct Emptied {
    pub(crate) kept: Option<SavedTokens>,
    pub(crate) failure: Option<TokenStoreError>,
}

impl Shared {
    /// No code of the application runs under this lock, and nothing panics.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Moment {
        Moment {
            monotonic: Instant::now(),
            wall: self.clock.now(),
        }
    }

    pub(crate) fn prover<'a>(&'a self, key: &'a Key) -> Prover<'a> {
        Prover {
            dpop: &self.dpop,
            key,
            clock: &*self.clock,
        }
    }

    /// Waits for the lock of the store, or takes the one that was retained.
    pub(crate) async fn lock(&self) -> Result<Locked<'_>, TokenStoreError> {
        let mut place = self.retained.lock().await;
        let lock = match place.take() {
            Some(lock) => lock,
            None => self.store.lock().await?,
        };
        Ok(Locked { lock, place })
    }

    /// Calls the application's hook.
    pub(crate) fn tell(&self, reason: EndReason) {
        trace::debug!(%reason, "the session has ended");
        if let Some(on_end) = &self.on_end
            && catch_unwind(AssertUnwindSafe(|| on_end(reason))).is_err()
        {
            trace::warn!("the hook that is told of a session's end has panicked");
        }
    }

    /// Calls the application's hook.
    pub(crate) fn tell_save_failed(&self, error: &ClientError) {
        trace::warn!(
            error = error as &dyn std::error::Error,
            "new tokens cannot be saved"
        );
        if let Some(on_save_failed) = &self.on_save_failed
            && catch_unwind(AssertUnwindSafe(|| on_save_failed(error))).is_err()
        {
            trace::warn!("the hook that is told of a failed save has panicked");
        }
    }

    /// The tokens in the store, unless they are of a session that is over and could not be removed.
    pub(crate) async fn look(&self) -> Result<Option<SavedTokens>, TokenStoreError> {
        let kept = self.store.load().await?;
        Ok(kept.filter(|kept| !self.state().is_over(kept)))
    }

    /// Removes the tokens from the store. If they cannot be removed, the state notes that they are
    /// not to be used again. If they cannot be read either, `held` are taken to be there.
    pub(crate) async fn forget(&self, held: Option<&SavedTokens>) -> Emptied {
        let kept = self.store.load().await.unwrap_or_default();
        let failure = self.store.clear().await.err();
        if let (Some(_), Some(tokens)) = (&failure, kept.as_ref().or(held)) {
            self.state().bury(tokens.clone());
        }
        Emptied { kept, failure }
    }
}

/// The last attempt to save what could not be saved, where there is a runtime to do it on.
impl Drop for Shared {
    fn drop(&mut self) {
        let lock = self.retained.get_mut().take();
        let held = self.state().unsaved();
        if let (Some(mut lock), Some(held)) = (lock, held)
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move { lock.save(&held.tokens).await });
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}
