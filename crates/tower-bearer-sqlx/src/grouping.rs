//! Calls that arrive while others are under way go to the database together: loads in one query, and
//! rotations in one statement and so in one commit.
//!
//! A call that arrives when nothing is under way is done at once, with those that are ready at the same
//! moment. While a group is under way, fewer calls than it has wait for it, but for no longer than 50 ms
//! if there is a lane for them. The busier the store is, the more calls go together.

use std::{
    collections::{HashSet, VecDeque},
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use tokio::{
    sync::oneshot::{self, error::RecvError},
    task::yield_now,
    time::{Instant, timeout},
};

use tower_bearer::{
    claims::SessionId,
    store::{StoreError, StoreErrorKind},
};

/// The most calls in one group.
pub(crate) const LARGEST: usize = 64;
/// The most waiting calls that are skipped when a group is put together. It keeps the search short
/// when very many calls of one session are waiting.
const PASSED_OVER: usize = 256;
/// How often a call whose group has not begun is queued again before it is done alone. Its tasks may
/// never run, where a runtime has been shut down.
const QUEUED: usize = 8;
/// A group that takes longer than this keeps no other calls waiting while a lane is free.
const OVERDUE: Duration = Duration::from_millis(50);

/// Does the calls of a [`Grouping`].
pub(crate) trait Worker: Send + Sync + 'static {
    type Call: Clone + Send + Sync + 'static;
    type Answer: Send + 'static;

    /// How long a call waits for its group. After that it is done alone as well, and the first answer
    /// counts. `None` for calls that must not be done twice.
    const PATIENCE: Option<Duration> = None;

    /// The session of a call that must not be in a group with another call of this session.
    fn apart(_call: &Self::Call) -> Option<SessionId> {
        None
    }

    /// Whether a call is never done with others, so that it need not wait for them.
    fn is_urgent(_call: &Self::Call) -> bool {
        false
    }

    /// Does calls together that are not urgent, and gives the outcome of each in the same order. It
    /// is called in a task of its own, which goes on if a caller is cancelled.
    ///
    /// An error is the answer to all of the calls, so it must be one that concerns all of them.
    fn together(
        &self,
        calls: &[Self::Call],
    ) -> impl Future<Output = Result<Vec<Outcome<Self::Answer>>, StoreError>> + Send;

    /// Does one call.
    fn alone(
        &self,
        call: &Self::Call,
    ) -> impl Future<Output = Result<Self::Answer, StoreError>> + Send;
}

/// The outcome of one call that was done together with others.
pub(crate) enum Outcome<A> {
    Done(Result<A, StoreError>),
    /// The call was not done. It has to be done alone, so that it does not delay the others or make
    /// them fail.
    Alone,
}

/// Does calls in groups.
pub(crate) struct Grouping<W: Worker> {
    worker: W,
    state: Mutex<State<W>>,
}

struct State<W: Worker> {
    waiting: VecDeque<Waiting<W>>,
    /// There are as many as groups may be under way at the same time.
    lanes: Box<[Stage]>,
}

/// What a lane is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Free,
    /// Its task is about to take the calls that are waiting, since then.
    Gathering(Instant),
    /// Its task does a group of so many calls, since then.
    Working(usize, Instant),
    /// Its task does a group that takes long.
    Overdue,
}

struct Waiting<W: Worker> {
    call: W::Call,
    answer: oneshot::Sender<Told<W::Answer>>,
}

enum Told<A> {
    Outcome(Outcome<A>),
    /// The task that was to do the call has stopped before. The call has to be queued again.
    Again,
}

/// The timeout of a call that may wait for others before it gets a connection.
pub(crate) async fn in_time<T>(
    patience: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match timeout(patience, call).await {
        Ok(outcome) => outcome,
        Err(elapsed) => Err(StoreError::with_source(StoreErrorKind::Timeout, elapsed)),
    }
}

