//! What the introspection endpoint tells of a token (RFC 7662 §2.2), and that it changes nothing.

use std::{sync::atomic::Ordering, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use tower_bearer::{
    TokenResponse,
    claims::KeyThumbprint,
    endpoint::{ClientSecret, EndpointOptions, IntrospectionEndpoint},
    session::{Grant, KeyProof, RefreshRequest},
    store::SessionStore,
    testing::StoreCall,
};

use crate::support::*;

/// Any client whose secret is `s` may ask, and `api` is the resource server.
pub(crate) fn options() -> EndpointOptions {
    EndpointOptions::new()
        .authenticate_client(async |_, secret: ClientSecret| secret.matches("s"))
        .resource_server("api", AUDIENCE)
        .resource_server("elsewhere", "https://elsewhere.example")
}

/// What `caller` is told of the token.
pub(crate) async fn told(world: &World, caller: &str, token: &str) -> Map<String, Value> {
    let endpoint = world.introspection().options(options());
    let request = with(post(FORM, &format!("token={token}")), &basic(caller, "s"));
    let answer = send(endpoint, request).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let Value::Object(members) = answer.json() else {
        panic!("{answer:?}");
    };
    let active = members["active"].as_bool().unwrap();
    assert_eq!(active, members.len() > 1, "inactive and more: {members:?}");
    members
}

pub(crate) async fn is_active(world: &World, caller: &str, token: &str) -> bool {
    told(world, caller, token).await["active"] == true
}

/// What a token says, whoever signed it.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn refreshed(world: &World, login: &TokenResponse) -> TokenResponse {
    world.clock.advance(LATER);
    let request = RefreshRequest::new(login.refresh_token.clone());
    world.sessions.refresh(request).await.unwrap().tokens
}

#[tokio::test]
async fn an_access_token_says_what_it_says_but_for_its_generation() {
    let world = world();
    let grant = Grant::new("alice")
        .scope("read write".parse().unwrap())
        .client_id("app")
        .claims(
            &json!({ "roles": ["cook"], "active": false, "token_type": "mac", "username": "al" }),
        );
    let login = world.sessions.start(grant).await.unwrap();
    for caller in ["api", "app"] {
        let told = told(&world, caller, login.access_token.expose()).await;
        let claims = claims(login.access_token.expose());
        assert_eq!(claims["gen"], 0);
        let mut expected = json!({
            "active": true,
            "token_type": "Bearer",
            "scope": "read write",
            "client_id": "app",
            "sub": "alice",
            "aud": AUDIENCE,
            "iss": ISSUER,
            "roles": ["cook"],
            "username": "al",
        });
        for name in ["exp", "iat", "jti", "sid", "auth_time"] {
            assert!(!claims[name].is_null(), "{name}");
            expected[name] = claims[name].clone();
        }
        assert_eq!(Value::Object(told), expected);
    }
}

#[tokio::test]
async fn a_refresh_token_says_nothing_that_helps_a_thief() {
    let world = world();
    let login = world.login().await;
    let expected = json!({
        "active": true,
        "scope": "read write",
        "client_id": "app",
        "sub": "alice",
        "iss": ISSUER,
    });
    let first = told(&world, "app", login.refresh_token.expose()).await;
    assert_eq!(Value::Object(first), expected);
    let next = refreshed(&world, &login).await;
    let second = told(&world, "app", next.refresh_token.expose()).await;
    assert_eq!(Value::Object(second), expected, "whatever its generation");
}

