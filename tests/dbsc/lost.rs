//! A browser that has lost its key, and what its page is told. Chromium sends the access cookie, for
//! which requests wait, or says why it has not refreshed.

use http::{Request, StatusCode, header::COOKIE};
use tower_bearer::{
    cookie::{AccessCookie, CookieOptions},
    dbsc::{DeviceBinding, DeviceOptions},
    endpoint::{EndpointOptions, TokenEndpoint},
    session::{Refusal, SessionEventKind},
};

use crate::world::{Answer, Browser, REFRESH, World, and, secret, send};

async fn by_page<B>(world: &World, binding: &DeviceBinding, request: Request<B>) -> Answer
where
    B: http_body::Body<Data = bytes::Bytes, Error: std::error::Error + Send + Sync>
        + Send
        + 'static,
{
    let options = EndpointOptions::new().device_binding(binding);
    let endpoint = TokenEndpoint::new(world.sessions.clone()).options(options);
    send(endpoint, request).await
}

/// The access cookie has run out, and nothing has refreshed it.
fn without_access(browser: &Browser, path: &str) -> Request<http_body_util::Empty<bytes::Bytes>> {
    let mut request = browser.post(path);
    let cookie = format!("{REFRESH}={}", browser.refresh);
    request
        .headers_mut()
        .insert(COOKIE, cookie.parse().unwrap());
    request
}

fn is_device_bound(answer: &Answer) -> bool {
    answer.status == StatusCode::FORBIDDEN && answer.json()["reason"] == "device_bound"
}

#[tokio::test]
async fn the_page_of_a_browser_without_the_key_signs_out() {
    let world = World::new();
    let browser = world.bound().await;
    let row = world.row(&browser).await;
    world.events.lock().unwrap().clear();
    let request = without_access(&browser, "/auth/token");
    let answer = by_page(&world, &world.binding, request).await;
    answer.refused(400, "invalid_grant");
    assert_eq!(*world.events.lock().unwrap(), []);
    assert_eq!(world.row(&browser).await, row, "nothing is written");
    assert_eq!(world.refresh(&browser).await.status, StatusCode::OK);
}

/// The server was in trouble, or the browser was told to refresh less often.
#[tokio::test]
async fn the_page_of_a_browser_that_could_not_refresh_goes_on() {
    let world = World::new();
    let browser = world.bound().await;
    let reason = "unreachable;session_identifier=\"a\"";
    let request = without_access(&browser, "/auth/token");
    let request = and(request, "secure-session-skipped", reason);
    let answer = by_page(&world, &world.binding, request).await;
    assert!(is_device_bound(&answer), "{answer:?}");
    let answer = by_page(&world, &world.binding, browser.post("/auth/token")).await;
    assert!(is_device_bound(&answer), "{answer:?}");
}

/// Nothing follows from the lack of a cookie where none would be, or need not be yet.
#[tokio::test]
async fn where_no_access_cookie_is_due_the_page_goes_on() {
    let world = World::new();
    let browser = world.bound().await;
    let elsewhere = AccessCookie::new(CookieOptions::new().name("__Secure-a").path("/app"));
    let cookie = world.cookie.clone().with_access_cookie(&elsewhere.unwrap());
    let options = || {
        let options = DeviceOptions::new(secret(1)).under("/auth");
        options.clock(world.clock.clone())
    };
    let binding = DeviceBinding::new(&world.sessions, &cookie, options()).unwrap();
    let answer = by_page(&world, &binding, without_access(&browser, "/auth/token")).await;
    assert!(is_device_bound(&answer), "{answer:?}");

    let excluded = options().exclude("/login");
    let binding = DeviceBinding::new(&world.sessions, &world.cookie, excluded).unwrap();
    for (path, is_excluded) in [("/login/token", true), ("/logins/token", false)] {
        let answer = by_page(&world, &binding, without_access(&browser, path)).await;
        assert_eq!(is_device_bound(&answer), is_excluded, "{answer:?}");
    }
}

/// It has not been bound, so no browser refreshes.
#[tokio::test]
async fn a_session_that_is_not_bound_needs_no_access_cookie() {
    let world = World::new();
    let browser = world.registered().await;
    let request = without_access(&browser, "/auth/token");
    let answer = by_page(&world, &world.binding, request).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

/// The key is of another session of the same browser, whose cookie must stay.
#[tokio::test]
async fn the_cookies_of_another_login_stay() {
    let world = World::new();
    let before = world.bound().await;
    let session = world.row(&before).await.session;
    let mut now = world.login().await;
    assert!(world.sessions.end(session.id, "alice").await.unwrap());
    now.identifier.clone_from(&before.identifier);
    now.challenge.clone_from(&before.challenge);
    world.refresh(&now).await.is_of_another_key();
}

/// Somebody who holds another key must not remove them either.
#[tokio::test]
async fn nor_does_a_second_key_remove_cookies() {
    let world = World::new();
    let mut first = world.login().await;
    let mut second = Browser::new(crate::device::Device::new(), first.offer.clone());
    (second.refresh, second.access) = (first.refresh.clone(), first.access.clone());
    for browser in [&mut first, &mut second] {
        let answer = world.register(browser).await;
        browser.take(&answer);
    }
    assert_eq!(world.refresh(&first).await.status, StatusCode::OK);
    world.refresh(&second).await.is_of_another_key();
}

/// The application's own word ends it too.
#[tokio::test]
async fn a_session_that_was_ended_is_told_to_the_page_by_its_cookies() {
    let world = World::new();
    let mut browser = world.bound().await;
    world.sessions.end_all("alice").await.unwrap();
    world.events.lock().unwrap().clear();
    let answer = world.refresh(&browser).await;
    answer.is_over();
    let ended = SessionEventKind::Refused(Refusal::Ended);
    assert_eq!(*world.events.lock().unwrap(), [ended]);
    browser.take(&answer);
    assert_eq!((&*browser.refresh, &*browser.access), ("", ""));
}
