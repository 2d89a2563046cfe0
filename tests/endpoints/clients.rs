//! Which client speaks, and what its secret is worth.

use std::sync::{Arc, Mutex};

use base64::{Engine, prelude::BASE64_STANDARD};
use tower_bearer::{
    endpoint::{ClientSecret, EndpointOptions},
    session::Grant,
};

use crate::support::*;

#[tokio::test]
async fn a_session_is_its_clients() {
    let world = world();
    let token = world.token().await;
    let form = refresh_form(&token);
    let as_other = format!("{form}&client_id=other");
    send(world.endpoint(), post(FORM, &as_other))
        .await
        .refused(400, "invalid_grant");
    let request = with(post(FORM, &form), &basic("other", ""));
    send(world.endpoint(), request)
        .await
        .refused(400, "invalid_grant");
    let json = format!("{{\"refreshToken\":\"{token}\",\"clientId\":\"other\"}}");
    send(world.endpoint(), post(JSON, &json))
        .await
        .refused(400, "invalid_grant");

    // The session is left alone, and its own client goes on.
    let request = with(post(FORM, &form), &basic("app", ""));
    send(world.endpoint(), request).await.granted();
    send(
        world.endpoint(),
        post(FORM, &format!("{form}&client_id=app")),
    )
    .await
    .granted();
}

#[tokio::test]
async fn a_session_without_a_client_is_bound_to_none() {
    let world = world();
    let login = world.sessions.start(Grant::new("alice")).await.unwrap();
    let form = format!(
        "{}&client_id=whatever",
        refresh_form(login.refresh_token.expose())
    );
    send(world.endpoint(), post(FORM, &form)).await.granted();
}

#[tokio::test]
async fn a_secret_that_nobody_checks_is_refused() {
    let world = world();
    let token = world.token().await;
    let form = refresh_form(&token);
    let by_body = post(FORM, &format!("{form}&client_id=app&client_secret=s"));
    let by_header = with(post(FORM, &form), &basic("app", "s"));
    for request in [by_body, by_header] {
        let answer = send(world.endpoint(), request).await;
        answer.refused(401, "invalid_client");
        assert!(
            answer
                .header("www-authenticate")
                .starts_with("Basic realm=\"")
        );
    }
    let revoke = post(
        FORM,
        &format!("token={token}&client_id=app&client_secret=s"),
    );
    send(world.revocation(), revoke)
        .await
        .refused(401, "invalid_client");
    let json = format!("{{\"refreshToken\":\"{token}\",\"clientSecret\":\"s\"}}");
    send(world.endpoint(), post(JSON, &json))
        .await
        .refused(401, "invalid_client");
    assert!(world.works(&token).await);
}

#[tokio::test]
async fn the_applications_check_decides() {
    let world = world();
    let form = refresh_form(&world.token().await);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let options =
        EndpointOptions::new().authenticate_client(move |id: String, secret: ClientSecret| {
            log.lock().unwrap().push(format!("{id} {secret:?}"));
            async move { id == "app" && secret.matches("s:1&%") }
        });
    let endpoint = world.endpoint().options(options);

    let good = with(post(FORM, &form), &basic("app", "s%3A1%26%25"));
    send(endpoint.clone(), good).await.granted();
    let good = post(
        FORM,
        &format!("{form}&client_id=app&client_secret=s%3A1%26%25"),
    );
    send(endpoint.clone(), good).await.granted();
    let bad = with(post(FORM, &form), &basic("app", "wrong"));
    send(endpoint.clone(), bad)
        .await
        .refused(401, "invalid_client");
    assert_eq!(*asked.lock().unwrap(), ["app ClientSecret(…)"; 3]);

    // Without a secret, or without a client, there is nothing to ask.
    send(endpoint.clone(), with(post(FORM, &form), &basic("app", "")))
        .await
        .granted();
    send(
        endpoint.clone(),
        post(FORM, &format!("{form}&client_secret=")),
    )
    .await
    .granted();
    let nobody = post(FORM, &format!("{form}&client_secret=s"));
    send(endpoint.clone(), nobody)
        .await
        .refused(401, "invalid_client");
    send(endpoint, with(post(FORM, &form), &basic("", "s")))
        .await
        .refused(401, "invalid_client");
    assert_eq!(asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn malformed_basic_is_an_invalid_client() {
    let world = world();
    let form = refresh_form(&world.token().await);
    let encoded = |text: &[u8]| format!("Basic {}", BASE64_STANDARD.encode(text));
    for header in [
        "Basic".to_owned(),
        "Basic ".to_owned(),
        "Basic !!!".to_owned(),
        "Basic YXBwOg".to_owned(),
        "Basic YXBwOg== x".to_owned(),
        encoded(b"app"),
        encoded(b"\xff:"),
        encoded(b"app%zz:"),
        encoded(b"app:%f"),
    ] {
        let answer = send(world.endpoint(), with(post(FORM, &form), &header)).await;
        answer.refused(401, "invalid_client");
    }
    let lower = with(
        post(FORM, &form),
        &basic("app", "").replace("Basic ", "bAsIc   "),
    );
    send(world.endpoint(), lower).await.granted();
}

#[tokio::test]
async fn a_client_names_itself_once() {
    let world = world();
    let form = refresh_form(&world.token().await);
    let options = EndpointOptions::new().authenticate_client(async |_, _| true);
    let endpoint = world.endpoint().options(options);
    let same = with(
        post(FORM, &format!("{form}&client_id=app")),
        &basic("app", ""),
    );
    send(endpoint.clone(), same).await.granted();

    let two_names = with(
        post(FORM, &format!("{form}&client_id=app")),
        &basic("other", ""),
    );
    let two_ways = format!("{form}&client_id=app&client_secret=s");
    let two_ways = with(post(FORM, &two_ways), &basic("app", "s"));
    let two_headers = with(
        with(post(FORM, &form), &basic("app", "")),
        &basic("app", ""),
    );
    for request in [two_names, two_ways, two_headers] {
        send(endpoint.clone(), request)
            .await
            .refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn other_schemes_are_not_looked_at() {
    let world = world();
    let form = refresh_form(&world.token().await);
    for header in [
        "Bearer an.expired.token",
        "Bearer",
        "Basically dGVzdA==",
        "DPoP x",
        "",
    ] {
        send(world.endpoint(), with(post(FORM, &form), header))
            .await
            .granted();
    }
}
