//! The answers to a login and a logout.

use http::{HeaderMap, StatusCode};
use tower_bearer::{Verifier, session::Grant};

use crate::world::{ACCESS, REFRESH, World, read, started};

#[tokio::test]
async fn a_login_has_an_offer() {
    let world = World::new();
    let tokens = started(&world).await;
    let answer = read(world.binding.response(&tokens).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let offer = answer.offer();
    assert_eq!(offer.algorithms, "(ES256 RS256)");
    assert_eq!(offer.path, "/auth/device/register");
    assert_ne!(offer.challenge, offer.authorization);
    let names: Vec<_> = answer.cookies().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [REFRESH, ACCESS]);
    assert!(answer.json()["access_token"].is_string());
    assert!(answer.headers["secure-session-registration"].is_sensitive());
}

#[tokio::test]
async fn a_session_that_has_begun_before_can_be_offered_too() {
    let world = World::new();
    let browser = world.login().await;
    let session = world.row(&browser).await.session.id;
    let mut headers = HeaderMap::new();
    world.binding.offer(session, &mut headers);
    assert_eq!(headers.len(), 1);
    let mut later = browser;
    let response = http::Response::new(tower_bearer::ReplyBody::default());
    let mut answer = read(response).await;
    answer.headers = headers;
    later.offer = answer.offer();
    assert_eq!(world.register(&later).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_logout_removes_the_cookies_and_the_key() {
    let world = World::new();
    let answer = read(world.binding.logged_out()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.headers["clear-site-data"], "\"cookies\"");
    let lines = answer.headers.get_all("set-cookie").iter();
    let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.contains("; Max-Age=0;")));
}

/// The browser refreshes when the access cookie has run out, so that one has an age also where cookies go with
/// the browser.
#[tokio::test]
async fn the_access_cookie_runs_out_where_cookies_go_with_the_browser() {
    let world = World::new();
    let grant = Grant::new("alice").cookies_end_with_browser();
    let tokens = world.sessions.start(grant).await.unwrap();
    let by_binding = read(world.binding.response(&tokens).unwrap()).await;
    let by_cookie = read(world.cookie.response(&tokens).unwrap()).await;
    for (answer, access_has_an_age) in [(by_binding, true), (by_cookie, false)] {
        let lines = answer.headers.get_all("set-cookie").iter();
        let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
        let has_an_age = |name| {
            lines
                .iter()
                .any(|it| it.starts_with(name) && it.contains("Max-Age="))
        };
        assert_eq!(
            (has_an_age(REFRESH), has_an_age(ACCESS)),
            (false, access_has_an_age)
        );
    }
}

/// The access token of a device travels in a cookie, for which the browser vouches.
#[tokio::test]
async fn access_tokens_are_bound_to_nothing() {
    let world = World::new();
    let browser = world.bound().await;
    let (issuer, audience) = ("https://id.example", "https://api.example");
    let verifier = Verifier::new(issuer, audience, world.keys.verifying()).unwrap();
    let verifier = verifier.clock(world.clock.clone());
    let verified = verifier.verify(&browser.access).unwrap();
    assert_eq!(verified.claims().cnf, None);
    assert_eq!(verified.claims().generation, Some(1));
}
