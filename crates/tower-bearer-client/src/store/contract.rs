use std::future::{Future, ready};

use crate::store::{error::TokenStoreError, saved::SavedTokens};

/// Keeps the tokens of one session.
///
/// [`MemoryTokenStore`](crate::MemoryTokenStore) and [`FileTokenStore`](crate::FileTokenStore) are
/// such stores. Another one may use a keyring of the operating system, for example. [`SavedTokens`]
/// implement serde's `Serialize` and `Deserialize`, so a store needs to know nothing of what is in
/// them.
///
/// Several processes may share a store. They then have one session, and one refresh at a time: the
/// process that holds the lock refreshes, and the next one finds the new tokens in the store and
/// uses them, instead of presenting a refresh token that has been used.
///
/// Each method has to return after a bounded time, because a refresh waits for it, and all requests
/// that need a token wait for the refresh.
///
/// # What goes wrong if a store does not keep the contract
///
/// | if a store … | then … |
/// | --- | --- |
/// | gives the lock to two callers at once | both present the same refresh token, and a server that does not deliver again ends the session |
/// | loses tokens that it has reported as saved | the next process presents a token that was used |
/// | is prepared and still cannot save | a token is used up whose successor this process alone has; it keeps the lock and tries again until it is saved |
/// | shows tokens that are saved only in part | the next process cannot read them, and fails |
/// | keeps tokens that were cleared | a session goes on after its logout, until the server ends it |
/// | lets others read the tokens | the others can take over the session |
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a token store",
    label = "does not implement `TokenStore`",
    note = "`MemoryTokenStore` and `FileTokenStore` do; pass the store itself, not a reference, `Box` or `Arc`",
    note = "the token stores of this crate are cheap to clone, and clones share everything"
)]
pub trait TokenStore: Send + Sync + 'static {
    /// The right to change the tokens. It is given back when it is dropped, and also when its
    /// process dies.
    type Lock: Send + 'static;

    /// Waits for the lock, for a bounded time. A refresh holds it from its look into the store
    /// until the new tokens are saved. If they cannot be saved, the session holds it until they can
    /// be, because the token in the store has been used and nobody else may present it.
    ///
    /// # Errors
    ///
    /// [`Busy`](crate::TokenStoreErrorKind::Busy) if others hold the lock for too long.
    fn lock(&self) -> impl Future<Output = Result<Self::Lock, TokenStoreError>> + Send;

    /// The tokens that were saved last, as a whole, or `None` if there are none. It neither needs
    /// the lock nor waits for it.
    ///
    /// # Errors
    ///
    /// If there may be tokens, but they cannot be read.
    fn load(&self) -> impl Future<Output = Result<Option<SavedTokens>, TokenStoreError>> + Send;

    /// Makes as sure as it can that a [`save`](Self::save) under this lock will succeed: that there
    /// is room for so many bytes, as serde's JSON, and that they can be written. What
    /// [`load`](Self::load) shows stays as it is.
    ///
    /// A refresh calls this before it presents the refresh token, because after that the token is
    /// used up and its successor has to be kept. If it fails, nothing is presented. By default it
    /// does nothing.
    ///
    /// # Errors
    ///
    /// If tokens could not be saved now.
    fn prepare(
        &self,
        lock: &mut Self::Lock,
        bytes: usize,
    ) -> impl Future<Output = Result<(), TokenStoreError>> + Send {
        let _ = (lock, bytes);
        ready(Ok(()))
    }

    /// Replaces the tokens. Once this has returned, they outlive the process if the store is meant
    /// to.
    ///
    /// # Errors
    ///
    /// If the tokens could not be saved. The store then holds the old ones or the new ones, as a
    /// whole.
    fn save(
        &self,
        lock: &mut Self::Lock,
        tokens: &SavedTokens,
    ) -> impl Future<Output = Result<(), TokenStoreError>> + Send;

    /// Removes the tokens. That there are none is no error.
    ///
    /// It is called under the lock, except by a logout that could not get the lock in time.
    ///
    /// # Errors
    ///
    /// If the tokens may still be there.
    fn clear(&self) -> impl Future<Output = Result<(), TokenStoreError>> + Send;
}
