//! A fixture whose store is watched, so that its panics can be told from the assertions of a case.

use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tower_bearer::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        Cursor, EndReason, Listed, ListedAll, Loaded, Record, SessionState, SessionStore,
        StoreError, Swap,
    },
};

use crate::Fixture;

/// The first panic of a store.
#[derive(Clone, Default)]
pub(super) struct Panics(Arc<Mutex<Option<String>>>);

impl Panics {
    pub(super) fn first(&self) -> Option<String> {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.clone()
    }

    /// Notes a panic of `run`, and lets it go on.
    fn watch<T>(&self, call: &str, run: impl FnOnce() -> T) -> T {
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| {
                format!("the store panicked in `{call}`: {}", message(&*panic))
            });
            drop(first);
            resume_unwind(panic)
        })
    }

    pub(super) async fn watched<T, Fut: Future<Output = T>>(
        &self,
        call: &str,
        begin: impl FnOnce() -> Fut,
    ) -> T {
        let mut future = pin!(self.watch(call, begin));
        poll_fn(|cx| self.watch(call, || future.as_mut().poll(cx))).await
    }
}

pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}

pub(super) struct Watching<F: Fixture> {
    fixture: F,
    store: Watched<F::Store>,
    peer: Watched<F::Store>,
}

impl<F: Fixture> Watching<F> {
    pub(super) fn new(fixture: F, panics: &Panics) -> Self {
        let watched = |store: &F::Store| Watched {
            store: store.clone(),
            panics: panics.clone(),
        };
        Self {
            store: watched(fixture.store()),
            peer: watched(fixture.peer()),
            fixture,
        }
    }
}

impl<F: Fixture> Fixture for Watching<F> {
    type Store = Watched<F::Store>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn peer(&self) -> &Self::Store {
        &self.peer
    }

    async fn advance(&self, by: Duration) {
        self.fixture.advance(by).await;
    }

    async fn turn_back(&self, by: Duration) -> bool {
        self.fixture.turn_back(by).await
    }

    fn histories(&self) -> u32 {
        self.fixture.histories()
    }

    fn deletes_by_itself(&self) -> bool {
        self.fixture.deletes_by_itself()
    }

    fn repetitions_divided_by(&self) -> u32 {
        self.fixture.repetitions_divided_by()
    }

    fn deletes_in_order(&self) -> bool {
        self.fixture.deletes_in_order()
    }
}

#[derive(Clone)]
pub(super) struct Watched<St> {
    store: St,
    panics: Panics,
}

macro_rules! watched {
    ($(fn $call:ident($($given:ident: $type:ty),*) -> $answer:ty;)+) => {
        impl<St: SessionStore> SessionStore for Watched<St> {
            $(async fn $call(&self, $($given: $type),*) -> Result<$answer, StoreError> {
                let begin = || self.store.$call($($given),*);
                self.panics.watched(stringify!($call), begin).await
            })+
        }
    };
}

watched! {
    fn now() -> Timestamp;
    fn insert(record: &Record) -> ();
    fn load(id: SessionId) -> Loaded;
    fn swap(id: SessionId, expected: u64, next: &SessionState) -> Swap;
    fn confirm(pairs: &[(SessionId, u32)]) -> ();
    fn end(id: SessionId, reason: EndReason) -> bool;
    fn end_all(issuer: &str, subject: &str, keep: Option<SessionId>, reason: EndReason) -> Vec<SessionId>;
    fn list(issuer: &str, subject: &str, before: Option<SessionId>, limit: usize) -> Listed;
    fn list_all(issuer: &str, after: Option<&Cursor>, limit: usize) -> ListedAll;
    fn ended_since(since: Timestamp, after: Option<SessionId>, limit: usize) -> Vec<(SessionId, Timestamp)>;
    fn delete_expired(limit: usize) -> usize;
}
