//! Logouts: the revocation endpoint with the cookie, and without.

use http::StatusCode;
use tower_bearer::endpoint::RevocationEndpoint;

use crate::support::*;

#[track_caller]
fn cleared(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.body, "");
    let cookie = answer.cookie();
    assert_eq!((cookie.name.as_str(), cookie.token.as_str()), (NAME, ""));
    assert_eq!(cookie.max_age, 0);
}

#[tokio::test]
async fn a_revocation_by_cookie_ends_the_session_and_clears() {
    let world = world();
    for body in [None, Some(FORM)] {
        let token = world.token().await;
        let request = and_cookies(post(body, ""), &[&format!("{NAME}={token}")]);
        cleared(&send(world.revocation(), request).await);
        assert!(!world.lives(&token).await);
    }
}

/// As RFC 7009 §2.2 has it for unknown tokens; and the browser is rid of it.
#[tokio::test]
async fn a_dead_token_is_cleared_too() {
    let world = world();
    for token in ["a.b.c".to_owned(), world.token().await] {
        for _ in 0..2 {
            cleared(&send(world.revocation(), with_cookie(NAME, &token)).await);
        }
    }
}

#[tokio::test]
async fn a_token_in_the_body_clears_nothing() {
    let world = world();
    let token = world.token().await;
    let request = post(Some(FORM), &format!("token={token}"));
    let answer = send(world.revocation(), request).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.sets_no_cookie();
    assert!(!world.lives(&token).await);
}

#[tokio::test]
async fn errors_clear_nothing() {
    let world = world();
    let token = world.token().await;
    let own = format!("{NAME}={token}");
    let with = |content_type, body: &str| and_cookies(post(content_type, body), &[&own]);

    let both = with(Some(FORM), &format!("token={token}"));
    send(world.revocation(), both)
        .await
        .refused(400, "invalid_request");
    let json = with(Some(JSON), "{}");
    send(world.revocation(), json)
        .await
        .refused(415, "invalid_request");
    let other = with(Some(FORM), "client_id=other");
    send(world.revocation(), other)
        .await
        .refused(400, "invalid_grant");
    let neither = post(None, "");
    send(world.revocation(), neither).await.misses_a_token();
    let twice = and_cookies(post(None, ""), &[&own, &own]);
    send(world.revocation(), twice)
        .await
        .refused(400, "invalid_request");
    let cross = and(with(None, ""), "sec-fetch-site", "cross-site");
    send(world.revocation(), cross)
        .await
        .refused(403, "access_denied");
    assert!(world.lives(&token).await);
}

#[tokio::test]
async fn an_endpoint_without_a_cookie_reads_none() {
    let world = world();
    let token = world.token().await;
    let endpoint = RevocationEndpoint::new(world.sessions.clone());
    let answer = send(endpoint, with_cookie(NAME, &token)).await;
    answer.misses_a_token();
    assert!(world.lives(&token).await);
}
