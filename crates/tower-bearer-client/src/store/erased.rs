use std::{future::Future, pin::Pin, sync::Arc};

use crate::store::{contract::TokenStore, error::TokenStoreError, saved::SavedTokens};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, TokenStoreError>> + Send + 'a>>;

/// The object-safe twin of [`TokenStore`], so that the type of the store stays out of the type of
/// the session.
trait ErasedStore: Send + Sync {
    fn lock(self: Arc<Self>) -> Boxed<'static, AnyLock>;
    fn load(&self) -> Boxed<'_, Option<SavedTokens>>;
    fn clear(&self) -> Boxed<'_, ()>;
}

trait ErasedLock: Send {
    fn prepare(&mut self, bytes: usize) -> Boxed<'_, ()>;
    fn save<'a>(&'a mut self, tokens: &'a SavedTokens) -> Boxed<'a, ()>;
}

struct Locked<S: TokenStore> {
    store: Arc<S>,
    lock: S::Lock,
}

impl<S: TokenStore> ErasedStore for S {
    fn lock(self: Arc<Self>) -> Boxed<'static, AnyLock> {
        Box::pin(async move {
            let lock = TokenStore::lock(&*self).await?;
            Ok(AnyLock(Box::new(Locked { store: self, lock })))
        })
    }

    fn load(&self) -> Boxed<'_, Option<SavedTokens>> {
        Box::pin(TokenStore::load(self))
    }

    fn clear(&self) -> Boxed<'_, ()> {
        Box::pin(TokenStore::clear(self))
    }
}

impl<S: TokenStore> ErasedLock for Locked<S> {
    fn prepare(&mut self, bytes: usize) -> Boxed<'_, ()> {
        Box::pin(self.store.prepare(&mut self.lock, bytes))
    }

    fn save<'a>(&'a mut self, tokens: &'a SavedTokens) -> Boxed<'a, ()> {
        Box::pin(self.store.save(&mut self.lock, tokens))
    }
}

/// Any [`TokenStore`].
#[derive(Clone)]
pub(crate) struct AnyStore(Arc<dyn ErasedStore>);

/// The lock of a store. Only with it can tokens be saved.
pub(crate) struct AnyLock(Box<dyn ErasedLock>);

impl AnyStore {
    pub(crate) fn new(store: impl TokenStore) -> Self {
        Self(Arc::new(store))
    }

    pub(crate) async fn lock(&self) -> Result<AnyLock, TokenStoreError> {
        Arc::clone(&self.0).lock().await
    }

    pub(crate) async fn load(&self) -> Result<Option<SavedTokens>, TokenStoreError> {
        self.0.load().await
    }

    pub(crate) async fn clear(&self) -> Result<(), TokenStoreError> {
        self.0.clear().await
    }
}

impl AnyLock {
    pub(crate) async fn prepare(&mut self, bytes: usize) -> Result<(), TokenStoreError> {
        self.0.prepare(bytes).await
    }

    pub(crate) async fn save(&mut self, tokens: &SavedTokens) -> Result<(), TokenStoreError> {
        self.0.save(tokens).await
    }
}
