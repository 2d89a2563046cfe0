//! Cookies that go when the browser is closed (RFC 6265 §5.3).

use http::{HeaderMap, header::SET_COOKIE};
use tower_bearer::{
    TokenResponse,
    cookie::{AccessCookie, CookieOptions, RefreshCookie},
    endpoint::{EndpointOptions, TokenEndpoint},
    session::Grant,
    store::{Extra, SessionStore},
};

use crate::support::*;

const ACCESS: &str = "__Host-access_token";

async fn login(world: &World) -> TokenResponse {
    let grant = Grant::new("alice").cookies_end_with_browser();
    world.sessions.start(grant).await.unwrap()
}

/// The cookies that are set: each name, and whether the browser keeps it.
#[track_caller]
fn kept(headers: &HeaderMap) -> Vec<(String, bool)> {
    let lines = headers.get_all(SET_COOKIE).iter();
    let read = |line: &http::HeaderValue| {
        let line = line.to_str().unwrap();
        let name = line.split('=').next().unwrap().to_owned();
        assert!(!line.contains("Expires"), "{line}");
        assert!(
            line.ends_with("; HttpOnly; Secure; SameSite=Strict"),
            "{line}"
        );
        assert!(line.contains("; Path=/;"), "{line}");
        (name, line.contains("Max-Age"))
    };
    lines.map(read).collect()
}

fn token(headers: &HeaderMap) -> String {
    let line = headers[SET_COOKIE].to_str().unwrap();
    let (_, value) = line.split_once('=').unwrap();
    value.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_login_and_each_refresh_set_a_cookie_without_an_age() {
    let world = world();
    let set = read(world.cookie.response(&login(&world).await).unwrap()).await;
    assert_eq!(kept(&set.headers), [(NAME.to_owned(), false)]);
    assert!(
        !set.json().to_string().contains("browser"),
        "it is not told"
    );
    let (mut held, mut before) = (token(&set.headers), String::new());
    for row in 0..4 {
        world.clock.advance(LATER);
        let answer = world.refresh(&held).await;
        answer.granted();
        assert_eq!(kept(&answer.headers), [(NAME.to_owned(), false)], "{row}");
        before = std::mem::replace(&mut held, token(&answer.headers));
    }
    // A redelivery, to another tab.
    let answer = world.refresh(&before).await;
    assert_eq!(kept(&answer.headers), [(NAME.to_owned(), false)]);
    assert_eq!(token(&answer.headers), held);
}

#[tokio::test]
async fn the_access_cookie_goes_too() {
    let world = world();
    let access = AccessCookie::new(CookieOptions::new()).unwrap();
    let cookie = RefreshCookie::new(&world.sessions, CookieOptions::new()).unwrap();
    let cookie = cookie.with_access_cookie(&access);
    let options = EndpointOptions::new().refresh_cookie(&cookie);
    let endpoint = TokenEndpoint::new(world.sessions.clone()).options(options);
    let both = |is_kept| [(NAME.to_owned(), is_kept), (ACCESS.to_owned(), is_kept)];

    let set = read(cookie.response(&login(&world).await).unwrap()).await;
    assert_eq!(kept(&set.headers), both(false));
    world.clock.advance(LATER);
    let request = with_cookie(NAME, &token(&set.headers));
    let answer = send(endpoint.clone(), request).await;
    assert_eq!(kept(&answer.headers), both(false));
    // Row 5 sets the access cookie alone.
    let request = with_cookie(NAME, &token(&answer.headers));
    let again = send(endpoint.clone(), request).await;
    assert_eq!(kept(&again.headers), [(ACCESS.to_owned(), false)]);

    // A logout removes it whatever its age was, and other sessions are as they were.
    let mut headers = HeaderMap::new();
    cookie.clear().append_to(&mut headers);
    let lines = headers.get_all(SET_COOKIE).iter();
    assert!(
        lines
            .map(|line| line.to_str().unwrap())
            .all(|line| line.contains("Max-Age=0;"))
    );
    let other = read(cookie.response(&world.start().await).unwrap()).await;
    assert_eq!(kept(&other.headers), both(true));
}

/// A later version may write more there. It is no reason to keep the cookie.
#[tokio::test]
async fn what_cannot_be_read_does_not_keep_the_cookie() {
    for odd in [r#"{"cookies":{"until":"noon"}}"#, r#"{"cookies":null}"#] {
        let (before, world) = (world(), world());
        let tokens = before.start().await;
        let verified = before
            .verifier()
            .verify(tokens.access_token.expose())
            .unwrap();
        let sid = verified.claims().session_id().unwrap();
        let mut record = before.store.load(sid).await.unwrap().record.unwrap();
        record.session.extra = Extra::from_json(odd).unwrap();
        world.store.insert(&record).await.unwrap();
        let answer = world.refresh(tokens.refresh_token.expose()).await;
        assert_eq!(kept(&answer.headers), [(NAME.to_owned(), false)], "{odd}");
    }
}
