//! The two keys: one signs access tokens, the other refresh tokens. Neither may stand in for
//! the other.
//!
//! What the environment does not name is made on the first start, kept beside the database
//! for its owner only, and read again later: sessions outlive a restart.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tower_bearer::{Algorithm, SigningKey, session::RefreshKey};

use super::config::{Config, StartError, Store};

/// The key that signs access tokens.
pub(crate) fn access(config: &Config) -> Result<SigningKey, StartError> {
    let algorithm = config.access_alg;
    let make = || SigningKey::generate(algorithm).map_err(|e| StartError::new("access key", &e));
    if let Some(file) = &config.access_key_file {
        return read_access(file, algorithm);
    }
    match beside(config, &format!("{}.access-key", algorithm.as_str()))? {
        None => make(),
        Some(file) => {
            keep(config, &file, || {
                let made = make()?.export_private();
                let made = made.ok_or_else(|| "the access key is elsewhere".to_owned())?;
                Ok(made.expose().to_owned())
            })?;
            read_access(&file, algorithm)
        }
    }
}

/// The key that signs refresh tokens.
pub(crate) fn refresh(config: &Config) -> Result<RefreshKey, StartError> {
    let (name, secret) = match (
        &config.refresh_token_secret,
        beside(config, "refresh-secret")?,
    ) {
        (Some(secret), _) => ("REFRESH_TOKEN_SECRET".to_owned(), secret.clone()),
        (None, None) => ("refresh token secret".to_owned(), random_secret()?),
        (None, Some(file)) => {
            keep(config, &file, random_secret)?;
            (file.display().to_string(), read(&file)?)
        }
    };
    RefreshKey::from_secret(secret.trim()).map_err(|error| StartError::new(name, &error))
}

fn read_access(file: &Path, algorithm: Algorithm) -> Result<SigningKey, StartError> {
    let text = read(file)?;
    let key = match text.trim_start().starts_with('{') {
        true => SigningKey::from_jwk(&text),
        false => SigningKey::from_pem(algorithm, text.as_bytes()),
    };
    let what = || format!("{} as a key for {}", file.display(), algorithm.as_str());
    let key = key.map_err(|error| StartError::new(what(), &error))?;
    if key.algorithm() == algorithm {
        return Ok(key);
    }
    let (is, wanted) = (key.algorithm().as_str(), algorithm.as_str());
    Err(format!(
        "{}: the key is for {is}, ACCESS_ALG says {wanted}",
        file.display()
    )
    .into())
}

fn random_secret() -> Result<String, StartError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StartError::new("random numbers", &error))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A file beside the database, or in the working directory where that is on a server.
fn beside(config: &Config, name: &str) -> Result<Option<PathBuf>, StartError> {
    let database = match config.store()? {
        Store::Memory => return Ok(None),
        Store::Sqlite { file, .. } => file,
        _ => Path::new("tower-bearer"),
    };
    Ok(Some(PathBuf::from(format!(
        "{}.{name}",
        database.display()
    ))))
}

fn read(file: &Path) -> Result<String, StartError> {
    let what = || format!("key file {}", file.display());
    fs::read_to_string(file).map_err(|error| StartError::new(what(), &error))
}

/// Makes the file if it does not exist, whole and readable by its owner only, or not at all.
/// Of two servers that start at once, one makes it and both use it.
fn keep(
    config: &Config,
    file: &Path,
    make: impl FnOnce() -> Result<String, StartError>,
) -> Result<(), StartError> {
    if file.exists() {
        return Ok(());
    }
    let text = make()?;
    write_new(file, &text).map_err(|error| StartError::new(file.display(), &error))?;
    if config.store()?.is_shared() {
        // A server with other keys would refuse the tokens of this one's sessions.
        let made = file.display();
        let _ = writeln!(
            io::stderr(),
            "made {made}: all servers of these sessions need it"
        );
    }
    Ok(())
}

fn write_new(file: &Path, text: &str) -> io::Result<()> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    // A temporary file has mode 0600.
    let mut new = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(file) {
        Err(lost) if lost.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(lost) => Err(lost.error),
        Ok(_) => Ok(()),
    }
}
