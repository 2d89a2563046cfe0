//! Where a client keeps its tokens between runs, and shares them between processes.

mod erased;
mod error;
mod file;
mod memory;
mod saved;

use std::future::Future;

pub(super) use erased::{AnyLock, AnyStore};
pub use error::{TokenStoreError, TokenStoreErrorKind};
pub use file::{FileTokenStore, FileTokenStoreLock};
pub use memory::{MemoryTokenStore, MemoryTokenStoreLock};
pub(super) use saved::SavedAccess;
pub use saved::SavedTokens;

/// Keeps the tokens of one session.
///
/// All calls come to an end: a refresh waits for them, and all who need a token wait for it.
///
/// A store may be shared by several processes: then they have one session, and one refresh at a
/// time. The one that holds the lock refreshes; the next one finds the result in the store and
/// takes it instead of presenting a refresh token that has been used.
///
/// # What each wrong answer costs
///
/// | if a store … | then … |
/// | --- | --- |
/// | gives the lock to two at once | both present the same refresh token; a server that does not redeliver ends the session |
/// | loses a save that it has acknowledged | the next process presents a token that was used |
/// | shows half of a save | the next process cannot read the tokens, and fails |
/// | keeps tokens that were cleared | a signed-out session goes on until the server ends it |
/// | lets others read the tokens | they have the session |
pub trait TokenStore: Send + Sync + 'static {
    /// The right to change the tokens. It is given back when dropped, also when its process
    /// dies.
    type Lock: Send + 'static;

    /// Waits for the lock, for a bounded time: a refresh holds it from its first look at the
    /// store until its tokens are saved.
    ///
    /// # Errors
    ///
    /// [`TokenStoreErrorKind::Busy`] where it is not had in time.
    fn lock(&self) -> impl Future<Output = Result<Self::Lock, TokenStoreError>> + Send;

    /// The tokens, whole, if there are any. It needs no lock, and does not wait for one.
    fn load(&self) -> impl Future<Output = Result<Option<SavedTokens>, TokenStoreError>> + Send;

    /// Replaces the tokens, so that they outlive the process. On an error either the old ones or
    /// the new ones are left, whole.
    fn save(
        &self,
        lock: &mut Self::Lock,
        tokens: &SavedTokens,
    ) -> impl Future<Output = Result<(), TokenStoreError>> + Send;

    /// Removes the tokens. Done under the lock, unless a logout could not get it in time.
    fn clear(&self) -> impl Future<Output = Result<(), TokenStoreError>> + Send;
}
