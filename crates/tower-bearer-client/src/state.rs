//! What a session knows, and what it makes of a request for a token: no I/O, no clock.

use std::{mem, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use tower_bearer::AccessToken;

use crate::{
    error::{ClientError, ClientErrorKind as Kind, EndReason},
    held::{Access, Held},
    phase::SessionPhase,
    schedule::{Moment, back_off},
    store::SavedTokens,
};

const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

/// How far apart refreshes are that were caused by a refusal. A server that refuses every
/// token would have each request make a new one.
const FORCED_APART: Duration = Duration::from_secs(10);

pub(crate) type Outcome = Result<Arc<Access>, ClientError>;

/// A refresh under way. It is over when it has an outcome, or its task is gone.
pub(crate) type Flight = watch::Receiver<Option<Outcome>>;

/// What is known of the tokens.
#[derive(Debug)]
enum Holding {
    /// The store has not been asked yet.
    NotLoaded,
    /// None are held. The store may have some if someone has signed in elsewhere since.
    Nothing(Option<EndReason>),
    Tokens(Arc<Held>),
}

#[derive(Debug)]
pub(crate) struct State {
    holding: Holding,
    /// Counts sign-ins and logouts: what was started before one counts no more after it.
    epoch: u64,
    flight: Option<Flight>,
    /// The access token that was refused last.
    refused: Option<AccessToken>,
    failure: Option<Failure>,
    failures: u32,
    forced_at: Option<Instant>,
    /// A logout is not through with the store yet: what is in there is not to be taken.
    is_leaving: bool,
    /// Tokens of a session that is over, which could not be removed from the store.
    over: Option<SavedTokens>,
    /// The tokens of a logout that the server could not be told of.
    unrevoked: Option<SavedTokens>,
}

/// Shared with all who ask before it is over.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) error: ClientError,
    pub(crate) until: Instant,
}

/// What a request for a token gets.
#[derive(Debug)]
pub(crate) enum Step {
    Use(Arc<Access>),
    /// Good for now; a refresh is to be started beside it.
    UseAndRefresh(Arc<Access>),
    Join(Flight),
    Refresh,
    Fail(ClientError),
}

/// What a refresh starts from.
#[derive(Clone, Debug)]
pub(crate) struct Mission {
    epoch: u64,
    pub(crate) held: Option<Arc<Held>>,
    /// The access token that is not to be used again, whatever its lifetime.
    pub(crate) refused: Option<AccessToken>,
    /// Whether the refresh before this one has failed.
    pub(crate) follows_failure: bool,
}

impl Mission {
    /// Whether it begins by looking for tokens in the store, as nothing is known of any.
    pub(crate) fn is_first_look(&self) -> bool {
        self.held.is_none()
    }
}

/// What a refresh, or a look into the store, came to.
#[derive(Debug)]
pub(crate) enum Landing {
    /// Tokens that were in the store.
    Found(Arc<Held>),
    Refreshed(Arc<Held>),
    /// There is no new access token, but these tokens take the place of those that were held.
    Failed(Arc<Held>, ClientError),
    /// The session that there was is over.
    Ended(EndReason, ClientError),
    /// There was none.
    Nothing,
}

