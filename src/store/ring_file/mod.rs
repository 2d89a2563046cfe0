//! [`FileRingStore`]: key rings in a file.

mod failure;
mod format;
mod place;
#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::Mutex,
    task::spawn_blocking,
    time::{Instant, timeout, timeout_at},
};

use self::{failure::Failure, place::Place};
use super::{
    LoadedRing, OpenError, OpenErrorKind, RingStore, SealedRing, StoreError, StoreErrorKind, Swap,
};
use crate::{
    clock::{Clock, SystemClock},
    error::BoxError,
};

/// How long a call may take by default.
const TIMEOUT: Duration = Duration::from_secs(5);
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// How much longer the disk may take than a call may wait for others.
const GRACE: Duration = Duration::from_secs(1);

/// Keeps key rings in a file, for services of one machine that have no database.
///
/// Any number of processes on the machine may share the file, as the same user, and the machine's clock is the
/// store's clock. The file must be on a local disk: locks of network file systems are not to be relied on.
/// Where there is a database, keep the ring there: the stores of sessions are [`RingStore`]s too.
///
/// ```no_run
/// use tower_bearer::store::{FileRingStore, OpenError};
///
/// # async fn example() -> Result<(), OpenError> {
/// let ring = FileRingStore::open("/var/lib/app/keys.ring").await?;
/// # let _ = ring;
/// # Ok(())
/// # }
/// ```
///
/// # Files
///
/// | file | |
/// | --- | --- |
/// | `keys.ring` | all rings, 4 MiB at most; usually a few kilobytes |
/// | `keys.ring.lock` | empty; locked while a process writes. Leave it where it is |
/// | `keys.ring.new` | there while a process writes. What a killed process has left of it is removed by the next write |
///
/// On Unix, only their owner can read the files. The folder has to be there, and the process has to be allowed to make
/// files in it. No file may be a symbolic link, since a write would put a file in the place of the link.
///
/// Before the first write there is no file, and that is no error. So make sure that the folder is the right one
/// and its disk is mounted before the service starts: in an empty folder, new keys are made, and the tokens of the old
/// ones are refused.
///
/// # What is kept after a failure
///
/// A write makes a new file, waits until the disk has it, gives it the name of the old one, and waits until the disk
/// has that too.
///
/// | what happens | the rings |
/// | --- | --- |
/// | the process is killed, or power is cut | everything that was acknowledged is kept, unless the disk reports writes too early. A write that was under way is kept whole or not at all |
/// | the disk is full or fails, or a right is missing | are as before the write, which fails; only where the folder alone cannot be synced, later loads see the write that failed |
/// | the file is cut off or changed | are not read: the error says so, until a copy is put back |
/// | an older copy is put back | are those of the copy; servers that run write back what they know of a [key ring](crate::ring) |
///
/// On Windows, the name of the file may reach the disk a little later than the file.
///
/// # Errors of the operations
///
/// | [kind](StoreErrorKind) | where |
/// | --- | --- |
/// | `Busy` | another process or call kept the file locked for longer than the [timeout](Self::with_timeout) |
/// | `Timeout` | the disk did not answer in time. A write may happen later all the same |
/// | `Unavailable` | the disk is full or fails, the folder or a right is missing, or the file is a folder or a symbolic link |
/// | `Corrupt` | the file is damaged or not whole, of another program, or of a newer version of this crate |
/// | `Unstorable` | the file would have more than 4 MiB, or a name is empty or has more than 256 bytes |
#[derive(Clone)]
pub struct FileRingStore {
    place: Arc<Place>,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    /// One thread at a time waits for the disk or for the lock of another process, and one for loads, which wait
    /// for no lock.
    writes: Arc<Mutex<()>>,
    loads: Arc<Mutex<()>>,
}

impl FileRingStore {
    /// Keeps rings in the file at this path, which need not be there yet. Its folder has to.
    ///
    /// # Errors
    ///
    /// If the folder is missing or no file can be made there, the path leads to a folder, a symbolic link or anything
    /// else that is no plain file, another process keeps the file locked for 5 seconds, the disk does not answer, or the
    /// file is damaged, of another program or of a newer version of this crate.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let path = path.into();
        let deadline = std::time::Instant::now() + TIMEOUT;
        let opened = spawn_blocking(move || {
            let place = Place::new(&path)?;
            place.read()?;
            let locked = place.lock(deadline)?;
            place.try_out(&locked)?;
            Ok::<_, Failure>(place)
        });
        let silent = |error: BoxError| {
            OpenError::new(OpenErrorKind::Unreachable, "its disk does not answer")
                .with_source(error)
        };
        let opened = timeout(TIMEOUT + GRACE, opened).await;
        let opened = opened.map_err(|elapsed| silent(elapsed.into()))?;
        let place = opened.map_err(|error| silent(error.into()))??;
        Ok(Self {
            place: Arc::new(place),
            clock: Arc::new(SystemClock),
            timeout: TIMEOUT,
            writes: Arc::default(),
            loads: Arc::default(),
        })
    }

    /// Takes the time from `clock` instead of the system's clock. All processes that share the file must use the
    /// same clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How long a call may wait for others that write, 5 seconds by default, at least 10 milliseconds, and at most an
    /// hour. The disk may take a second more.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(SHORTEST, LONGEST);
        self
    }

    /// Does the work in a thread of its own, which goes on to the end even if the caller is cancelled. Until then it
    /// keeps its turn, so that a disk that does not answer keeps no more than one thread.
    async fn run<T: Send + 'static>(
        &self,
        turns: &Arc<Mutex<()>>,
        work: impl FnOnce(&Place, std::time::Instant) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + self.timeout;
        let turn = timeout_at(deadline, Arc::clone(turns).lock_owned()).await;
        let turn = turn.map_err(|_| Failure::Locked)?;
        let place = Arc::clone(&self.place);
        let working = spawn_blocking(move || {
            let outcome = work(&place, deadline.into_std());
            drop(turn);
            outcome
        });
        match timeout_at(deadline + GRACE, working).await {
            Ok(Ok(outcome)) => Ok(outcome?),
            Ok(Err(error)) => Err(StoreError::with_source(StoreErrorKind::Unavailable, error)),
            Err(elapsed) => Err(StoreError::with_source(StoreErrorKind::Timeout, elapsed)),
        }
    }
}

impl fmt::Debug for FileRingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileRingStore")
            .field("file", &self.place.file)
            .finish_non_exhaustive()
    }
}

impl RingStore for FileRingStore {
    async fn load_ring(&self, name: &str) -> Result<LoadedRing, StoreError> {
        let read = self.run(&self.loads, |place, _| place.read());
        let ring = read.await?.remove(name);
        Ok(LoadedRing::new(ring, self.clock.now()))
    }

    async fn swap_ring(
        &self,
        name: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> Result<Swap, StoreError> {
        if !(1..=SealedRing::LONGEST_NAME).contains(&name.len()) {
            return Err(Failure::Full.into());
        }
        let (name, next) = (name.to_owned(), next.clone());
        let swap = move |place: &Place, deadline| {
            let locked = place.lock(deadline)?;
            let mut rings = place.read()?;
            if rings.get(&name).map(SealedRing::version) != expected {
                return Ok(Swap::Lost);
            }
            rings.insert(name, next);
            place.write(&rings, &locked)?;
            Ok(Swap::Swapped)
        };
        self.run(&self.writes, swap).await
    }
}
