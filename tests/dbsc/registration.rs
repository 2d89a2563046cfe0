//! A browser registers its key.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tower_bearer::dbsc::{DeviceBinding, DeviceOptions, RegistrationEndpoint};

use crate::{
    device::Device,
    world::{ACCESS, Browser, LIFE, MINUTE, World, secret, send, without_store},
};

#[tokio::test]
async fn the_browser_learns_its_session() {
    let world = World::new();
    let browser = world.login().await;
    let answer = world.register(&browser).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let (_, identifier) = answer.challenge().unwrap();
    let excluded = json!({ "type": "exclude", "domain": "*", "path": "/static" });
    let expected = json!({
        "session_identifier": identifier,
        "refresh_url": "/auth/device/refresh",
        "scope": { "include_site": false, "scope_specification": [excluded] },
        "credentials": [{
            "type": "cookie",
            "name": ACCESS,
            "attributes": "Path=/; HttpOnly; Secure; SameSite=Strict",
        }],
        "allowed_refresh_initiators": [],
    });
    assert_eq!(answer.json(), expected);
}

/// A browser compares the attributes of the cookie with those that it was told.
#[tokio::test]
async fn the_cookie_has_the_attributes_that_the_browser_was_told() {
    let world = World::new();
    let mut browser = world.login().await;
    let registered = world.register(&browser).await;
    browser.take(&registered);
    let refreshed = world.refresh(&browser).await;
    let told = registered.json()["credentials"][0]["attributes"].clone();
    let told: Vec<_> = told.as_str().unwrap().split("; ").collect();
    for (answer, age) in [(registered, "Max-Age=60"), (refreshed, "Max-Age=600")] {
        let lines = answer.headers.get_all("set-cookie").iter();
        let lines = lines.map(|line| line.to_str().unwrap());
        let [line] = lines
            .filter(|line| line.starts_with(ACCESS))
            .collect::<Vec<_>>()[..]
        else {
            panic!("{answer:?}")
        };
        let (ages, others): (Vec<_>, Vec<_>) = line
            .split("; ")
            .skip(1)
            .partition(|part| part.starts_with("Max-Age="));
        assert_eq!(ages, [age]);
        assert_eq!(others, told);
    }
}

/// The answer may be lost, and a session that was bound already would be lost with it.
#[tokio::test]
async fn it_writes_nothing() {
    let world = World::new();
    let browser = world.login().await;
    let before = world.row(&browser).await;
    for _ in 0..3 {
        assert_eq!(world.register(&browser).await.status, StatusCode::OK);
    }
    assert_eq!(world.row(&browser).await, before);
    assert_eq!(world.by_script(&browser).await.status, StatusCode::OK);
}

fn age_of_access_cookie(answer: &crate::world::Answer) -> Option<String> {
    let lines = answer.headers.get_all("set-cookie").iter();
    let mut lines = lines.map(|line| line.to_str().unwrap());
    let line = lines.find(|line| line.starts_with(ACCESS))?;
    let age = line
        .split("; ")
        .find_map(|part| part.strip_prefix("Max-Age="));
    Some(age.unwrap().to_owned())
}

/// The cookie does not outlive the token in it.
#[tokio::test]
async fn the_access_cookie_lives_no_longer_than_its_token() {
    let world = World::new();
    let browser = world.login().await;
    let options = DeviceOptions::new(secret(1))
        .under("/auth")
        .offer_lifetime(2 * LIFE)
        .clock(world.clock.clone());
    let binding = DeviceBinding::new(&world.sessions, &world.cookie, options).unwrap();
    let mut late = Duration::ZERO;
    for (seconds, ages) in [(590, &["9", "10"][..]), (610, &[])] {
        world.clock.advance(Duration::from_secs(seconds) - late);
        late = Duration::from_secs(seconds);
        let endpoint = RegistrationEndpoint::new(world.sessions.clone(), &binding);
        let answer = send(endpoint, browser.registration()).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let age = age_of_access_cookie(&answer);
        // The times in a token are whole seconds.
        assert_eq!(age.is_some(), !ages.is_empty());
        assert!(age.is_none_or(|age| ages.contains(&&*age)));
    }
}

