//! The file, its lock, and the file that takes its place.

use std::{
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf, absolute},
    thread,
    time::{Duration, Instant},
};

use super::{
    failure::Failure,
    format::{self, LARGEST, Rings},
};

/// The pause between two attempts to get the lock.
const PAUSE: Duration = Duration::from_millis(2);

pub(super) struct Place {
    pub(super) file: PathBuf,
    /// A file of its own, as the other is replaced with each write. It stays: who removed it could remove one that
    /// another process is about to lock.
    lock: PathBuf,
    /// What is about to take the place of the file.
    next: PathBuf,
    folder: PathBuf,
}

/// The lock, which is given back as it is dropped.
pub(super) struct Locked {
    _file: File,
}

impl Place {
    pub(super) fn new(file: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::Io("it is no path of a file", error);
        let file = absolute(file).map_err(failed)?;
        let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
            return Err(Failure::Folder);
        };
        let beside = |suffix: &str| {
            let mut name = OsString::from(name);
            name.push(suffix);
            folder.join(name)
        };
        Ok(Self {
            lock: beside(".lock"),
            next: beside(".new"),
            folder: folder.to_owned(),
            file,
        })
    }

    /// What the file has. None is there before the first write.
    pub(super) fn read(&self) -> Result<Rings, Failure> {
        let failed = |error| Failure::Io("it cannot be read", error);
        if look(&self.file)?.is_none() {
            return self.check_folder().map(|()| Rings::new());
        }
        let mut bytes = Vec::new();
        let most = u64::try_from(LARGEST).unwrap_or(u64::MAX);
        let file = File::open(&self.file).map_err(failed)?;
        file.take(most.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        match bytes.len() {
            0..=LARGEST => format::decode(&bytes),
            _ => Err(Failure::Foreign),
        }
    }

    fn check_folder(&self) -> Result<(), Failure> {
        match fs::metadata(&self.folder) {
            Ok(folder) if folder.is_dir() => Ok(()),
            Ok(_) => Err(Failure::NoFolder),
            Err(error) if is_missing(&error) => Err(Failure::NoFolder),
            Err(error) => Err(Failure::Io("its folder cannot be read", error)),
        }
    }

    /// Keeps others from writing, also those in this process.
    pub(super) fn lock(&self, deadline: Instant) -> Result<Locked, Failure> {
        let failed = |error| Failure::Io("its lock cannot be made or taken", error);
        self.check_folder()?;
        loop {
            look(&self.lock)?;
            let lock = options().create(true).open(&self.lock).map_err(failed)?;
            match lock.try_lock() {
                Ok(()) if self.is_lock(&lock) => return Ok(Locked { _file: lock }),
                // Somebody has removed it since it was opened.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            if Instant::now() >= deadline {
                return Err(Failure::Locked);
            }
            thread::sleep(PAUSE);
        }
    }

    /// Whether this is the file that others would lock.
    #[cfg(unix)]
    fn is_lock(&self, lock: &File) -> bool {
        use std::os::unix::fs::MetadataExt as _;

        let identity = |file: Metadata| (file.dev(), file.ino());
        let (named, held) = (fs::symlink_metadata(&self.lock), lock.metadata());
        let (Ok(named), Ok(held)) = (named, held) else {
            return false;
        };
        identity(named) == identity(held)
    }

    /// A file that is open cannot be removed.
    #[cfg(not(unix))]
    fn is_lock(&self, _: &File) -> bool {
        true
    }

    /// Puts a new file in the place of the old one, or leaves the old one as it is.
    pub(super) fn write(&self, rings: &Rings, _: &Locked) -> Result<(), Failure> {
        let bytes = format::encode(rings)?;
        let written = self.prepare(&bytes).and_then(|()| {
            look(&self.file)?;
            let replaced = fs::rename(&self.next, &self.file);
            replaced.map_err(|error| Failure::Io("it cannot be replaced", error))
        });
        if written.is_err() {
            // It would only take room. The next write removes it too.
            let _ = fs::remove_file(&self.next);
        }
        written?;
        self.sync_folder()
            .map_err(|error| Failure::Io("its folder cannot be synced to the disk", error))
    }

    /// Writes the next file, and waits until the disk has it.
    fn prepare(&self, bytes: &[u8]) -> Result<(), Failure> {
        let failed = |error| Failure::Io("no new file can be written in its folder", error);
        self.remove_next().map_err(failed)?;
        let mut next = options()
            .create_new(true)
            .open(&self.next)
            .map_err(failed)?;
        next.write_all(bytes).map_err(failed)?;
        next.sync_all().map_err(failed)
    }

    /// Makes sure that a file could be written here.
    pub(super) fn try_out(&self, _: &Locked) -> Result<(), Failure> {
        self.prepare(&[])?;
        let removed = self.remove_next();
        removed.map_err(|error| Failure::Io("no file can be removed in its folder", error))
    }

    /// What a process that was killed may have left.
    fn remove_next(&self) -> io::Result<()> {
        match fs::remove_file(&self.next) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The name of a file is in its folder, which the disk has to have as well.
    #[cfg(unix)]
    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    #[cfg(not(unix))]
    fn sync_folder(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether there is a plain file of this name. It is an error if there is something else.
fn look(path: &Path) -> Result<Option<Metadata>, Failure> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(found)),
        Ok(found) if found.is_dir() => Err(Failure::Folder),
        Ok(found) if found.is_symlink() => Err(Failure::Link),
        Ok(_) => Err(Failure::Special),
        // Whether its folder is there is looked at where that matters.
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(Failure::Io("it cannot be read", error)),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// How files are opened to be written. New ones are their owner's alone.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
