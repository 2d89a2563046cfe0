//! Endpoints at which each client has to authenticate.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::Method;
use tower_bearer::{
    endpoint::{ClientSecret, EndpointOptions, TokenEndpoint},
    session::Grant,
    store::MemoryStore,
};

use crate::support::*;

/// The token endpoint for the clients `app` and `other`, whose secret is `s`.
fn strict(world: &World) -> TokenEndpoint<MemoryStore> {
    world
        .endpoint()
        .options(required().authenticate_client(check))
}

fn required() -> EndpointOptions {
    EndpointOptions::new().require_client_authentication()
}

async fn check(id: String, secret: ClientSecret) -> bool {
    ["app", "other"].contains(&id.as_str()) && secret.matches("s")
}

#[tokio::test]
async fn a_stolen_token_is_worth_nothing_without_the_secret() {
    let world = world();
    let token = world.token().await;
    let form = refresh_form(&token);
    let json = format!("{{\"refreshToken\":\"{token}\",\"clientId\":\"app\"}}");
    for request in [
        post(FORM, &form),
        post(FORM, &format!("{form}&client_id=app")),
        post(FORM, &format!("{form}&client_id=app&client_secret=")),
        post(FORM, &format!("{form}&client_id=app&client_secret=wrong")),
        post(FORM, &format!("{form}&client_secret=s")),
        post(JSON, &json),
        with(post(FORM, &form), &basic("app", "")),
        with(post(FORM, &form), &basic("app", "wrong")),
        with(post(FORM, &form), &basic("", "s")),
        with(post(FORM, &form), "Bearer an.access.token"),
    ] {
        let answer = send(strict(&world), request).await;
        answer.refused(401, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic "));
    }
    // None of it was a use of the token.
    let session = &world.sessions.list("alice").await.unwrap().sessions[0];
    assert_eq!(session.last_refreshed_at, None);

    let by_header = with(post(FORM, &form), &basic("app", "s"));
    send(strict(&world), by_header).await.granted();
    let by_form = post(FORM, &format!("{form}&client_id=app&client_secret=s"));
    send(strict(&world), by_form).await.granted();
    let json = json.replace('}', ",\"clientSecret\":\"s\"}");
    send(strict(&world), post(JSON, &json)).await.granted();
}

#[tokio::test]
async fn a_secret_is_no_key_to_another_clients_session() {
    let world = world();
    let form = refresh_form(&world.token().await);
    let other = with(post(FORM, &form), &basic("other", "s"));
    send(strict(&world), other)
        .await
        .refused(400, "invalid_grant");

    let login = world.sessions.start(Grant::new("alice")).await.unwrap();
    let form = refresh_form(login.refresh_token.expose());
    send(strict(&world), post(FORM, &form))
        .await
        .refused(401, "invalid_client");
    let any = with(post(FORM, &form), &basic("other", "s"));
    send(strict(&world), any).await.granted();
}

/// Whatever else is wrong with a request is for clients that have proven themselves to know.
#[tokio::test]
async fn the_client_comes_before_the_question() {
    let world = world();
    for body in [
        "x=y",
        "grant_type=password",
        "grant_type=refresh_token",
        "grant_type=refresh_token&refresh_token=a.b.c",
        "grant_type=refresh_token&refresh_token=a&refresh_token=b",
        "grant_type=refresh_token&refresh_token=a&scope=%22",
    ] {
        send(strict(&world), post(FORM, body))
            .await
            .refused(401, "invalid_client");
        let proven = with(post(FORM, body), &basic("app", "s"));
        assert_eq!(send(strict(&world), proven).await.status, 400, "{body}");
    }
    send(strict(&world), bare(Method::GET))
        .await
        .refused(405, "invalid_request");
}

#[tokio::test]
async fn a_request_without_a_secret_asks_nobody() {
    let world = world();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let options = required().authenticate_client(check);
    let options = options.authenticate_client(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        async { true }
    });
    let endpoint = world.endpoint().options(options);
    let form = format!("{}&client_id=app", refresh_form(&world.token().await));
    send(endpoint.clone(), post(FORM, &form))
        .await
        .refused(401, "invalid_client");
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    // The setters come in any order, and the last check counts.
    let proven = post(FORM, &format!("{form}&client_secret=another"));
    send(endpoint, proven).await.granted();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn without_a_check_nobody_gets_in() {
    let world = world();
    let endpoint = world.endpoint().options(required());
    let token = world.token().await;
    let form = refresh_form(&token);
    for request in [
        post(FORM, &form),
        post(FORM, &format!("{form}&client_id=app")),
        with(post(FORM, &form), &basic("app", "s")),
    ] {
        send(endpoint.clone(), request)
            .await
            .refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn nor_does_a_stolen_token_end_its_session() {
    let world = world();
    let options = EndpointOptions::new()
        .authenticate_client(check)
        .require_client_authentication();
    let endpoint = world.revocation().options(options);
    let token = world.token().await;
    let form = format!("token={token}");
    for request in [
        post(FORM, &form),
        post(FORM, &format!("{form}&client_id=app")),
        with(post(FORM, &form), &basic("app", "wrong")),
        post(FORM, "token=unknown"),
        post(FORM, "x=y"),
    ] {
        send(endpoint.clone(), request)
            .await
            .refused(401, "invalid_client");
    }
    assert!(world.works(&token).await);

    let proven = with(post(FORM, &form), &basic("app", "s"));
    assert_eq!(send(endpoint, proven).await.status, 200);
    assert!(!world.works(&token).await);
}
