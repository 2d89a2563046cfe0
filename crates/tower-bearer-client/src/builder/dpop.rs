//! Which key sessions are bound to.

use tower_bearer::dpop::DpopKey;

use super::ClientSessionBuilder;
use crate::dpop::{Key, Keys};

impl ClientSessionBuilder {
    /// Binds sessions to a key (RFC 9449). Each [login](crate::ClientSession::dpop_login) makes a key
    /// of its own, which it has to prove. The key is then kept beside the tokens in the
    /// [`store`](Self::store) and goes with them. See
    /// [the front page](crate#sessions-that-are-bound-to-a-key).
    ///
    /// Whoever can read the store has the key too. So this protects against everyone who sees tokens
    /// elsewhere, such as in a log or on their way, and lets copies of a client live side by side. If
    /// the key is to outlive a theft of the store, give one that is elsewhere by
    /// [`dpop_key`](Self::dpop_key).
    ///
    /// This and `dpop_key` replace each other: the one that is called last counts.
    pub fn dpop(mut self) -> Self {
        self.keys = Keys::Made;
        self
    }

    /// Binds sessions to this key, which the program keeps. The store gets its thumbprint only.
    ///
    /// A session that was bound to another key fails with
    /// [`Proof`](crate::ClientErrorKind::Proof) from then on, and can be gone on with once the
    /// program has its key again.
    ///
    /// This and [`dpop`](Self::dpop) replace each other: the one that is called last counts.
    pub fn dpop_key(mut self, key: DpopKey) -> Self {
        self.keys = Keys::Given(Key::given(key));
        self
    }

    /// Uses access tokens that the server has not bound to the key, although it was asked to. By
    /// default, such a token is not used.
    ///
    /// With servers that do not know RFC 9449, nothing is protected then. Others bind the refresh
    /// token of a public client alone (RFC 9449 §5), which is better than nothing.
    pub fn danger_accept_bearer_tokens(mut self) -> Self {
        self.reading.accept_bearer = true;
        self
    }
}
