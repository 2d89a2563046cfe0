use std::{fmt, sync::Arc, time::Instant};

use zeroize::Zeroizing;

use super::spent::Spent;
use crate::jws::{KeyError, KeyErrorKind, hmac_sha256, long_enough};

/// The secret by which tickets are sealed. All servers that take each other's tickets need the same one.
///
/// Its clones share one memory of the tickets that were used, and so do all
/// [`Tickets`](super::Tickets) that are made of them. So make it once in a process: one that is made a second time,
/// of the same bytes, takes each ticket once more.
///
/// It must not be the secret of anything else. If it is changed, the tickets of the last seconds are
/// refused, and pages ask for new ones. `Debug` does not show it, and it is wiped from memory when dropped.
///
/// ```
/// use tower_bearer::ticket::TicketSecret;
///
/// let of_this_process = TicketSecret::generate()?;
/// let of_all_servers = TicketSecret::from_secret([7; 32])?;
/// # Ok::<_, tower_bearer::jws::KeyError>(())
/// ```
#[derive(Clone)]
pub struct TicketSecret(Arc<Shared>);

struct Shared {
    secret: Zeroizing<Vec<u8>>,
    id: SecretId,
    spent: Spent,
}

/// Tells secrets apart, and says nothing of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SecretId([u8; 32]);

impl TicketSecret {
    /// Takes at least 32 random bytes.
    ///
    /// # Errors
    ///
    /// [`Weak`](KeyErrorKind::Weak) if there are fewer.
    pub fn from_secret(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secret = long_enough("ticket secret", secret.as_ref())?;
        Ok(Self::new(Zeroizing::new(secret.to_vec())))
    }

    /// Makes a random secret, for a server that takes no tickets of others.
    ///
    /// # Errors
    ///
    /// [`Generate`](KeyErrorKind::Generate) if the operating system gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        const FAILED: &str = "the operating system gave no random bytes";
        let mut secret = Zeroizing::new(vec![0; 32]);
        getrandom::fill(&mut secret).map_err(|_| KeyError::new(KeyErrorKind::Generate, FAILED))?;
        Ok(Self::new(secret))
    }

    fn new(secret: Zeroizing<Vec<u8>>) -> Self {
        let id = SecretId(hmac_sha256(&secret, &[b"tower-bearer ticket secret"]));
        let spent = Spent::new(Instant::now());
        Self(Arc::new(Shared { secret, id, spent }))
    }

    pub(super) fn spent(&self) -> &Spent {
        &self.0.spent
    }

    pub(super) fn id(&self) -> SecretId {
        self.0.id
    }

    /// A key for one message.
    pub(super) fn key(&self, salt: &[u8]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(hmac_sha256(
            &self.0.secret,
            &[b"tower-bearer ticket\0", salt],
        ))
    }
}

impl fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSecret(…)")
    }
}

impl fmt::Debug for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretId(…)")
    }
}
