//! Keys that roll over by themselves, on all servers of an issuer at once.
//!
//! A [`KeyRing`] keeps the access keys and the refresh secrets of an issuer in the session store or a
//! [file](crate::store), sealed under a secret that only the servers have. It makes each key in time, and all servers go by it:
//!
//! 1. There is always a next key. It is published from the moment that its predecessor begins to sign, and for
//!    [`publish_for`](KeyRingBuilder::publish_for) at least. So whoever verifies has it before the first token comes that
//!    it has signed.
//! 2. It signs for [`sign_for`](KeyRingBuilder::sign_for). When its time comes is in the ring, by the store's clock. So
//!    all servers change at the same time, without a write and also if the store is away then, and none goes by its
//!    own clock.
//! 3. It verifies until its last token has expired. Some minutes later it goes.
//! 4. One server makes a key, however many there are: the ring is replaced by compare and swap.
//! 5. A server signs with nothing that it has not read from the store or written there, and with nothing at all if it has not
//!    read the ring for longer than its [lease](KeyRingBuilder::lease). So a server that was cut off or suspended for long makes
//!    no token that nobody can verify, and it does not refuse one whose key it may have missed: both are a 503, and clients
//!    come again. A key that is new to it may have been made in haste by others: for its tokens that counts from ten seconds on,
//!    or three reads.
//! 6. A store that has fallen back to an older copy, or has lost the ring, gets back what its servers know: keys come
//!    together by union, and a retired key stays retired.
//! 7. No key goes because a clock is wrong for a moment: it verifies for its time after its successor was first seen to
//!    sign, and goes only if one server has seen it expired at each read of ten minutes, or of a lease if that is shorter.
//!
//! A ring that cannot be read, for its secret is another one, it was cut off, or a newer version has written it, is an
//! error in the log. The keys that a server knows stay, and it goes on until its lease ends.
//!
//! ```
//! use tower_bearer::{Issuer, Verifier, session::Sessions, store::MemoryStore};
//! use tower_bearer::ring::{KeyEncryptionKey, KeyRing};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let secret = [7_u8; 32];
//! let store = MemoryStore::new();
//! let ring = KeyRing::builder(store.clone(), KeyEncryptionKey::from_secret(secret)?).open().await?;
//!
//! let verifier = Verifier::new("https://id.example", "https://api.example", ring.keys().verifying())?;
//! let issuer = Issuer::new("https://id.example", "https://api.example", ring.keys())?;
//! let sessions = Sessions::builder(issuer, ring.refresh_key(), store).build()?;
//! # let _ = verifier;
//! # let tokens = sessions.start(tower_bearer::session::Grant::new("anna")).await?;
//! # sessions.refresh(tower_bearer::session::RefreshRequest::new(tokens.refresh_token)).await?;
//! # Ok(())
//! # }
//! ```

mod builder;
mod clock;
mod document;
mod envelope;
mod error;
mod fading;
mod keeper;
mod log;
mod meter;
mod schedule;
mod series;
mod status;

use std::{fmt, sync::Arc};

pub use builder::KeyRingBuilder;
pub use envelope::KeyEncryptionKey;
pub use error::{KeyRingError, KeyRingErrorKind};
pub use status::{KeyPurpose, KeyRingStatus, KeyState, RingKeyStatus};
use tokio::time::timeout;

use self::keeper::{Change, Keeper};
use crate::{
    jws::KeySet,
    session::{RefreshKey, runtime},
    store::RingStore,
    trace,
};

/// The keys of an issuer, which all its servers share and which roll over by themselves. It is cheap to clone.
///
/// The [module](self) says how it works. A task of its own keeps the ring up to date. It runs for as long as anybody has
/// the ring, one of its key sets, or the keys that verify, and stops with the runtime that [`open`](KeyRingBuilder::open)
/// was called in. From then on the key sets verify, and sign until the lease ends.
#[derive(Clone)]
pub struct KeyRing(Arc<Keeper>);

impl KeyRing {
    /// Configures the ring that `store` keeps, sealed under `key`.
    pub fn builder(store: impl RingStore, key: KeyEncryptionKey) -> KeyRingBuilder {
        KeyRingBuilder::new(store, key)
    }

    async fn begin(keeper: Keeper) -> Result<Self, KeyRingError> {
        let runtime = runtime::current()?;
        let ring = Self(Arc::new(keeper));
        ring.read().await?;
        runtime.spawn(follow(Arc::clone(&ring.0)));
        Ok(ring)
    }

    /// The access keys, for an [`Issuer`](crate::Issuer), a [`Verifier`](crate::Verifier) and the
    /// [endpoint of keys](crate::endpoint::JwksEndpoint). They follow the ring.
    pub fn keys(&self) -> KeySet {
        self.0.access.clone()
    }

    /// The refresh secrets, for [`Sessions`](crate::session::Sessions). They follow the ring.
    pub fn refresh_key(&self) -> RefreshKey {
        RefreshKey::from_keys(self.0.refresh.clone())
    }

