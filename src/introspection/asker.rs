//! Asks the server, unless the answer is known.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Map, Value};
use tokio::{runtime::Handle, time::timeout};
use zeroize::Zeroizing;

use super::{
    answer::Rules,
    failure::{Failure, FailureLog},
    flight::{Boarding, Flights, Landing, Outcome},
    memory::{Known, Memory},
    question::Question,
    queue::{Place, Queue},
    shelf::Digest,
    signed::{Expected, SignedAnswers, is_signed},
};
use crate::{
    claims::VerifiedToken,
    clock::Timestamp,
    error::TokenError,
    json,
    profile::TokenProfile,
    trace,
    transport::Transport,
    verifier::{Opaque, PendingToken, Timing},
};

/// What [`IntrospectionBuilder`](super::IntrospectionBuilder) has put together.
pub(super) struct Asker {
    pub(super) line: Arc<Line>,
    pub(super) rules: Rules,
    pub(super) memory: Memory,
    pub(super) flights: Flights,
}

/// How the server is asked, however its answers are read.
pub(super) struct Line {
    pub(super) question: Question,
    pub(super) transport: Transport,
    pub(super) signed: Option<SignedAnswers>,
    pub(super) timeout: Duration,
    pub(super) answer_limit: usize,
    pub(super) queue: Queue,
    pub(super) failures: FailureLog,
}

impl Opaque for Asker {
    fn recall(&self, token: &str, timing: &Timing) -> Option<VerifiedToken> {
        let (now, leeway) = (timing.clock.now(), timing.leeway);
        let known = self.memory.good(&self.memory.digest(token), now, leeway)?;
        Some(known.token)
    }

    fn ask(self: Arc<Self>, token: Zeroizing<String>, timing: &Timing) -> PendingToken {
        let timing = timing.clone();
        // Nothing begins before somebody waits for it.
        Box::pin(async move { self.verify(token, timing).await })
    }

    fn with_profile(&self, profile: TokenProfile) -> Arc<dyn Opaque> {
        Arc::new(Self {
            line: Arc::clone(&self.line),
            rules: self.rules.with_profile(profile),
            memory: self.memory.emptied(),
            flights: Flights::default(),
        })
    }
}

impl Asker {
    async fn verify(
        self: Arc<Self>,
        token: Zeroizing<String>,
        timing: Timing,
    ) -> Result<VerifiedToken, TokenError> {
        let digest = self.memory.digest(&token);
        let (now, leeway) = (timing.clock.now(), timing.leeway);
        let known = || {
            let good = self.memory.good(&digest, now, leeway).map(Ok);
            good.or_else(|| self.memory.bad(&digest, now, leeway).map(Err))
        };
        let outcome = match self.flights.board(digest, known) {
            Boarding::Known(outcome) => outcome,
            Boarding::Waiting(flight) => flight.landed().await,
            Boarding::First(landing, flight) => {
                Arc::clone(&self).depart(landing, token, timing.clone());
                flight.landed().await
            }
        };
        outcome?.at(timing.clock.now(), leeway)
    }

    /// Asks in a task of its own: whoever waits for the answer may go away.
    fn depart(self: Arc<Self>, landing: Landing, token: Zeroizing<String>, timing: Timing) {
        match self.admit(&landing.digest(), timing.clock.now()) {
            Ok((runtime, place)) => drop(runtime.spawn(trace::in_current_span(async move {
                let outcome = self.fly(landing.digest(), token, &timing, place).await;
                landing.land(outcome);
            }))),
            Err(failure) => {
                let outcome = self.fall_back(&failure, &landing.digest(), &timing);
                landing.land(outcome);
            }
        }
    }

    fn admit(&self, digest: &Digest, now: Timestamp) -> Result<(Handle, Place), Failure> {
        let runtime = Handle::try_current().map_err(|_| Failure::NoRuntime)?;
        let place = self.line.queue.place(self.memory.standing(digest, now));
        Ok((runtime, place.ok_or(Failure::Crowded)?))
    }

    async fn fly(
        &self,
        digest: Digest,
        token: Zeroizing<String>,
        timing: &Timing,
        place: Place,
    ) -> Outcome {
        match timeout(self.line.timeout, self.exchange(&token, timing, &place)).await {
            Ok(Ok((answer, asked))) => {
                let (now, leeway) = (timing.clock.now(), timing.leeway);
                self.memory.put(digest, &answer, asked, now, leeway);
                answer
            }
            Ok(Err(failure)) => self.fall_back(&failure, &digest, timing),
            Err(_) => self.fall_back(&Failure::TimedOut, &digest, timing),
        }
    }

    fn fall_back(&self, failure: &Failure, digest: &Digest, timing: &Timing) -> Outcome {
        self.line.failures.note(failure, &self.line.question.shown);
        let (now, leeway) = (timing.clock.now(), timing.leeway);
        let stale = self.memory.stale(digest, now, leeway);
        stale.ok_or(TokenError::Unavailable)
    }

    /// The answer, and when the question was asked.
    async fn exchange(
        &self,
        token: &str,
        timing: &Timing,
        place: &Place,
    ) -> Result<(Result<Known, TokenError>, Timestamp), Failure> {
        let _turn = self.line.queue.turn(place).await;
        let asked = timing.clock.now();
        let answer = self
            .line
            .transport
            .send(self.line.question.about(token), self.line.answer_limit);
        let answer = answer.await?;
        match answer.status() {
            StatusCode::OK => {}
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(Failure::Credentials(status));
            }
            status => return Err(Failure::Status(status)),
        }
        let members = self.members(&answer, asked, timing).await?;
        let judged = self.rules.judge(members, timing.clock.now())?;
        Ok((judged, asked))
    }

    async fn members(
        &self,
        answer: &Response<Bytes>,
        asked: Timestamp,
        timing: &Timing,
    ) -> Result<Map<String, Value>, Failure> {
        match (&self.line.signed, is_signed(answer.headers())) {
            (Some(signed), true) => {
                let expected = Expected {
                    issuer: &self.rules.issuer,
                    asked,
                    now: timing.clock.now(),
                    leeway: timing.leeway,
                };
                signed.open(answer.body(), &expected).await
            }
            (None, true) => Err(Failure::NoKeys),
            (Some(SignedAnswers { required: true, .. }), false) => Err(Failure::NotSigned),
            (_, false) => json::object(answer.body()).map_err(Failure::NotJson),
        }
    }
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection")
            .field("endpoint", &self.line.question.shown)
            .field("issuer", &self.rules.issuer)
            .field("audiences", &self.rules.audiences)
            .finish_non_exhaustive()
    }
}
