use std::{
    fs::{File, TryLockError},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{task, time};

use crate::{
    schedule::random,
    store::{
        contract::TokenStore,
        error::{TokenStoreError, TokenStoreErrorKind as Kind},
        file::disk::{Disk, unavailable},
        saved::SavedTokens,
    },
};

/// The longest pause between two attempts to get a lock that another process holds.
const POLL: Duration = Duration::from_millis(40);

/// Longer than a refresh holds the lock with the default timeouts.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(60);

/// Keeps tokens in a file, so that they outlive the process and several processes can share one
/// session. If one of the processes signs in or out, it does so for all of them. Give each account
/// a file of its own.
///
/// - A save writes a temporary file beside the token file, syncs it and renames it over the token
///   file. A crash leaves the old tokens or the new ones, as a whole.
/// - On Unix the file has mode 0600. A file that other users can read or write is not used, because
///   they may have read the tokens or have put in tokens of their own.
/// - The lock is an advisory lock on a second file beside it, `NAME.lock`, which is never removed.
///   The operating system releases the lock when its process dies.
///
/// If the folder does not exist it is made, accessible to its owner only. Do not use a folder that
/// other users can write to. If the path is a symbolic link, the first save replaces the link by a
/// file. On a network file system, the lock works as well as that file system's locks do.
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

/// The lock of a [`FileTokenStore`].
#[derive(Debug)]
pub struct FileTokenStoreLock(
    #[expect(dead_code, reason = "closing the file releases its lock")] File,
);

impl FileTokenStore {
    /// A store that keeps the tokens in the file `path`. Nothing is read or written yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            disk: Arc::new(Disk::new(path.into())),
            patience: DEFAULT_PATIENCE,
        }
    }

    /// How long to wait for a lock that another process holds. Default: 60 s.
    #[must_use]
    pub fn lock_timeout(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Uses the file even if other users can read or write it.
    ///
    /// A user who reads it can take over the session. A user who writes it can put this client into
    /// a session of someone else. Each save makes the file accessible to its owner only again.
    #[must_use]
    pub fn danger_accept_exposed_file(mut self) -> Self {
        Arc::make_mut(&mut self.disk).accept_exposed = true;
        self
    }

    /// Tries again and again, because a blocking call that waits for the lock could not be cancelled.
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

/// Runs blocking work, which goes on to its end even if the caller is cancelled.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TokenStoreError> + Send + 'static,
) -> Result<T, TokenStoreError> {
    match task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(TokenStoreError::with_source(Kind::Unavailable, error)),
    }
}
