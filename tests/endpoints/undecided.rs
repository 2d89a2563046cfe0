//! A check of client secrets that cannot tell: the client is not to blame.

use std::{
    future::{pending, ready},
    io,
    time::Duration,
};

use tokio::time::Instant;
use tower_bearer::endpoint::{ClientSecret, EndpointOptions, IntoClientDecision};

use crate::support::*;

/// What the endpoint says to a client whose secret is checked with this outcome.
async fn ask<D: IntoClientDecision + Send + 'static>(
    world: &World,
    token: &str,
    check: impl Fn() -> D + Send + Sync + 'static,
) -> Answer {
    let options = EndpointOptions::new().authenticate_client(move |_, _| ready(check()));
    let endpoint = world.endpoint().options(options);
    let request = with(post(FORM, &refresh_form(token)), &basic("app", "s3cr3t"));
    send(endpoint, request).await
}

#[tokio::test]
async fn a_check_may_fail_by_itself() {
    let world = world();
    let token = world.token().await;
    let yes_or_no = |yes| move || Ok::<_, io::Error>(yes);
    ask(&world, &token, yes_or_no(false))
        .await
        .refused(401, "invalid_client");
    ask(&world, &token, || Err::<bool, _>("no database"))
        .await
        .refused(503, "temporarily_unavailable");
    let broken = || Err::<bool, _>(io::Error::other("no database"));
    let answer = ask(&world, &token, broken).await;
    answer.refused(503, "temporarily_unavailable");
    assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert!(!format!("{answer:?}").contains("database"));

    // The token was not used: the client sends it again and is served.
    let session = &world.sessions.list("alice").await.unwrap().sessions[0];
    assert_eq!(session.last_refreshed_at, None);
    ask(&world, &token, yes_or_no(true)).await.granted();
}

#[tokio::test]
async fn nothing_is_revoked_by_a_client_in_doubt() {
    let world = world();
    let token = world.token().await;
    let options = EndpointOptions::new()
        .require_client_authentication()
        .authenticate_client(async |_, _| Err::<bool, _>("no database"));
    let endpoint = world.revocation().options(options);
    let request = with(post(FORM, &format!("token={token}")), &basic("app", "s"));
    send(endpoint, request)
        .await
        .refused(503, "temporarily_unavailable");
    assert!(world.works(&token).await);
}

#[tokio::test(start_paused = true)]
async fn a_check_has_five_seconds() {
    let world = world();
    let form = refresh_form(&world.token().await);
    let request = || with(post(FORM, &form), &basic("app", "s"));
    let started = Instant::now();
    let stuck = EndpointOptions::new().authenticate_client(|_, _| pending::<bool>());
    let answer = send(world.endpoint().options(stuck), request()).await;
    answer.refused(503, "temporarily_unavailable");
    let waited = started.elapsed().as_millis();
    assert!((5000..5010).contains(&waited), "{waited} ms");

    let slow = async |_, secret: ClientSecret| {
        tokio::time::sleep(Duration::from_millis(4990)).await;
        secret.matches("s")
    };
    let slow = EndpointOptions::new().authenticate_client(slow);
    send(world.endpoint().options(slow), request())
        .await
        .granted();
}

/// Whoever runs the server learns the cause, which the client is not told.
#[cfg(feature = "tracing")]
#[tokio::test]
async fn the_cause_is_logged_without_the_secret() {
    let log = tests_shared::log::Log::listen();
    let world = world();
    let token = world.token().await;
    let broken = || Err::<bool, _>(io::Error::other("the vault is sealed"));
    ask(&world, &token, broken)
        .await
        .refused(503, "temporarily_unavailable");

    // Other tests write here too, none of them this error.
    let log = log.take();
    let line = log.lines().find(|line| line.contains("vault")).unwrap();
    assert!(line.contains("WARN tower_bearer::endpoint"), "{line}");
    assert!(!log.contains("s3cr3t"));
    assert!(token.split('.').all(|part| !log.contains(part)));
}
