//! One refresh, from the first look into the store until its tokens are saved.

use std::sync::Arc;

use crate::{
    answer::Granted,
    error::{ClientError, ClientErrorKind as Kind, EndReason},
    held::Held,
    schedule::Moment,
    shared::Shared,
    state::{Landing, Mission},
    store::{AnyLock, SavedTokens},
    trace,
};

/// How many different refresh tokens one refresh presents: its own, and one that another process
/// has put into the store meanwhile.
const TOKENS: usize = 2;

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
            Some(saved) => hold(shared, saved),
        },
    };
    // The first look into the store needs no lock. If a refresh is due, the next request starts
    // one and need not wait for it.
    if mission.held.is_none() && held.is_usable(shared.now()) {
        return Ok(Landing::Found(held));
    }
    let mut lock = shared.store.lock().await?;
    let held = match shared.look().await? {
        None if mission.held.is_none() => return Ok(Landing::Nothing),
        None => {
            let reason = EndReason::Elsewhere;
            return Ok(Landing::Ended(reason, Kind::Ended(reason).into()));
        }
        Some(saved) if held.is_overtaken_by(&saved) => hold(shared, saved),
        Some(_) => held,
    };
    if held.serves(shared.now(), mission.refused.as_ref()) {
        return Ok(Landing::Found(held));
    }
    refresh(shared, &mut lock, held, mission).await
}

fn hold(shared: &Shared, saved: SavedTokens) -> Arc<Held> {
    Arc::new(Held::new(saved, shared.now(), shared.lifetimes))
}

async fn refresh(
    shared: &Shared,
    lock: &mut AnyLock,
    mut held: Arc<Held>,
    mission: &Mission,
) -> Result<Landing, ClientError> {
    let mut tokens = 0;
    loop {
        let asked = shared.now();
        let refused = match shared.endpoints.refresh(&held.tokens.refresh).await {
            Ok(granted) => return Ok(keep(shared, lock, &held, granted, asked).await),
            Err(error) if error.is_invalid_grant() => error,
            Err(error) => return Err(error),
        };
        tokens += 1;
        // Under the lock nobody else refreshes. But the store's lock may not work, on a network
        // file system for example, or another program may write the file without it: then that
        // process has put a newer token into the store.
        match shared.look().await? {
            Some(saved) if tokens < TOKENS && held.is_overtaken_by(&saved) => {
                held = hold(shared, saved);
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
async fn keep(
    shared: &Shared,
    lock: &mut AnyLock,
    held: &Held,
    granted: Granted,
    asked: Moment,
) -> Landing {
    let tokens = held.after(granted, asked, shared.lifetimes);
    let saved = lock.save(&tokens).await;
    let new = Held::new(tokens, asked, shared.lifetimes);
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
