//! Group commit: swaps that arrive while a write is under way are written together in the next.
//!
//! There is no timer. A swap that arrives while no write is under way is written at once and
//! alone. The busier the store is, the more swaps are written together.

use std::{
    collections::{HashSet, VecDeque},
    future::Future,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use tower_bearer::{
    claims::SessionId,
    store::{SessionState, StoreError, StoreErrorKind, Swap},
};

/// The most swaps in one write.
const LARGEST: usize = 64;
/// The most waiting swaps that are skipped when a write is put together. It keeps the search short
/// when very many swaps of one session are waiting.
const PASSED_OVER: usize = 256;

/// A swap that is to be written.
#[derive(Clone)]
pub(crate) struct Pending {
    pub(crate) id: SessionId,
    pub(crate) expected: u64,
    pub(crate) next: SessionState,
}

/// Writes swaps for [`GroupCommit`].
pub(crate) trait Writer: Send + Sync + 'static {
    /// Writes swaps of different sessions together, and gives the outcome of each in the same
    /// order. None of them ends its session. It is called in a task of its own, which goes on if a
    /// caller is cancelled.
    ///
    /// An error is the answer to all of the swaps, so it must be one that concerns all of them.
    fn write(
        &self,
        swaps: &[Pending],
    ) -> impl Future<Output = Result<Vec<Written>, StoreError>> + Send;

    /// Writes one swap, which may end its session.
    fn write_alone(&self, swap: &Pending) -> impl Future<Output = Result<Swap, StoreError>> + Send;
}

/// The outcome of one swap that was written together with others.
#[derive(Clone, Copy)]
pub(crate) enum Written {
    Done(Swap),
    /// The swap was not written. It has to be written alone, so that it does not delay the others
    /// or make them fail.
    Not,
}

/// Writes swaps in groups.
pub(crate) struct GroupCommit<W> {
    writer: W,
    /// How many writes may be under way at the same time.
    lanes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Call>,
    writing: usize,
}

struct Call {
    swap: Pending,
    answer: oneshot::Sender<Answer>,
}

#[derive(Clone)]
enum Answer {
    Told(Result<Swap, StoreError>),
    Alone,
    /// The task that was to write the swap has stopped before. The swap has to be queued again.
    Again,
}

impl<W: Writer> GroupCommit<W> {
    pub(crate) fn new(writer: W, lanes: usize) -> Arc<Self> {
        Arc::new(Self {
            writer,
            lanes,
            state: Mutex::default(),
        })
    }

    /// Writes the swap, together with others. A swap that ends the session is written alone, so
    /// that it need not wait for others.
    ///
    /// If the caller is cancelled before the write has begun, the swap is not written. After that,
    /// the write goes on as if the caller were still there.
    pub(crate) async fn swap(self: &Arc<Self>, swap: Pending) -> Result<Swap, StoreError> {
        if swap.next.ended.is_some() {
            return self.writer.write_alone(&swap).await;
        }
        loop {
            let (answer, answered) = oneshot::channel();
            let call = Call {
                swap: swap.clone(),
                answer,
            };
            if let Some(lane) = self.enqueue(call) {
                tokio::spawn(lane.run());
            }
            match answered.await {
                Ok(Answer::Told(outcome)) => return outcome,
                Ok(Answer::Alone) => return self.writer.write_alone(&swap).await,
                Ok(Answer::Again) => {}
                // The write was stopped half-way, so it is unknown whether the swap was written.
                Err(gone) => {
                    return Err(StoreError::with_source(StoreErrorKind::Unavailable, gone));
                }
            }
        }
    }

    /// Puts the call into the queue. Gives the right to write, if no other task that has it will
    /// take this call at once.
    fn enqueue(self: &Arc<Self>, call: Call) -> Option<Lane<W>> {
        let mut state = self.lock();
        state.waiting.push_back(call);
        (state.writing < self.lanes).then(|| {
            state.writing += 1;
            Lane(Arc::clone(self))
        })
    }
}

impl<W> GroupCommit<W> {
    /// Ignores poisoning: no code of a store runs while the lock is held, so the state is always
    /// consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to write, which is held until no swap is waiting.
struct Lane<W>(Arc<GroupCommit<W>>);

impl<W: Writer> Lane<W> {
    async fn run(self) {
        loop {
            let batch = self.0.lock().take();
            if batch.is_empty() {
                return;
            }
            let (swaps, answers): (Vec<_>, Vec<_>) = batch
                .into_iter()
                .map(|Call { swap, answer }| (swap, answer))
                .unzip();
            let told = match self.0.writer.write(&swaps).await {
                Ok(written) => written.into_iter().map(Answer::from).collect(),
                Err(error) => vec![Answer::Told(Err(error)); swaps.len()],
            };
            for (answer, told) in answers.into_iter().zip(told) {
                // A caller that was cancelled needs no answer.
                let _ = answer.send(told);
            }
        }
    }
}

/// Gives back the right to write, also if the task is stopped by a panic or with its runtime. Swaps
/// that are waiting then, also those that arrived after the task saw that none was waiting, are
/// written by a task of one of their callers.
impl<W> Drop for Lane<W> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.writing = state.writing.saturating_sub(1);
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        for call in waiting {
            let _ = call.answer.send(Answer::Again);
        }
    }
}

impl From<Written> for Answer {
    fn from(written: Written) -> Self {
        match written {
            Written::Done(swap) => Self::Told(Ok(swap)),
            Written::Not => Self::Alone,
        }
    }
}

impl State {
    /// Takes the swaps for the next write, at most one of each session: of two that expect the
    /// same version, one has to lose. Further swaps of a session keep waiting, behind the others.
    fn take(&mut self) -> Vec<Call> {
        let mut sessions = HashSet::new();
        let mut batch = Vec::new();
        let mut later = Vec::new();
        while batch.len() < LARGEST
            && later.len() < PASSED_OVER
            && let Some(call) = self.waiting.pop_front()
        {
            if call.answer.is_closed() {
                continue;
            }
            match sessions.insert(call.swap.id) {
                true => batch.push(call),
                false => later.push(call),
            }
        }
        self.waiting.extend(later);
        batch
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
