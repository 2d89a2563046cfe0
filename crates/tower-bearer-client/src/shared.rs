//! What all clones of a session share.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use tower_bearer::clock::Clock;

use crate::{
    endpoints::Endpoints,
    error::EndReason,
    held::Lifetimes,
    schedule::Moment,
    state::State,
    store::{AnyStore, SavedTokens, TokenStoreError},
    trace,
};

pub(crate) type EndHook = Box<dyn Fn(EndReason) + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) endpoints: Endpoints,
    pub(crate) store: AnyStore,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) on_end: Option<EndHook>,
    pub(crate) state: Mutex<State>,
    /// Sign-ins and logouts change the store one after the other.
    pub(crate) turn: tokio::sync::Mutex<()>,
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

    /// Calls the application's hook. If it panics, a logout goes on all the same.
    pub(crate) fn tell(&self, reason: EndReason) {
        trace::debug!(%reason, "the session has ended");
        if let Some(on_end) = &self.on_end
            && catch_unwind(AssertUnwindSafe(|| on_end(reason))).is_err()
        {
            trace::warn!("the hook that is told of a session's end has panicked");
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

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}
