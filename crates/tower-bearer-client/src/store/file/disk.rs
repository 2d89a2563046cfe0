//! The token file and its lock file on the disk. All functions block.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Seek},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use zeroize::Zeroizing;

use crate::store::{
    error::{TokenStoreError, TokenStoreErrorKind as Kind},
    file::{
        place::Place,
        saving::{self, Saving, private},
    },
    saved::SavedTokens,
};

/// A larger file is neither read nor written. No pair of tokens needs as much.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// How often a file is read that another process is writing at the moment.
const LOOKS: usize = 5;

#[derive(Clone, Debug)]
pub(crate) struct Disk {
    path: PathBuf,
    /// Where the path leads to. It is found once, so that a session stays where it is.
    place: OnceLock<Place>,
    pub(crate) accept_exposed: bool,
}

impl Disk {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            place: OnceLock::new(),
            accept_exposed: false,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the token file says. If it is no JSON, a save in place is under way, or was cut off:
    /// then the temporary file holds what that save writes.
    pub(crate) fn read(&self) -> Result<Option<SavedTokens>, TokenStoreError> {
        let place = match self.place() {
            Ok(place) => place,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        for _ in 0..LOOKS {
            let Some(text) = self.text(&place.file)? else {
                return Ok(None);
            };
            let temporary = || parse(&self.text(&place.temporary).ok().flatten()?);
            if let Some(tokens) = parse(&text).or_else(temporary) {
                return Ok(tokens);
            }
        }
        Err(Kind::Corrupt.into())
    }

    /// Makes sure that so many bytes can be saved. Has to be called under the lock.
    pub(crate) fn prepare(&self, bytes: usize) -> Result<Saving, TokenStoreError> {
        let bytes = limited(bytes)?;
        let place = self.mended()?;
        // What cannot be read is no obstacle: a sign-in replaces it.
        let text = self.text(&place.file).ok().flatten();
        let text = text.as_ref().map(|text| text.as_slice());
        Saving::prepare(place, text, bytes, self.accept_exposed).map_err(unavailable)
    }

    /// Has to be called under the lock.
    pub(crate) fn write(
        &self,
        prepared: Option<Saving>,
        tokens: &SavedTokens,
    ) -> Result<(), TokenStoreError> {
        let text = serde_json::to_vec(tokens).map(Zeroizing::new);
        let text = text.map_err(|_| Kind::Unavailable)?;
        limited(text.len())?;
        // What was prepared may be gone: somebody has tidied up and removed the temporary file.
        if prepared.is_some_and(|prepared| prepared.commit(&text).is_ok()) {
            return Ok(());
        }
        let saving = Saving::new(self.mended()?, self.accept_exposed);
        saving
            .and_then(|saving| saving.commit(&text))
            .map_err(unavailable)
    }

    pub(crate) fn remove(&self) -> Result<(), TokenStoreError> {
        let place = match self.place() {
            Ok(place) => place,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unavailable(error)),
        };
        let was_there = match saving::remove(&place.file) {
            Ok(was_there) => was_there,
            Err(error) => {
                return saving::blot_out(place, b"null").map_err(|_| unavailable(error));
            }
        };
        // A save that was cut off has left tokens there.
        match saving::remove(&place.temporary) {
            Ok(was_left) if was_there || was_left => place.sync_folder().map_err(unavailable),
            Ok(_) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The lock is on a file of its own that is never removed. The token file cannot be locked,
    /// because each save replaces it by another file.
    pub(crate) fn open_lock(&self) -> Result<File, TokenStoreError> {
        let place = self.place_or_make().map_err(unavailable)?;
        let mut options = private();
        options.create(true).truncate(false);
        require_file_or_nothing(fs::symlink_metadata(&place.lock))
            .and_then(|()| options.open(&place.lock))
            .map_err(unavailable)
    }

    fn place(&self) -> io::Result<&Place> {
        match self.place.get() {
            Some(place) => Ok(place),
            None => Place::find(&self.path).map(|place| self.place.get_or_init(|| place)),
        }
    }

    fn place_or_make(&self) -> io::Result<&Place> {
        let place = match self.place.get() {
            Some(place) => place,
            None => {
                Place::find_or_make(&self.path).map(|place| self.place.get_or_init(|| place))?
            }
        };
        place.make_folder()?;
        Ok(place)
    }

    /// The place, where no save is left half done.
    fn mended(&self) -> Result<&Place, TokenStoreError> {
        let place = self.place_or_make().map_err(unavailable)?;
        require_file_or_nothing(fs::metadata(&place.file)).map_err(unavailable)?;
        if let Ok(Some(text)) = self.text(&place.file)
            && parse(&text).is_none()
            && let Some(text) = self.left_over(place)?
            && parse(&text).is_some()
        {
            saving::resume(place, &text).map_err(unavailable)?;
        }
        Ok(place)
    }

    /// What a save that was cut off has left in the temporary file. It is an error if that cannot be
    /// read now, because the only tokens may be there and the next save would remove them.
    fn left_over(&self, place: &Place) -> Result<Option<Zeroizing<Vec<u8>>>, TokenStoreError> {
        match self.text(&place.temporary) {
            Err(error) if error.kind() == Kind::Unavailable => Err(error),
            text => Ok(text.ok().flatten()),
        }
    }

    /// The text of a file, or `None` if there is no such file.
    fn text(&self, path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, TokenStoreError> {
        let opened = require_file(fs::metadata(path)).and_then(|()| File::open(path));
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        // The permissions of the open file: the path may lead to another one by now.
        if !self.accept_exposed && saving::is_exposed(&file).map_err(unavailable)? {
            return Err(Kind::Exposed.into());
        }
        // A file that is written in place may change while it is read.
        let mut text = read(&file)?;
        for _ in 0..LOOKS {
            let again = read(&file)?;
            if again == text {
                break;
            }
            text = again;
        }
        Ok(Some(text))
    }
}

/// What a text says, if it is whole: `null` is that there are no tokens. The parser's error is left
/// out, because it quotes the text.
fn parse(text: &[u8]) -> Option<Option<SavedTokens>> {
    serde_json::from_slice(text).ok()
}

fn read(mut file: &File) -> Result<Zeroizing<Vec<u8>>, TokenStoreError> {
    let mut text = Zeroizing::new(Vec::new());
    file.rewind().map_err(unavailable)?;
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut text);
    if u64::try_from(read.map_err(unavailable)?).is_ok_and(|bytes| bytes > MAX_BYTES) {
        return Err(Kind::Corrupt.into());
    }
    Ok(text)
}

/// An error if a file of so many bytes could not be read again.
fn limited(bytes: usize) -> Result<u64, TokenStoreError> {
    match u64::try_from(bytes) {
        Ok(bytes) if bytes <= MAX_BYTES => Ok(bytes),
        _ => Err(unavailable(ErrorKind::FileTooLarge.into())),
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

fn require_file_or_nothing(found: io::Result<fs::Metadata>) -> io::Result<()> {
    match require_file(found) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        there => there,
    }
}

pub(crate) fn unavailable(error: io::Error) -> TokenStoreError {
    TokenStoreError::with_source(Kind::Unavailable, error)
}
