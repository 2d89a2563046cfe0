//! A browser proves its key.

use std::sync::atomic::Ordering::SeqCst;

use http::StatusCode;
use tests_shared::client::payload;
use tower_bearer::{
    Verifier,
    context::ClientAddress,
    dbsc::RefreshEndpoint,
    session::{Reauthentication, RefreshRequest, Refusal, SessionErrorKind, SessionEventKind},
};

use crate::{
    device::Device,
    world::{ACCESS, LIFE, MINUTE, REFRESH, World, read, send, without, without_store},
};

fn names(answer: &crate::world::Answer) -> Vec<String> {
    answer.cookies().into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn the_first_refresh_binds_the_session() {
    let world = World::new();
    let mut browser = world.registered().await;
    assert_eq!(world.row(&browser).await.state.bound_to, None);
    let answer = world.refresh(&browser).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    browser.take(&answer);
    let row = world.row(&browser).await;
    let bound_to = row.state.bound_to.unwrap();
    assert_eq!(row.state.generation, 1);
    // Not by the key's own thumbprint, which a proof of DPoP would have too.
    let jwk = browser.device.jwk().to_string();
    let key = tower_bearer::VerifyingKey::from_jwk(&jwk).unwrap();
    assert_ne!(bound_to.to_string(), key.kid());
}

#[tokio::test]
async fn the_events_say_where_it_comes_from() {
    let world = World::new();
    let browser = world.registered().await;
    let mut events = world.sessions.events();
    let mut request = browser.refresh();
    let address = "192.0.2.7".parse().unwrap();
    request.extensions_mut().insert(ClientAddress(address));
    assert_eq!(world.send_refresh(request).await.status, StatusCode::OK);
    for kind in [SessionEventKind::Bound, SessionEventKind::Rotated] {
        let told = events.recv().await.unwrap().unwrap();
        assert_eq!((told.kind, told.address), (kind, Some(address)));
    }
}

#[tokio::test]
async fn each_refresh_brings_the_cookies_and_the_next_challenge() {
    let world = World::new();
    let mut browser = world.bound().await;
    for _ in 0..5 {
        world.clock.advance(LIFE - MINUTE);
        let before = browser.challenge.clone();
        let answer = world.refresh(&browser).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(names(&answer), [REFRESH, ACCESS]);
        assert_eq!(answer.json()["session_identifier"], browser.identifier);
        browser.take(&answer);
        assert_ne!(browser.challenge, before);
    }
    assert_eq!(world.row(&browser).await.state.generation, 6);
}

#[tokio::test]
async fn without_a_proof_there_is_a_challenge() {
    let world = World::new();
    let mut browser = world.bound().await;
    let row = world.row(&browser).await;
    let answer = world.send_refresh(browser.asking()).await;
    answer.challenges();
    assert_eq!(answer.challenge().unwrap().1, browser.identifier);
    assert_eq!(world.row(&browser).await, row);
    browser.take(&answer);
    assert_eq!(world.refresh(&browser).await.status, StatusCode::OK);
}

/// A browser that comes back the next day has an old challenge, or none.
#[tokio::test]
async fn an_old_challenge_costs_one_round_trip() {
    let world = World::new();
    let mut browser = world.bound().await;
    world.clock.advance(LIFE);
    assert_eq!(world.refresh(&browser).await.status, StatusCode::OK);
    world.clock.advance(MINUTE);
    let answer = world.refresh(&browser).await;
    answer.challenges();
    browser.take(&answer);
    assert_eq!(world.refresh(&browser).await.status, StatusCode::OK);
}

/// The browser sends the same proof and the same cookie again, at any time within the challenge's life.
#[tokio::test]
async fn lost_answers_are_made_up_for() {
    let world = World::new();
    let mut browser = world.bound().await;
    for _ in 0..10 {
        let first = world.refresh(&browser).await;
        assert_eq!(first.status, StatusCode::OK);
        world.clock.advance(2 * MINUTE);
        let second = world.refresh(&browser).await;
        assert_eq!(second.status, StatusCode::OK, "{second:?}");
        assert_eq!(names(&second), [REFRESH, ACCESS]);
        browser.take(&second);
    }
    let state = world.row(&browser).await.state;
    assert_eq!(state.late, 0, "it costs nothing");
    assert_eq!(state.ended, None);
}

/// The live cookie comes again soon: it is in the browser already, where it could replace a newer one.
#[tokio::test]
async fn the_live_cookie_is_not_set_again() {
    let world = World::new();
    let browser = world.bound().await;
    let answer = world.refresh(&browser).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(names(&answer), [ACCESS]);
}

#[tokio::test]
async fn a_challenge_is_for_its_session_only() {
    let world = World::new();
    let (mut anna, bob) = (world.bound().await, world.bound().await);
    anna.challenge = bob.challenge.clone();
    world.refresh(&anna).await.challenges();
    anna.challenge = anna.offer.authorization.clone();
    world.refresh(&anna).await.challenges();
    anna.challenge = "made-up".to_owned();
    world.refresh(&anna).await.challenges();
}

#[tokio::test]
async fn another_key_gets_nothing() {
    let world = World::new();
    let mut browser = world.bound().await;
    let row = world.row(&browser).await;
    browser.device = Device::new();
    world.refresh(&browser).await.challenges();
    browser.device = Device::rsa();
    world.refresh(&browser).await.challenges();
    assert_eq!(world.row(&browser).await, row);
}

/// A thief who has registered a key of his own elsewhere names that one, with the victim's cookie.
#[tokio::test]
async fn the_key_of_another_session_gets_nothing() {
    let world = World::new();
    let victim = world.bound().await;
    let mut thief = world.bound().await;
    thief.refresh.clone_from(&victim.refresh);
    world.refresh(&thief).await.is_of_another_key();
    let row = world.row(&victim).await;
    assert_eq!(row.state.ended, None);
    assert_eq!(world.refresh(&victim).await.status, StatusCode::OK);
}

/// Nobody else binds a session that is not bound yet.
#[tokio::test]
async fn a_key_that_was_not_registered_binds_nothing() {
    let world = World::new();
    let victim = world.registered().await;
    let mut thief = world.bound().await;
    thief.refresh.clone_from(&victim.refresh);
    thief.challenge.clone_from(&victim.challenge);
    world.refresh(&thief).await.is_of_another_key();
    assert_eq!(world.row(&victim).await.state.bound_to, None);
}

#[tokio::test]
async fn of_two_registered_keys_the_first_to_refresh_binds() {
    let world = World::new();
    let mut first = world.login().await;
    let answer = world.register(&first).await;
    let mut second = world.login().await;
    (second.refresh, second.access) = (first.refresh.clone(), first.access.clone());
    second.offer = first.offer.clone();
    let other = world.register(&second).await;
    second.take(&other);
    first.take(&answer);
    assert_eq!(world.refresh(&first).await.status, StatusCode::OK);
    world.refresh(&second).await.is_of_another_key();
    assert_eq!(world.refresh(&first).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_that_is_over_is_forgotten() {
    let world = World::new();
    let browser = world.bound().await;
    let id = world.row(&browser).await.session.id;
    assert!(world.sessions.end(id, "alice").await.unwrap());
    world.refresh(&browser).await.is_over();

    let browser = world.bound().await;
    world
        .send_refresh(without(browser.refresh(), "cookie"))
        .await
        .is_of_another_key();
    world
        .send_refresh(without(browser.refresh(), "sec-secure-session-id"))
        .await
        .is_of_another_key();
    world.clock.advance(world.sessions.session_lifetime());
    let mut late = browser;
    let answer = world.send_refresh(late.asking()).await;
    late.take(&answer);
    world.refresh(&late).await.is_over();
}

/// Trouble of the server passes, and the browser has to try again.
#[tokio::test]
async fn trouble_of_the_server_ends_nothing() {
    let world = World::new();
    let browser = world.bound().await;
    world.is_in_trouble.store(true, SeqCst);
    let answer = world.refresh(&browser).await;
    answer.refused(503, "temporarily_unavailable");
    assert_eq!(answer.headers["retry-after"], "1");
    world.is_in_trouble.store(false, SeqCst);

    let sessions = without_store(&world);
    let endpoint = RefreshEndpoint::new(sessions, &world.binding);
    let answer = send(endpoint, browser.refresh()).await;
    answer.refused(503, "temporarily_unavailable");
    assert_eq!(world.refresh(&browser).await.status, StatusCode::OK);
}

/// The secret was changed: browsers that are bound need another challenge, and nothing else.
#[tokio::test]
async fn a_new_secret_logs_nobody_out() {
    let mut world = World::new();
    let mut browser = world.bound().await;
    let registered = world.registered().await;
    world.use_secret(2);
    let answer = world.refresh(&browser).await;
    answer.challenges();
    browser.take(&answer);
    let identifier = browser.identifier.clone();
    let answer = world.refresh(&browser).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(
        answer.json()["session_identifier"],
        identifier,
        "another would end it"
    );
    world.refresh(&registered).await.is_of_another_key();
    assert_eq!(
        world.by_script(&registered).await.status,
        StatusCode::OK,
        "unbound, as before"
    );
}

#[tokio::test]
async fn from_another_origin_nothing_is_refreshed() {
    let world = World::new();
    let browser = world.bound().await;
    let mut request = browser.refresh();
    let headers = request.headers_mut();
    headers.insert("sec-fetch-site", "same-site".parse().unwrap());
    headers.insert("origin", "https://evil.id.example".parse().unwrap());
    let answer = world.send_refresh(request).await;
    answer.refused(403, "access_denied");
    assert_eq!(answer.challenge(), None);
}

/// No page can prove the key of a device. The answer to the new login lets nobody else refresh, and at the
/// browser's next refresh it is the key that counts.
#[tokio::test]
async fn the_user_of_a_bound_session_authenticates_again() {
    let world = World::new();
    let mut browser = world.bound().await;
    let claims = {
        let (issuer, audience) = ("https://id.example", "https://api.example");
        let verifier = Verifier::new(issuer, audience, world.keys.verifying()).unwrap();
        let verifier = verifier.clock(world.clock.clone());
        verifier.verify(&browser.access).unwrap().claims().clone()
    };
    let how = Reauthentication::new().acr("phr");
    let tokens = world.sessions.reauthenticate(&claims, how).await.unwrap();
    assert_eq!(payload(tokens.access_token.expose())["acr"], "phr");
    let stolen = RefreshRequest::new(tokens.refresh_token.clone());
    let error = world.sessions.refresh(stolen).await.unwrap_err();
    let unproven = SessionErrorKind::InvalidGrant(Refusal::UnprovenDevice);
    assert_eq!(error.kind(), unproven);

    // Whether or not the browser has taken the new cookie.
    for is_taken in [false, true] {
        if is_taken {
            browser.take(&read(world.binding.response(&tokens).unwrap()).await);
        }
        let answer = world.refresh(&browser).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        browser.take(&answer);
        assert_eq!(payload(&browser.access)["acr"], "phr");
    }
}
