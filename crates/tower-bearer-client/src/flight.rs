//! One refresh, from the first look into the store until its tokens are saved.

use std::sync::Arc;

use super::{
    ClientError, ClientErrorKind as Kind, EndReason,
    answer::Granted,
    core::Core,
    held::Held,
    schedule::Moment,
    state::{Landing, Mission},
    store::{AnyLock, SavedTokens},
};
use crate::trace;

/// How many different refresh tokens one refresh presents: its own, and one that another process
/// has put into the store meanwhile.
const TOKENS: usize = 2;

/// What panics on the way, in the application's HTTP client for example, is a failure like any
/// other: it is shared, and not repeated at once.
pub(super) async fn fly(core: &Arc<Core>, mission: &Mission) -> Result<Landing, ClientError> {
    let (core, mission) = (Arc::clone(core), mission.clone());
    match tokio::spawn(async move { look_and_refresh(&core, &mission).await }).await {
        Ok(landed) => landed,
        Err(error) => Err(ClientError::with_source(Kind::Interrupted, error)),
    }
}

async fn look_and_refresh(core: &Core, mission: &Mission) -> Result<Landing, ClientError> {
    let held = match mission.held.clone() {
        Some(held) => held,
        None => match core.look().await? {
            None => return Ok(Landing::Nothing),
            Some(saved) => hold(core, saved),
        },
    };
    // The first look into the store needs no lock. Where a refresh is due, the next request
    // starts one, and need not wait for it.
    if mission.held.is_none() && held.is_usable(core.now()) {
        return Ok(Landing::Found(held));
    }
    let mut lock = core.store.lock().await?;
    let held = match core.look().await? {
        None if mission.held.is_none() => return Ok(Landing::Nothing),
        None => {
            let reason = EndReason::Elsewhere;
            return Ok(Landing::Ended(reason, Kind::Ended(reason).into()));
        }
        Some(saved) if held.is_overtaken_by(&saved) => hold(core, saved),
        Some(_) => held,
    };
    if held.serves(core.now(), mission.refused.as_ref()) {
        return Ok(Landing::Found(held));
    }
    refresh(core, &mut lock, held, mission).await
}

fn hold(core: &Core, saved: SavedTokens) -> Arc<Held> {
    Arc::new(Held::new(saved, core.now(), core.lifetimes))
}

async fn refresh(
    core: &Core,
    lock: &mut AnyLock,
    mut held: Arc<Held>,
    mission: &Mission,
) -> Result<Landing, ClientError> {
    let mut tokens = 0;
    loop {
        let asked = core.now();
        let refused = match core.endpoint.refresh(&held.tokens.refresh).await {
            Ok(granted) => return Ok(keep(core, lock, &held, granted, asked).await),
            Err(error) if error.is_invalid_grant() => error,
            Err(error) => return Err(error),
        };
        tokens += 1;
        // Under the lock nobody else refreshes, but a store may have a lock that is none, and
        // other programs may know the file. Whoever was faster has the newer token.
        match core.look().await? {
            Some(saved) if tokens < TOKENS && held.is_overtaken_by(&saved) => {
                held = hold(core, saved);
                if held.serves(core.now(), mission.refused.as_ref()) {
                    return Ok(Landing::Found(held));
                }
            }
            _ => return Ok(end(core, &held, refused).await),
        }
    }
}

/// Saves new tokens before anyone goes by them. Those that cannot be saved are still the only
/// ones that are good.
async fn keep(
    core: &Core,
    lock: &mut AnyLock,
    held: &Held,
    granted: Granted,
    asked: Moment,
) -> Landing {
    let tokens = held.after(granted, asked, core.lifetimes);
    let saved = lock.save(&tokens).await;
    let new = Held::new(tokens, asked, core.lifetimes);
    Landing::Refreshed(Arc::new(match saved {
        Ok(()) => new,
        Err(_error) => {
            trace::warn!(
                error = &_error as &dyn std::error::Error,
                "new tokens could not be saved"
            );
            new.unsaved(held.kept().clone())
        }
    }))
}

/// The server has spoken, and nobody knows of a newer token.
async fn end(core: &Core, held: &Held, refused: ClientError) -> Landing {
    if let Some(_error) = core.forget(Some(held.kept())).await.failure {
        trace::warn!(
            error = &_error as &dyn std::error::Error,
            "the tokens of an ended session could not be removed"
        );
    }
    let reason = EndReason::Refused;
    let error = ClientError::with_source(Kind::Ended(reason), refused);
    Landing::Ended(reason, error)
}
