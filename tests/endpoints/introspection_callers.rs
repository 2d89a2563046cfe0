//! Who may ask the introspection endpoint, and about which tokens (RFC 7662 §2.1 and §4).

use std::{io, time::Duration};

use http::StatusCode;
use tower_bearer::{
    AccessToken,
    endpoint::{EndpointOptions, IntrospectionEndpoint},
    session::Grant,
};

use crate::{
    introspection::{is_active, options},
    support::*,
};

/// What a thief of tokens tries who is nobody's client.
#[tokio::test]
async fn a_thief_learns_nothing() {
    let world = world();
    let login = world.login().await;
    let (access, refresh) = (login.access_token.expose(), login.refresh_token.expose());
    let bearer = format!("Bearer {access}");
    let as_refresh = format!("Bearer {refresh}");
    let wrong = basic("app", "wrong");
    let empty = basic("app", "");
    let nobody = basic("", "s");
    let unasked = EndpointOptions::new().require_client_authentication();
    for (configured, options) in [
        ("nothing", EndpointOptions::new()),
        ("no check", unasked.resource_server("app", AUDIENCE)),
        ("a check", options()),
    ] {
        let endpoint = world.introspection().options(options);
        for token in [access, refresh, "unknown", ""] {
            for (sent, more) in [
                ("", ""),
                ("", "&client_id=app"),
                ("", "&client_id=app&client_secret="),
                ("", "&client_id=app&client_secret=wrong"),
                ("", "&client_secret=s"),
                (wrong.as_str(), ""),
                (empty.as_str(), ""),
                (nobody.as_str(), ""),
                (bearer.as_str(), ""),
                (as_refresh.as_str(), "&client_id=app"),
                ("DPoP x", ""),
                ("Basic x", ""),
            ] {
                let request = post(FORM, &format!("token={token}{more}"));
                let request = match sent {
                    "" => request,
                    sent => with(request, sent),
                };
                let answer = send(endpoint.clone(), request).await;
                let challenge = answer.header("www-authenticate");
                assert!(
                    challenge.starts_with("Basic "),
                    "{configured}: {sent} {more}"
                );
                answer.refused(401, "invalid_client");
                assert!(!answer.body.windows(6).any(|part| part == b"active"));
            }
        }
    }
    assert!(world.works(refresh).await, "and the session is as it was");
}

#[tokio::test]
async fn each_caller_sees_its_own_tokens_only() {
    let world = world();
    let login = world.login().await;
    let (access, refresh) = (login.access_token.expose(), login.refresh_token.expose());
    for (caller, sees_access, sees_refresh) in [
        ("app", true, true),
        ("api", true, false),
        ("other", false, false),
        ("elsewhere", false, false),
        // Names are compared byte for byte, and an audience is no client.
        ("App", false, false),
        (AUDIENCE, false, false),
    ] {
        let caller = caller.replace(':', "%3A").replace('/', "%2F");
        assert_eq!(
            is_active(&world, &caller, access).await,
            sees_access,
            "{caller}"
        );
        assert_eq!(
            is_active(&world, &caller, refresh).await,
            sees_refresh,
            "{caller}"
        );
    }
}

/// It is nobody's, so that no client can claim it.
#[tokio::test]
async fn a_session_without_a_client_is_seen_by_the_resource_server_only() {
    let world = world();
    let login = world.sessions.start(Grant::new("alice")).await.unwrap();
    let (access, refresh) = (login.access_token.expose(), login.refresh_token.expose());
    assert!(is_active(&world, "api", access).await);
    for caller in ["app", "api", "other"] {
        assert!(!is_active(&world, caller, refresh).await, "{caller}");
    }
    assert!(!is_active(&world, "app", access).await);
}

#[tokio::test]
async fn a_secret_may_come_in_the_body() {
    let world = world();
    let endpoint = world.introspection().options(options());
    let token = world.token().await;
    let body = format!("token={token}&client_id=app&client_secret=s");
    let answer = send(endpoint, post(FORM, &body)).await;
    assert_eq!(answer.json()["active"], true);
}

/// Knows one token, fails at another and hangs at a third.
async fn check(token: AccessToken) -> Result<Option<String>, io::Error> {
    match token.expose() {
        "of-api" => Ok(Some(AUDIENCE.to_owned())),
        "of-elsewhere" => Ok(Some("https://elsewhere.example".to_owned())),
        "broken" => Err(io::Error::other("no database")),
        "slow" => std::future::pending().await,
        _ => Ok(None),
    }
}

#[tokio::test(start_paused = true)]
async fn a_resource_server_may_have_a_bearer_token() {
    let world = world();
    let login = world.login().await;
    let options = EndpointOptions::new().authenticate_resource_server(check);
    let endpoint = IntrospectionEndpoint::new(world.sessions.clone()).options(options);
    let ask = async |bearer: &str, token: &str| {
        let request = post(FORM, &format!("token={token}"));
        send(endpoint.clone(), with(request, bearer)).await
    };
    let (access, refresh) = (login.access_token.expose(), login.refresh_token.expose());
    for (bearer, token, active) in [
        ("Bearer of-api", access, true),
        ("bearer  of-api", access, true),
        ("Bearer of-api", refresh, false),
        ("Bearer of-elsewhere", access, false),
    ] {
        let answer = ask(bearer, token).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.json()["active"], active, "{bearer}");
    }
    for bearer in ["Bearer unknown", "Bearer ", &format!("Bearer {access}")] {
        let answer = ask(bearer, access).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{bearer}");
        assert_eq!(answer.json()["error"], "invalid_token");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with("Bearer "), "{challenge}");
    }
    for bearer in ["Bearer broken", "Bearer slow"] {
        let before = tokio::time::Instant::now();
        ask(bearer, access)
            .await
            .refused(503, "temporarily_unavailable");
        assert!(before.elapsed() < Duration::from_secs(10));
    }
    // Without a client's check, no secret is right.
    ask(&basic("app", "s"), access)
        .await
        .refused(401, "invalid_client");
}

#[tokio::test]
async fn two_headers_or_two_ways_are_no_authentication() {
    let world = world();
    let endpoint = world.introspection().options(options());
    let form = format!("token={}", world.token().await);
    let twice = with(post(FORM, &form), &basic("app", "s"));
    let twice = with(twice, &basic("app", "s"));
    let both = post(FORM, &format!("{form}&client_secret=s"));
    let both = with(both, &basic("app", "s"));
    for request in [twice, both] {
        let answer = send(endpoint.clone(), request).await;
        answer.refused(400, "invalid_request");
    }
}
