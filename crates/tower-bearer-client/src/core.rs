//! What all clones of a session share, and the ways to change it.

use std::{
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{runtime::Handle, sync::watch, time::Instant};

use super::{
    ClientError, ClientErrorKind as Kind, EndReason, NewTokens,
    endpoint::Endpoint,
    flight,
    held::{Access, Held, Lifetimes},
    schedule::Moment,
    state::{Departure, Flight, Landing, Mission, Outcome, State, Step},
    store::{AnyStore, SavedAccess, SavedTokens, TokenStoreError},
};
use crate::trace;
use tower_bearer::{AccessToken, clock::Clock};

pub(super) type TokenFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;
pub(super) type EndHook = Box<dyn Fn(EndReason) + Send + Sync>;

pub(super) struct Core {
    pub(super) endpoint: Endpoint,
    pub(super) store: AnyStore,
    pub(super) clock: Box<dyn Clock>,
    pub(super) lifetimes: Lifetimes,
    pub(super) on_end: Option<EndHook>,
    pub(super) state: Mutex<State>,
    /// Sign-ins and logouts change the store one after the other.
    pub(super) turn: tokio::sync::Mutex<()>,
}

/// Tokens now, or later.
pub(super) enum Acquired {
    Now(Arc<Access>),
    Later(TokenFuture),
    Never(ClientError),
}

impl Core {
    /// No code of the application runs under this lock, and nothing panics.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Moment {
        Moment {
            monotonic: Instant::now(),
            wall: self.clock.now(),
        }
    }

    /// An access token to send, other than the one that was refused.
    pub(super) fn acquire(self: &Arc<Self>, refused: Option<&AccessToken>) -> Acquired {
        let now = self.now();
        let mut state = self.state();
        match state.step(now, refused) {
            Step::Use(access) => Acquired::Now(access),
            Step::UseAndRefresh(access) => {
                // Where it cannot start, it will be told when the token has died.
                let _ = self.take_off(&mut state, refused);
                Acquired::Now(access)
            }
            Step::Join(flight) => Acquired::Later(wait(flight)),
            Step::Refresh => match self.take_off(&mut state, refused) {
                Ok(flight) => Acquired::Later(wait(flight)),
                Err(error) => Acquired::Never(error),
            },
            Step::Fail(error) => Acquired::Never(error),
        }
    }

    /// The refresh that is under way.
    pub(super) fn under_way(&self) -> Option<TokenFuture> {
        self.state().flight().cloned().map(wait)
    }

    /// Starts a refresh on a task of its own: nobody who waits for it can cancel it.
    fn take_off(
        self: &Arc<Self>,
        state: &mut State,
        refused: Option<&AccessToken>,
    ) -> Result<Flight, ClientError> {
        let runtime = Handle::try_current()
            .map_err(|error| ClientError::with_source(Kind::NoRuntime, error))?;
        let (sender, flight) = watch::channel(None);
        let mission = state.take_off(flight.clone(), refused);
        let core = Arc::clone(self);
        runtime.spawn(async move {
            let landed = flight::fly(&core, &mission).await;
            core.land(&mission, landed, &sender);
        });
        Ok(flight)
    }

    fn land(
        &self,
        mission: &Mission,
        landed: Result<Landing, ClientError>,
        waiting: &watch::Sender<Option<Outcome>>,
    ) {
        let now = self.now();
        let (outcome, ended) = self.state().land(mission, landed, now);
        if let Err(_error) = &outcome {
            trace::debug!(error = _error as &dyn std::error::Error, "no access token");
        }
        waiting.send_replace(Some(outcome));
        if let Some(reason) = ended {
            self.tell(reason);
        }
    }

    /// A hook that panics stops no logout half way.
    fn tell(&self, reason: EndReason) {
        trace::debug!(%reason, "the session has ended");
        if let Some(on_end) = &self.on_end
            && catch_unwind(AssertUnwindSafe(|| on_end(reason))).is_err()
        {
            trace::warn!("the hook that is told of a session's end has panicked");
        }
    }

    /// Saves the tokens, and then goes by them.
    pub(super) async fn sign_in(&self, new: NewTokens) -> Result<(), ClientError> {
        let now = self.now();
        let _turn = self.turn.lock().await;
        let access = new.access.map(|token| SavedAccess {
            token,
            lifetime: new.lifetime.unwrap_or(self.lifetimes.default),
            obtained_at: now.wall,
        });
        let tokens = SavedTokens {
            refresh: new.refresh,
            access,
            scope: new.scope,
        };
        let mut lock = self.store.lock().await?;
        lock.save(&tokens).await?;
        let held = Arc::new(Held::new(tokens, now, self.lifetimes));
        self.state().sign_in(held);
        Ok(())
    }

    /// Ends the session in the store, then on the server.
    pub(super) async fn sign_out(&self, departure: Departure) -> Result<(), ClientError> {
        if departure.held.is_some() {
            self.tell(EndReason::Logout);
        }
        let turn = self.turn.lock().await;
        // Otherwise what is in the store is another session's: someone has signed in meanwhile.
        let is_ours = self.state().is_leaving();
        let emptied = match is_ours {
            true => self.empty_store(&departure).await,
            false => Emptied::default(),
        };
        self.state().has_left(&departure);
        drop(turn);
        let kept = emptied.kept.as_ref();
        let revoked = match newest(departure.held.as_deref(), kept) {
            Some(tokens) => self.endpoint.revoke(&tokens.refresh).await,
            None => Ok(()),
        };
        match emptied.failure {
            Some(error) => Err(error.into()),
            None => revoked,
        }
    }

    async fn empty_store(&self, departure: &Departure) -> Emptied {
        let held = departure.held.as_deref().map(Held::kept);
        let before = self.forget(held).await;
        let is_news = departure.held.is_none() && !departure.is_second;
        if is_news && before.kept.is_some() {
            self.tell(EndReason::Logout);
        }
        // A refresh that is under way, here or in another process, holds the lock; what it saves
        // goes too, and is the token that the server knows best.
        if let Some(flight) = departure.flight.clone() {
            let _ = wait(flight).await;
        }
        let lock = self.store.lock().await;
        let after = self.forget(held).await;
        drop(lock);
        Emptied {
            kept: after.kept.or(before.kept),
            ..after
        }
    }

    /// Takes the tokens out of the store. Those that stay there are not used any more; where they
    /// cannot be read either, they are taken for the ones that were held.
    pub(super) async fn forget(&self, held: Option<&SavedTokens>) -> Emptied {
        let kept = self.store.load().await.unwrap_or_default();
        let failure = self.store.clear().await.err();
        if let (Some(_), Some(tokens)) = (&failure, kept.as_ref().or(held)) {
            self.state().bury(tokens.clone());
        }
        Emptied { kept, failure }
    }

    /// What is in the store, but for what should not be there any more.
    pub(super) async fn look(&self) -> Result<Option<SavedTokens>, TokenStoreError> {
        let kept = self.store.load().await?;
        Ok(kept.filter(|kept| !self.state().is_over(kept)))
    }
}

/// What was in the store, and why it still is.
#[derive(Default)]
pub(super) struct Emptied {
    kept: Option<SavedTokens>,
    pub(super) failure: Option<TokenStoreError>,
}

/// Of the tokens that were held and those that were in the store, the ones that count.
fn newest<'a>(held: Option<&'a Held>, kept: Option<&'a SavedTokens>) -> Option<&'a SavedTokens> {
    match (held, kept) {
        (Some(held), Some(kept)) if held.is_overtaken_by(kept) => Some(kept),
        (Some(held), _) => Some(&held.tokens),
        (None, kept) => kept,
    }
}

/// Waits for a refresh to be over.
fn wait(mut flight: Flight) -> TokenFuture {
    Box::pin(async move {
        let landed = flight.wait_for(Option::is_some).await;
        // Without an outcome its task is gone.
        let outcome = landed.ok().and_then(|outcome| outcome.clone());
        outcome.unwrap_or_else(|| Err(Kind::Interrupted.into()))
    })
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
