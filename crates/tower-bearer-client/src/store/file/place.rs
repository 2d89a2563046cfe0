//! Where the token file is. All functions block.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File},
    io::{self, ErrorKind},
    path::{self, Path, PathBuf},
};

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

/// The token file and what lies beside it, by paths without links.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    /// A save writes here first.
    pub(crate) temporary: PathBuf,
    pub(crate) lock: PathBuf,
}

impl Place {
    /// Follows links, so that a link and the file that it leads to are one session with one lock.
    ///
    /// The folder has to be there. The file need not be.
    pub(crate) fn find(path: &Path) -> io::Result<Self> {
        let path = follow(path)?;
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
        let file = folder(&path).canonicalize()?.join(name);
        let beside = |suffix: &str| {
            let mut name = OsString::from(&file);
            name.push(suffix);
            PathBuf::from(name)
        };
        Ok(Self {
            temporary: beside(".tmp"),
            lock: beside(".lock"),
            file,
        })
    }

    /// The same, and makes the folder if it is not there.
    pub(crate) fn find_or_make(path: &Path) -> io::Result<Self> {
        match Self::find(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_folder(folder(&follow(path)?))?;
                Self::find(path)
            }
            found => found,
        }
    }

    /// Makes the folder anew if somebody has removed it.
    pub(crate) fn make_folder(&self) -> io::Result<()> {
        make_folder(folder(&self.file))
    }

    /// Makes sure that what was renamed or removed is so on the disk too.
    pub(crate) fn sync_folder(&self) -> io::Result<()> {
        if cfg!(unix) {
            File::open(folder(&self.file))?.sync_all()?;
        }
        Ok(())
    }
}

/// Where the last of the path's names leads to.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path::absolute(path)?;
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = folder(&path).join(next),
            // It is no link, or there is nothing.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("the path is a circle of symbolic links"))
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// Accessible to its owner only.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