/// Whatever else is in the cookie, the browser keeps it as it was, and gets none of it back.
#[tokio::test]
async fn no_other_token_is_put_into_the_access_cookie() {
    let world = World::new();
    let mut browser = world.login().await;
    let other = world.login().await;
    for token in ["made.up.token", &other.access, &browser.refresh.clone()] {
        token.clone_into(&mut browser.access);
        let answer = world.register(&browser).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert_eq!(age_of_access_cookie(&answer), None);
    }
}

#[tokio::test]
async fn keys_of_both_kinds_are_taken() {
    for device in [Device::new(), Device::rsa()] {
        let world = World::new();
        let mut browser = world.login_with(device).await;
        let answer = world.register(&browser).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        browser.take(&answer);
        assert_eq!(world.refresh(&browser).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn another_key_comes_too_late() {
    let world = World::new();
    let mut browser = world.bound().await;
    assert_eq!(
        world.register(&browser).await.status,
        StatusCode::OK,
        "its own"
    );
    browser.device = Device::new();
    world.register(&browser).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn an_offer_runs_out() {
    let world = World::new();
    let browser = world.login().await;
    world.clock.advance(5 * MINUTE);
    assert_eq!(world.register(&browser).await.status, StatusCode::OK);
    world.clock.advance(Duration::from_millis(1));
    world
        .register(&browser)
        .await
        .refused(400, "invalid_request");
}

#[tokio::test]
async fn an_offer_is_for_its_session_only() {
    let world = World::new();
    let (mut anna, bob) = (world.login().await, world.login().await);
    anna.offer = bob.offer.clone();
    world.register(&anna).await.refused(400, "invalid_request");
    anna.offer.authorization = world.login().await.offer.authorization;
    world.register(&anna).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn an_offer_of_another_server_is_none() {
    let mut world = World::new();
    let browser = world.login().await;
    world.use_secret(2);
    world
        .register(&browser)
        .await
        .refused(400, "invalid_request");
}

#[tokio::test]
async fn offers_and_challenges_do_not_stand_in_for_each_other() {
    let world = World::new();
    let browser = world.login().await;
    let (challenge, authorization) = (&browser.offer.challenge, &browser.offer.authorization);
    for (jti, offer) in [
        (authorization, authorization),
        (challenge, challenge),
        (authorization, challenge),
    ] {
        let mut request = browser.registration();
        let proof = browser.device.registration(jti, offer);
        let headers = request.headers_mut();
        headers.insert("secure-session-response", proof.parse().unwrap());
        let answer = world.send_registration(request).await;
        answer.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_registered() {
    let world = World::new();
    let browser = world.login().await;
    let record = world.row(&browser).await;
    let ended = world.sessions.end(record.session.id, "alice").await;
    assert!(ended.unwrap());
    world.register(&browser).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn without_the_cookie_or_from_another_origin_nothing_is_registered() {
    let world = World::new();
    let browser = world.login().await;
    let mut request = browser.registration();
    request.headers_mut().remove("cookie");
    let answer = world.send_registration(request).await;
    answer.refused(400, "invalid_request");
    let mut request = browser.registration();
    let headers = request.headers_mut();
    headers.insert("sec-fetch-site", "cross-site".parse().unwrap());
    headers.insert("origin", "https://evil.example".parse().unwrap());
    let answer = world.send_registration(request).await;
    answer.refused(403, "access_denied");
}

#[tokio::test]
async fn without_a_store_it_is_a_503() {
    let world = World::new();
    let browser: Browser = world.login().await;
    let sessions = without_store(&world);
    let endpoint = RegistrationEndpoint::new(sessions, &world.binding);
    let answer = send(endpoint, browser.registration()).await;
    answer.refused(503, "temporarily_unavailable");
    assert_eq!(answer.headers["retry-after"], "1");
}