/// What a logout has found.
#[derive(Debug)]
pub(crate) struct Departure {
    epoch: u64,
    pub(crate) held: Option<Arc<Held>>,
    /// The refresh that was under way: what it saves has to go too.
    pub(crate) flight: Option<Flight>,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            holding: Holding::NotLoaded,
            epoch: 0,
            flight: None,
            refused: None,
            failure: None,
            failures: 0,
            forced_at: None,
            is_leaving: false,
            over: None,
            unrevoked: None,
        }
    }

    pub(crate) fn held(&self) -> Option<&Arc<Held>> {
        match &self.holding {
            Holding::Tokens(held) => Some(held),
            Holding::NotLoaded | Holding::Nothing(_) => None,
        }
    }

    /// The tokens that are held, if the store does not hold them because they could not be saved.
    pub(crate) fn unsaved(&self) -> Option<Arc<Held>> {
        let held = self.held().filter(|held| held.why_unsaved().is_some());
        held.cloned()
    }

    fn access(&self) -> Option<&Arc<Access>> {
        self.held()?.access.as_ref()
    }

    pub(crate) fn phase(&self) -> SessionPhase {
        match self.holding {
            Holding::NotLoaded => SessionPhase::NotLoaded,
            Holding::Nothing(None) => SessionPhase::SignedOut,
            Holding::Nothing(Some(reason)) => SessionPhase::Ended(reason),
            Holding::Tokens(_) => SessionPhase::SignedIn,
        }
    }

    /// The refresh that is under way. One whose task is gone without a word has closed its
    /// channel.
    pub(crate) fn flight(&self) -> Option<&Flight> {
        self.flight
            .as_ref()
            .filter(|flight| flight.has_changed().is_ok())
    }

    /// Notes that an access token was refused, unless it was replaced before.
    pub(crate) fn refuse(&mut self, refused: &AccessToken) {
        if self.access().is_some_and(|access| access.is(Some(refused))) {
            self.refused = Some(refused.clone());
        }
    }

    /// The access token that was refused and that the refresh under way replaces.
    pub(crate) fn being_replaced(&self) -> Option<AccessToken> {
        self.flight().and(self.refused.clone())
    }

    /// What failed last, until it may be tried again.
    pub(crate) fn failure(&self, now: Moment) -> Option<&Failure> {
        self.failure
            .as_ref()
            .filter(|failure| now.monotonic < failure.until)
    }

    /// What to do about a request for a token. If one was `refused`, it has to be another one.
    pub(crate) fn step(&self, now: Moment, refused: Option<&AccessToken>) -> Step {
        if self.is_leaving {
            return Step::Fail(self.nothing());
        }
        if let Some(access) = self.access().filter(|access| access.is_usable(now)) {
            let may_start = self.flight().is_none() && self.failure(now).is_none();
            if !access.is(refused) {
                let is_due = !access.is_fresh(now) || self.unsaved().is_some();
                return match may_start && is_due {
                    true => Step::UseAndRefresh(Arc::clone(access)),
                    false => Step::Use(Arc::clone(access)),
                };
            }
            if may_start && self.was_forced_lately(now) {
                return Step::Fail(Kind::RefusedAgain.into());
            }
        }
        if let Some(flight) = self.flight() {
            return Step::Join(flight.clone());
        }
        match self.failure(now) {
            Some(failure) => Step::Fail(failure.error.clone()),
            None => Step::Refresh,
        }
    }

    fn was_forced_lately(&self, now: Moment) -> bool {
        self.forced_at
            .is_some_and(|at| now.monotonic.saturating_duration_since(at) < FORCED_APART)
    }

    /// Notes that a refresh is under way, and what it starts from.
    pub(crate) fn take_off(&mut self, flight: Flight, refused: Option<&AccessToken>) -> Mission {
        self.flight = Some(flight);
        let refused = self.access().filter(|access| access.is(refused));
        Mission {
            epoch: self.epoch,
            held: self.held().cloned(),
            refused: refused.map(|access| access.token.clone()),
            follows_failure: self.failures > 0,
        }
    }

    /// Takes what a refresh came to, and tells what those get who wait for it and whether it
    /// ended the session.
    pub(crate) fn land(
        &mut self,
        mission: &Mission,
        landed: Result<Landing, ClientError>,
        now: Moment,
    ) -> (Outcome, Option<EndReason>) {
        if mission.epoch != self.epoch {
            return (self.outcome(), None);
        }
        self.flight = None;
        match landed {
            Ok(Landing::Found(held)) => {
                self.hold(held);
                (self.outcome(), None)
            }
            Ok(Landing::Refreshed(held)) => {
                let unsaved = held.why_unsaved().cloned();
                self.hold(held);
                if let Some(error) = unsaved {
                    self.fail_again(error, now);
                }
                if mission.refused.is_some() {
                    self.forced_at = Some(now.monotonic);
                }
                (self.outcome(), None)
            }
            Ok(Landing::Ended(reason, error)) => {
                self.holding = Holding::Nothing(Some(reason));
                (Err(self.fail(error, FIRST_BACK_OFF, now)), Some(reason))
            }
            Ok(Landing::Nothing) => {
                self.holding = Holding::Nothing(self.reason());
                let error = self.nothing();
                (Err(self.fail(error, FIRST_BACK_OFF, now)), None)
            }
            Ok(Landing::Failed(held, error)) => {
                self.holding = Holding::Tokens(held);
                (Err(self.fail_again(error, now)), None)
            }
            Err(error) => (Err(self.fail_again(error, now)), None),
        }
    }

    fn outcome(&self) -> Outcome {
        self.access().cloned().ok_or_else(|| self.nothing())
    }

    /// Why there is no access token.
    fn nothing(&self) -> ClientError {
        let kind = match self.holding {
            Holding::NotLoaded | Holding::Nothing(None) => Kind::NotSignedIn,
            Holding::Nothing(Some(reason)) => Kind::Ended(reason),
            // Someone has signed in meanwhile, with a refresh token alone.
            Holding::Tokens(_) => Kind::Interrupted,
        };
        kind.into()
    }

    /// Why there are no tokens, where there were some.
    fn reason(&self) -> Option<EndReason> {
        match self.holding {
            Holding::Nothing(reason) => reason,
            Holding::NotLoaded | Holding::Tokens(_) => None,
        }
    }

    /// The more failures there are in a row, the longer it takes until the next attempt.
    fn fail_again(&mut self, error: ClientError, now: Moment) -> ClientError {
        self.failures = self.failures.saturating_add(1);
        let told = error.retry_after();
        let wait = back_off(self.failures, FIRST_BACK_OFF, LONGEST_BACK_OFF, told);
        self.fail(error, wait, now)
    }

    fn fail(&mut self, error: ClientError, wait: Duration, now: Moment) -> ClientError {
        let wait = wait.max(error.retry_after().unwrap_or_default());
        self.failure = Some(Failure {
            error: error.clone(),
            until: now.monotonic + wait,
        });
        error
    }

    fn hold(&mut self, held: Arc<Held>) {
        self.holding = Holding::Tokens(held);
        self.failure = None;
        self.failures = 0;
    }

    /// A new session begins; what was under way for the old one counts no more.
    pub(crate) fn sign_in(&mut self, held: Arc<Held>) {
        self.begin_epoch();
        self.is_leaving = false;
        self.over = None;
        self.hold(held);
    }

    /// The session is over, by its own wish.
    pub(crate) fn sign_out(&mut self) -> Departure {
        let flight = self.begin_epoch();
        self.failure = None;
        self.failures = 0;
        self.is_leaving = true;
        let ended = Holding::Nothing(Some(EndReason::Logout));
        Departure {
            epoch: self.epoch,
            held: match mem::replace(&mut self.holding, ended) {
                Holding::Tokens(held) => Some(held),
                Holding::NotLoaded | Holding::Nothing(_) => None,
            },
            flight,
        }
    }

    /// What a look into the store that belongs to no refresh is to be compared with.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Takes what such a look has found, unless more is known by now.
    pub(crate) fn found(&mut self, epoch: u64, held: Option<Arc<Held>>) {
        if epoch != self.epoch || self.is_leaving || self.held().is_some() {
            return;
        }
        match held {
            Some(held) => self.hold(held),
            None => self.holding = Holding::Nothing(self.reason()),
        }
    }

    /// Takes these tokens in the place of others, if those are still held.
    pub(crate) fn replace(&mut self, old: &Arc<Held>, new: Arc<Held>) {
        if self.held().is_some_and(|held| Arc::ptr_eq(held, old)) {
            self.hold(new);
        }
    }

    /// Whether nobody has signed in since the last logout, which is not through with the store.
    pub(crate) fn is_leaving(&self) -> bool {
        self.is_leaving
    }

    /// The logout is through with the store.
    pub(crate) fn has_left(&mut self, departure: &Departure) {
        self.is_leaving &= self.epoch != departure.epoch;
    }

    pub(crate) fn note_unrevoked(&mut self, tokens: SavedTokens) {
        self.unrevoked = Some(tokens);
    }

    pub(crate) fn take_unrevoked(&mut self) -> Option<SavedTokens> {
        self.unrevoked.take()
    }

    /// Notes tokens that are over but still in the store.
    pub(crate) fn bury(&mut self, tokens: SavedTokens) {
        self.over = Some(tokens);
    }

    pub(crate) fn is_over(&self, tokens: &SavedTokens) -> bool {
        self.over.as_ref().is_some_and(|over| over.is(tokens))
    }

    /// Gives the refresh that was under way.
    fn begin_epoch(&mut self) -> Option<Flight> {
        self.epoch += 1;
        self.forced_at = None;
        self.flight.take()
    }
}
