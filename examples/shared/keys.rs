//! The keys of access tokens and of refresh tokens. They are made and rolled over by a key ring, which is kept with
//! the sessions.
//!
//! Whoever has the database cannot read the ring: it is sealed under a secret from the environment. Where that names
//! none, one is made on the first start and kept beside the database for its owner only, so that sessions
//! outlive a restart.

use std::{
    env, fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tower_bearer::ring::{KeyEncryptionKey, KeyRing};

use super::{
    config::{Config, StartError, Store},
    store::OpenStore,
};

/// Settings of before the ring. Who still has one would lose all sessions without a word.
const GONE: [&str; 2] = ["ACCESS_KEY_FILE", "REFRESH_TOKEN_SECRET"];

/// The ring of this server, and of all others that have the same store.
pub(crate) async fn open(config: &Config, store: &OpenStore) -> Result<KeyRing, StartError> {
    if let Some(name) = GONE.iter().find(|name| env::var_os(name).is_some()) {
        return Err(format!("{name}: no longer read, see Examples in UPGRADING.md").into());
    }
    let ring = KeyRing::builder(store.ring(), key_encryption_key(config)?)
        .algorithm(config.access_alg)
        .access_lifetime(config.access_ttl())
        .refresh_lifetime(config.refresh_idle_ttl())
        .open()
        .await;
    ring.map_err(|error| StartError::new("key ring", &error))
}

/// Tells of a secret that lies beside the database: whoever copies both has every key.
pub(crate) fn tell(config: &Config) -> Result<(), StartError> {
    if let (None, Some(file)) = (&config.key_encryption_secret, beside(config)?) {
        let file = file.display();
        let _ = writeln!(
            io::stderr(),
            "{file} opens the key ring, and all servers of these sessions need it: for production set \
             KEY_ENCRYPTION_SECRET, and keep it apart from the database"
        );
    }
    Ok(())
}

fn key_encryption_key(config: &Config) -> Result<KeyEncryptionKey, StartError> {
    let (name, secret) = match (&config.key_encryption_secret, beside(config)?) {
        (Some(secret), _) => ("KEY_ENCRYPTION_SECRET".to_owned(), secret.clone()),
        (None, None) => ("key-encryption secret".to_owned(), random_secret()?),
        (None, Some(file)) => {
            keep(&file)?;
            (file.display().to_string(), read(&file)?)
        }
    };
    KeyEncryptionKey::from_secret(secret.trim()).map_err(|error| StartError::new(name, &error))
}

fn random_secret() -> Result<String, StartError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StartError::new("random numbers", &error))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A file beside the database, or in the working directory where that is on a server.
fn beside(config: &Config) -> Result<Option<PathBuf>, StartError> {
    let database = match config.store()? {
        Store::Memory => return Ok(None),
        Store::Sqlite { file, .. } => file,
        _ => Path::new("tower-bearer"),
    };
    Ok(Some(PathBuf::from(format!(
        "{}.key-encryption-secret",
        database.display()
    ))))
}

fn read(file: &Path) -> Result<String, StartError> {
    let what = || format!("secret file {}", file.display());
    fs::read_to_string(file).map_err(|error| StartError::new(what(), &error))
}

/// Makes the file if it does not exist, whole and readable by its owner only, or not at all.
/// Of two servers that start at once, one makes it and both use it.
fn keep(file: &Path) -> Result<(), StartError> {
    if file.exists() {
        return Ok(());
    }
    let secret = random_secret()?;
    write_new(file, &secret).map_err(|error| StartError::new(file.display(), &error))
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
