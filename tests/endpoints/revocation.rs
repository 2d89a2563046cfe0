//! The revocation endpoint's table (RFC 7009).

use http::{Method, StatusCode};
use tower_bearer::{endpoint::RevocationEndpoint, testing::Fault};

use crate::support::*;

#[track_caller]
fn empty(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn any_token_of_a_session_ends_it() {
    let world = world();
    let login = world.login().await;
    let first = login.refresh_token.expose();
    let answer = send(world.endpoint(), post(FORM, &refresh_form(first)))
        .await
        .granted();
    let live = answer["refresh_token"].as_str().unwrap().to_owned();
    world.clock.advance(LATER);
    empty(&send(world.revocation(), post(FORM, &format!("token={first}"))).await);
    assert!(
        !world.works(&live).await,
        "an old generation ends the session"
    );

    let login = world.login().await;
    let form = format!("token={}", login.access_token.expose());
    empty(&send(world.revocation(), post(FORM, &form)).await);
    assert!(
        !world.works(login.refresh_token.expose()).await,
        "so does a live access token"
    );
}

#[tokio::test]
async fn an_expired_access_token_ends_nothing() {
    let world = world();
    let login = world.login().await;
    world.clock.advance(LATER * 60);
    let form = format!("token={}", login.access_token.expose());
    empty(&send(world.revocation(), post(FORM, &form)).await);
    assert!(world.works(login.refresh_token.expose()).await);
}

#[tokio::test]
async fn known_and_unknown_tokens_are_answered_alike() {
    let world = world();
    let token = world.token().await;
    let known = send(world.revocation(), post(FORM, &format!("token={token}"))).await;
    empty(&known);
    for body in [
        format!("token={token}"),
        "token=no-such".to_owned(),
        "token=a.b.c%00".to_owned(),
    ] {
        let answer = send(world.revocation(), post(FORM, &body)).await;
        assert_eq!(
            (answer.status, &answer.headers),
            (known.status, &known.headers)
        );
        empty(&answer);
    }
}

#[tokio::test]
async fn a_hint_and_unknown_parameters_do_not_matter() {
    let world = world();
    for hint in [
        "refresh_token",
        "access_token",
        "nonsense",
        "",
        "a&token_type_hint=b&x=1&x=2",
    ] {
        let token = world.token().await;
        let form = format!("token_type_hint={hint}&token={token}");
        empty(&send(world.revocation(), post(FORM, &form)).await);
        assert!(!world.works(&token).await, "{hint}");
    }
}

#[tokio::test]
async fn another_client_ends_nothing() {
    let world = world();
    let token = world.token().await;
    let form = format!("token={token}&client_id=other");
    send(world.revocation(), post(FORM, &form))
        .await
        .refused(400, "invalid_grant");
    assert!(world.works(&token).await);
    empty(
        &send(
            world.revocation(),
            post(FORM, &format!("token={token}&client_id=app")),
        )
        .await,
    );
    assert!(!world.works(&token).await);
}

#[tokio::test]
async fn malformed_requests_end_nothing() {
    let world = world();
    let token = world.token().await;
    for body in [
        format!("token={token}&token={token}"),
        format!("token={token}&client_id=app&client_id=app"),
        format!("token={token}&x=%f"),
    ] {
        send(world.revocation(), post(FORM, &body))
            .await
            .refused(400, "invalid_request");
    }
    let json = format!("{{\"token\":\"{token}\"}}");
    send(world.revocation(), post(JSON, &json))
        .await
        .refused(415, "invalid_request");
    assert!(world.works(&token).await);
}

#[tokio::test]
async fn only_post_is_allowed() {
    let world = world();
    for method in [Method::GET, Method::DELETE, Method::OPTIONS] {
        let answer = send(world.revocation(), bare(method)).await;
        answer.refused(405, "invalid_request");
        assert_eq!(answer.header("allow"), "POST");
    }
    let answer = send(world.revocation(), bare(Method::HEAD)).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(answer.body.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_a_503() {
    let world = world();
    let login = world.login().await;
    let form = format!("token={}", login.refresh_token.expose());
    for fault in [down(), Fault::hang(), read_only()] {
        let endpoint = RevocationEndpoint::new(world.faulty(fault));
        let answer = send(endpoint, post(FORM, &form)).await;
        answer.refused(503, "temporarily_unavailable");
    }
    let form = format!("token={}", login.access_token.expose());
    let endpoint = RevocationEndpoint::new(world.faulty(down()));
    send(endpoint, post(FORM, &form))
        .await
        .refused(503, "temporarily_unavailable");
    assert!(world.works(login.refresh_token.expose()).await);
}

#[tokio::test]
async fn a_contended_store_still_revokes() {
    let world = world();
    let token = world.token().await;
    let endpoint = RevocationEndpoint::new(world.faulty(Fault::lost_swap()));
    empty(&send(endpoint, post(FORM, &format!("token={token}"))).await);
    assert!(!world.works(&token).await);
}
