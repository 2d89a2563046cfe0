//! Sessions that were granted for some resources (RFC 8707), and that tell how the user authenticated.

use serde_json::{Value, json};
use tower_bearer::{
    RefreshToken, TokenResponse, Verifier,
    error::ErrorCode,
    session::{
        EndReason, Grant, RefreshRequest, Refreshed, Refusal, SessionError, SessionErrorKind,
        SessionEventKind,
    },
    store::{Extra, MemoryStore, SessionStore},
};

use crate::support::*;

/// Of the examples of RFC 8707.
const CALENDAR: &str = "https://cal.example.com/";
const CONTACTS: &str = "https://contacts.example.com/app";

async fn login<St: SessionStore>(world: &World<St>) -> TokenResponse {
    let grant = Grant::new("anna").resources([CALENDAR, CONTACTS]);
    world.sessions.start(grant).await.unwrap()
}

async fn ask<St: SessionStore>(
    world: &World<St>,
    token: &RefreshToken,
    resources: &[&str],
) -> Result<Refreshed, SessionError> {
    let request = RefreshRequest::new(token.clone());
    let request = resources
        .iter()
        .fold(request, |request, one| request.resource(*one));
    world.sessions.refresh(request).await
}

fn audience(tokens: &TokenResponse) -> Value {
    access_payload(tokens)["aud"].clone()
}

#[track_caller]
fn invalid_target(result: Result<Refreshed, SessionError>) {
    let error = result.expect_err("no such resource");
    assert_eq!(error.kind(), SessionErrorKind::InvalidTarget);
    assert_eq!(error.code(), ErrorCode::InvalidTarget);
}

#[tokio::test]
async fn a_refresh_narrows_the_audience_of_its_own_token() {
    let world = world();
    let mut held = login(&world).await;
    assert_eq!(audience(&held), json!([CALENDAR, CONTACTS]));
    for (asked, got) in [
        (&[CALENDAR][..], json!(CALENDAR)),
        (&[CONTACTS], json!(CONTACTS)),
        (&[CONTACTS, CALENDAR], json!([CALENDAR, CONTACTS])),
        (&[CONTACTS, CONTACTS], json!(CONTACTS)),
        // As a client writes it that keeps URLs as URLs, and one that does not.
        (&["https://cal.example.com"], json!(CALENDAR)),
        (&[], json!([CALENDAR, CONTACTS])),
    ] {
        held = ask(&world, &held.refresh_token, asked)
            .await
            .unwrap()
            .tokens;
        assert_eq!(audience(&held), got, "{asked:?}");
    }
}

#[tokio::test]
async fn a_resource_that_was_not_granted_is_refused_and_the_token_is_still_good() {
    let world = world();
    let held = login(&world).await;
    for wrong in [
        AUDIENCE,
        "https://cal.example.com/x",
        "https://contacts.example.com/app/",
        "https://CAL.example.com/",
        "https://cal.example.com/#a",
        "cal.example.com",
        "",
    ] {
        invalid_target(ask(&world, &held.refresh_token, &[wrong]).await);
        invalid_target(ask(&world, &held.refresh_token, &[CALENDAR, wrong]).await);
    }
    assert_eq!(world.row(&held).await.unwrap().state.generation, 0);
    assert_eq!(world.kinds(), [SessionEventKind::Started]);
    rotate(&world, &held).await;
}

/// A thief cannot hide behind a resource that does not exist.
#[tokio::test]
async fn a_reused_token_ends_the_session_whatever_it_asks_for() {
    let world = world();
    let first = login(&world).await;
    let second = rotate(&world, &first).await;
    world.wait(60);
    let third = rotate(&world, &second).await;
    refused(
        ask(&world, &first.refresh_token, &["urn:none"]).await,
        Refusal::Reused,
    );
    refused(
        ask(&world, &third.refresh_token, &[CALENDAR]).await,
        Refusal::Ended,
    );
}

#[tokio::test]
async fn without_resources_the_audience_is_the_issuers() {
    let world = world();
    let login = world.login().await;
    assert_eq!(audience(&login), AUDIENCE);
    for same in [AUDIENCE, "https://api.example/"] {
        let refreshed = ask(&world, &login.refresh_token, &[same]).await.unwrap();
        assert_eq!(audience(&refreshed.tokens), AUDIENCE);
    }
    invalid_target(ask(&world, &login.refresh_token, &[CALENDAR]).await);
}

