//! [`FailingStore`]: a store that fails on command.

mod fault;

use std::{
    future::{Future, pending},
    sync::Arc,
};

pub use fault::Fault;
use fault::{Effect, Faults};

use crate::{
    claims::SessionId,
    clock::Timestamp,
    store::{
        Cursor, EndReason, Listed, ListedAll, Loaded, Record, SessionState, SessionStore,
        StoreError, Swap,
    },
};

/// A method of a [`SessionStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreCall {
    /// [`SessionStore::now`]
    Now,
    /// [`SessionStore::insert`]
    Insert,
    /// [`SessionStore::load`]
    Load,
    /// [`SessionStore::swap`]
    Swap,
    /// [`SessionStore::confirm`]
    Confirm,
    /// [`SessionStore::end`]
    End,
    /// [`SessionStore::end_all`]
    EndAll,
    /// [`SessionStore::list`]
    List,
    /// [`SessionStore::list_all`]
    ListAll,
    /// [`SessionStore::ended_since`]
    EndedSince,
    /// [`SessionStore::delete_expired`]
    DeleteExpired,
}

impl StoreCall {
    /// The calls that only read.
    pub const READS: &[Self] = &[
        Self::Now,
        Self::Load,
        Self::List,
        Self::ListAll,
        Self::EndedSince,
    ];

    /// The calls that write.
    pub const WRITES: &[Self] = &[
        Self::Insert,
        Self::Swap,
        Self::Confirm,
        Self::End,
        Self::EndAll,
        Self::DeleteExpired,
    ];

    /// All calls.
    pub const ALL: &[Self] = &[
        Self::Now,
        Self::Insert,
        Self::Load,
        Self::Swap,
        Self::Confirm,
        Self::End,
        Self::EndAll,
        Self::List,
        Self::ListAll,
        Self::EndedSince,
        Self::DeleteExpired,
    ];
}

/// Any store, which fails when a test says so, and counts its calls. Clones share the faults and the counts.
///
/// If several faults fit a call, the one that was given first happens.
///
/// ```
/// use tower_bearer::{
///     session::{Grant, RefreshKey, RefreshRequest, SessionErrorKind, Sessions},
///     store::{MemoryStore, StoreErrorKind},
///     testing::{FailingStore, Fault, StoreCall, TestIssuer},
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = FailingStore::new(MemoryStore::new());
/// let key = RefreshKey::from_secret([7; 32])?;
/// let issuer = TestIssuer::new().issuer().clone();
/// let sessions = Sessions::builder(issuer, key, store.clone()).build()?;
/// let held = sessions.start(Grant::new("alice")).await?.refresh_token;
///
/// // The rotation is written, and the client never learns its new token.
/// store.inject(Fault::lost_answer(StoreErrorKind::Timeout).on([StoreCall::Swap]).times(1));
/// let lost = sessions.refresh(RefreshRequest::new(held.clone())).await;
/// assert_eq!(lost.unwrap_err().kind(), SessionErrorKind::Unavailable);
///
/// // It comes with the old one again, and is not logged out.
/// assert!(sessions.refresh(RefreshRequest::new(held)).await.is_ok());
/// assert_eq!(store.count(&[StoreCall::Swap]), 1, "there was nothing left to write");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FailingStore<St> {
    store: St,
    faults: Arc<Faults>,
}

impl<St> FailingStore<St> {
    /// A store without a fault.
    pub fn new(store: St) -> Self {
        Self {
            store,
            faults: Arc::default(),
        }
    }

    /// The store itself, which does not fail.
    pub fn inner(&self) -> &St {
        &self.store
    }

    /// Gives it a fault, besides those that it has.
    pub fn inject(&self, fault: Fault) {
        self.faults.add(fault);
    }

    /// Takes all faults away. Calls that hang go on hanging.
    pub fn heal(&self) {
        self.faults.clear();
    }

    /// Whether no call will fail: there was no fault, or each has happened as often as it was told to.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// How often these were called, with those that failed.
    pub fn count(&self, calls: &[StoreCall]) -> usize {
        self.faults.count(calls)
    }

    async fn meet<T>(
        &self,
        effect: Option<Effect>,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match effect {
            // A swap has looked at the latter itself.
            None | Some(Effect::LostSwap) => call.await,
            Some(Effect::Error(kind)) => Err(kind.into()),
            Some(Effect::LostAnswer(kind)) => {
                call.await?;
                Err(kind.into())
            }
            Some(Effect::Delay(by)) => {
                tokio::time::sleep(by).await;
                call.await
            }
            Some(Effect::Hang) => pending().await,
            Some(Effect::Panic) => panic!("the store panics, as it was told to"),
        }
    }

    async fn call<T>(
        &self,
        which: StoreCall,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.meet(self.faults.next(which), call).await
    }
}

impl<St: SessionStore> SessionStore for FailingStore<St> {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.call(StoreCall::Now, self.store.now()).await
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        self.call(StoreCall::Insert, self.store.insert(record))
            .await
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        self.call(StoreCall::Load, self.store.load(id)).await
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        match self.faults.next(StoreCall::Swap) {
            Some(Effect::LostSwap) => Ok(Swap::Lost),
            effect => self.meet(effect, self.store.swap(id, expected, next)).await,
        }
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        self.call(StoreCall::Confirm, self.store.confirm(pairs))
            .await
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        self.call(StoreCall::End, self.store.end(id, reason)).await
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        let call = self.store.end_all(issuer, subject, keep, reason);
        self.call(StoreCall::EndAll, call).await
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        let call = self.store.list(issuer, subject, before, limit);
        self.call(StoreCall::List, call).await
    }

    async fn list_all(
        &self,
        issuer: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<ListedAll, StoreError> {
        let call = self.store.list_all(issuer, after, limit);
        self.call(StoreCall::ListAll, call).await
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        let call = self.store.ended_since(since, after, limit);
        self.call(StoreCall::EndedSince, call).await
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        self.call(StoreCall::DeleteExpired, self.store.delete_expired(limit))
            .await
    }

    // A start asks it, which no fault here is about.
    async fn has_sessions(&self) -> Result<Option<bool>, StoreError> {
        self.store.has_sessions().await
    }
}