impl<W: Worker> Grouping<W> {
    pub(crate) fn new(worker: W, lanes: usize) -> Arc<Self> {
        Arc::new(Self {
            worker,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                lanes: vec![Stage::Free; lanes].into(),
            }),
        })
    }

    /// Does the call, together with others unless it is urgent.
    ///
    /// If the caller is cancelled before the group has begun, the call is not done. After that, it
    /// goes on as if the caller were still there.
    pub(crate) async fn call(self: &Arc<Self>, call: W::Call) -> Result<W::Answer, StoreError> {
        if W::is_urgent(&call) {
            return self.alone(&call).await;
        }
        for _ in 0..QUEUED {
            let (answer, answered) = oneshot::channel();
            let waiting = Waiting {
                call: call.clone(),
                answer,
            };
            if let Some(lane) = self.enqueue(waiting) {
                tokio::spawn(lane.run());
            }
            match self.told(&call, answered).await {
                Ok(Told::Outcome(Outcome::Done(answer))) => return answer,
                Ok(Told::Outcome(Outcome::Alone)) => return self.alone(&call).await,
                Ok(Told::Again) => {}
                Err(_) if W::PATIENCE.is_some() => return self.alone(&call).await,
                // The group was stopped half-way, so it is unknown whether the call was done.
                Err(gone) => {
                    return Err(StoreError::with_source(StoreErrorKind::Unavailable, gone));
                }
            }
        }
        self.alone(&call).await
    }

    /// What a group tells of its call, or, if that takes too long, the call done alone.
    async fn told(
        &self,
        call: &W::Call,
        mut answered: oneshot::Receiver<Told<W::Answer>>,
    ) -> Result<Told<W::Answer>, RecvError> {
        let Some(patience) = W::PATIENCE else {
            return answered.await;
        };
        if let Ok(told) = timeout(patience, &mut answered).await {
            return told;
        }
        let mut alone = pin!(self.alone(call));
        let mut is_awaited = true;
        let first = poll_fn(|context| {
            if is_awaited && let Poll::Ready(told) = Pin::new(&mut answered).poll(context) {
                match told {
                    Ok(Told::Outcome(Outcome::Done(answer))) => return Poll::Ready(answer),
                    _ => is_awaited = false,
                }
            }
            alone.as_mut().poll(context)
        });
        Ok(Told::Outcome(Outcome::Done(first.await)))
    }

    /// Does the call alone. The future of that is large and seldom needed: in a box it does not make
    /// the future of every call as large, which is moved several times.
    async fn alone(&self, call: &W::Call) -> Result<W::Answer, StoreError> {
        Box::pin(self.worker.alone(call)).await
    }

    /// Puts the call into the queue. Gives a lane if one more is wanted.
    fn enqueue(self: &Arc<Self>, waiting: Waiting<W>) -> Option<Lane<W>> {
        let mut state = self.lock();
        // Those that wait no longer must not pile up while the groups that are under way hang.
        while let Some(first) = state.waiting.front()
            && first.answer.is_closed()
        {
            state.waiting.pop_front();
        }
        state.waiting.push_back(waiting);
        self.open_lane(&mut state)
    }

    /// A lane, if one more is wanted.
    fn open_lane(self: &Arc<Self>, state: &mut State<W>) -> Option<Lane<W>> {
        let number = state.wanted()?;
        let lane = Lane {
            grouping: Arc::clone(self),
            number,
        };
        lane.set(state, Stage::Gathering(Instant::now()));
        Some(lane)
    }

    /// Ignores poisoning: no code of a store runs while the lock is held, so the state is always
    /// consistent.
    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to do groups, one after the other, which is held until no call is waiting.
struct Lane<W: Worker> {
    grouping: Arc<Grouping<W>>,
    number: usize,
}

