//! The first refresh, which binds the session: what it leaves in the browser, and until when a key may
//! bind.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::StatusCode;
use serde_json::Value;
use tower_bearer::{
    cookie::{AccessCookie, CookieOptions, RefreshCookie},
    dbsc::{DeviceBinding, DeviceOptions, RefreshEndpoint, RegistrationEndpoint},
    endpoint::{EndpointOptions, TokenEndpoint},
    session::{Grant, SessionEventKind},
    store::{SessionStore, Swap},
};

use crate::{
    device::Device,
    world::{Browser, LIFE, MINUTE, World, builder, read, secret, send},
};

fn names_its_key(token: &str) -> bool {
    let payload = token.split('.').nth(1).unwrap();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    claims["cnf"]["jkt"].is_string()
}

/// A browser whose page has refreshed a moment before the browser did, for the first time.
async fn bound_after_its_page(world: &World) -> Browser {
    let mut browser = world.login().await;
    let answer = world.by_script(&browser).await;
    browser.take(&answer);
    let answer = world.register(&browser).await;
    browser.take(&answer);
    let answer = world.refresh(&browser).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    browser.take(&answer);
    browser
}

#[tokio::test]
async fn it_leaves_a_cookie_that_names_the_key() {
    let world = World::new();
    let browser = bound_after_its_page(&world).await;
    assert!(names_its_key(&browser.refresh));
    // A failover loses the write that has bound it. The cookie alone is of no use all the same.
    let row = world.row(&browser).await;
    let mut lost = row.state.clone();
    lost.bound_to = None;
    lost.version += 1;
    let swap = world
        .store
        .swap(row.session.id, row.state.version, &lost)
        .await;
    assert_eq!(swap.unwrap(), Swap::Swapped);
    assert_eq!(world.by_script(&browser).await.status.as_u16(), 403);
}

#[tokio::test]
async fn a_new_secret_logs_nobody_out_then_either() {
    let mut world = World::new();
    let mut browser = bound_after_its_page(&world).await;
    world.use_secret(2);
    let answer = world.refresh(&browser).await;
    answer.challenges();
    browser.take(&answer);
    assert_eq!(world.refresh(&browser).await.status, StatusCode::OK);
}

/// Where bound sessions rotate once a day, the cookie from before would be kept for as long, and each
/// page that is opened would look like a theft.
#[tokio::test]
async fn it_does_so_where_sessions_rotate_seldom() {
    let world = World::new();
    let events = Arc::<Mutex<Vec<SessionEventKind>>>::default();
    let told = Arc::clone(&events);
    let sessions = builder(&world.keys, world.store.clone())
        .rotate_bound_after(24 * 60 * MINUTE)
        .on_event(move |event| told.lock().unwrap().push(event.kind))
        .build()
        .unwrap();
    let access = AccessCookie::new(CookieOptions::new()).unwrap();
    let cookie = RefreshCookie::new(&sessions, CookieOptions::new()).unwrap();
    let cookie = cookie.with_access_cookie(&access);
    let options = DeviceOptions::new(secret(1)).under("/auth");
    let options = options.clock(world.clock.clone());
    let binding = DeviceBinding::new(&sessions, &cookie, options).unwrap();
    let options = EndpointOptions::new().device_binding(&binding);
    let token = TokenEndpoint::new(sessions.clone()).options(options);
    let tokens = sessions.start(Grant::new("alice")).await.unwrap();
    let answer = read(binding.response(&tokens).unwrap()).await;
    let mut browser = Browser::new(Device::new(), answer.offer());
    browser.take(&answer);
    let answer = send(token.clone(), browser.post("/auth/token")).await;
    browser.take(&answer);
    world.clock.advance(MINUTE);
    let register = RegistrationEndpoint::new(sessions.clone(), &binding);
    let answer = send(register, browser.registration()).await;
    browser.take(&answer);
    for _ in 0..20 {
        let refresh = RefreshEndpoint::new(sessions.clone(), &binding);
        let answer = send(refresh, browser.refresh()).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        browser.take(&answer);
        assert!(names_its_key(&browser.refresh));
        let answer = send(token.clone(), browser.post("/auth/token")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        world.clock.advance(MINUTE * 8);
    }
    let events = events.lock().unwrap();
    let refused = |kind: &&SessionEventKind| matches!(kind, SessionEventKind::Refused(_));
    assert_eq!(events.iter().find(refused), None);
}

/// A script has registered a key of its own at the login, and kept it.
#[tokio::test]
async fn a_key_of_long_ago_binds_nothing() {
    let world = World::new();
    let mut victim = world.login().await;
    let mut thief = Browser::new(Device::new(), victim.offer.clone());
    (thief.refresh, thief.access) = (victim.refresh.clone(), victim.access.clone());
    let answer = world.register(&thief).await;
    assert_eq!(answer.status, StatusCode::OK);
    thief.take(&answer);
    for _ in 0..21 {
        world.clock.advance(24 * 60 * MINUTE);
        let answer = world.by_script(&victim).await;
        assert_eq!(answer.status, StatusCode::OK);
        victim.take(&answer);
    }
    thief.refresh.clone_from(&victim.refresh);
    let answer = world.send_refresh(thief.asking()).await;
    thief.take(&answer);
    world.refresh(&thief).await.is_of_another_key();
    assert_eq!(world.row(&victim).await.state.bound_to, None);
    assert_eq!(world.by_script(&victim).await.status, StatusCode::OK);
}

/// The offer's life and the access token's, counted from the registration.
#[tokio::test]
async fn a_key_may_bind_for_a_while() {
    for (late, is_bound) in [(0, true), (1, false)] {
        let world = World::new();
        let mut browser = world.registered().await;
        world
            .clock
            .advance(5 * MINUTE + LIFE + Duration::from_millis(late));
        let answer = world.send_refresh(browser.asking()).await;
        browser.take(&answer);
        let answer = world.refresh(&browser).await;
        assert_eq!(answer.status.is_success(), is_bound, "{answer:?}");
    }
}

/// It has bound the session, but the answer that said so was lost.
#[tokio::test]
async fn a_key_that_has_bound_is_known_for_ever() {
    let world = World::new();
    let mut browser = world.registered().await;
    assert_eq!(world.refresh(&browser).await.status, StatusCode::OK);
    world.clock.advance(7 * 24 * 60 * MINUTE);
    let answer = world.send_refresh(browser.asking()).await;
    browser.take(&answer);
    let answer = world.refresh(&browser).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    browser.take(&answer);
    assert!(names_its_key(&browser.refresh));
}
