//! What a request with the cookie has in its body, and what one without has.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::endpoint::TokenEndpoint;

use crate::support::*;

#[tokio::test]
async fn an_empty_body_or_an_empty_object() {
    let world = world();
    for (content_type, body) in [
        (None, ""),
        (Some(JSON), ""),
        (Some(FORM), ""),
        (Some(JSON), "{}"),
        (Some("application/json; charset=utf-8"), " {\n} "),
        (Some(JSON), r#"{"refreshToken":""}"#),
        (Some(JSON), r#"{"other":7}"#),
        (Some(FORM), "grant_type=refresh_token"),
        (Some(FORM), "grant_type=refresh_token&refresh_token="),
    ] {
        let cookie = format!("{NAME}={}", world.token().await);
        let request = and_cookies(post(content_type, body), &[&cookie]);
        let answer = send(world.endpoint(), request).await;
        answer.granted();
        answer.cookie();
    }
}

#[tokio::test]
async fn a_scope_may_be_narrowed() {
    let world = world();
    let cookie = format!("{NAME}={}", world.token().await);
    for (scope, granted) in [("read", Some("read")), ("admin", None)] {
        let request = post(Some(JSON), &format!(r#"{{"scope":"{scope}"}}"#));
        let answer = send(world.endpoint(), and_cookies(request, &[&cookie])).await;
        match granted {
            Some(granted) => assert_eq!(answer.granted()["scope"], granted),
            None => answer.refused(400, "invalid_scope"),
        }
    }
}

#[tokio::test]
async fn another_clients_cookie_is_refused_and_stays() {
    let world = world();
    let token = world.token().await;
    let request = |id: &str| {
        let request = post(Some(JSON), &format!(r#"{{"client_id":"{id}"}}"#));
        and_cookies(request, &[&format!("{NAME}={token}")])
    };
    let answer = send(world.endpoint(), request("other")).await;
    answer.refused(400, "invalid_grant");
    send(world.endpoint(), request("app")).await.granted();
}

#[tokio::test]
async fn a_token_in_the_body_too_is_refused() {
    let world = world();
    let (first, second) = (world.token().await, world.token().await);
    for body_token in [&first, &second] {
        for (content_type, body) in [
            (
                FORM,
                format!("grant_type=refresh_token&refresh_token={body_token}"),
            ),
            (JSON, format!(r#"{{"refreshToken":"{body_token}"}}"#)),
            (JSON, format!(r#"{{"refresh_token":"{body_token}"}}"#)),
        ] {
            let request = post(Some(content_type), &body);
            let request = and_cookies(request, &[&format!("{NAME}={first}")]);
            let answer = send(world.endpoint(), request).await;
            answer.refused(400, "invalid_request");
        }
    }
    assert!(world.lives(&first).await && world.lives(&second).await);
}

#[tokio::test]
async fn neither_cookie_nor_body_is_refused() {
    let world = world();
    for (content_type, body) in [(None, ""), (Some(JSON), "{}"), (Some(JSON), "")] {
        let answer = send(world.endpoint(), post(content_type, body)).await;
        answer.misses_a_token();
        // A cookie of another name is none.
        let request = and_cookies(post(content_type, body), &["refresh_token=x; theme=dark"]);
        send(world.endpoint(), request).await.misses_a_token();
    }
}

#[tokio::test]
async fn bad_bodies_are_as_bad_with_a_cookie() {
    let world = world();
    let token = world.token().await;
    for (content_type, body, status, error) in [
        (None, "x", 415, "invalid_request"),
        (Some("text/plain"), "{}", 415, "invalid_request"),
        (Some(JSON), "[]", 400, "invalid_request"),
        (Some(JSON), r#"{"refreshToken":7}"#, 400, "invalid_request"),
        (Some(FORM), "scope=read", 400, "invalid_request"),
        (
            Some(FORM),
            "grant_type=password",
            400,
            "unsupported_grant_type",
        ),
    ] {
        let request = post(content_type, body);
        let request = and_cookies(request, &[&format!("{NAME}={token}")]);
        send(world.endpoint(), request).await.refused(status, error);
    }
    let long = post(Some(JSON), &" ".repeat(20_000));
    let request = and_cookies(long, &[&format!("{NAME}={token}")]);
    send(world.endpoint(), request)
        .await
        .refused(413, "invalid_request");
    assert!(world.lives(&token).await);
}

#[tokio::test]
async fn only_post() {
    let world = world();
    let token = world.token().await;
    for method in [Method::GET, Method::HEAD, Method::PUT] {
        let mut request = with_cookie(NAME, &token);
        *request.method_mut() = method;
        let answer = send(world.endpoint(), request).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        answer.sets_no_cookie();
    }
    assert!(world.lives(&token).await);
}

/// A token in the body goes back in the body, cookie mode or not.
#[tokio::test]
async fn bodies_are_answered_as_ever() {
    let world = world();
    let without = TokenEndpoint::new(world.sessions.clone());
    for endpoint in [world.endpoint(), without] {
        for (content_type, body, member) in [
            (
                FORM,
                "grant_type=refresh_token&refresh_token=",
                "refresh_token",
            ),
            (JSON, r#"{"refreshToken":""#, "refreshToken"),
        ] {
            let end = if content_type == JSON { "\"}" } else { "" };
            let body = format!("{body}{}{end}", world.token().await);
            // Whatever the page's origin: nothing in this request came by itself.
            let request = and(
                post(Some(content_type), &body),
                "sec-fetch-site",
                "cross-site",
            );
            let answer = send(endpoint.clone(), request).await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            assert!(answer.json()[member].is_string());
            answer.sets_no_cookie();
        }
    }
}

/// The feature alone changes nothing.
#[tokio::test]
async fn an_endpoint_without_a_cookie_reads_none() {
    let world = world();
    let token = world.token().await;
    let endpoint = TokenEndpoint::new(world.sessions.clone());
    let answer = send(endpoint.clone(), with_cookie(NAME, &token)).await;
    answer.misses_a_token();

    let form = format!("grant_type=refresh_token&refresh_token={token}");
    let request = and_cookies(post(Some(FORM), &form), &[&format!("{NAME}={token}")]);
    let answer = send(endpoint, and(request, "sec-fetch-site", "cross-site")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.json()["refresh_token"].is_string());
    answer.sets_no_cookie();
}

#[tokio::test]
async fn confidential_clients_prove_themselves_with_a_cookie_too() {
    let world = world();
    let token = world.token().await;
    let options = world
        .options()
        .authenticate_client(async |_, secret| secret.matches("s3cret"))
        .require_client_authentication();
    let endpoint = world.endpoint().options(options);
    let answer = send(endpoint.clone(), with_cookie(NAME, &token)).await;
    answer.refused(401, "invalid_client");
    let basic = and(
        with_cookie(NAME, &token),
        "authorization",
        "Basic YXBwOnMzY3JldA==",
    );
    let answer = send(endpoint, basic).await;
    answer.granted();
    answer.cookie();
}

#[tokio::test]
async fn all_paths_of_the_endpoints_take_it() {
    let world = world();
    let endpoints = tower_bearer::endpoint::Endpoints::new(&world.sessions)
        .under("/auth")
        .options(world.options());
    for path in ["/auth/token", "/auth/refresh-token"] {
        let token = world.token().await;
        let mut request: Request<Full<_>> = with_cookie(NAME, &token);
        *request.uri_mut() = path.parse().unwrap();
        let none =
            service_fn(async |_| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())));
        let response = endpoints.layer(none).oneshot(request).await;
        let answer = read(response.unwrap()).await;
        answer.granted();
        answer.cookie();
    }
}
