//! The beginning of a session.

use std::sync::Arc;

use tower_bearer::TokenType;

use crate::{
    dpop::Key,
    error::ClientError,
    held::Held,
    new_tokens::NewTokens,
    shared::Shared,
    store::{SavedAccess, SavedTokens},
};

impl Shared {
    /// Saves the tokens, and only then uses them.
    pub(crate) async fn sign_in(
        &self,
        new: NewTokens,
        proven: Option<Key>,
    ) -> Result<(), ClientError> {
        let now = self.now();
        let key = self.key_of(&new, proven)?;
        let _turn = self.turn.lock().await;
        let likely = match key {
            Some(_) => TokenType::DPoP,
            None => TokenType::Bearer,
        };
        let access = new.access.map(|token| SavedAccess {
            token,
            token_type: new.token_type.unwrap_or(likely),
            lifetime: new.lifetime.unwrap_or(self.lifetimes.default),
            obtained_at: now.wall,
        });
        let tokens = SavedTokens {
            refresh: new.refresh,
            access,
            scope: new.scope,
            key: key.as_ref().map(|key| self.dpop.to_saved(key)),
        };
        let mut locked = self.lock().await?;
        if let Err(error) = locked.lock.save(&tokens).await {
            locked.give_back(self.state().unsaved().is_some());
            return Err(error.into());
        }
        let held = Arc::new(Held::new(tokens, key, now, self.lifetimes));
        self.state().sign_in(held);
        Ok(())
    }

    /// The key that these tokens are bound to, or that the session asks the server to bind them to.
    fn key_of(&self, new: &NewTokens, proven: Option<Key>) -> Result<Option<Key>, ClientError> {
        let is_bound = new.token_type == Some(TokenType::DPoP);
        let key = match proven.or_else(|| self.dpop.given_key().cloned()) {
            None if is_bound => {
                let flaw = "token_type is DPoP, but this session has not proven the login";
                return Err(ClientError::malformed(flaw));
            }
            None => self.dpop.login_key()?,
            key => key,
        };
        let is_bearer = new.token_type == Some(TokenType::Bearer);
        if key.is_some() && is_bearer && !self.endpoints.reading.accept_bearer {
            return Err(ClientError::malformed("token_type is not DPoP"));
        }
        Ok(key)
    }

    /// Makes sure that tokens could be saved.
    pub(crate) async fn check_store(&self) -> Result<(), ClientError> {
        let mut locked = self.lock().await?;
        let prepared = locked.lock.prepare(self.room(None)).await;
        locked.give_back(self.state().unsaved().is_some());
        Ok(prepared?)
    }
}