    /// Reads the ring now, and makes what is due.
    ///
    /// # Errors
    ///
    /// If the store fails, or has a ring that this server cannot read: see [`KeyRingErrorKind`]. The keys that were known
    /// stay.
    pub async fn read(&self) -> Result<(), KeyRingError> {
        self.0.turn(Change::None).await.map(drop)
    }

    /// Lets the next access key sign now, or as soon as it has been published long enough. Nobody is refused: the
    /// old key still verifies what it has signed. Tells whether the key signs earlier than it would have.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read). Nothing has changed then, unless the store did not answer in time.
    pub async fn roll_over(&self) -> Result<bool, KeyRingError> {
        self.0.turn(Change::RollOver).await
    }

    /// Lets the next refresh secret sign now, or as soon as all servers know it, as [`roll_over`](Self::roll_over) does
    /// for access keys.
    ///
    /// # Errors
    ///
    /// Those of [`roll_over`](Self::roll_over).
    pub async fn roll_over_refresh(&self) -> Result<bool, KeyRingError> {
        self.0.turn(Change::RollOverRefresh).await
    }

    /// Removes a key that has leaked. Tells whether the ring had it.
    ///
    /// This process refuses its tokens at once, and each other one as soon as it reads the ring, which it does
    /// [every second](KeyRingBuilder::every) where it can. Clients with a refused access token refresh. If the key signs, the
    /// next one takes over. Where that has been published for less than [`publish_for`](KeyRingBuilder::publish_for), the key before signs
    /// again until then, if it still verifies; without such a key the next one signs at once, and readers that do
    /// not know it yet refuse its tokens until they fetch the set.
    ///
    /// Those who fetch the key set trust the removed key until they fetch it next. Many keep keys for minutes of their
    /// own, and none is made to ask, as they know the next key: see [what each does](crate::manual::keys#when-a-key-has-leaked).
    ///
    /// The refresh tokens of a removed refresh secret are refused, so that their users have to log in again. A
    /// refresh secret that has leaked does not let its thief make refresh tokens, as those also depend on the secret of their
    /// session: [`roll_over_refresh`](Self::roll_over_refresh) is often enough.
    ///
    /// Whoever has one key of a ring may have all: then [replace them all](Self::replace_all).
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read). The key is removed in this process all the same, also if the future is dropped, and the
    /// process tries again to write that for as long as it runs; call it once more, here or on another server, until it
    /// succeeds.
    pub async fn retire(&self, kid: &str) -> Result<bool, KeyRingError> {
        let was_here = self.0.retire_here(kid);
        let outcome = self.0.turn(Change::Retire(kid)).await;
        outcome.map(|was_there| was_here || was_there)
    }

    /// Removes all keys of this purpose, the next one included, and makes new ones: for a ring that somebody else was able to
    /// read.
    ///
    /// Nobody knows the new access keys yet. This issuer's servers learn them when they next read the ring; readers
    /// of the key set refuse the new tokens until they fetch it, which takes [half a minute](crate::manual::keys#when-a-key-has-leaked)
    /// for most. With new refresh secrets, everybody has to log in again.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read). Nothing was removed then, unless the store did not answer in time.
    pub async fn replace_all(&self, purpose: KeyPurpose) -> Result<(), KeyRingError> {
        self.0.turn(Change::ReplaceAll(purpose)).await.map(drop)
    }

    /// What this process knows of the ring.
    pub fn status(&self) -> KeyRingStatus {
        let Keeper { clock, .. } = &*self.0;
        KeyRingStatus::of(&self.0.document(), clock.estimate(), clock.age())
    }

    /// Lets the task read the ring now, instead of at its next time, and returns at once. Call it when something tells
    /// the application that the ring has changed.
    pub fn read_now(&self) {
        self.0.hurry.notify_one();
    }
}

/// Keeps the ring up to date as long as anybody needs it.
async fn follow(keeper: Arc<Keeper>) {
    let mut failure = None;
    loop {
        // It fails when it is time and nobody has hurried.
        timeout(keeper.settings.every, keeper.hurry.notified())
            .await
            .ok();
        if Arc::strong_count(&keeper) == 1 && !keeper.is_in_use() {
            trace::debug!(
                ring = keeper.settings.name,
                "nobody needs the key ring any longer"
            );
            return;
        }
        // A store that panics must not end the task, without which nothing could be signed before long.
        let turn = Arc::clone(&keeper);
        let turn = tokio::spawn(async move { turn.turn(Change::None).await });
        let outcome = turn.await.unwrap_or_else(|_| Err(KeyRingError::panicked()));
        match outcome {
            Ok(_) if failure.take().is_some() => log::recovered(&keeper.settings.name),
            Ok(_) => {}
            Err(error) => {
                let kind = error.kind();
                log::failed(
                    &keeper.settings.name,
                    &error,
                    failure.replace(kind) != Some(kind),
                );
            }
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("name", &self.0.settings.name)
            .field("keys", &self.0.access)
            .finish_non_exhaustive()
    }
}
