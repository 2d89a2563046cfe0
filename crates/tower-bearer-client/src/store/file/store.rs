use std::{
    fs::{File, TryLockError},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task,
    time::{self, Instant},
};

use crate::{
    schedule::random,
    store::{
        contract::TokenStore,
        error::{TokenStoreError, TokenStoreErrorKind as Kind},
        file::{
            disk::{Disk, unavailable},
            saving::Saving,
        },
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
/// - Where the file cannot be replaced, it is written in place. A file that is mounted into a
///   container by itself is such a one. The temporary file is there until that is done, so a crash
///   loses nothing here either, and readers who find the token file half written read that one.
/// - Before a refresh, room for the new tokens is taken on the disk, and the file is replaced once by
///   what it holds already. So a full disk, a limit or a missing right is found before the refresh
///   token is used up. A file system that writes to another place than it has given room in can still
///   run full.
/// - On Unix the file has mode 0600. A file that other users can read or write is not used, because
///   they may have read the tokens or have put in tokens of their own. On a file system that cannot
///   keep them out, nothing is saved.
/// - The lock is an advisory lock on a second file beside it, `NAME.lock`, which is never removed.
///   The operating system releases the lock when its process dies.
/// - Symbolic links are followed once, before the file is first used. A link and the file that it
///   leads to are one session with one lock. Hard links are not: a save parts them.
///
/// If the folder does not exist it is made, accessible to its owner only. Do not use a folder that
/// other users can write to. On a network file system, the lock works as well as that file system's
/// locks do. Processes that see the file in different folders, such as two containers into which it
/// is mounted by itself, have different locks; mount the folder instead.
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
    accept_no_locks: bool,
    /// The lock among clones, also where the file system has none.
    turn: Arc<Mutex<()>>,
}

/// The lock of a [`FileTokenStore`].
#[derive(Debug)]
pub struct FileTokenStoreLock {
    /// Dropped before the locks are: it removes the temporary file.
    prepared: Option<Saving>,
    locks: Arc<Locks>,
}

/// Work on the disk goes on if its caller is cancelled, so it holds these too.
#[derive(Debug)]
struct Locks {
    #[expect(dead_code, reason = "closing the file releases its lock")]
    file: File,
    #[expect(dead_code, reason = "held")]
    turn: OwnedMutexGuard<()>,
}

impl FileTokenStore {
    /// A store that keeps the tokens in the file `path`. Nothing is read or written yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            disk: Arc::new(Disk::new(path.into())),
            patience: DEFAULT_PATIENCE,
            accept_no_locks: false,
            turn: Arc::default(),
        }
    }

    /// How long to wait for a lock that another process holds. Default: 60 s. A lock that is free is
    /// taken however slow the disk is.
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

    /// Goes on without a lock where the file system has none.
    ///
    /// Without this, nothing is refreshed there, and the error says that the lock cannot be had. With
    /// it, only the clones of this value refresh one at a time. If two processes use the file, or two
    /// values of this type, both may present the same refresh token. Most servers take that for a
    /// theft and end the session.
    #[must_use]
    pub fn danger_accept_missing_locks(self) -> Self {
        Self {
            accept_no_locks: true,
            ..self
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
        let waiting = Instant::now();
        let turn = time::timeout(self.patience, Arc::clone(&self.turn).lock_owned());
        let turn = turn.await.map_err(|_| Kind::Busy)?;
        let mut file = self.on_disk(Disk::open_lock).await?;
        // Again and again, because a blocking call that waits for the lock could not be cancelled.
        loop {
            let (same, tried) = blocking(move || {
                let tried = file.try_lock();
                Ok((file, tried))
            })
            .await?;
            file = same;
            match tried {
                Ok(()) => break,
                Err(TryLockError::Error(_)) if self.accept_no_locks => break,
                Err(TryLockError::Error(error)) => {
                    return Err(unavailable(error).in_file(self.disk.path()));
                }
                Err(TryLockError::WouldBlock) if waiting.elapsed() >= self.patience => {
                    return Err(Kind::Busy.into());
                }
                Err(TryLockError::WouldBlock) => {
                    time::sleep(POLL.mul_f64(0.5 + 0.5 * random())).await;
                }
            }
        }
        Ok(FileTokenStoreLock {
            prepared: None,
            locks: Arc::new(Locks { file, turn }),
        })
    }

    async fn load(&self) -> Result<Option<SavedTokens>, TokenStoreError> {
        self.on_disk(Disk::read).await
    }

    async fn prepare(
        &self,
        lock: &mut FileTokenStoreLock,
        bytes: usize,
    ) -> Result<(), TokenStoreError> {
        let (before, locks) = (lock.prepared.take(), Arc::clone(&lock.locks));
        let prepare = move |disk: &Disk| {
            drop(before);
            Ok((disk.prepare(bytes)?, locks))
        };
        let (prepared, _) = self.on_disk(prepare).await?;
        lock.prepared = Some(prepared);
        Ok(())
    }

    async fn save(
        &self,
        lock: &mut FileTokenStoreLock,
        tokens: &SavedTokens,
    ) -> Result<(), TokenStoreError> {
        let (prepared, locks) = (lock.prepared.take(), Arc::clone(&lock.locks));
        let tokens = tokens.clone();
        let save = move |disk: &Disk| {
            let _locks = locks;
            disk.write(prepared, &tokens)
        };
        self.on_disk(save).await
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
