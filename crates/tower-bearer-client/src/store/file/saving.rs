//! How tokens get into the token file. All functions block, and have to be called under the lock,
//! because the temporary file has a fixed name.
//!
//! 1. The new text is written to the temporary file and synced.
//! 2. The temporary file is renamed over the token file. Readers see the old tokens or the new ones,
//!    and so does whoever comes after a crash.
//! 3. Where that is not possible, because the token file is a mount point for example, the text is
//!    written into the token file itself, and the temporary file is removed after that. While it is
//!    written, the token file is no JSON. Whoever finds it so, also after a crash, reads the
//!    temporary file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::Path,
};

use crate::store::file::place::Place;

/// Stands in the place of the first byte while a file is written. No JSON begins with it.
const BROKEN: &[u8] = b"#";

/// A save for which there is room, and whose way to the token file is known to be open.
#[derive(Debug)]
pub(crate) struct Saving {
    place: Place,
    /// The temporary file, open for writing.
    file: File,
    padded: Option<Padded>,
    /// Whether tokens are written where other users can read them.
    accept_exposed: bool,
    /// Whether nothing is to be put back any more if the save goes no further.
    is_past: bool,
}

/// A token file that cannot be replaced, with spaces behind the tokens where new ones fit in.
#[derive(Debug)]
struct Padded {
    file: File,
    len: u64,
}

impl Saving {
    /// Without looking for room.
    pub(crate) fn new(place: &Place, accept_exposed: bool) -> io::Result<Self> {
        place.make_folder()?;
        let saving = Self {
            file: create(&place.temporary)?,
            place: place.clone(),
            padded: None,
            accept_exposed,
            is_past: false,
        };
        if !accept_exposed {
            require_private(&saving.file)?;
        }
        Ok(saving)
    }

    /// Makes sure that there is room for `bytes`, and that `text`, which is in the token file, can
    /// be replaced: by replacing it with itself.
    pub(crate) fn prepare(
        place: &Place,
        text: Option<&[u8]>,
        bytes: u64,
        accept_exposed: bool,
    ) -> io::Result<Self> {
        let is_replaceable = match text {
            Some(text) => rehearse(place, text, accept_exposed)?,
            None => true,
        };
        let mut saving = Self::new(place, accept_exposed)?;
        fill(&mut saving.file, 0, bytes, 0)?;
        if !is_replaceable {
            let mut file = OpenOptions::new().write(true).open(&place.file)?;
            let len = file.metadata()?.len();
            // Before it is filled, so that it is cut again where the disk is full.
            let padded = saving.padded.insert(Padded {
                file: file.try_clone()?,
                len,
            });
            fill(&mut file, padded.len, bytes, b' ')?;
        }
        Ok(saving)
    }

    /// Saves the text. A token file that others can use becomes the owner's only.
    pub(crate) fn commit(mut self, text: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(text)?;
        finish(&self.file, text)?;
        match fs::rename(&self.place.temporary, &self.place.file) {
            Ok(()) => {
                self.is_past = true;
                return self.place.sync_folder();
            }
            // Somebody has removed the temporary file, and a crash in step 3 would need it.
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        let mut target = OpenOptions::new().write(true).open(&self.place.file)?;
        let made_private = make_private(&target);
        if !self.accept_exposed {
            made_private?;
        }
        self.place.sync_folder()?;
        self.is_past = true;
        overwrite(&mut target, text)?;
        fs::remove_file(&self.place.temporary)?;
        self.place.sync_folder()
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        if self.is_past {
            return;
        }
        let _ = fs::remove_file(&self.place.temporary);
        if let Some(padded) = &self.padded {
            let _ = padded.file.set_len(padded.len);
        }
    }
}

/// Goes on with a save in place that was cut off: `text` is what the temporary file holds.
pub(crate) fn resume(place: &Place, text: &[u8]) -> io::Result<()> {
    if fs::rename(&place.temporary, &place.file).is_err() {
        let mut target = OpenOptions::new().write(true).open(&place.file)?;
        overwrite(&mut target, text)?;
        fs::remove_file(&place.temporary)?;
    }
    place.sync_folder()
}

/// Puts a text into a token file that can be neither replaced nor removed, where nothing has to be
/// kept.
pub(crate) fn blot_out(place: &Place, text: &[u8]) -> io::Result<()> {
    remove(&place.temporary)?;
    place.sync_folder()?;
    overwrite(&mut OpenOptions::new().write(true).open(&place.file)?, text)
}

/// Whether the token file can be replaced. Its permissions stay: a file that others can use is not
/// to look as if they could not.
fn rehearse(place: &Place, text: &[u8], accept_exposed: bool) -> io::Result<bool> {
    let mut saving = Saving::new(place, accept_exposed)?;
    saving.file.write_all(text)?;
    saving
        .file
        .set_permissions(fs::metadata(&place.file)?.permissions())?;
    finish(&saving.file, text)?;
    let is_replaceable = fs::rename(&place.temporary, &place.file).is_ok();
    if is_replaceable {
        saving.is_past = true;
        place.sync_folder()?;
    }
    Ok(is_replaceable)
}

/// Writes a text over another one. In between, the file is no JSON, also on the disk.
fn overwrite(file: &mut File, text: &[u8]) -> io::Result<()> {
    let Some((first, rest)) = text.split_first() else {
        return Err(ErrorKind::InvalidInput.into());
    };
    file.seek(SeekFrom::Start(0))?;
    file.write_all(BROKEN)?;
    file.sync_data()?;
    file.write_all(rest)?;
    finish(file, text)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(std::slice::from_ref(first))?;
    file.sync_all()
}

/// Cuts off what is behind the text, and waits for the disk.
fn finish(file: &File, text: &[u8]) -> io::Result<()> {
    file.set_len(u64::try_from(text.len()).unwrap_or(u64::MAX))?;
    file.sync_all()
}

/// Makes a file `bytes` long, so that so many can be written later.
fn fill(file: &mut File, len: u64, bytes: u64, with: u8) -> io::Result<()> {
    let missing = bytes.saturating_sub(len);
    file.seek(SeekFrom::Start(len))?;
    io::copy(&mut io::repeat(with).take(missing), file)?;
    file.sync_all()
}

/// Makes a new file. One that is there already is removed first, and not written into.
fn create(path: &Path) -> io::Result<File> {
    remove(path)?;
    private().create_new(true).open(path)
}

/// Removes a file, and tells whether there was one.
pub(crate) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Options to open a file for writing. A new file is readable by its owner only.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
pub(crate) fn is_exposed(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

/// On other systems the access rights of the folder apply, which the user's profile sets.
#[cfg(not(unix))]
pub(crate) fn is_exposed(_file: &File) -> io::Result<bool> {
    Ok(false)
}

/// There are file systems on which each file is everyone's, whatever mode it was given.
fn require_private(file: &File) -> io::Result<()> {
    match is_exposed(file)? {
        true => Err(io::Error::other("no file is its owner's only here")),
        false => Ok(()),
    }
}

#[cfg(unix)]
fn make_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if is_exposed(file)? {
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    require_private(file)
}

#[cfg(not(unix))]
fn make_private(_file: &File) -> io::Result<()> {
    Ok(())
}
