//! Sessions in which somebody acts for the user: the claim `act` (RFC 8693 §4.1).

use serde_json::{Value, json};
use tower_bearer::{
    TokenResponse,
    clock::Timestamp,
    session::{
        EndReason, EndRequest, Grant, PrivateClaims, RefreshDecision, SessionErrorKind,
        SessionEventKind, SessionInfo,
    },
    store::{Extra, MemoryStore, SessionStore},
};

use crate::support::*;

async fn acting<St: SessionStore>(world: &World<St>) -> TokenResponse {
    let grant = Grant::new("anna").actor("admin-7");
    world.sessions.start(grant).await.unwrap()
}

#[tokio::test]
async fn each_access_token_names_the_actor_whatever_the_hook_answers() {
    let world = world_with(|builder| {
        builder.on_refresh(|session: SessionInfo, _| async move {
            assert_eq!(session.actor.as_deref(), Some("admin-7"));
            PrivateClaims::new(&json!({ "role": "editor" })).map(RefreshDecision::ContinueWith)
        })
    });
    let mut held = acting(&world).await;
    for _ in 0..3 {
        let payload = access_payload(&held);
        assert_eq!(
            (&payload["sub"], &payload["act"]),
            (&json!("anna"), &json!({ "sub": "admin-7" }))
        );
        let claims = world.claims(&held.access_token);
        assert_eq!(claims.act.unwrap().sub(), Some("admin-7"));
        held = rotate(&world, &held).await;
    }
    // The same token once more, as a second tab presents it.
    let again = rotate(&world, &held).await;
    assert_eq!(access_payload(&again)["act"], json!({ "sub": "admin-7" }));
}

#[tokio::test]
async fn no_claim_of_the_application_is_an_actor() {
    let world = world();
    let forged = json!({ "act": { "sub": "admin-7" } });
    assert!(PrivateClaims::new(&forged).is_err());
    assert!(PrivateClaims::from_json(&forged.to_string()).is_err());
    let error = world
        .sessions
        .start(Grant::new("anna").claims(&forged))
        .await;
    assert_eq!(error.unwrap_err().kind(), SessionErrorKind::Grant);
    assert_eq!(access_payload(&world.login().await)["act"], Value::Null);
}

#[tokio::test]
async fn the_user_has_not_authenticated_unless_the_login_says_so() {
    let world = world();
    assert_eq!(access_payload(&acting(&world).await)["auth_time"], 0);
    let before = Timestamp::from_secs(1_999_999_999);
    let grant = Grant::new("anna").actor("admin-7").auth_time(before);
    let login = world.sessions.start(grant).await.unwrap();
    assert_eq!(access_payload(&login)["auth_time"], 1_999_999_999);
}

#[tokio::test]
async fn lists_and_events_tell_who_acts() {
    let (_folder, store, clock) = sqlite().await;
    let world = world_on(store, clock, |builder| builder);
    let own = world.login().await;
    let acting = acting(&world).await;
    let page = world.sessions.list("anna").await.unwrap();
    let actors: Vec<_> = page.sessions.iter().map(|it| it.actor.as_deref()).collect();
    assert_eq!(actors, [Some("admin-7"), None]);
    let written = serde_json::to_value(&page.sessions).unwrap();
    assert_eq!(written[0]["actor"], "admin-7");
    assert!(written[1].get("actor").is_none());

    rotate(&world, &own).await;
    rotate(&world, &acting).await;
    world.sessions.end(sid(&acting), "anna").await.unwrap();
    let events = world.events.lock().unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|it| (it.kind, it.actor.as_deref()))
        .collect();
    let (started, rotated) = (SessionEventKind::Started, SessionEventKind::Rotated);
    assert_eq!(
        told[..4],
        [
            (started, None),
            (started, Some("admin-7")),
            (rotated, None),
            (rotated, Some("admin-7")),
        ]
    );
    // The user has ended it, and not the actor.
    assert_eq!(told[4].1, None);
}

/// Whoever acts for the user ends the user's other sessions in the actor's own name.
#[tokio::test]
async fn an_event_tells_who_has_ended_a_session_for_the_user() {
    let world = world();
    let acting = world.claims(&acting(&world).await.access_token);
    let own = world.claims(&world.login().await.access_token);
    let one = world.login().await;
    world.sessions.end(sid(&one), &acting).await.unwrap();
    let kept = own.session_id().unwrap();
    world.login().await;
    let request = EndRequest::new(&acting).after_password_change();
    world.sessions.end_others(request, kept).await.unwrap();
    world.sessions.end_all(&own).await.unwrap();
    world.login().await;
    let request = EndRequest::new("anna").by_admin().actor("admin-9");
    world.sessions.end_all(request).await.unwrap();
    let events = world.events.lock().unwrap();
    let ended = events.iter().filter_map(|event| match event.kind {
        SessionEventKind::Ended(reason) => Some((reason, event.actor.as_deref())),
        _ => None,
    });
    let (mut expected, by_actor) = (vec![(EndReason::Logout, Some("admin-7"))], Some("admin-7"));
    // That of the actor and the other one.
    expected.extend([(EndReason::PasswordChanged, by_actor); 2]);
    expected.push((EndReason::Logout, None));
    expected.push((EndReason::Admin, Some("admin-9")));
    assert_eq!(ended.collect::<Vec<_>>(), expected);
}

/// Else the tokens would seem to be the user's own. The session can still be seen and ended.
#[tokio::test]
async fn a_session_whose_actor_cannot_be_read_gives_no_tokens() {
    for odd in [
        json!("admin-7"),
        json!(null),
        json!(["admin-7"]),
        json!({ "sub": "" }),
        json!({ "sub": 7 }),
    ] {
        let world = world();
        let login = acting(&world).await;
        let mut record = world.row(&login).await.unwrap();
        record.session.extra = Extra::from_json(&json!({ "act": odd }).to_string()).unwrap();
        let later = world_on(MemoryStore::with_clock(clock()), clock(), |builder| builder);
        later.sessions.store().insert(&record).await.unwrap();

        let error = later.present(&login.refresh_token).await.unwrap_err();
        assert_eq!(error.kind(), SessionErrorKind::Store, "{odd}");
        assert_eq!(
            later.row(&login).await.unwrap(),
            record,
            "nothing was rotated"
        );
        assert_eq!(later.listed().await, 1);
        assert!(later.sessions.end(sid(&login), "anna").await.unwrap());
    }
}

/// What a later version may add to it stays there.
#[tokio::test]
async fn more_about_the_actor_goes_into_the_tokens_as_it_is() {
    let world = world();
    let login = acting(&world).await;
    let mut record = world.row(&login).await.unwrap();
    let act = json!({ "sub": "admin-7", "act": { "sub": "root" } });
    record.session.extra = Extra::from_json(&json!({ "act": act }).to_string()).unwrap();
    let later = world_on(MemoryStore::with_clock(clock()), clock(), |builder| builder);
    later.sessions.store().insert(&record).await.unwrap();
    assert_eq!(access_payload(&rotate(&later, &login).await)["act"], act);
}

#[tokio::test]
async fn an_actor_has_a_name_within_limits() {
    let world = world();
    for wrong in [String::new(), "a".repeat(1025)] {
        let error = world.sessions.start(Grant::new("anna").actor(wrong)).await;
        assert_eq!(error.unwrap_err().kind(), SessionErrorKind::InvalidRequest);
    }
    let longest = Grant::new("anna").actor("a".repeat(1024));
    let login = world.sessions.start(longest).await.unwrap();
    rotate(&world, &login).await;
}