#[tokio::test]
async fn a_token_says_who_acts_for_its_user() {
    let world = world();
    let grant = Grant::new("alice").client_id("app").actor("admin-7");
    let login = world.sessions.start(grant).await.unwrap();
    let act = json!({ "sub": "admin-7" });
    let told_of_access = told(&world, "api", login.access_token.expose()).await;
    assert_eq!(told_of_access["act"], act);
    let told_of_refresh = told(&world, "app", login.refresh_token.expose()).await;
    let expected = json!({
        "active": true, "client_id": "app", "sub": "alice", "iss": ISSUER, "act": act,
    });
    assert_eq!(Value::Object(told_of_refresh), expected);
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_says_so() {
    let world = world();
    let key = KeyThumbprint::from_bytes([7; 32]);
    let grant = Grant::new("alice").client_id("app");
    let grant = grant.bound_to(KeyProof::danger_unchecked(key.clone()));
    let login = world.sessions.start(grant).await.unwrap();
    let told_of_access = told(&world, "api", login.access_token.expose()).await;
    assert_eq!(told_of_access["token_type"], "DPoP");
    assert_eq!(told_of_access["cnf"], json!({ "jkt": key.to_string() }));
    let told_of_refresh = told(&world, "app", login.refresh_token.expose()).await;
    assert_eq!(told_of_refresh["active"], true);
    assert!(!told_of_refresh.contains_key("cnf"));
}

#[tokio::test]
async fn a_token_that_was_expired_at_once_is_inactive_and_its_refresh_token_is_not() {
    let world = world();
    let login = world.login().await;
    world.sessions.expire_access_tokens("alice").await.unwrap();
    assert!(!is_active(&world, "app", login.access_token.expose()).await);
    assert!(is_active(&world, "app", login.refresh_token.expose()).await);
    let next = refreshed(&world, &login).await;
    assert!(is_active(&world, "app", next.access_token.expose()).await);
}

#[tokio::test]
async fn whatever_is_not_live_is_inactive_and_no_more() {
    let world = world();
    let (login, other) = (world.login().await, self::world().login().await);
    let live = [login.access_token.expose(), login.refresh_token.expose()];
    let mut dead = vec![
        "x",
        "a.b.c",
        "%00",
        other.access_token.expose(),
        other.refresh_token.expose(),
    ];
    dead.extend(live.iter().map(|token| &token[..token.len() - 2]));
    for token in dead {
        for caller in ["api", "app"] {
            assert!(!is_active(&world, caller, token).await, "{token}");
        }
    }
    world
        .clock
        .advance(login.expires_in - Duration::from_millis(1_001));
    assert!(is_active(&world, "app", live[0]).await);
    world.clock.advance(Duration::from_millis(1_001));
    assert!(!is_active(&world, "app", live[0]).await, "without a leeway");
    assert!(is_active(&world, "app", live[1]).await);
}

#[tokio::test]
async fn the_end_of_a_session_shows_at_once() {
    let world = world();
    let login = world.login().await;
    let tokens = [login.access_token.expose(), login.refresh_token.expose()];
    for token in tokens {
        assert!(is_active(&world, "app", token).await);
    }
    assert_eq!(world.sessions.end_all("alice").await.unwrap(), 1);
    for token in tokens {
        assert!(!is_active(&world, "app", token).await);
    }
}

/// The store could not write it, or the application has learned of it from elsewhere.
#[tokio::test]
async fn an_end_that_only_this_server_knows_of_shows_too() {
    let world = world();
    let login = world.login().await;
    let tokens = [login.access_token.expose(), login.refresh_token.expose()];
    let session = claims(tokens[0])["sid"].as_str().unwrap().parse().unwrap();
    world.sessions.note_ended(session);
    for token in tokens {
        assert!(!is_active(&world, "app", token).await);
    }
}

/// A token that was rotated is live as long as a refresh would answer it, and not longer.
#[tokio::test]
async fn a_rotated_refresh_token_is_as_live_as_a_refresh_has_it() {
    let world = world();
    let login = world.login().await;
    let next = refreshed(&world, &login).await;
    let (old, new) = (login.refresh_token.expose(), next.refresh_token.expose());
    assert!(
        is_active(&world, "app", old).await,
        "its answer may be lost"
    );
    refreshed(&world, &next).await;
    assert!(
        !is_active(&world, "app", old).await,
        "two generations later"
    );
    assert!(is_active(&world, "app", new).await);
}

/// The writes of the store and the events of the sessions, counted over every kind of token.
#[tokio::test]
async fn nothing_changes() {
    let world = world();
    let login = world.login().await;
    let next = refreshed(&world, &login).await;
    let last = refreshed(&world, &next).await;
    let claims = claims(last.access_token.expose());
    let id = claims["sid"].as_str().unwrap().parse().unwrap();
    let (sessions, events) = world.counted();
    let told = || events.load(Ordering::Relaxed);
    let writes = || sessions.store().count(StoreCall::WRITES);
    let before = world.store.load(id).await.unwrap().record;
    let endpoint = IntrospectionEndpoint::new(sessions.clone()).options(options());
    for tokens in [&login, &next, &last] {
        for token in [tokens.access_token.expose(), tokens.refresh_token.expose()] {
            for caller in ["app", "api", "other"] {
                let request = with(post(FORM, &format!("token={token}")), &basic(caller, "s"));
                let answer = send(endpoint.clone(), request).await;
                assert_eq!(answer.status, StatusCode::OK);
            }
        }
    }
    sessions.flush().await.unwrap();
    assert_eq!((writes(), told()), (0, 0));
    assert_eq!(world.store.load(id).await.unwrap().record, before);

    // The counters count: a refresh writes and tells.
    let request = RefreshRequest::new(last.refresh_token.clone());
    sessions.refresh(request).await.unwrap();
    assert_eq!((writes(), told()), (1, 1));
}

#[tokio::test]
async fn a_store_that_does_not_answer_makes_no_token_inactive() {
    let world = world();
    let login = world.login().await;
    for token in [login.access_token.expose(), login.refresh_token.expose()] {
        let endpoint = IntrospectionEndpoint::new(world.faulty(down())).options(options());
        let request = with(post(FORM, &format!("token={token}")), &basic("app", "s"));
        send(endpoint, request)
            .await
            .refused(503, "temporarily_unavailable");
    }
}

#[tokio::test]
async fn the_request_is_a_form_with_one_token() {
    let world = world();
    let endpoint = world.introspection().options(options());
    let token = world.token().await;
    for body in [
        String::new(),
        "token=".to_owned(),
        format!("refresh_token={token}"),
        format!("token={token}&token={token}"),
    ] {
        let request = with(post(FORM, &body), &basic("app", "s"));
        let answer = send(endpoint.clone(), request).await;
        answer.refused(400, "invalid_request");
    }
    let json = json!({ "token": token }).to_string();
    let request = with(post(JSON, &json), &basic("app", "s"));
    send(endpoint.clone(), request)
        .await
        .refused(415, "invalid_request");
    for hint in ["access_token", "refresh_token", "nonsense", ""] {
        let body = format!("token_type_hint={hint}&token={token}&x=1&x=2");
        let request = with(post(FORM, &body), &basic("app", "s"));
        assert_eq!(send(endpoint.clone(), request).await.json()["active"], true);
    }
    for method in [Method::GET, Method::HEAD, Method::PUT] {
        let request = with(bare(method), &basic("app", "s"));
        let answer = send(endpoint.clone(), request).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.header("allow"), "POST");
    }
}
