//! Group commit: swaps that come while a write is under way go together in the next one.
//!
//! There is no timer. A swap that finds nothing under way is written at once and alone; the
//! busier the store, the more go together.

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

/// The most swaps of one write.
const LARGEST: usize = 64;
/// The most swaps that are passed over for one write, so that no flood of one session's makes
/// each of them look at all others.
const PASSED_OVER: usize = 256;

/// A swap to be written.
#[derive(Clone)]
pub(crate) struct Pending {
    pub(crate) id: SessionId,
    pub(crate) expected: u64,
    pub(crate) next: SessionState,
}

/// Writes swaps for [`GroupCommit`].
pub(crate) trait Writer: Send + Sync + 'static {
    /// Writes swaps of different sessions as one, and tells what became of each, in their order.
    /// It is called in a task of its own, which no caller stops.
    ///
    /// An error is the answer to all of them: only what must fail together may fail so.
    fn write(
        &self,
        swaps: &[Pending],
    ) -> impl Future<Output = Result<Vec<Written>, StoreError>> + Send;

    /// Writes one swap.
    fn write_alone(&self, swap: &Pending) -> impl Future<Output = Result<Swap, StoreError>> + Send;
}

/// What became of one swap of several.
#[derive(Clone, Copy)]
pub(crate) enum Written {
    Done(Swap),
    /// Nothing: it has to be written alone, so that it holds up and fails no other.
    Not,
}

/// Swaps on their way to the store.
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
    /// Whoever was to write it has come to its end before.
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

    /// Has the swap written, together with others unless it revokes: a revocation waits behind
    /// nobody.
    ///
    /// A swap whose caller goes away before its turn has come is not written. Later it is, as if
    /// the caller were still there.
    pub(crate) async fn swap(self: &Arc<Self>, swap: Pending) -> Result<Swap, StoreError> {
        if swap.next.revoked.is_some() {
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
                // Its write has been stopped: nobody knows how far it was.
                Err(gone) => {
                    return Err(StoreError::with_source(StoreErrorKind::Unavailable, gone));
                }
            }
        }
    }

    /// Gives the right to write, where nobody who has it will come to this call at once.
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
    /// No code of a store runs under the lock, so what it guards is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to write, until nothing waits.
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
                // Who has gone away needs no answer.
                let _ = answer.send(told);
            }
        }
    }
}

/// Also where its task is stopped, by a panic or with its runtime. Those that wait, or have come
/// after it had found nobody waiting, go on in a task of one of their own.
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
    /// At most one swap of each session: of two that expect the same version, one has to lose.
    /// It waits on, behind the others.
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
