//! Which rows of the protocol set the cookie, and to what.

use tower_bearer::{
    clock::Clock,
    endpoint::TokenEndpoint,
    store::{MemoryStore, SessionStore},
};

use crate::support::*;

/// A rotation, row 6, and the cookie that comes of it.
async fn rotated(world: &World, token: &str) -> String {
    let answer = world.refresh(token).await;
    answer.granted();
    answer.cookie().token
}

#[tokio::test]
async fn a_rotation_sets_the_successor() {
    let world = world();
    let first = world.token().await;
    let answer = world.refresh(&first).await;
    let json = answer.granted();
    assert_eq!(json["token_type"], "Bearer");
    assert_eq!(json["expires_in"], 600);
    assert_eq!(json["scope"], "read write");
    let cookie = answer.cookie();
    assert_eq!(cookie.name, NAME);
    assert_ne!(cookie.token, first);
    world.clock.advance(LATER);
    rotated(&world, &cookie.token).await;
}

/// Row 5: an older answer must not overwrite a newer one.
#[tokio::test]
async fn the_live_token_again_sets_none() {
    let world = world();
    let live = rotated(&world, &world.token().await).await;
    for _ in 0..3 {
        let answer = world.refresh(&live).await;
        answer.granted();
        answer.sets_no_cookie();
    }
    // It is the window that makes the row, not the token.
    world.clock.advance(LATER);
    assert_ne!(rotated(&world, &live).await, live);
}

/// Row 7: the other tab has to learn of the successor.
#[tokio::test]
async fn a_neighbour_gets_the_live_token() {
    let world = world();
    let first = world.token().await;
    let live = rotated(&world, &first).await;
    assert_eq!(rotated(&world, &first).await, live);
}

/// Row 8: the answer was lost.
#[tokio::test]
async fn a_late_redelivery_sets_the_live_token() {
    let world = world();
    let first = world.token().await;
    let live = rotated(&world, &first).await;
    world.clock.advance(LATER);
    assert_eq!(rotated(&world, &first).await, live);
}

/// Rows 9 and 10: the session ends, and the cookie stays until a login replaces it.
#[tokio::test]
async fn reuse_neither_sets_nor_clears() {
    let world = world();
    let first = world.token().await;
    let second = rotated(&world, &first).await;
    world.clock.advance(LATER);
    let third = rotated(&world, &second).await;
    world.clock.advance(LATER);
    world.refresh(&first).await.refused(400, "invalid_grant");
    world.refresh(&third).await.refused(400, "invalid_grant");
}

/// Row 11: the store has lost the rotation, the browser has not.
#[tokio::test]
async fn a_restored_session_sets_the_clients_token() {
    let world = world();
    let tokens = world.start().await;
    let before = world.row(&tokens).await;
    let live = rotated(&world, tokens.refresh_token.expose()).await;

    let restored = MemoryStore::with_clock(world.clock.clone());
    restored.insert(&before).await.unwrap();
    let sessions = sessions(&world.keys, restored.clone());
    let endpoint = TokenEndpoint::new(sessions).options(world.options());
    let answer = send(endpoint, with_cookie(NAME, &live)).await;
    answer.granted();
    assert_eq!(answer.cookie().token, live);
}

#[tokio::test]
async fn refused_tokens_neither_set_nor_clear() {
    let world = world();
    let token = world.token().await;
    world
        .refresh("no.such.token")
        .await
        .refused(400, "invalid_grant");
    world.clock.advance(IDLE);
    world.refresh(&token).await.refused(400, "invalid_grant");
}

/// `Max-Age` is what the token in the cookie has left.
#[tokio::test]
async fn the_cookie_lives_as_long_as_its_token() {
    let world = world();
    let first = world.token().await;
    world.clock.advance(LATER);
    let answer = world.refresh(&first).await;
    assert_eq!(answer.cookie().max_age, IDLE.as_secs());
    let live = answer.cookie().token;
    // A redelivery does not make the token live longer.
    world.clock.advance(LATER);
    let left = IDLE - LATER;
    assert_eq!(world.refresh(&first).await.cookie().max_age, left.as_secs());

    // Near the end of the session the token dies with it.
    let mut live = live;
    for _ in 0..6 {
        world.clock.advance(IDLE - 2 * LATER);
        live = rotated(&world, &live).await;
    }
    let listed = world.sessions.list("alice").await.unwrap().sessions;
    let end = listed[0].ends_at.saturating_since(world.clock.now());
    assert!(end < IDLE, "{end:?}");
    world.clock.advance(LATER);
    let max_age = world.refresh(&live).await.cookie().max_age;
    assert_eq!(max_age, (end - LATER).as_secs());
}
