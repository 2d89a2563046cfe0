use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OwnedMutexGuard;

use crate::store::{contract::TokenStore, error::TokenStoreError, saved::SavedTokens};

/// Keeps tokens in the memory of this process. Clones share them.
///
/// A session uses such a store unless it is given another one. Waiting for the lock has no timeout
/// of its own, because only tasks of this process hold it, for the duration of a refresh at most.
#[derive(Clone, Default)]
pub struct MemoryTokenStore(Arc<Inner>);

#[derive(Default)]
struct Inner {
    tokens: Mutex<Option<SavedTokens>>,
    lock: Arc<tokio::sync::Mutex<()>>,
}

/// The lock of a [`MemoryTokenStore`].
#[derive(Debug)]
pub struct MemoryTokenStoreLock(#[expect(dead_code, reason = "held")] OwnedMutexGuard<()>);

impl MemoryTokenStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn set(&self, tokens: Option<SavedTokens>) {
        *self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner) = tokens;
    }
}

impl TokenStore for MemoryTokenStore {
    type Lock = MemoryTokenStoreLock;

    async fn lock(&self) -> Result<MemoryTokenStoreLock, TokenStoreError> {
        let lock = Arc::clone(&self.0.lock).lock_owned().await;
        Ok(MemoryTokenStoreLock(lock))
    }

    async fn load(&self) -> Result<Option<SavedTokens>, TokenStoreError> {
        let tokens = self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tokens.clone())
    }

    async fn save(
        &self,
        _lock: &mut MemoryTokenStoreLock,
        tokens: &SavedTokens,
    ) -> Result<(), TokenStoreError> {
        self.set(Some(tokens.clone()));
        Ok(())
    }

    async fn clear(&self) -> Result<(), TokenStoreError> {
        self.set(None);
        Ok(())
    }
}

impl fmt::Debug for MemoryTokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTokenStore").finish_non_exhaustive()
    }
}
