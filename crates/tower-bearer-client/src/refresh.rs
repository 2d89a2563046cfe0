//! One refresh, from the first look into the store until its tokens are saved.

use std::sync::Arc;

use crate::{
    answer::Answer,
    dpop::SavedKey,
    error::{ClientError, ClientErrorKind as Kind, EndReason},
    held::Held,
    shared::Shared,
    state::{Landing, Mission},
    store::{AnyLock, SavedTokens, TokenStoreError},
    trace,
};

/// How many different refresh tokens one refresh presents: its own, and one that another process
/// has put into the store meanwhile.
const TOKENS: usize = 2;

/// What saved tokens have beside the text of the tokens, and more.
const FRAME: usize = 1024;

/// On a task of its own, so that a panic on the way, in the application's HTTP client for example,
/// is a failure like any other: those who wait get it, and it is not repeated at once.
pub(crate) async fn run(shared: &Arc<Shared>, mission: &Mission) -> Result<Landing, ClientError> {
    let (shared, mission) = (Arc::clone(shared), mission.clone());
    match tokio::spawn(async move { look_and_refresh(&shared, &mission).await }).await {
        Ok(landed) => landed,
        Err(error) => Err(ClientError::with_source(Kind::Interrupted, error)),
    }
}

async fn look_and_refresh(shared: &Shared, mission: &Mission) -> Result<Landing, ClientError> {
    let held = match mission.held.clone() {
        Some(held) => held,
        None => match shared.look().await? {
            None => return Ok(Landing::Nothing),
            Some(saved) => shared.hold(saved)?,
        },
    };
    // The first look into the store needs no lock. If a refresh is due, it is started then, and nobody need wait
    // for it.
    if mission.is_first_look() && held.is_usable(shared.now()) {
        return Ok(Landing::Found(held));
    }
    let mut locked = shared.lock().await?;
    let landed = look_again(shared, &mut locked.lock, Arc::clone(&held), mission).await;
    let held = match &landed {
        Ok(Landing::Found(held) | Landing::Refreshed(held) | Landing::Failed(held, _)) => {
            Some(held)
        }
        Ok(Landing::Nothing | Landing::Ended(..)) => None,
        Err(_) => Some(&held),
    };
    locked.give_back(held.is_some_and(|held| held.why_unsaved().is_some()));
    landed
}

async fn look_again(
    shared: &Shared,
    lock: &mut AnyLock,
    held: Arc<Held>,
    mission: &Mission,
) -> Result<Landing, ClientError> {
    let Some(newest) = shared.newest(lock, &held).await? else {
        if mission.held.is_none() {
            return Ok(Landing::Nothing);
        }
        let reason = EndReason::Elsewhere;
        return Ok(Landing::Ended(reason, Kind::Ended(reason).into()));
    };
    if newest.serves(shared.now(), mission.refused.as_ref()) {
        return Ok(Landing::Found(newest));
    }
    let landed = refresh(shared, lock, Arc::clone(&newest), mission).await;
    landed.or_else(|error| match Arc::ptr_eq(&newest, &held) {
        true => Err(error),
        false => Ok(Landing::Failed(newest, error)),
    })
}

async fn refresh(
    shared: &Shared,
    lock: &mut AnyLock,
    mut held: Arc<Held>,
    mission: &Mission,
) -> Result<Landing, ClientError> {
    let mut tokens = 0;
    loop {
        // The server uses the token up, so it has to be certain that the next one can be kept.
        let prepared = lock.prepare(shared.room(Some(&held.tokens))).await;
        prepared.map_err(|error| shared.save_failed(error))?;
        let asked = shared.now();
        let refused = match shared.present(&held, mission.follows_failure).await {
            Ok(Answer::Granted(granted)) => {
                let new = held.after(granted, asked, shared.lifetimes);
                return Ok(Landing::Refreshed(keep(shared, lock, &held, new).await));
            }
            Ok(Answer::RefreshOnly(token, error)) => {
                let new = keep(shared, lock, &held, held.with_refresh(token)).await;
                return Ok(Landing::Failed(new, error));
            }
            Err(error) if error.ends_session() => error,
            Err(error) => return Err(error),
        };
        tokens += 1;
        // Under the lock nobody else refreshes. But the store's lock may not work, on a network
        // file system for example, or another program may write the file without it: then that
        // process has put a newer token into the store.
        match shared.look().await? {
            Some(saved) if tokens < TOKENS && held.is_overtaken_by(&saved) => {
                held = shared.hold(saved)?;
                if held.serves(shared.now(), mission.refused.as_ref()) {
                    return Ok(Landing::Found(held));
                }
            }
            _ => return Ok(end(shared, &held, refused).await),
        }
    }
}

