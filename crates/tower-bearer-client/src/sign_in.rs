//! The beginning of a session.

use std::sync::Arc;

use crate::{
    error::ClientError,
    held::Held,
    new_tokens::NewTokens,
    shared::Shared,
    store::{SavedAccess, SavedTokens},
};

impl Shared {
    /// Saves the tokens, and only then uses them.
    pub(crate) async fn sign_in(&self, new: NewTokens) -> Result<(), ClientError> {
        let now = self.now();
        let _turn = self.turn.lock().await;
        let access = new.access.map(|token| SavedAccess {
            token,
            lifetime: new.lifetime.unwrap_or(self.lifetimes.default),
            obtained_at: now.wall,
        });
        let tokens = SavedTokens {
            refresh: new.refresh,
            access,
            scope: new.scope,
        };
        let mut locked = self.lock().await?;
        if let Err(error) = locked.lock.save(&tokens).await {
            locked.give_back(self.state().unsaved().is_some());
            return Err(error.into());
        }
        let held = Arc::new(Held::new(tokens, now, self.lifetimes));
        self.state().sign_in(held);
        Ok(())
    }

    /// Makes sure that tokens could be saved.
    pub(crate) async fn check_store(&self) -> Result<(), ClientError> {
        let mut locked = self.lock().await?;
        let prepared = locked.lock.prepare(self.room(None)).await;
        locked.give_back(self.state().unsaved().is_some());
        Ok(prepared?)
    }
}