#[tokio::test]
async fn a_login_asks_for_uris() {
    let world = world();
    for wrong in [
        "",
        "api",
        "/api",
        "https://a.example/#b",
        "https://a.example/ b",
    ] {
        let grant = Grant::new("anna").resources([CALENDAR, wrong]);
        let error = world.sessions.start(grant).await.expect_err("no URI");
        assert_eq!(error.kind(), SessionErrorKind::InvalidTarget, "{wrong}");
    }
    let long = format!("urn:{}", "a".repeat(4093));
    let error = world
        .sessions
        .start(Grant::new("anna").resources([long]))
        .await;
    assert_eq!(error.unwrap_err().kind(), SessionErrorKind::InvalidTarget);
    for wrong in [String::new(), "a".repeat(1025)] {
        let error = world.sessions.start(Grant::new("anna").acr(wrong)).await;
        assert_eq!(error.unwrap_err().kind(), SessionErrorKind::InvalidRequest);
    }
}

/// The issuer ends the session of an access token that is for somebody else.
#[tokio::test]
async fn an_access_token_for_another_resource_can_be_revoked() {
    let world = world();
    let held = login(&world).await;
    world
        .sessions
        .revoke(held.access_token.expose(), None)
        .await
        .unwrap();
    let ended = world.row(&held).await.unwrap().state.ended.unwrap();
    assert_eq!(ended.reason, EndReason::Revocation);
}

/// The members are in a column that stores have always had.
#[tokio::test]
async fn a_store_keeps_the_resources_and_the_class() {
    let (_folder, store, clock) = sqlite().await;
    let world = world_on(store, clock, |builder| builder);
    let grant = Grant::new("anna")
        .resources([CONTACTS, CONTACTS])
        .acr("phr");
    let login = world.sessions.start(grant).await.unwrap();
    let kept = world.row(&login).await.unwrap().session.extra;
    let expected = format!(r#"{{"acr":"phr","resources":["{CONTACTS}"]}}"#);
    assert_eq!(kept, Extra::from_json(&expected).unwrap());

    let refreshed = ask(&world, &login.refresh_token, &[]).await.unwrap();
    assert_eq!(refreshed.session.acr.as_deref(), Some("phr"));
    assert_eq!(refreshed.session.resources, [CONTACTS]);
    let keys = world.sessions.issuer().keys().verifying();
    let contacts = Verifier::new(ISSUER, CONTACTS, keys).unwrap();
    let verified = contacts.clock(world.clock.clone());
    let verified = verified
        .verify(refreshed.tokens.access_token.expose())
        .unwrap();
    assert_eq!(verified.claims().acr.as_deref(), Some("phr"));
    assert!(verified.claims().auth_time.is_some());
    let listed = world.sessions.list("anna").await.unwrap();
    assert_eq!(listed.sessions[0].acr.as_deref(), Some("phr"));
}

/// Another version may have written them in another way. The tokens of the session are not for more
/// then, but there are none. The session can still be seen and ended.
#[tokio::test]
async fn resources_that_cannot_be_read_are_not_the_audience_of_the_issuer() {
    for odd in [
        json!({ "any": [CONTACTS] }),
        json!(CONTACTS),
        json!([CONTACTS, 7]),
        json!([]),
        json!(null),
    ] {
        let world = world();
        let login = login(&world).await;
        let mut record = world.row(&login).await.unwrap();
        record.session.extra = Extra::from_json(&json!({ "resources": odd }).to_string()).unwrap();
        let later = world_on(MemoryStore::with_clock(clock()), clock(), |builder| builder);
        later.sessions.store().insert(&record).await.unwrap();

        for requested in [&[][..], &[AUDIENCE], &[CONTACTS]] {
            let error = ask(&later, &login.refresh_token, requested)
                .await
                .unwrap_err();
            assert_eq!(error.kind(), SessionErrorKind::Store, "{odd} {requested:?}");
        }
        assert_eq!(
            later.row(&login).await.unwrap(),
            record,
            "nothing was rotated"
        );
        let listed = later.sessions.list("anna").await.unwrap();
        assert!(listed.sessions[0].resources.is_empty());
        later.sessions.end_all("anna").await.unwrap();
        assert!(later.row(&login).await.unwrap().state.ended.is_some());
    }
}

#[tokio::test]
async fn a_login_that_tells_nothing_keeps_nothing() {
    let world = world();
    let login = world.login().await;
    assert!(world.row(&login).await.unwrap().session.extra.is_empty());
    assert_eq!(access_payload(&login)["acr"], Value::Null);
}
