use std::time::Duration;

use tower_bearer::{
    Scope,
    bearer::{Admission, SessionGuard},
    clock::{Clock, ManualClock},
    session::{EndReason, Grant, Overflow, Refusal, SessionErrorKind, SessionEventKind},
    store::{MemoryStore, SessionStore},
    testing::{Fault, StoreCall},
};

use crate::support::*;

#[tokio::test]
async fn a_refresh_token_of_any_generation_ends_its_session() {
    for presented in 0..3 {
        let world = world();
        let mut tokens = vec![world.login().await];
        for _ in 0..2 {
            world.wait(30);
            tokens.push(rotate(&world, tokens.last().unwrap()).await);
        }
        world
            .sessions
            .revoke(tokens[presented].refresh_token.expose(), None)
            .await
            .unwrap();
        refused(
            world.present(&tokens[2].refresh_token).await,
            Refusal::Ended,
        );
    }
}

#[tokio::test]
async fn an_expired_refresh_token_still_ends_its_session() {
    let world = world();
    let tokens = world.login().await;
    world.wait(31 * 24 * 3600);
    world
        .sessions
        .revoke(tokens.refresh_token.expose(), None)
        .await
        .unwrap();
    assert!(world.row(&tokens).await.unwrap().state.ended.is_some());
}

#[tokio::test]
async fn a_live_access_token_ends_its_session_and_an_expired_one_does_not() {
    let world = world();
    let tokens = world.login().await;
    world.wait(600);
    world
        .sessions
        .revoke(tokens.access_token.expose(), None)
        .await
        .unwrap();
    let tokens = rotate(&world, &tokens).await;
    world
        .sessions
        .revoke(tokens.access_token.expose(), None)
        .await
        .unwrap();
    refused(world.present(&tokens.refresh_token).await, Refusal::Ended);
}

#[tokio::test]
async fn revoking_nonsense_is_no_error_and_ends_nothing() {
    let world = world();
    let tokens = world.login().await;
    let token = tokens.refresh_token.expose();
    for nonsense in [
        "",
        "nope",
        "a.b.c",
        &token[..token.len() - 1],
        &format!("{token}A"),
    ] {
        world.sessions.revoke(nonsense, None).await.unwrap();
    }
    rotate(&world, &tokens).await;
}

#[tokio::test]
async fn another_client_cannot_revoke() {
    let world = world();
    let tokens = world
        .sessions
        .start(Grant::new("anna").client_id("app"))
        .await
        .unwrap();
    let token = tokens.refresh_token.expose();
    let error = world
        .sessions
        .revoke(token, Some("other"))
        .await
        .unwrap_err();
    assert_eq!(
        error.kind(),
        SessionErrorKind::InvalidGrant(Refusal::OtherClient)
    );
    assert!(world.row(&tokens).await.unwrap().state.ended.is_none());
    world.sessions.revoke(token, Some("app")).await.unwrap();
    assert!(world.row(&tokens).await.unwrap().state.ended.is_some());
}

#[tokio::test]
async fn a_session_is_ended_by_its_own_subject_only() {
    let world = world();
    let tokens = world.login().await;
    let id = sid(&tokens);
    assert!(!world.sessions.end(id, "mallory").await.unwrap());
    assert!(world.sessions.is_live(id).await.unwrap());
    assert!(world.sessions.end(id, "anna").await.unwrap());
    assert!(
        !world.sessions.end(id, "anna").await.unwrap(),
        "ended already"
    );
    assert!(!world.sessions.is_live(id).await.unwrap());
    assert_eq!(
        admit(&world.sessions, &world.verified(&tokens.access_token)),
        Admission::Ended
    );
}

#[tokio::test]
async fn end_all_ends_all_of_one_subject() {
    let world = world();
    let tokens = [world.login().await, world.login().await];
    let other = world.sessions.start(Grant::new("bob")).await.unwrap();
    assert_eq!(world.sessions.end_all("anna").await.unwrap(), 2);
    for tokens in &tokens {
        refused(world.present(&tokens.refresh_token).await, Refusal::Ended);
        assert_eq!(
            admit(&world.sessions, &world.verified(&tokens.access_token)),
            Admission::Ended
        );
    }
    rotate(&world, &other).await;
}

/// Its access tokens are refused here by then, so nobody may go on to refresh them.
#[tokio::test]
async fn a_logout_that_could_not_be_written_is_made_up_for_at_the_next_refresh() {
    let clock = clock();
    let store = failing(&clock);
    let here = world_on(store.clone(), clock.clone(), |builder| builder);
    let there = world_on(store.inner().clone(), clock, |builder| builder);
    let (held, other) = (here.login().await, here.login().await);
    store.inject(down().on([StoreCall::End]));
    unavailable(here.sessions.end(sid(&held), "anna").await);
    admits(&here, &held.access_token, Admission::Ended);
    // Neither the client nor another server has learned of it.
    unavailable(here.present(&held.refresh_token).await);
    let held = rotate(&there, &held).await;
    store.heal();
    refused(here.present(&held.refresh_token).await, Refusal::Ended);
    refused(there.present(&held.refresh_token).await, Refusal::Ended);
    let ended = SessionEventKind::Ended(EndReason::Logout);
    assert_eq!(
        here.kinds().iter().filter(|kind| **kind == ended).count(),
        1
    );
    rotate(&here, &other).await;
}

