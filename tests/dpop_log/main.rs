//! What is logged of proofs and of tokens that are bound to a key. In a process of its own: `tracing`
//! remembers who listens, per process.
#![cfg(all(feature = "tracing", feature = "dpop", feature = "session"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails"
)]

#[allow(dead_code, reason = "shared with the tests of DPoP")]
#[path = "../dpop/support.rs"]
mod support;

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use support::*;
use tests_shared::{log::Log, proofs::ProofKey};
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{TokenResponse, dpop::DpopVerifier, endpoint::Endpoints};

const WRONG_ADDRESS: &str = "is the address that was given to DpopVerifier::new";

/// What was logged since the last time has all of these in one line, and no part of a secret.
#[track_caller]
fn says(log: &Log, level: &str, words: &[&str]) -> String {
    let text = log.take();
    let says_all = |line: &str| line.contains(level) && words.iter().all(|it| line.contains(it));
    assert!(text.lines().any(says_all), "{text} does not say {words:?}");
    assert!(!text.contains("eyJ"), "a token or a proof: {text}");
    text
}

#[tokio::test]
async fn whoever_runs_the_server_learns_what_is_set_up_wrongly() {
    let log = Log::listen();
    a_missing_proof(&log).await;
    a_token_that_came_in_the_wrong_way(&log).await;
    endpoints_without_proofs(&log).await;
    a_session_from_before(&log).await;
    another_url(&log).await;
}

async fn a_missing_proof(log: &Log) {
    let (world, key) = (world().with(|dpop| dpop.require()), ProofKey::es256());
    let tokens = world.bound(&key).await;
    log.take();
    let missing = ["there is no DPoP header", "path=\"/login\""];
    world
        .dpop
        .verify(&Request::post("/login?a=b").body(()).unwrap())
        .unwrap_err();
    says(log, "DEBUG", &missing);

    let request = Request::get("/me").header(
        "authorization",
        format!("DPoP {}", tokens.access_token.expose()),
    );
    let request = request.body(Full::default()).unwrap();
    world.ask(world.layer(), request).await;
    says(log, "DEBUG", &["there is no DPoP header", "path=\"/me\""]);

    world.refresh(&tokens, &[]).await;
    let text = says(
        log,
        "DEBUG",
        &["there is no DPoP header", "is bound to a key"],
    );
    assert!(text.contains("ERROR"), "{text}");
}

async fn a_token_that_came_in_the_wrong_way(log: &Log) {
    let (world, key) = (world(), ProofKey::es256());
    let (bound, unbound) = (world.bound(&key).await, world.unbound().await);
    let token = |tokens: &TokenResponse| tokens.access_token.expose().to_owned();
    let unbound = token(&unbound);
    log.take();

    world.ask(world.layer(), bearer(&token(&bound))).await;
    let text = says(log, "DEBUG", &["bound to a key came without a proof"]);
    assert!(
        text.contains("cause=the token is bound to a key that was not proved"),
        "{text}"
    );

    let proof = world.for_me(&key, &unbound).sign();
    world.me(&unbound, &proof).await;
    let text = says(
        log,
        "DEBUG",
        &["not bound to a key came by the scheme DPoP"],
    );
    assert!(
        text.contains("cause=the token is bound to no key, and has to be"),
        "{text}"
    );

    let proof = world.for_me(&ProofKey::es256(), &token(&bound)).sign();
    world.me(&token(&bound), &proof).await;
    says(
        log,
        "DEBUG",
        &["the DPoP proof is by another key than the token's"],
    );

    let world = world.with(|dpop| dpop.require());
    world.ask(world.layer(), bearer(&unbound)).await;
    let text = says(log, "DEBUG", &["its client has to bind its tokens"]);
    assert!(
        text.contains("cause=the token is bound to no key, and has to be"),
        "{text}"
    );
}

async fn endpoints_without_proofs(log: &Log) {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let nothing = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        tokens.refresh_token.expose()
    );
    let request = Request::post("/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("dpop", world.proof(&key, "POST", TOKEN).sign())
        .body(Full::from(form))
        .unwrap();
    let endpoints = Endpoints::new(&world.sessions).layer(nothing);
    endpoints.oneshot(request).await.unwrap();
    says(log, "WARN", &["call EndpointOptions::dpop"]);
}

/// Where a key is required, an old client is no thief.
async fn a_session_from_before(log: &Log) {
    let world = world();
    let tokens = world.unbound().await;
    let world = world.with(|dpop| dpop.require());
    log.take();
    world.refresh(&tokens, &[]).await;
    let text = says(log, "DEBUG", &["session event", "Unbound"]);
    assert!(!text.contains("ERROR") && !text.contains("WARN"), "{text}");
}

async fn another_url(log: &Log) {
    let (world, key) = (world(), ProofKey::es256());
    let login = || Request::post("/login");
    let verify = |dpop: &DpopVerifier, url: &str| {
        let proof = world.proof(&key, "POST", url).sign();
        dpop.verify(&login().header("dpop", proof).body(()).unwrap())
    };
    log.take();
    for times in 1..5 {
        verify(&world.dpop, "https://shop.example/login?secret=1").unwrap_err();
        let both = [
            "\"https://shop.example/login\"",
            "\"https://api.example/login\"",
        ];
        let text = says(log, "DEBUG", &both);
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(text.contains(WRONG_ADDRESS), times == 3, "{text}");
    }
    verify(&world.dpop, "/login\n").unwrap_err();
    says(log, "DEBUG", &["no http(s) URL"]);

    // One that is right, and the address is.
    let dpop = DpopVerifier::new(API).unwrap().clock(world.clock.clone());
    verify(&dpop, "https://api.example/login").unwrap();
    for _ in 0..4 {
        verify(&dpop, "https://shop.example/login").unwrap_err();
    }
    assert!(!log.take().contains(WRONG_ADDRESS));
}
