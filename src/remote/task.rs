//! The one task that fetches, and what it shares with those who verify.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{
    error::{RemoteKeysError, RemoteKeysErrorKind as Kind},
    fetch::{Begin, Failure, Fetched, Fetcher, Learnt},
    removed::Removed,
    schedule::{Schedule, Step},
    status::RemoteKeysStatus,
};
use crate::{
    clock::Clock,
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
    max_keys: usize,
    clock: Arc<dyn Clock>,
    started: Instant,
    state: Mutex<State>,
    /// What a request reads of the state without its lock.
    deadlines: Deadlines,
    pub(super) wake: Notify,
    /// Counts the fetches that are over.
    pub(super) finished: watch::Sender<u64>,
}

/// Times in milliseconds, as the schedule measures them. 0 is none.
#[derive(Default)]
struct Deadlines {
    ends: AtomicU64,
    overdue: AtomicU64,
}

pub(super) struct State {
    pub(super) schedule: Schedule,
    /// Which task is the one that fetches.
    turn: u64,
    removed: Removed,
    pub(super) status: RemoteKeysStatus,
}

/// What the builder was told about times.
pub(super) struct Times {
    pub(super) schedule: Schedule,
    pub(super) patience: Duration,
    pub(super) keep_removed: Duration,
    pub(super) max_keys: usize,
    pub(super) clock: Arc<dyn Clock>,
}

impl Shared {
    pub(super) fn new(fetcher: Fetcher, times: Times) -> Self {
        Self {
            fetcher: Arc::new(fetcher),
            keys: VerifyingKeys::empty(),
            patience: times.patience,
            keep_removed: times.keep_removed,
            max_keys: times.max_keys,
            clock: times.clock,
            started: Instant::now(),
            state: Mutex::new(State {
                schedule: times.schedule,
                turn: 0,
                removed: Removed::default(),
                status: RemoteKeysStatus::default(),
            }),
            deadlines: Deadlines::default(),
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

    /// How long the keys may be used, which is not left to the task: its runtime may be gone. Keys whose
    /// time is over are dropped.
    pub(super) fn usable_for(&self) -> Option<Duration> {
        let now = self.now();
        let ends = read(&self.deadlines.ends)?;
        if ends <= now {
            let mut state = self.lock();
            if state.schedule.next(now) == Step::Drop {
                self.drop_stale(&mut state);
            }
        }
        Some(ends.saturating_sub(now))
    }

    /// Whether the task should have done something, and has not.
    pub(super) fn is_overdue(&self) -> bool {
        read(&self.deadlines.overdue).is_some_and(|overdue| overdue <= self.now())
    }

    /// To be called after each change of the schedule.
    pub(super) fn note(&self, state: &State) {
        write(&self.deadlines.ends, state.schedule.ends());
        write(&self.deadlines.overdue, state.schedule.overdue());
    }

    /// Another task begins to fetch, and what the one before still brings does not count.
    pub(super) fn next_turn(&self) -> u64 {
        let mut state = self.lock();
        state.turn += 1;
        state.schedule.restarted(self.now());
        self.note(&state);
        state.turn
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

    fn begin(&self) -> Begin {
        let (now, at) = (self.now(), self.clock.now());
        let mut state = self.lock();
        let asked = state.schedule.begin(now, at);
        self.note(&state);
        state.status.fetches += 1;
        Begin { now, at, asked }
    }

    fn succeed(&self, fetched: Fetched) -> Learnt {
        let now = self.now();
        let mut state = self.lock();
        if let Some(set) = fetched.set {
            let held = self.keys.list();
            let next = set.keys().to_vec();
            let next = state
                .removed
                .merge(&held, next, now, self.keep_removed, self.max_keys);
            self.set_keys(&mut state, next);
            if set.skipped() != state.status.skipped {
                let jwks_uri = self.fetcher.jwks_uri();
                set.log(self.fetcher.issuer(), jwks_uri.as_deref());
            }
            state.status.skipped = set.skipped().to_vec();
        }
        state
            .schedule
            .succeeded(fetched.lifetime, fetched.age, spread());
        self.note(&state);
        state.status.last_success = state.schedule.begun_at();
        state.status.last_error = None;
        state.status.metadata_error = fetched.learnt.trouble.clone();
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
        self.note(&state);
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

    fn drop_stale(&self, state: &mut State) {
        state.schedule.dropped(self.now());
        self.note(state);
        state.removed.clear();
        self.set_keys(state, Vec::new());
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

/// Fetches until it is aborted, or another does.
pub(super) async fn run(shared: Arc<Shared>, turn: u64) {
    let mut learnt = Learnt::default();
    while shared.lock().turn == turn {
        match shared.step() {
            Step::Fetch => fetch(&shared, &mut learnt, turn).await,
            Step::Drop => shared.drop_stale(&mut shared.lock()),
            Step::Sleep(pause) => {
                let _ = timeout(pause, shared.wake.notified()).await;
            }
            Step::Idle => shared.wake.notified().await,
        }
    }
}

async fn fetch(shared: &Shared, learnt: &mut Learnt, turn: u64) {
    if shared.keys.is_empty() {
        learnt.forget_version();
    }
    let begin = shared.begin();
    // A task of its own, so that an HTTP client that panics does not end this one.
    let mut tasks = JoinSet::new();
    let (fetcher, known) = (Arc::clone(&shared.fetcher), learnt.clone());
    tasks.spawn(async move { fetcher.fetch(known, begin).await });
    let result = match timeout(shared.fetcher.time_limit, tasks.join_next()).await {
        Ok(Some(Ok(result))) => result,
        Ok(Some(Err(error))) => Err(RemoteKeysError::with_source(Kind::Interrupted, error).into()),
        Ok(None) => Err(Kind::Interrupted.into()),
        Err(_) => Err(shared.fetcher.timed_out().into()),
    };
    if shared.lock().turn != turn {
        return;
    }
    match result {
        Ok(fetched) => *learnt = shared.succeed(fetched),
        Err(failure) => {
            learnt.doubt_place();
            shared.fail(failure);
        }
    }
    shared.finished.send_modify(|count| *count += 1);
}

fn read(deadline: &AtomicU64) -> Option<Duration> {
    let millis = deadline.load(Ordering::Acquire);
    (millis > 0).then(|| Duration::from_millis(millis))
}

fn write(deadline: &AtomicU64, at: Option<Duration>) {
    let millis = at.map_or(0, |at| {
        u64::try_from(at.as_millis()).unwrap_or(u64::MAX).max(1)
    });
    deadline.store(millis, Ordering::Release);
}

/// A random number from 0 to 1.
fn spread() -> f64 {
    let mut random = [0; 4];
    // Without random bytes all servers fetch at the same time, which is no harm.
    let _ = getrandom::fill(&mut random);
    f64::from(u32::from_ne_bytes(random)) / f64::from(u32::MAX)
}