/// A store that is not there at all cannot even tell whose session it is. The token of the request does.
#[tokio::test]
async fn while_the_store_is_away_a_logout_refuses_the_tokens_of_its_own_session_alone() {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    let (own, other) = (world.login().await, world.login().await);
    let claims = world.claims(&own.access_token);
    store.inject(down());
    unavailable(world.sessions.end(sid(&other), &claims).await);
    unavailable(world.sessions.end(sid(&other), "anna").await);
    admits(&world, &other.access_token, Admission::Admitted);
    unavailable(world.sessions.end(sid(&own), &claims).await);
    admits(&world, &own.access_token, Admission::Ended);
    store.heal();
    refused(world.present(&own.refresh_token).await, Refusal::Ended);
    rotate(&world, &other).await;
}

#[tokio::test(start_paused = true)]
async fn a_logout_that_takes_for_ever_refuses_the_tokens_as_soon_as_it_is_given_up() {
    let clock = clock();
    let store = failing(&clock);
    let world = world_on(store.clone(), clock, |builder| builder);
    let held = world.login().await;
    store.inject(Fault::hang().on([StoreCall::End]));
    unavailable(world.sessions.end(sid(&held), "anna").await);
    admits(&world, &held.access_token, Admission::Ended);
}

/// A failover may lose the end of a session as any other write.
#[tokio::test]
async fn a_session_that_comes_back_to_life_is_ended_again() {
    let world = world();
    let held = world.login().await;
    let before = world.row(&held).await.unwrap();
    world.sessions.end(sid(&held), "anna").await.unwrap();
    let store = world.sessions.store();
    world.wait(181 * 24 * 3600);
    assert_eq!(store.delete_expired(10).await.unwrap(), 1);
    world.clock.set(before.session.created_at);
    store.insert(&before).await.unwrap();
    refused(world.present(&held.refresh_token).await, Refusal::Ended);
    assert!(world.row(&held).await.unwrap().state.ended.is_some());
}

#[tokio::test]
async fn a_deleted_session_is_not_live() {
    let world = world();
    let tokens = world.login().await;
    world.wait(180 * 24 * 3600);
    assert!(
        !world.sessions.is_live(sid(&tokens)).await.unwrap(),
        "past its end"
    );
    assert_eq!(world.sessions.store().delete_expired(10).await.unwrap(), 1);
    assert!(!world.sessions.is_live(sid(&tokens)).await.unwrap(), "gone");
}

#[tokio::test]
async fn a_listing_tells_a_thief_nothing() {
    let world = world();
    let grant = Grant::new("anna")
        .scope(Scope::from_static("read"))
        .metadata("device", "Anna's phone ☎");
    let tokens = world.sessions.start(grant).await.unwrap();
    world.wait(5000);
    rotate(&world, &tokens).await;
    let listed = world.sessions.list("anna").await.unwrap().sessions;
    let json = serde_json::to_value(&listed).unwrap();
    let mut names: Vec<_> = json[0].as_object().unwrap().keys().cloned().collect();
    names.sort_unstable();
    let mut expected = [
        "auth_time",
        "created_at",
        "ends_at",
        "sid",
        "last_refreshed_at",
        "metadata",
        "scope",
        "subject",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(
        json[0]["last_refreshed_at"].as_i64().unwrap() % 3600,
        0,
        "only to the hour"
    );
    assert_eq!(json[0]["metadata"]["device"], "Anna's phone ☎");
}

#[tokio::test]
async fn ended_and_expired_sessions_are_not_listed() {
    let world = world();
    let first = world.login().await;
    world.sessions.end(sid(&first), "anna").await.unwrap();
    world.login().await;
    world.wait(29 * 24 * 3600);
    let third = world.login().await;
    world.wait(2 * 24 * 3600);
    let listed = world.sessions.list("anna").await.unwrap().sessions;
    assert_eq!(
        listed.iter().map(|session| session.sid).collect::<Vec<_>>(),
        [sid(&third)]
    );
}

#[tokio::test]
async fn the_oldest_session_makes_room() {
    let world = world_with(|builder| builder.max_sessions(2, Overflow::EvictOldest));
    let first = world.login().await;
    let second = world.login().await;
    let third = world.login().await;
    refused(world.present(&first.refresh_token).await, Refusal::Ended);
    for kept in [&second, &third] {
        rotate(&world, kept).await;
    }
}

#[tokio::test]
async fn a_login_that_fails_makes_no_room() {
    let world = world_with(|builder| builder.max_sessions(1, Overflow::EvictOldest));
    let first = world.login().await;
    let too_large = serde_json::json!({ "large": "x".repeat(9000) });
    let grant = Grant::new("anna").claims(&too_large);
    assert!(world.sessions.start(grant).await.is_err());
    rotate(&world, &first).await;
}

#[tokio::test]
async fn or_a_login_too_many_is_refused() {
    let world = world_with(|builder| builder.max_sessions(1, Overflow::Refuse));
    let first = world.login().await;
    let error = world.sessions.start(Grant::new("anna")).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::TooManySessions);
    world.sessions.start(Grant::new("bob")).await.unwrap();
    world.sessions.end(sid(&first), "anna").await.unwrap();
    world.login().await;
}

#[tokio::test(start_paused = true)]
async fn the_clean_up_task_deletes_until_it_is_stopped() {
    let clock: ManualClock = clock();
    let store = MemoryStore::with_clock(clock.clone());
    let world = world_on(store, clock, |builder| builder);
    let tokens = world.login().await;
    let clean_up = world.sessions.clean_up(Duration::from_secs(60)).unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(world.row(&tokens).await.is_some());
    world.wait(180 * 24 * 3600);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(world.row(&tokens).await.is_none());
    clean_up.stop().await;
    let tokens = world.login().await;
    world.wait(180 * 24 * 3600);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(
        world.row(&tokens).await.is_some(),
        "stopped at {:?}",
        world.clock.now()
    );
}
