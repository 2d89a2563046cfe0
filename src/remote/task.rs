//! The one task that fetches, and what it shares with those who verify.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{
    error::{RemoteKeysError, RemoteKeysErrorKind as Kind},
    fetch::{Failure, Fetched, Fetcher, Learnt},
    removed::Removed,
    schedule::{Schedule, Step},
    status::RemoteKeysStatus,
};
use crate::{
    clock::{Clock, Timestamp},
    jws::{VerifyingKey, VerifyingKeys},
    trace,
};

/// What the task shares with those who verify.
pub(super) struct Shared {
    pub(super) fetcher: Arc<Fetcher>,
    pub(super) keys: VerifyingKeys,
    /// How long a request waits.
    pub(super) patience: Duration,
    keep_removed: Duration,
    clock: Arc<dyn Clock>,
    started: Instant,
    state: Mutex<State>,
    pub(super) wake: Notify,
    /// Counts the fetches that are over.
    pub(super) finished: watch::Sender<u64>,
}

pub(super) struct State {
    pub(super) schedule: Schedule,
    removed: Removed,
    pub(super) status: RemoteKeysStatus,
}

/// What the builder was told about times.
pub(super) struct Times {
    pub(super) schedule: Schedule,
    pub(super) patience: Duration,
    pub(super) keep_removed: Duration,
    pub(super) clock: Arc<dyn Clock>,
}

impl Shared {
    pub(super) fn new(fetcher: Fetcher, times: Times) -> Self {
        Self {
            fetcher: Arc::new(fetcher),
            keys: VerifyingKeys::empty(),
            patience: times.patience,
            keep_removed: times.keep_removed,
            clock: times.clock,
            started: Instant::now(),
            state: Mutex::new(State {
                schedule: times.schedule,
                removed: Removed::default(),
                status: RemoteKeysStatus::default(),
            }),
            wake: Notify::new(),
            finished: watch::Sender::new(0),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done now. Removed keys whose time has come are taken out on the way.
    fn step(&self) -> Step {
        let now = self.now();
        let mut state = self.lock();
        if state.removed.next().is_some_and(|next| next <= now) {
            let kept = state.removed.expire(self.keys.list(), now);
            self.set_keys(&mut state, kept);
        }
        match (state.schedule.next(now), state.removed.next()) {
            (Step::Sleep(pause), Some(next)) => Step::Sleep(pause.min(next.saturating_sub(now))),
            (Step::Idle, Some(next)) => Step::Sleep(next.saturating_sub(now)),
            (step, _) => step,
        }
    }

    fn set_keys(&self, state: &mut State, keys: Vec<VerifyingKey>) {
        state.status.keys = keys.len();
        self.keys.set_list(keys);
    }

    fn begin(&self) -> (Duration, Timestamp) {
        let (now, at) = (self.now(), self.clock.now());
        let mut state = self.lock();
        state.schedule.begin(now, at);
        state.status.fetches += 1;
        (now, at)
    }

    fn succeed(&self, fetched: Fetched) -> Learnt {
        let now = self.now();
        let mut state = self.lock();
        if let Some(set) = fetched.set {
            let held = self.keys.list();
            let next = set.keys().to_vec();
            let next = state.removed.merge(&held, next, now, self.keep_removed);
            self.set_keys(&mut state, next);
            if set.skipped() != state.status.skipped {
                let jwks_uri = self.fetcher.jwks_uri();
                set.log(self.fetcher.issuer(), jwks_uri.as_deref());
            }
            state.status.skipped = set.skipped().to_vec();
        }
        state.schedule.succeeded(fetched.lifetime, spread());
        state.status.last_success = state.schedule.as_of();
        state.status.last_error = None;
        state.status.failures = 0;
        trace::debug!(
            issuer = self.fetcher.issuer(),
            jwks_uri = self.fetcher.jwks_uri(),
            keys = state.status.keys,
            skipped = state.status.skipped.len(),
            "the keys were fetched"
        );
        fetched.learnt
    }

    fn fail(&self, failure: Failure) {
        let now = self.now();
        let mut state = self.lock();
        state.schedule.failed(now, failure.retry_after, spread());
        state.status.failures = state.schedule.failures();
        trace::warn!(
            issuer = self.fetcher.issuer(),
            jwks_uri = self.fetcher.jwks_uri(),
            error = &failure.error as &dyn std::error::Error,
            failures = state.status.failures,
            keys = state.status.keys,
            "the keys could not be fetched"
        );
        state.status.last_error = Some(failure.error);
    }

    fn drop_stale(&self) {
        let now = self.now();
        let mut state = self.lock();
        state.schedule.dropped(now);
        state.removed.clear();
        self.set_keys(&mut state, Vec::new());
        trace::error!(
            issuer = self.fetcher.issuer(),
            jwks_uri = self.fetcher.jwks_uri(),
            "the keys are too old to be used, and no request with a token is served"
        );
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("of", &self.fetcher.name())
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// Fetches until it is aborted.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut learnt = Learnt::default();
    loop {
        match shared.step() {
            Step::Fetch => fetch(&shared, &mut learnt).await,
            Step::Drop => {
                shared.drop_stale();
                learnt.forget_version();
            }
            Step::Sleep(pause) => {
                let _ = timeout(pause, shared.wake.notified()).await;
            }
            Step::Idle => shared.wake.notified().await,
        }
    }
}

async fn fetch(shared: &Shared, learnt: &mut Learnt) {
    let (now, at) = shared.begin();
    // A task of its own, so that an HTTP client that panics does not end this one.
    let mut tasks = JoinSet::new();
    let (fetcher, known) = (Arc::clone(&shared.fetcher), learnt.clone());
    tasks.spawn(async move { fetcher.fetch(known, now, at).await });
    let result = match timeout(shared.fetcher.time_limit, tasks.join_next()).await {
        Ok(Some(Ok(result))) => result,
        Ok(Some(Err(error))) => Err(RemoteKeysError::with_source(Kind::Interrupted, error).into()),
        Ok(None) => Err(Kind::Interrupted.into()),
        Err(_) => Err(shared.fetcher.timed_out().into()),
    };
    match result {
        Ok(fetched) => *learnt = shared.succeed(fetched),
        Err(failure) => {
            learnt.doubt_place();
            shared.fail(failure);
        }
    }
    shared.finished.send_modify(|count| *count += 1);
}

/// A random number from 0 to 1.
fn spread() -> f64 {
    let mut random = [0; 4];
    // Without random bytes all servers fetch at the same time, which is no harm.
    let _ = getrandom::fill(&mut random);
    f64::from(u32::from_ne_bytes(random)) / f64::from(u32::MAX)
}
