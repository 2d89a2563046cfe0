use tower_bearer::{
    Scope,
    bearer::Admission,
    session::{EndReason, RefreshRequest, Refusal, Reuse, SessionEventKind},
};

use crate::support::*;

#[tokio::test]
async fn a_replay_after_the_client_has_moved_on_ends_the_session() {
    let world = world();
    let stolen = world.login().await;
    world.wait(600);
    let victim = rotate(&world, &stolen).await;
    assert_eq!(
        admit(&world.sessions, &world.verified(&victim.access_token)),
        Admission::Admitted
    );
    world.sessions.flush().await.unwrap();
    world.wait(11);
    refused(world.present(&stolen.refresh_token).await, Refusal::Reused);
    refused(world.present(&victim.refresh_token).await, Refusal::Ended);
    assert_eq!(
        admit(&world.sessions, &world.verified(&victim.access_token)),
        Admission::Ended
    );
    let row = world.row(&victim).await.unwrap();
    assert_eq!(row.state.ended.unwrap().reason, EndReason::Reuse);
    assert_eq!(
        world.kinds(),
        [
            SessionEventKind::Started,
            SessionEventKind::Rotated,
            SessionEventKind::Reused(Reuse::Confirmed),
            SessionEventKind::Ended(EndReason::Reuse),
            SessionEventKind::Refused(Refusal::Ended),
        ]
    );
    assert_eq!(world.events.lock().unwrap()[2].distance, 1);
}

#[tokio::test]
async fn a_token_two_steps_behind_ends_the_session_even_within_the_window() {
    let world = world();
    let stolen = world.login().await;
    world.wait(600);
    let second = rotate(&world, &stolen).await;
    world.wait(21);
    rotate(&world, &second).await;
    refused(world.present(&stolen.refresh_token).await, Refusal::Reused);
    assert!(
        world
            .kinds()
            .contains(&SessionEventKind::Reused(Reuse::Older))
    );
}

#[tokio::test]
async fn a_reuse_that_also_asks_too_much_still_ends_the_session() {
    let world = world();
    let stolen = world.login().await;
    let second = rotate(&world, &stolen).await;
    world.wait(21);
    rotate(&world, &second).await;
    let request = RefreshRequest::new(stolen.refresh_token.clone())
        .scope("read admin".parse::<Scope>().unwrap());
    refused(world.sessions.refresh(request).await, Refusal::Reused);
    assert!(world.row(&stolen).await.unwrap().state.ended.is_some());
}

#[tokio::test]
async fn a_replay_on_a_revoked_session_is_still_told() {
    let world = world();
    let old = world.login().await;
    let new = rotate(&world, &old).await;
    world
        .sessions
        .revoke(new.refresh_token.expose(), None)
        .await
        .unwrap();
    refused(world.present(&old.refresh_token).await, Refusal::Ended);
    let events = world.events.lock().unwrap();
    let last = events.last().unwrap();
    assert_eq!(
        (last.kind, last.distance),
        (SessionEventKind::Refused(Refusal::Ended), 1)
    );
}

#[tokio::test]
async fn reuse_can_be_refused_without_revoking_by_a_dangerous_name_only() {
    let world = world_with(|builder| builder.danger_refuse_without_ending());
    let stolen = world.login().await;
    let second = rotate(&world, &stolen).await;
    world.wait(21);
    let third = rotate(&world, &second).await;
    refused(world.present(&stolen.refresh_token).await, Refusal::Reused);
    world.wait(21);
    rotate(&world, &third).await;
}

#[tokio::test]
async fn a_front_runner_is_seen_after_the_budget_of_lost_answers() {
    let world = world();
    let mut held = world.login().await;
    for _ in 0..3 {
        world.wait(600);
        rotate(&world, &held).await;
        world.wait(300);
        held = rotate(&world, &held).await;
    }
    world.wait(600);
    rotate(&world, &held).await;
    world.wait(300);
    refused(world.present(&held.refresh_token).await, Refusal::Reused);
    assert!(
        world
            .kinds()
            .contains(&SessionEventKind::Reused(Reuse::BudgetSpent))
    );
}

#[tokio::test]
async fn nothing_that_is_told_holds_a_token_a_secret_or_a_jti() {
    let world = world();
    let old = world.login().await;
    let new = rotate(&world, &old).await;
    world.wait(21);
    let refreshed = world.present(&new.refresh_token).await.unwrap();
    let error = world.present(&old.refresh_token).await.unwrap_err();
    let row = world.row(&new).await.unwrap();
    let listed = world.sessions.list("anna").await.unwrap();
    let told = format!(
        "{:?}{refreshed:?}{error:?}{error}{row:?}{listed:?}{:?}{new:?}{}",
        world.events.lock().unwrap(),
        world.sessions,
        serde_json::to_string(&listed).unwrap(),
    );
    let secret = row.session.secret.expose();
    for tokens in [&old, &new, &refreshed.tokens] {
        for secret in [
            tokens.refresh_token.expose(),
            tokens.access_token.expose(),
            refresh_payload(tokens)["jti"].as_str().unwrap(),
            &format!("{secret:?}"),
        ] {
            assert!(!told.contains(secret));
        }
    }
}
