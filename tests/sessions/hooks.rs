use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tower_bearer::session::{
    EndReason, Grant, PrivateClaims, RefreshDecision, RefreshRequest, Refusal, SessionErrorKind,
};

use tower_bearer::testing::StoreCall;

use crate::support::*;

#[tokio::test]
async fn the_hook_reloads_claims() {
    let world = world_with(|builder| {
        builder.on_refresh(|session, _| async move {
            assert_eq!(session.subject, "anna");
            PrivateClaims::new(&json!({ "role": "editor" })).map(RefreshDecision::ContinueWith)
        })
    });
    let grant = Grant::new("anna").claims(&json!({ "role": "reader" }));
    let tokens = world.sessions.start(grant).await.unwrap();
    assert_eq!(access_payload(&tokens)["role"], "reader");
    assert_eq!(
        access_payload(&rotate(&world, &tokens).await)["role"],
        "editor"
    );
}

#[tokio::test]
async fn claims_given_at_login_stay_without_a_hook() {
    let world = world();
    let grant = Grant::new("anna").claims(&json!({ "role": "reader", "nested": { "a": [1] } }));
    let tokens = world.sessions.start(grant).await.unwrap();
    let refreshed = rotate(&world, &tokens).await;
    assert_eq!(access_payload(&refreshed)["role"], "reader");
    assert_eq!(access_payload(&refreshed)["nested"], json!({ "a": [1] }));
}

#[tokio::test]
async fn claims_cannot_take_registered_names() {
    let world = world();
    for claims in [
        json!({ "sub": "mallory" }),
        json!({ "gen": 0 }),
        json!([1]),
        json!("x"),
    ] {
        let error = world
            .sessions
            .start(Grant::new("anna").claims(&claims))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Grant);
    }
}

#[tokio::test]
async fn a_refusal_for_now_writes_nothing_and_leaves_the_session() {
    let world = world_with(|builder| builder.on_refresh(|_, _| async { RefreshDecision::Refuse }));
    let tokens = world.login().await;
    refused(world.present(&tokens.refresh_token).await, Refusal::Subject);
    let row = world.row(&tokens).await.unwrap();
    assert_eq!((row.state.generation, row.state.ended), (0, None));
}

#[tokio::test]
async fn a_throttle_writes_nothing_keeps_the_token_and_tells_the_time() {
    for (after, told) in [
        (Duration::ZERO, "1"),
        (Duration::from_millis(1), "1"),
        (Duration::from_millis(1001), "2"),
        (Duration::from_secs(7), "7"),
        (Duration::from_secs(120), "120"),
        (Duration::MAX, "120"),
    ] {
        let is_over = Arc::new(AtomicBool::new(true));
        let over = Arc::clone(&is_over);
        let world = world_with(|builder| {
            builder.on_refresh(move |_, _| {
                let is_over = over.load(Ordering::SeqCst);
                async move {
                    match is_over {
                        true => RefreshDecision::Throttle(after),
                        false => RefreshDecision::Continue,
                    }
                }
            })
        });
        let tokens = world.login().await;
        let before = world.row(&tokens).await;
        let error = world.present(&tokens.refresh_token).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Throttled);
        assert_eq!(world.row(&tokens).await, before);
        let answer = error.to_response();
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], told);

        is_over.store(false, Ordering::SeqCst);
        rotate(&world, &tokens).await;
    }
}

#[tokio::test]
async fn a_refusal_can_end_the_session_and_false_does() {
    for world in [
        world_with(|builder| builder.on_refresh(|_, _| async { RefreshDecision::RefuseAndEnd })),
        world_with(|builder| builder.on_refresh(|_, _| async { false })),
    ] {
        let tokens = world.login().await;
        refused(world.present(&tokens.refresh_token).await, Refusal::Subject);
        let ended = world.row(&tokens).await.unwrap().state.ended.unwrap();
        assert_eq!(ended.reason, EndReason::Refused);
    }
}

#[tokio::test]
async fn the_next_owner_of_an_identifier_does_not_get_the_session_of_a_deleted_user() {
    let exists = Arc::new(AtomicBool::new(false));
    let known = exists.clone();
    let world = world_with(|builder| {
        builder.on_refresh(move |_, _| {
            let exists = known.load(Ordering::SeqCst);
            async move { exists }
        })
    });
    let tokens = world.login().await;
    refused(world.present(&tokens.refresh_token).await, Refusal::Subject);
    exists.store(true, Ordering::SeqCst);
    refused(world.present(&tokens.refresh_token).await, Refusal::Ended);
}

#[tokio::test]
async fn a_hook_that_fails_is_unavailable_with_nothing_written() {
    let world = world_with(|builder| {
        builder.on_refresh(|_, _| async { Err::<bool, _>("the user database is down") })
    });
    let tokens = world.login().await;
    unavailable(world.present(&tokens.refresh_token).await);
    assert_eq!(world.row(&tokens).await.unwrap().state.generation, 0);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_hangs_is_unavailable_with_nothing_written() {
    let world = world_with(|builder| builder.on_refresh(|_, _| pending::<bool>()));
    let tokens = world.login().await;
    unavailable(world.present(&tokens.refresh_token).await);
    assert_eq!(world.row(&tokens).await.unwrap().state.generation, 0);
}

#[tokio::test]
async fn the_hook_is_not_asked_for_a_token_that_is_refused() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let world = world_with(|builder| {
        builder.on_refresh(move |_, _| {
            count.fetch_add(1, Ordering::SeqCst);
            async { true }
        })
    });
    let first = world.login().await;
    let second = rotate(&world, &first).await;
    world.wait(21);
    rotate(&world, &second).await;
    refused(world.present(&first.refresh_token).await, Refusal::Reused);
    refused(world.present(&second.refresh_token).await, Refusal::Ended);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_hook_makes_the_decision_be_taken_again_and_is_asked_once() {
    let clock = clock();
    let store = failing(&clock);
    let asked = Arc::new(AtomicU32::new(0));
    let (count, ticks) = (asked.clone(), clock.clone());
    let world = world_on(store.clone(), clock, |builder| {
        builder
            .hook_timeout(Duration::from_secs(60))
            .on_refresh(move |_, _| {
                count.fetch_add(1, Ordering::SeqCst);
                let ticks = ticks.clone();
                async move {
                    tokio::time::sleep(Duration::from_secs(3)).await;
                    ticks.advance(Duration::from_secs(3));
                    true
                }
            })
    });
    let tokens = world.login().await;
    let before = store.count(&[StoreCall::Load]);
    let refreshed = rotate(&world, &tokens).await;
    assert_eq!(
        (
            asked.load(Ordering::SeqCst),
            store.count(&[StoreCall::Load]) - before
        ),
        (1, 2)
    );
    let row = world.row(&refreshed).await.unwrap();
    let now = tower_bearer::clock::Clock::now(&world.clock);
    assert_eq!(
        row.state.delivered_at,
        Some(now),
        "dated by the second load"
    );
}

#[tokio::test]
async fn a_scope_that_is_too_wide_is_refused_before_the_hook() {
    let world = world_with(|builder| builder.on_refresh(|_, _| async { Err::<bool, _>("asked") }));
    let tokens = world.login().await;
    let request = RefreshRequest::new(tokens.refresh_token).scope("admin".parse().unwrap());
    let error = world.sessions.refresh(request).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::InvalidScope);
}
