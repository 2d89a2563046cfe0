//! Requests that are made again.

use tower::ServiceBuilder;
use tower_bearer::{
    session::{RefreshOutcome, RefreshRequest},
    store::service::StoreRequest,
};

use crate::{gate::Fate, support::*};

fn retries(fits: fn(&StoreRequest) -> bool) -> Retries {
    Retries { fits, left: 1 }
}

#[tokio::test(start_paused = true)]
async fn what_is_idempotent_is_made_again_and_nobody_notices() {
    let layers = ServiceBuilder::new()
        .retry(retries(StoreRequest::is_idempotent))
        .timeout(TIMEOUT);
    let world = world(|gate| layers.service(gate));
    let token = world.login().await;
    world.gate.next(is_load, Fate::Lost);
    world.refresh(&token).await.granted();
    assert_eq!(world.gate.count(is_load), 2);

    // A swap is not, and the client is told to come again.
    world.clock.advance(std::time::Duration::from_secs(600));
    let token = world.refresh(&token).await.granted();
    let swaps = world.gate.count(is_swap);
    world.clock.advance(std::time::Duration::from_secs(600));
    world.gate.next(is_swap, Fate::Unanswered);
    world.refresh(&token).await.unavailable();
    assert_eq!(world.gate.count(is_swap), swaps + 1);
    world.refresh(&token).await.granted();
}

/// The policy knows nothing of stores. It does no harm: the second swap finds that the first
/// one was there, and the client is served as one whose answer was lost.
#[tokio::test(start_paused = true)]
async fn a_swap_that_is_made_again_does_not_rotate_again() {
    let layers = ServiceBuilder::new().retry(retries(any)).timeout(TIMEOUT);
    let world = world(|gate| layers.service(gate));
    let token = world.login().await;
    world.gate.next(is_swap, Fate::Unanswered);
    let refresh = RefreshRequest::new(tower_bearer::RefreshToken::new(token.clone()));
    let refreshed = world.sessions.refresh(refresh).await.unwrap();
    assert_eq!(refreshed.outcome, RefreshOutcome::Redelivered);
    assert_eq!(world.row().await.state.generation, 1, "one successor");
    assert_eq!(world.gate.count(is_swap), 2, "although it was asked twice");
    assert_eq!(
        world.refresh(&token).await.granted(),
        refreshed.tokens.refresh_token.expose()
    );
}
