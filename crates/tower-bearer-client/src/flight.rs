//! Hands out access tokens, and has one refresh at a time under way for all who wait.

use std::{future::Future, pin::Pin, sync::Arc};

use tokio::{runtime::Handle, sync::watch};

use tower_bearer::AccessToken;

use crate::{
    error::{ClientError, ClientErrorKind as Kind},
    held::Access,
    refresh,
    shared::Shared,
    state::{Flight, Landing, Mission, Outcome, State, Step},
    trace,
};

pub(crate) type TokenFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A token now, or later, or not at all.
pub(crate) enum Acquired {
    Now(Arc<Access>),
    Later(TokenFuture),
    Never(ClientError),
}

impl Shared {
    /// An access token to send. If one was `refused`, another one.
    pub(crate) fn acquire(self: &Arc<Self>, refused: Option<&AccessToken>) -> Acquired {
        let now = self.now();
        let mut state = self.state();
        if let Some(refused) = refused {
            state.refuse(refused);
        }
        // Nobody sends a token again that is known to be refused.
        let being_replaced = state.being_replaced();
        let refused = refused.or(being_replaced.as_ref());
        match state.step(now, refused) {
            Step::Use(access) => Acquired::Now(access),
            Step::UseAndRefresh(access) => {
                // If it cannot start, that is reported once the token has expired.
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
    pub(crate) fn under_way(&self) -> Option<TokenFuture> {
        self.state().flight().cloned().map(wait)
    }

    /// Starts a refresh on a task of its own, so that nobody who waits for it can cancel it.
    fn take_off(
        self: &Arc<Self>,
        state: &mut State,
        refused: Option<&AccessToken>,
    ) -> Result<Flight, ClientError> {
        let runtime = Handle::try_current()
            .map_err(|error| ClientError::with_source(Kind::NoRuntime, error))?;
        let (sender, flight) = watch::channel(None);
        let mission = state.take_off(flight.clone(), refused);
        let shared = Arc::clone(self);
        runtime.spawn(async move {
            let landed = refresh::run(&shared, &mission).await;
            shared.land(&mission, landed, &sender);
        });
        Ok(flight)
    }

    fn land(
        self: &Arc<Self>,
        mission: &Mission,
        landed: Result<Landing, ClientError>,
        waiting: &watch::Sender<Option<Outcome>>,
    ) {
        let now = self.now();
        let mut state = self.state();
        let (outcome, ended) = state.land(mission, landed, now);
        // The first look into the store refreshes nothing. A program that sends one request a run would never be
        // ahead of the end if that request did not start what is due.
        if mission.is_first_look() && matches!(state.step(now, None), Step::UseAndRefresh(_)) {
            let _ = self.take_off(&mut state, None);
        }
        drop(state);
        if let Err(_error) = &outcome {
            trace::debug!(error = _error as &dyn std::error::Error, "no access token");
        }
        waiting.send_replace(Some(outcome));
        if let Some(reason) = ended {
            self.tell(reason);
        }
    }
}

/// Waits until a refresh is over.
pub(crate) fn wait(mut flight: Flight) -> TokenFuture {
    Box::pin(async move {
        let landed = flight.wait_for(Option::is_some).await;
        // If there is no outcome, its task is gone.
        let outcome = landed.ok().and_then(|outcome| outcome.clone());
        outcome.unwrap_or_else(|| Err(Kind::Interrupted.into()))
    })
}
