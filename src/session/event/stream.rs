//! Events as a stream: a queue of limited length for each reader, which loses the oldest when it is full.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use futures_core::Stream;

use super::SessionEvent;

/// How many events wait for a reader.
const CAPACITY: usize = 1024;

/// The events of [`Sessions::events`](super::super::Sessions::events), in the order in which they were told.
///
/// It ends when the last clone of the sessions is dropped. [`EventsMissed`] is no end: whoever leaves the loop at
/// an error, as `try_next().await?` does, reads nothing more after the first time that the reader was slow.
#[must_use = "events are kept for it as long as it is not dropped"]
pub struct SessionEvents {
    queue: Arc<Queue>,
    readers: Arc<Readers>,
}

/// So many events were lost, because the reader of a [`SessionEvents`] was too slow for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{missed} events were missed")]
#[non_exhaustive]
pub struct EventsMissed {
    /// How many. They are older than the event that comes next.
    pub missed: u64,
}

impl SessionEvents {
    /// The next event, as [`Stream::poll_next`] gives it, for those who need nothing else of a stream.
    /// `None` when the sessions are gone. No event is lost if the call is cancelled.
    ///
    /// # Errors
    ///
    /// [`EventsMissed`] if events were lost. The call after that gives the oldest one that is left.
    pub async fn recv(&mut self) -> Option<Result<SessionEvent, EventsMissed>> {
        poll_fn(|context| self.queue.poll(context)).await
    }
}

impl Stream for SessionEvents {
    type Item = Result<SessionEvent, EventsMissed>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.queue.poll(context)
    }
}

impl Drop for SessionEvents {
    fn drop(&mut self) {
        self.readers.remove(&self.queue);
    }
}

impl fmt::Debug for SessionEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEvents").finish_non_exhaustive()
    }
}

/// All streams of the same sessions.
#[derive(Default)]
pub(super) struct Readers {
    /// The length of the list, which is read without its lock.
    count: AtomicUsize,
    queues: Mutex<Vec<Arc<Queue>>>,
}

impl Readers {
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    pub(super) fn add(self: &Arc<Self>) -> SessionEvents {
        let queue = Arc::<Queue>::default();
        self.change(|queues| queues.push(Arc::clone(&queue)));
        SessionEvents {
            queue,
            readers: Arc::clone(self),
        }
    }

    fn remove(&self, queue: &Arc<Queue>) {
        self.change(|queues| queues.retain(|other| !Arc::ptr_eq(other, queue)));
    }

    pub(super) fn tell(&self, event: &SessionEvent) {
        self.wake(|queue| queue.put(event.clone()));
    }

    pub(super) fn close(&self) {
        self.wake(Queue::close);
    }

    /// Wakes the readers when the locks are free again: a waker may run what drops a stream.
    fn wake(&self, change: impl Fn(&Queue) -> Option<Waker>) {
        let wakers: Vec<_> = lock(&self.queues)
            .iter()
            .filter_map(|queue| change(queue))
            .collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Queue>>)) {
        let mut queues = lock(&self.queues);
        change(&mut queues);
        self.count.store(queues.len(), Ordering::Release);
    }
}

#[derive(Default)]
struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    events: VecDeque<SessionEvent>,
    missed: u64,
    is_closed: bool,
    waker: Option<Waker>,
}

impl Queue {
    fn put(&self, event: SessionEvent) -> Option<Waker> {
        let mut state = lock(&self.0);
        if state.events.len() == CAPACITY {
            state.events.pop_front();
            state.missed += 1;
        }
        state.events.push_back(event);
        state.waker.take()
    }

    fn close(&self) -> Option<Waker> {
        let mut state = lock(&self.0);
        state.is_closed = true;
        state.waker.take()
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Result<SessionEvent, EventsMissed>>> {
        let mut state = lock(&self.0);
        let missed = mem::take(&mut state.missed);
        if missed > 0 {
            return Poll::Ready(Some(Err(EventsMissed { missed })));
        }
        match state.events.pop_front() {
            Some(event) => Poll::Ready(Some(Ok(event))),
            None if state.is_closed => Poll::Ready(None),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Nothing is left half-done by a panic under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
