//! One question for one token, however many requests come with it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{memory::Known, shelf::Digest};
use crate::error::TokenError;

pub(super) type Outcome = Result<Known, TokenError>;

type Answer = watch::Receiver<Option<Outcome>>;

/// The questions that are on their way.
#[derive(Clone, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<Digest, Answer>>>);

/// What a request finds that comes with a token.
pub(super) enum Boarding {
    /// The answer is there.
    Known(Outcome),
    /// Somebody has asked, and the answer will come.
    Waiting(Flight),
    /// Nobody has asked. The answer goes to the landing.
    First(Landing, Flight),
}

/// Waits for an answer.
pub(super) struct Flight(Answer);

/// Where the answer goes. If it is dropped without one, nobody waits any longer.
pub(super) struct Landing {
    flights: Flights,
    digest: Digest,
    /// Until there is one.
    answer: Option<watch::Sender<Option<Outcome>>>,
}

impl Flights {
    /// `known` is looked at while no flight can land, so that no answer is missed.
    pub(super) fn board(
        &self,
        digest: Digest,
        known: impl FnOnce() -> Option<Outcome>,
    ) -> Boarding {
        let mut flights = self.lock();
        if let Some(known) = known() {
            return Boarding::Known(known);
        }
        if let Some(answer) = flights.get(&digest) {
            return Boarding::Waiting(Flight(answer.clone()));
        }
        let (sender, receiver) = watch::channel(None);
        flights.insert(digest, receiver.clone());
        let landing = Landing {
            flights: self.clone(),
            digest,
            answer: Some(sender),
        };
        Boarding::First(landing, Flight(receiver))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    /// The answer. [`TokenError::Unavailable`] if none comes.
    pub(super) async fn landed(mut self) -> Outcome {
        let outcome = self.0.wait_for(Option::is_some).await;
        let outcome = outcome.ok().and_then(|outcome| outcome.clone());
        outcome.unwrap_or(Err(TokenError::Unavailable))
    }
}

impl Landing {
    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// Whoever has the answer must not find this flight again: an answer is only for those who came
    /// before it.
    pub(super) fn land(mut self, outcome: Outcome) {
        self.leave();
        if let Some(answer) = self.answer.take() {
            let _ = answer.send(Some(outcome));
        }
    }

    fn leave(&self) {
        self.flights.lock().remove(&self.digest);
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        // After an answer, the flight of this digest is somebody else's.
        if self.answer.is_some() {
            self.leave();
        }
    }
}
