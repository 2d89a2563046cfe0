//! Refresh tokens of another program at the endpoints, in bodies and in that program's cookie.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex},
};

use http::StatusCode;
use tower_bearer::{
    RefreshToken,
    cookie::{CookieOptions, RefreshCookie},
    session::{ForeignTokens, Grant, RefreshKey, SessionsBuilder, Takeover},
};

use crate::support::*;

/// The tokens of alice that the other program still has, and whether it is down.
#[derive(Clone, Default)]
struct OldStore(Arc<Mutex<(BTreeSet<String>, bool)>>);

impl OldStore {
    fn answer<T>(&self, answer: impl FnOnce(&mut BTreeSet<String>) -> T) -> io::Result<T> {
        let mut held = self.0.lock().unwrap();
        match held.1 {
            true => Err(io::Error::other("down")),
            false => Ok(answer(&mut held.0)),
        }
    }
}

impl ForeignTokens for OldStore {
    type Error = io::Error;

    async fn find(&self, token: &RefreshToken) -> io::Result<Option<Grant>> {
        self.answer(|held| held.contains(token.expose()).then(|| Grant::new("alice")))
    }

    async fn remove(&self, token: &RefreshToken) -> io::Result<()> {
        self.answer(|held| _ = held.remove(token.expose()))
    }

    async fn remove_all(&self, _subject: &str) -> io::Result<()> {
        self.answer(BTreeSet::clear)
    }
}

fn taking_over(tokens: &[&str]) -> (World, OldStore) {
    let mut world = world();
    let old = OldStore::default();
    let held = tokens.iter().map(|token| (*token).to_owned());
    old.0.lock().unwrap().0.extend(held);
    let until = tower_bearer::clock::Timestamp::from_secs(4_000_000_000);
    let takeover = Takeover::new([3; 32], until, old.clone()).unwrap();
    let issuer = world.sessions.issuer().clone();
    let key = RefreshKey::from_secret([7; 32]).unwrap();
    let builder = SessionsBuilder::new(issuer, key, world.store.clone());
    world.sessions = builder.take_over(takeover).build().unwrap();
    let cookie = RefreshCookie::new(&world.sessions, CookieOptions::new()).unwrap();
    world.cookie = cookie.take_over_from("refreshToken");
    (world, old)
}

#[tokio::test]
async fn in_bodies_of_all_forms() {
    let (world, _old) = taking_over(&["one", "two", "three"]);
    for (kind, body, name) in [
        (
            FORM,
            "grant_type=refresh_token&refresh_token=one",
            "refresh_token",
        ),
        (JSON, r#"{"refreshToken":"two"}"#, "refreshToken"),
        (JSON, r#"{"refresh_token":"three"}"#, "refresh_token"),
    ] {
        let answer = send(world.endpoint(), post(Some(kind), body)).await;
        assert_eq!(answer.status, StatusCode::OK);
        let token = answer.json()[name].as_str().unwrap().to_owned();
        let again = send(world.endpoint(), post(Some(kind), body)).await;
        assert_eq!(again.json()[name], token);
        assert!(world.lives(&token).await);
    }
    let unknown = post(Some(JSON), r#"{"refreshToken":"four"}"#);
    let answer = send(world.endpoint(), unknown).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn an_old_store_that_is_down_is_a_503() {
    let (world, old) = taking_over(&["one"]);
    old.0.lock().unwrap().1 = true;
    let body = r#"{"refreshToken":"one"}"#;
    let answer = send(world.endpoint(), post(Some(JSON), body)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers.contains_key("retry-after"));
    old.0.lock().unwrap().1 = false;
    let answer = send(world.endpoint(), post(Some(JSON), body)).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn in_the_cookie_of_the_other_program() {
    let (world, _old) = taking_over(&["one"]);
    let answer = send(world.endpoint(), with_cookie("refreshToken", "one")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.json().get("refresh_token").is_none());
    let token = answer.cookie().token;
    // The browser now sends both, and this crate's own goes first.
    let both = [&*format!("{NAME}={token}"), "refreshToken=one"];
    let answer = send(world.endpoint(), and_cookies(post(None, ""), &both)).await;
    assert_eq!(answer.status, StatusCode::OK);

    let mut request = with_cookie("refreshToken", "one");
    let headers = request.headers_mut();
    headers.insert("origin", "https://evil.example".parse().unwrap());
    let answer = send(world.endpoint(), request).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

/// Somebody else could have set a cookie without a prefix: it must not bring a session of theirs.
#[tokio::test]
async fn a_token_of_this_crate_is_refused_in_that_cookie() {
    let (world, _old) = taking_over(&[]);
    let planted = world.token().await;
    let answer = send(world.endpoint(), with_cookie("refreshToken", &planted)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["error"], "invalid_grant");
    assert!(world.lives(&planted).await);
}

#[tokio::test]
async fn a_logout_by_that_cookie_ends_the_session() {
    let (world, old) = taking_over(&["one", "two"]);
    let answer = send(world.endpoint(), with_cookie("refreshToken", "one")).await;
    let token = answer.cookie().token;
    for held in ["one", "two"] {
        let answer = send(world.revocation(), with_cookie("refreshToken", held)).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    assert!(!world.lives(&token).await);
    assert!(old.0.lock().unwrap().0.is_empty());
}

/// The repeat of that logout has only the old cookie, and ends what is in it.
#[tokio::test]
async fn a_logout_whose_old_cookie_cannot_be_ended_has_ended_the_session() {
    let (world, old) = taking_over(&["one"]);
    let token = world.token().await;
    let both = [&*format!("{NAME}={token}"), "refreshToken=one"];
    old.0.lock().unwrap().1 = true;
    let answer = send(world.revocation(), and_cookies(post(None, ""), &both)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.cookie().token, "");
    assert!(!world.lives(&token).await);

    old.0.lock().unwrap().1 = false;
    let answer = send(world.revocation(), with_cookie("refreshToken", "one")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(old.0.lock().unwrap().0.is_empty());
}

#[tokio::test]
async fn a_token_in_the_body_counts_and_an_old_cookie_beside_it_does_not() {
    let (world, old) = taking_over(&["one"]);
    for planted in [
        &["refreshToken=one"][..],
        &["refreshToken=one", "refreshToken=two"],
    ] {
        let token = world.token().await;
        let request = post(
            Some(FORM),
            &format!("grant_type=refresh_token&refresh_token={token}"),
        );
        let answer = send(world.endpoint(), and_cookies(request, planted)).await;
        assert_eq!(answer.status, StatusCode::OK);
        let request = post(Some(FORM), &format!("token={token}"));
        let answer = send(world.revocation(), and_cookies(request, planted)).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(!world.lives(&token).await);
    }
    assert_eq!(old.0.lock().unwrap().0.len(), 1);
}

/// The old cookie is somebody's who was at this browser before: it must not log them in again.
#[tokio::test]
async fn a_logout_ends_what_is_in_the_old_cookie_too() {
    let (world, old) = taking_over(&["one"]);
    let token = world.token().await;
    let both = [&*format!("{NAME}={token}"), "refreshToken=one"];
    let answer = send(world.revocation(), and_cookies(post(None, ""), &both)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!world.lives(&token).await);
    assert!(old.0.lock().unwrap().0.is_empty());
    let answer = send(world.endpoint(), with_cookie("refreshToken", "one")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}
