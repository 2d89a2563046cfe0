//! The users: two of them, in memory. Yours live in a database.

use std::{collections::HashMap, sync::Arc};

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash};
use tokio::sync::Semaphore;
use tower_bearer::Scope;

/// Passwords that are hashed at the same time: each takes 19 MiB and some 20 ms of a core.
const HASHES_AT_ONCE: usize = 4;

const READER: Scope = Scope::from_static("read");
const ADMIN: Scope = Scope::from_static("read admin");

#[derive(Clone)]
pub(crate) struct Users(Arc<Inner>);

struct Inner {
    by_name: HashMap<&'static str, User>,
    /// Verified in place of an unknown user's hash, so that a name's absence costs the same.
    nobody: String,
    hashing: Arc<Semaphore>,
}

struct User {
    hash: String,
    scope: Scope,
}

/// Someone who has just proved who they are.
pub(crate) struct LoggedIn {
    pub(crate) name: String,
    pub(crate) scope: Scope,
}

impl Users {
    /// alice / wonderland may read, bob / builder is an administrator too.
    pub(crate) fn demo() -> Result<Self, password_hash::Error> {
        let user = |password, scope| hash(password).map(|hash| User { hash, scope });
        Ok(Self(Arc::new(Inner {
            by_name: HashMap::from([
                ("alice", user("wonderland", READER)?),
                ("bob", user("builder", ADMIN)?),
            ]),
            nobody: hash("nobody")?,
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
        })))
    }

    /// Whether the user may still come in; asked at each refresh.
    pub(crate) fn is_known(&self, name: &str) -> bool {
        self.0.by_name.contains_key(name)
    }

    /// The user, if the password is theirs.
    pub(crate) async fn log_in(&self, name: String, password: String) -> Option<LoggedIn> {
        let users = Arc::clone(&self.0);
        let turn = Arc::clone(&users.hashing).acquire_owned().await.ok()?;
        let checked = tokio::task::spawn_blocking(move || {
            // Hashing goes on when the client hangs up, so it keeps its turn until it is done.
            let _turn = turn;
            let user = users.by_name.get(name.as_str());
            let hash = user.map_or(&users.nobody, |user| &user.hash);
            let fits = verify(&password, hash);
            user.filter(|_| fits).map(|user| LoggedIn {
                name,
                scope: user.scope.clone(),
            })
        });
        checked.await.ok()?
    }
}

fn hash(password: &str) -> Result<String, password_hash::Error> {
    let hash = Argon2::default().hash_password(password.as_bytes())?;
    Ok(hash.to_string())
}

fn verify(password: &str, hash: &str) -> bool {
    Argon2::default()
        .verify_password(password.as_bytes(), hash)
        .is_ok()
}
