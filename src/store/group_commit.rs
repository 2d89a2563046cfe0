//! Group commit: swaps that come while a write is under way go together in the next one.
//!
//! There is no timer. A swap that finds nothing under way is written at once and alone; the
//! busier the store, the more go together.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use super::{Session, StoreError, StoreErrorKind, Swap};
use crate::claims::SessionId;

/// The most swaps of one write.
const LARGEST: usize = 64;

/// A swap to be written.
pub(super) struct Pending {
    pub(super) expected: u64,
    pub(super) next: Session,
}

/// Swaps on their way to the store. Clones share them.
#[derive(Clone)]
pub(super) struct GroupCommit {
    state: Arc<Mutex<State>>,
    /// How many writes may be under way at the same time.
    lanes: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Call>,
    writing: usize,
}

struct Call {
    swap: Pending,
    answer: oneshot::Sender<Result<Swap, StoreError>>,
}

impl GroupCommit {
    pub(super) fn new(lanes: usize) -> Self {
        Self {
            state: Arc::default(),
            lanes,
        }
    }

    /// Has the swap written, together with others. `write` tells which sessions it has swapped;
    /// it gets no session twice.
    ///
    /// A swap whose caller goes away is written all the same.
    pub(super) async fn swap<W, Fut>(&self, swap: Pending, write: W) -> Result<Swap, StoreError>
    where
        W: Fn(Vec<Pending>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HashSet<SessionId>, StoreError>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let lane = self.enqueue(Call { swap, answer });
        if let Some(lane) = lane {
            tokio::spawn(lane.run(write));
        }
        // Without an answer the runtime is being shut down.
        answered
            .await
            .unwrap_or_else(|gone| Err(StoreError::with_source(StoreErrorKind::Unavailable, gone)))
    }

    /// Gives the right to write, where nobody who has it will come to this call at once.
    fn enqueue(&self, call: Call) -> Option<Lane> {
        let mut state = lock(&self.state);
        state.waiting.push_back(call);
        (state.writing < self.lanes).then(|| {
            state.writing += 1;
            Lane(Some(Arc::clone(&self.state)))
        })
    }
}

/// The right to write, until nothing waits.
struct Lane(Option<Arc<Mutex<State>>>);

impl Lane {
    async fn run<W, Fut>(mut self, write: W)
    where
        W: Fn(Vec<Pending>) -> Fut,
        Fut: Future<Output = Result<HashSet<SessionId>, StoreError>>,
    {
        while let Some(batch) = self.take() {
            let mut answers = Vec::with_capacity(batch.len());
            let mut swaps = Vec::with_capacity(batch.len());
            for Call { swap, answer } in batch {
                answers.push((swap.next.id, answer));
                swaps.push(swap);
            }
            let written = write(swaps).await;
            for (id, answer) in answers {
                // Who has gone away needs no answer.
                let _ = answer.send(match &written {
                    Ok(swapped) if swapped.contains(&id) => Ok(Swap::Swapped),
                    Ok(_) => Ok(Swap::Lost),
                    Err(error) => Err(error.clone()),
                });
            }
        }
    }

    /// Those that wait. Where nobody does, the right is given back in the same moment.
    fn take(&mut self) -> Option<Vec<Call>> {
        let mut state = lock(self.0.as_ref()?);
        let batch = state.take();
        if batch.is_empty() {
            state.writing = state.writing.saturating_sub(1);
            drop(state);
            self.0 = None;
            return None;
        }
        Some(batch)
    }
}

/// Where its task has not come to an end, those that wait would do so for ever: they get an
/// error instead.
impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(state) = self.0.take() {
            let mut state = lock(&state);
            state.writing = state.writing.saturating_sub(1);
            state.waiting.clear();
        }
    }
}

impl State {
    /// At most one swap of each session: of two that expect the same version, one has to lose.
    fn take(&mut self) -> Vec<Call> {
        let mut sessions = HashSet::new();
        let mut batch = Vec::new();
        let mut later = VecDeque::new();
        while batch.len() < LARGEST
            && let Some(call) = self.waiting.pop_front()
        {
            match sessions.insert(call.swap.next.id) {
                true => batch.push(call),
                false => later.push_back(call),
            }
        }
        later.append(&mut self.waiting);
        self.waiting = later;
        batch
    }
}

/// No code of a store runs under the lock, so what it guards is whole.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for GroupCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        f.debug_struct("GroupCommit")
            .field("waiting", &state.waiting.len())
            .field("writing", &state.writing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
