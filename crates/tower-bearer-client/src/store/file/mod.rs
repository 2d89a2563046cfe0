//! [`FileTokenStore`]: tokens in a file.

mod disk;

use std::{
    fs::{File, TryLockError},
    io,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{task, time};

use self::disk::Disk;
use super::{SavedTokens, TokenStore, TokenStoreError, TokenStoreErrorKind as Kind};
use crate::schedule::random;

/// How often a lock that another process holds is tried.
const POLL: Duration = Duration::from_millis(40);

/// Longer than a refresh can hold the lock with the default timeouts.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(60);

/// Keeps tokens in a file, so that they outlive the process, and so that several processes have one
/// session. Who signs in or out does so for all of them; give each account a file of its own.
///
/// - The file is written whole: to a temporary file beside it, synced, renamed over it. A crash
///   leaves the old tokens or the new ones.
/// - On Unix it has mode 0600. A file that others can read or write is not used: someone may have
///   the tokens, or may have put them there.
/// - The lock is an advisory one on a second file beside it (`NAME.lock`), which stays. The
///   system gives it back when its process dies.
///
/// The folder is made, for the owner only, when it does not exist. One that others can write to is
/// no place for tokens: they could put theirs there. Where the path is a symbolic link, the link is
/// replaced by the file. On a network file system the lock is as good as that
/// system's locks.
///
/// ```
/// use tower_bearer_client::FileTokenStore;
///
/// let store = FileTokenStore::new("/home/anna/.local/state/app/tokens.json");
/// ```
#[derive(Clone, Debug)]
pub struct FileTokenStore {
    disk: Arc<Disk>,
    patience: Duration,
}

/// The lock of a [`FileTokenStore`], on an open file.
#[derive(Debug)]
pub struct FileTokenStoreLock(#[expect(dead_code, reason = "closing it unlocks it")] File);

impl FileTokenStore {
    /// Tokens in the file `path`. Nothing is touched yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            disk: Arc::new(Disk::new(path.into())),
            patience: DEFAULT_PATIENCE,
        }
    }

    /// How long to wait for a lock that another process holds; 60 s unless set.
    #[must_use]
    pub fn lock_timeout(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Uses the file although other users can read or write it.
    ///
    /// Whoever reads it has the session; whoever writes it chooses whose session this client is
    /// in. Each save makes it readable by its owner only again.
    #[must_use]
    pub fn danger_accept_exposed_file(mut self) -> Self {
        Arc::make_mut(&mut self.disk).accept_exposed = true;
        self
    }

    /// Tries again and again: a call that waits by itself could not be given up.
    async fn wait_for_lock(&self) -> Result<FileTokenStoreLock, TokenStoreError> {
        let mut file = self.on_disk(Disk::open_lock).await?;
        loop {
            let (same, tried) = blocking(move || {
                let tried = file.try_lock();
                Ok((file, tried))
            })
            .await?;
            match tried {
                Ok(()) => return Ok(FileTokenStoreLock(same)),
                Err(TryLockError::Error(error)) => return Err(unavailable(error)),
                Err(TryLockError::WouldBlock) => {
                    time::sleep(POLL.mul_f64(0.5 + 0.5 * random())).await;
                }
            }
            file = same;
        }
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> Result<T, TokenStoreError> + Send + 'static,
    ) -> Result<T, TokenStoreError> {
        let disk = Arc::clone(&self.disk);
        blocking(move || work(&disk).map_err(|error| error.in_file(disk.path()))).await
    }
}

impl TokenStore for FileTokenStore {
    type Lock = FileTokenStoreLock;

    async fn lock(&self) -> Result<FileTokenStoreLock, TokenStoreError> {
        match time::timeout(self.patience, self.wait_for_lock()).await {
            Ok(lock) => lock,
            Err(_) => Err(Kind::Busy.into()),
        }
    }

    async fn load(&self) -> Result<Option<SavedTokens>, TokenStoreError> {
        self.on_disk(Disk::read).await
    }

    async fn save(
        &self,
        _lock: &mut FileTokenStoreLock,
        tokens: &SavedTokens,
    ) -> Result<(), TokenStoreError> {
        let tokens = tokens.clone();
        self.on_disk(move |disk| disk.write(&tokens)).await
    }

    async fn clear(&self) -> Result<(), TokenStoreError> {
        self.on_disk(Disk::remove).await
    }
}

/// Runs to its end, also where nobody waits for it any more.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TokenStoreError> + Send + 'static,
) -> Result<T, TokenStoreError> {
    match task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(TokenStoreError::with_source(Kind::Unavailable, error)),
    }
}

fn unavailable(error: io::Error) -> TokenStoreError {
    TokenStoreError::with_source(Kind::Unavailable, error)
}
