//! What is done to the disk. All of it blocks.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::unavailable;
use crate::store::{SavedTokens, TokenStoreError, TokenStoreErrorKind as Kind};

/// More than any pair of tokens.
const MAX_BYTES: u64 = 256 * 1024;

#[derive(Clone, Debug)]
pub(super) struct Disk {
    path: PathBuf,
    pub(super) accept_exposed: bool,
}

impl Disk {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            accept_exposed: false,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn read(&self) -> Result<Option<SavedTokens>, TokenStoreError> {
        let opened = require_file(fs::metadata(&self.path)).and_then(|()| File::open(&self.path));
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        // Of the open file, not of the path, which may lead elsewhere by now.
        if !self.accept_exposed && is_exposed(&file).map_err(unavailable)? {
            return Err(Kind::Exposed.into());
        }
        let mut text = Zeroizing::new(Vec::new());
        let read = file.take(MAX_BYTES + 1).read_to_end(&mut text);
        let bytes = read.map_err(unavailable)?;
        if u64::try_from(bytes).is_ok_and(|bytes| bytes > MAX_BYTES) {
            return Err(Kind::Corrupt.into());
        }
        // The parser's error is left out: it quotes what it stumbled over.
        let tokens = serde_json::from_slice(&text).map_err(|_| Kind::Corrupt)?;
        Ok(Some(tokens))
    }

    /// Done under the lock: the temporary file has one name, so that none piles up.
    pub(super) fn write(&self, tokens: &SavedTokens) -> Result<(), TokenStoreError> {
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

    pub(super) fn remove(&self) -> Result<(), TokenStoreError> {
        match fs::remove_file(&self.path) {
            Ok(()) => self.sync_folder().map_err(unavailable),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// A file of its own, which stays: the tokens' file is another one after each save, and a
    /// lock on one that is gone excludes nobody.
    pub(super) fn open_lock(&self) -> Result<File, TokenStoreError> {
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

    /// So that the rename is on the disk too.
    fn sync_folder(&self) -> io::Result<()> {
        if cfg!(unix) {
            File::open(self.folder())?.sync_all()?;
        }
        Ok(())
    }
}

/// Whether it is a plain file. Opening a pipe would wait for its other end, for ever.
fn require_file(found: io::Result<fs::Metadata>) -> io::Result<()> {
    match found?.is_file() {
        true => Ok(()),
        false => Err(io::Error::other("what is there is not a plain file")),
    }
}

/// Writes a file that did not exist, whatever lay or was put there before.
fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private().create_new(true).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// For writing, and for the owner only.
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

/// Elsewhere the folder's access rights apply, which the user's profile sets.
#[cfg(not(unix))]
fn is_exposed(_file: &File) -> io::Result<bool> {
    Ok(false)
}