/// Saves new tokens before anyone uses them. If they cannot be saved they are used all the same,
/// because no others are good.
async fn keep(shared: &Shared, lock: &mut AnyLock, old: &Held, new: Held) -> Arc<Held> {
    Arc::new(match lock.save(&new.tokens).await {
        Ok(()) => new,
        Err(error) => new.unsaved(old.kept().clone(), shared.save_failed(error)),
    })
}

/// The server refuses the refresh token, and there is no newer one: the session is over.
async fn end(shared: &Shared, held: &Held, refused: ClientError) -> Landing {
    if let Some(_error) = shared.forget(Some(held.kept())).await.failure {
        trace::warn!(
            error = &_error as &dyn std::error::Error,
            "the tokens of an ended session could not be removed"
        );
    }
    let reason = EndReason::Refused;
    let error = ClientError::with_source(Kind::Ended(reason), refused);
    Landing::Ended(reason, error)
}

impl Shared {
    /// Tokens from the store, first seen now.
    pub(crate) fn hold(&self, saved: SavedTokens) -> Result<Arc<Held>, ClientError> {
        let key = self.dpop.kept_key(saved.key.as_ref())?;
        let held = Held::new(saved, key, self.now(), self.lifetimes);
        Ok(Arc::new(held))
    }

    async fn present(&self, held: &Held, follows_failure: bool) -> Result<Answer, ClientError> {
        let prover = held.key.as_ref().map(|key| self.prover(key));
        self.endpoints
            .refresh(&held.tokens.refresh, prover, follows_failure)
            .await
    }

    /// The tokens that count, under the lock: those in the store if another process has put newer
    /// ones there. If those that are held could not be saved yet, they are saved now. `None` if
    /// they are gone from the store.
    async fn newest(
        &self,
        lock: &mut AnyLock,
        held: &Arc<Held>,
    ) -> Result<Option<Arc<Held>>, ClientError> {
        match self.look().await? {
            None => Ok(None),
            Some(saved) if held.is_overtaken_by(&saved) => self.hold(saved).map(Some),
            Some(_) if held.why_unsaved().is_none() => Ok(Some(Arc::clone(held))),
            Some(_) => match lock.save(&held.tokens).await {
                Ok(()) => Ok(Some(Arc::new(held.saved()))),
                Err(error) => Err(self.save_failed(error)),
            },
        }
    }

    /// Saves the tokens that are held, if they could not be saved before.
    pub(crate) async fn save_unsaved(&self) -> Result<(), ClientError> {
        let Some(held) = self.state().unsaved() else {
            return Ok(());
        };
        let mut locked = self.lock().await?;
        let newest = self.newest(&mut locked.lock, &held).await;
        locked.give_back(newest.is_err());
        // If they are gone from the store, the next refresh ends the session.
        if let Some(newest) = newest? {
            self.state().replace(&held, newest);
        }
        Ok(())
    }

    /// More bytes than the next tokens can have.
    pub(crate) fn room(&self, tokens: Option<&SavedTokens>) -> usize {
        let scope = |tokens: &SavedTokens| tokens.scope.as_ref().map_or(0, |it| it.as_str().len());
        let old = tokens.map_or(0, |tokens| tokens.refresh.expose().len() + scope(tokens));
        let key = tokens.and_then(|tokens| tokens.key.as_ref());
        let key = key.map_or(0, SavedKey::bytes);
        // JSON may need two bytes for a character.
        self.endpoints.answer_limit + 2 * old + key + FRAME
    }

    fn save_failed(&self, error: TokenStoreError) -> ClientError {
        let error = error.into();
        self.tell_save_failed(&error);
        error
    }
}
