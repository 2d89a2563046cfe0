//! Many tasks at once, on real threads.

use std::{collections::HashSet, sync::Arc};

use tokio::{sync::Barrier, task::JoinSet};
use tower_bearer::{
    RefreshToken,
    session::{RefreshOutcome, RefreshRequest, Refreshed, Sessions},
    store::SessionStore,
};

use crate::support::*;

const TASKS: usize = 100;

/// One token, presented by a hundred tasks at once: one successor, the same for all.
async fn one_successor<St: SessionStore>(store: &str, world: World<St>) {
    let held = world.login().await;
    world.wait(600);
    let start = Arc::new(Barrier::new(TASKS));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (sessions, token) = (world.sessions.clone(), held.refresh_token.clone());
        let start = start.clone();
        tasks.spawn(async move {
            start.wait().await;
            insist(&sessions, token).await
        });
    }
    let (mut successors, mut rotations) = (HashSet::new(), 0);
    for refreshed in tasks.join_all().await {
        successors.insert(refresh_payload(&refreshed.tokens).to_string());
        rotations += usize::from(refreshed.outcome == RefreshOutcome::Rotated);
    }
    println!(
        "{store}: {TASKS} tasks with one token, {rotations} rotation, {} successor",
        successors.len()
    );
    assert_eq!((successors.len(), rotations), (1, 1));
    assert_eq!(world.row(&held).await.unwrap().generation, 1);
}

/// As an honest client: tries again on 503 with the token that it has.
async fn insist<St: SessionStore>(sessions: &Sessions<St>, token: RefreshToken) -> Refreshed {
    for _ in 0..100 {
        match sessions.refresh(RefreshRequest::new(token.clone())).await {
            Ok(refreshed) => return refreshed,
            Err(error) => assert_eq!(error.code().status(), 503, "{error:?}"),
        }
    }
    panic!("never served");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_refreshes_of_one_token_in_memory() {
    one_successor("memory", world()).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_refreshes_of_one_token_in_sqlite() {
    let (_folder, store, clock) = sqlite().await;
    one_successor("sqlite", world_on(store, clock, |builder| builder)).await;
}

/// Logout against rotation: whichever comes first, the session is over afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_logout_is_never_undone_by_a_rotation() {
    for _ in 0..200 {
        let world = world();
        let held = world.login().await;
        let (sessions, token) = (world.sessions.clone(), held.refresh_token.clone());
        let rotation = tokio::spawn(async move {
            sessions
                .refresh(RefreshRequest::new(token))
                .await
                .map(|refreshed| refreshed.tokens)
        });
        world.sessions.end(sid(&held), "anna").await.unwrap();
        let newest = rotation.await.unwrap().unwrap_or(held);
        assert!(world.present(&newest.refresh_token).await.is_err());
        assert!(world.row(&newest).await.unwrap().revoked.is_some());
    }
}