impl<W: Worker> Lane<W> {
    async fn run(self) {
        loop {
            if self.grouping.lock().waiting.len() < LARGEST {
                // Callers that are ready to run come first, so that their calls are in this group.
                yield_now().await;
            }
            let group = self.take();
            if group.is_empty() {
                return;
            }
            let (calls, answers): (Vec<_>, Vec<_>) = group
                .into_iter()
                .map(|Waiting { call, answer }| (call, answer))
                .unzip();
            let outcomes = self.outcomes(&calls).await;
            let next = Stage::Gathering(Instant::now());
            self.set(&mut self.grouping.lock(), next);
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // A caller that was cancelled needs no answer.
                let _ = answer.send(Told::Outcome(outcome));
            }
        }
    }

    fn take(&self) -> Vec<Waiting<W>> {
        let mut state = self.grouping.lock();
        let group = state.take();
        let stage = Stage::Working(group.len(), Instant::now());
        self.set(&mut state, stage);
        group
    }

    async fn outcomes(&self, calls: &[W::Call]) -> Vec<Outcome<W::Answer>> {
        let mut work = pin!(self.grouping.worker.together(calls));
        let outcomes = match timeout(OVERDUE, &mut work).await {
            Ok(outcomes) => outcomes,
            Err(_) => {
                self.let_others_go_on();
                work.await
            }
        };
        outcomes.unwrap_or_else(|error| {
            let failed = || Outcome::Done(Err(error.clone()));
            calls.iter().map(|_| failed()).collect()
        })
    }

    /// Those that wait for this group need not wait any longer.
    fn let_others_go_on(&self) {
        let mut state = self.grouping.lock();
        self.set(&mut state, Stage::Overdue);
        let lane = self.grouping.open_lane(&mut state);
        drop(state);
        if let Some(lane) = lane {
            tokio::spawn(lane.run());
        }
    }

    fn set(&self, state: &mut State<W>, stage: Stage) {
        if let Some(lane) = state.lanes.get_mut(self.number) {
            *lane = stage;
        }
    }
}

/// Gives back the lane, also if the task is stopped by a panic or with its runtime. Calls that are
/// waiting then, also those that arrived after the task saw that none was waiting, are done by a
/// task of one of their callers.
impl<W: Worker> Drop for Lane<W> {
    fn drop(&mut self) {
        let mut state = self.grouping.lock();
        self.set(&mut state, Stage::Free);
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        for Waiting { answer, .. } in waiting {
            let _ = answer.send(Told::Again);
        }
    }
}

impl<W: Worker> State<W> {
    /// The number of a free lane, if one more is wanted: if there are calls that no task is about to
    /// take, and if they are as many as the largest group has that is under way. With fewer it is
    /// better to wait: a statement for a few calls costs about as much as one for many. Calls that
    /// were cancelled, or that have to be apart, are counted too: at worst the lane finds no call.
    fn wanted(&self) -> Option<usize> {
        let free = self.lanes.iter().position(|lane| *lane == Stage::Free)?;
        let (mut left, mut largest) = (self.waiting.len(), 1);
        for lane in &self.lanes {
            match *lane {
                // A task does not tell that it takes long where its thread stands still.
                Stage::Gathering(since) | Stage::Working(_, since) if since.elapsed() > OVERDUE => {
                }
                Stage::Gathering(_) => left = left.saturating_sub(LARGEST),
                Stage::Working(calls, _) => largest = largest.max(calls),
                Stage::Free | Stage::Overdue => {}
            }
        }
        (left >= largest).then_some(free)
    }

    /// Takes the calls for the next group. Of those that have to be apart, at most one of each session:
    /// of two swaps that expect the same version, one has to lose. Further calls of a session keep
    /// waiting, behind the others.
    fn take(&mut self) -> Vec<Waiting<W>> {
        let mut sessions = HashSet::new();
        let mut group = Vec::new();
        let mut later = Vec::new();
        while group.len() < LARGEST
            && later.len() < PASSED_OVER
            && let Some(waiting) = self.waiting.pop_front()
        {
            if waiting.answer.is_closed() {
                continue;
            }
            match W::apart(&waiting.call) {
                Some(session) if !sessions.insert(session) => later.push(waiting),
                _ => group.push(waiting),
            }
        }
        self.waiting.extend(later);
        group
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
