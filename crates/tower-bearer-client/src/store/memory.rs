use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OwnedMutexGuard;

use super::{SavedTokens, TokenStore, TokenStoreError};

/// Keeps tokens in this process' memory. Clones share them.
///
/// This is what a session has unless it is given another store. Its lock is waited for as long
/// as it takes: those who hold it are tasks of this process, and bounded themselves.
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
