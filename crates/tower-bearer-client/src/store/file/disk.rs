//! The token file and its lock file on the disk. All functions block.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use crate::store::{
    error::{TokenStoreError, TokenStoreErrorKind as Kind},
    saved::SavedTokens,
};

/// A larger file is not read. No pair of tokens needs as much.
const MAX_BYTES: u64 = 256 * 1024;

#[derive(Clone, Debug)]
pub(crate) struct Disk {
    path: PathBuf,
    pub(crate) accept_exposed: bool,
}

impl Disk {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            accept_exposed: false,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn read(&self) -> Result<Option<SavedTokens>, TokenStoreError> {
        let opened = require_file(fs::metadata(&self.path)).and_then(|()| File::open(&self.path));
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        // The permissions of the open file: the path may lead to another one by now.
        if !self.accept_exposed && is_exposed(&file).map_err(unavailable)? {
            return Err(Kind::Exposed.into());
        }
        let mut text = Zeroizing::new(Vec::new());
        let read = file.take(MAX_BYTES + 1).read_to_end(&mut text);
        let bytes = read.map_err(unavailable)?;
        if u64::try_from(bytes).is_ok_and(|bytes| bytes > MAX_BYTES) {
            return Err(Kind::Corrupt.into());
        }
        // The parser's error is left out, because it quotes the text.
        let tokens = serde_json::from_slice(&text).map_err(|_| Kind::Corrupt)?;
        Ok(Some(tokens))
    }

    /// Has to be called under the lock, because the temporary file has a fixed name. So a crash
    /// leaves one at most.
    pub(crate) fn write(&self, tokens: &SavedTokens) -> Result<(), TokenStoreError> {
        let text = serde_json::to_vec(tokens).map(Zeroizing::new);
        let text = text.map_err(|_| Kind::Unavailable)?;
        let temporary = self.beside(".tmp");
        let written = self
            .make_folder()
            .and_then(|()| write_new(&temporary, &text))
            .and_then(|()| fs::rename(&temporary, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
            .and_then(|()| self.sync_folder())
            .map_err(unavailable)
    }

    pub(crate) fn remove(&self) -> Result<(), TokenStoreError> {
        match fs::remove_file(&self.path) {
            Ok(()) => self.sync_folder().map_err(unavailable),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The lock is on a file of its own that is never removed. The token file cannot be locked,
    /// because each save replaces it by another file.
    pub(crate) fn open_lock(&self) -> Result<File, TokenStoreError> {
        let path = self.beside(".lock");
        let mut options = private();
        options.create(true).truncate(false);
        let there =
            self.make_folder()
                .and_then(|()| match require_file(fs::symlink_metadata(&path)) {
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                    there => there,
                });
        there
            .and_then(|()| options.open(&path))
            .map_err(unavailable)
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(suffix);
        name.into()
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        }
    }

    fn make_folder(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(self.folder())
    }

    /// Makes sure that the rename has reached the disk too.
    fn sync_folder(&self) -> io::Result<()> {
        if cfg!(unix) {
            File::open(self.folder())?.sync_all()?;
        }
        Ok(())
    }
}

/// An error unless it is a plain file. To open a named pipe would block until someone opens its
/// other end.
fn require_file(found: io::Result<fs::Metadata>) -> io::Result<()> {
    match found?.is_file() {
        true => Ok(()),
        false => Err(io::Error::other("what is there is not a plain file")),
    }
}

/// Writes a new file. One that is there already is removed first, and not written into.
fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private().create_new(true).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// Options to open a file for writing. A new file is readable by its owner only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn is_exposed(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

/// On other systems the access rights of the folder apply, which the user's profile sets.
#[cfg(not(unix))]
fn is_exposed(_file: &File) -> io::Result<bool> {
    Ok(false)
}

pub(crate) fn unavailable(error: io::Error) -> TokenStoreError {
    TokenStoreError::with_source(Kind::Unavailable, error)
}
