//! A store that fails as it is told to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::time::sleep;
use tower_bearer_client::{
    MemoryTokenStore, MemoryTokenStoreLock, SavedTokens, TokenStore, TokenStoreError,
    TokenStoreErrorKind,
};

/// Clones share what they hold and what fails.
#[derive(Clone, Default)]
pub(crate) struct Faulty {
    pub(crate) store: MemoryTokenStore,
    loads: Switch,
    prepares: Switch,
    saves: Switch,
    clears: Switch,
    /// How long after its look a load answers.
    latency: Duration,
}

#[derive(Clone, Default)]
struct Switch(Arc<AtomicBool>);

impl Switch {
    fn check(&self) -> Result<(), TokenStoreError> {
        match self.0.load(SeqCst) {
            true => Err(TokenStoreErrorKind::Unavailable.into()),
            false => Ok(()),
        }
    }
}

impl Faulty {
    pub(crate) fn slow(latency: Duration) -> Self {
        Self {
            latency,
            ..Self::default()
        }
    }

    pub(crate) fn fail_loads(&self, fail: bool) {
        self.loads.0.store(fail, SeqCst);
    }

    pub(crate) fn fail_saves(&self, fail: bool) {
        self.saves.0.store(fail, SeqCst);
    }

    pub(crate) fn fail_prepares(&self, fail: bool) {
        self.prepares.0.store(fail, SeqCst);
    }

    pub(crate) fn fail_clears(&self, fail: bool) {
        self.clears.0.store(fail, SeqCst);
    }
}

impl TokenStore for Faulty {
    type Lock = MemoryTokenStoreLock;

    async fn lock(&self) -> Result<Self::Lock, TokenStoreError> {
        self.store.lock().await
    }

    async fn load(&self) -> Result<Option<SavedTokens>, TokenStoreError> {
        self.loads.check()?;
        let tokens = self.store.load().await;
        sleep(self.latency).await;
        tokens
    }

    async fn prepare(&self, lock: &mut Self::Lock, bytes: usize) -> Result<(), TokenStoreError> {
        self.prepares.check()?;
        self.store.prepare(lock, bytes).await
    }

    async fn save(&self, lock: &mut Self::Lock, new: &SavedTokens) -> Result<(), TokenStoreError> {
        self.saves.check()?;
        self.store.save(lock, new).await
    }

    async fn clear(&self) -> Result<(), TokenStoreError> {
        self.clears.check()?;
        self.store.clear().await
    }
}
