//! The end of a session that the application asks for.

use crate::{
    error::ClientError,
    flight::wait,
    held::Held,
    shared::{Emptied, Shared},
    state::Departure,
    store::SavedTokens,
};

impl Shared {
    /// Ends the session in the store, then on the server.
    pub(crate) async fn log_out(&self, departure: Departure) -> Result<(), ClientError> {
        let turn = self.turn.lock().await;
        // If someone has signed in meanwhile, what is in the store belongs to the new session.
        let is_ours = self.state().is_leaving();
        let emptied = match is_ours {
            true => self.empty_store(&departure).await,
            false => Emptied::default(),
        };
        self.state().has_left(&departure);
        drop(turn);
        let kept = emptied.kept.as_ref();
        let newest = newest(departure.held.as_deref(), kept);
        let unrevoked = || self.state().take_unrevoked();
        let revoked = match newest.cloned().or_else(unrevoked) {
            Some(tokens) => self.revoke(tokens).await,
            None => Ok(()),
        };
        match emptied.failure {
            Some(error) => Err(error.into()),
            None => revoked,
        }
    }

    /// Nobody else has the token any more. If the server cannot be told, the next logout tries again.
    /// A key that cannot be used is no reason not to try.
    async fn revoke(&self, tokens: SavedTokens) -> Result<(), ClientError> {
        let key = self.dpop.kept_key(tokens.key.as_ref());
        let key = key.ok().flatten();
        let prover = key.as_ref().map(|key| self.prover(key));
        let revoked = self.endpoints.revoke(&tokens.refresh, prover).await;
        if revoked.is_err() {
            self.state().note_unrevoked(tokens);
        }
        revoked
    }

    async fn empty_store(&self, departure: &Departure) -> Emptied {
        let held = departure.held.as_deref().map(Held::kept);
        let before = self.forget(held).await;
        // A refresh that is under way, here or in another process, holds the lock. What it saves
        // has to go too, and is the token that the server knows best.
        if let Some(flight) = departure.flight.clone() {
            let _ = wait(flight).await;
        }
        let lock = self.lock().await;
        let after = self.forget(held).await;
        drop(lock);
        Emptied {
            kept: after.kept.or(before.kept),
            ..after
        }
    }
}

/// The tokens to revoke: those in the store if they are newer than those that were held.
fn newest<'a>(held: Option<&'a Held>, kept: Option<&'a SavedTokens>) -> Option<&'a SavedTokens> {
    match (held, kept) {
        (Some(held), Some(kept)) if held.is_overtaken_by(kept) => Some(kept),
        (Some(held), _) => Some(&held.tokens),
        (None, kept) => kept,
    }
}
