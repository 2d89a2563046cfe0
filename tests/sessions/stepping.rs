//! A store that gives way around each operation, and futures that are polled only so often.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    mem,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use tokio::sync::oneshot;
use tower_bearer::{
    SessionId,
    clock::Timestamp,
    session::{EndReason, Record, SessionState},
    store::{Cursor, Listed, ListedAll, Loaded, SessionStore, StoreError, Swap},
};

/// When a [`Stepping`] store gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Steps {
    /// Before each operation: a step is an operation and what its caller makes of the answer.
    Whole,
    /// After it too: what the caller makes of the answer is a step of its own.
    Split,
}

/// Gives way before, and where told so after, each operation of the store within.
pub(crate) struct Stepping<St> {
    pub(crate) inner: St,
    pub(crate) steps: Steps,
    pub(crate) turns: Arc<Turns>,
    is_contested: AtomicBool,
}

impl<St> Stepping<St> {
    pub(crate) fn new(inner: St, steps: Steps) -> Self {
        Self {
            inner,
            steps,
            turns: Arc::default(),
            is_contested: AtomicBool::default(),
        }
    }

    /// Whether the next swap loses.
    pub(crate) fn contest(&self, is_contested: bool) {
        self.is_contested.store(is_contested, Ordering::SeqCst);
    }
}

/// Who waits at the store for a turn. As long as nobody gives turns, nobody has to wait for one.
#[derive(Default)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Default)]
struct State {
    /// The actor that is being run, if turns are given. What it spawned runs in its name.
    running: Option<usize>,
    waiting: BTreeMap<usize, oneshot::Sender<()>>,
}

impl Turns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// From now on it is this actor that runs; or turns are given no more.
    pub(crate) fn run(&self, actor: Option<usize>) {
        self.state().running = actor;
    }

    /// Lets an actor that waits go on.
    pub(crate) fn give(&self, actor: usize) {
        drop(self.state().waiting.remove(&actor));
    }

    pub(crate) fn is_waited_for_by(&self, actor: usize) -> bool {
        self.state().waiting.contains_key(&actor)
    }

    pub(crate) async fn wait(&self) {
        let turn = {
            let mut state = self.state();
            state.running.map(|actor| {
                let (give, turn) = oneshot::channel();
                let before = state.waiting.insert(actor, give);
                assert!(before.is_none(), "an actor does two things at once");
                turn
            })
        };
        match turn {
            Some(turn) => drop(turn.await),
            None => give_way().await,
        }
    }
}

/// Pending once.
pub(crate) async fn give_way() {
    let mut gave = false;
    poll_fn(|context| {
        if mem::replace(&mut gave, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The future's output, or nothing where it was dropped at its await number `awaits`.
pub(crate) async fn drop_at<F: Future>(awaits: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if polls == awaits => Poll::Ready(None),
        Poll::Pending => {
            polls += 1;
            Poll::Pending
        }
    })
    .await
}

macro_rules! stepping {
    ($self:ident . $method:ident ( $($argument:expr),* )) => {{
        $self.turns.wait().await;
        let result = $self.inner.$method($($argument),*).await;
        if $self.steps == Steps::Split {
            $self.turns.wait().await;
        }
        result
    }};
}

impl<St: SessionStore> SessionStore for Stepping<St> {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        stepping!(self.now())
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        stepping!(self.insert(record))
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        stepping!(self.load(id))
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        // A version that the session has not had: as if another had written since the load.
        let expected = match self.is_contested.swap(false, Ordering::SeqCst) {
            true => u64::MAX >> 1,
            false => expected,
        };
        stepping!(self.swap(id, expected, next))
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        stepping!(self.confirm(pairs))
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        stepping!(self.end(id, reason))
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        stepping!(self.end_all(issuer, subject, keep, reason))
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        stepping!(self.list(issuer, subject, before, limit))
    }

    async fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        stepping!(self.list_all(issuer, after, limit))
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        stepping!(self.ended_since(since, after, limit))
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        stepping!(self.delete_expired(limit))
    }
}
