//! What is logged of refused requests. In a process of its own: `tracing` remembers who listens, per
//! process.
#![cfg(feature = "tracing")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{convert::Infallible, time::Duration};

use http::{Request, Response};
use serde_json::{Value, json};
use tests_shared::{
    log::Log,
    tokens::{Tokens, authorized, bearer},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    Algorithm, KeySet, Scope, SigningKey, TokenProfile, TrustedIssuer, VerifiedToken, Verifier,
    bearer::{AcrValues, BearerLayer, Rejection, Roles, TokenProtocol},
    clock::Clock,
    profile::Discriminator,
    ticket::{TicketSecret, Tickets},
};

const SECRET: &str = "told-to-nobody";

/// One test, since there is one log.
#[tokio::test]
async fn refusals_are_logged_by_reason_and_without_the_token() {
    let log = Log::listen();
    by_the_layer(&log).await;
    by_other_ways(&log).await;
    by_a_handler(&log).await;
    what_a_token_lacks(&log);
    what_a_profile_misses(&log);
    whose_a_token_is(&log);
    accepted_tokens_say_nothing(&log);
}

async fn by_the_layer(log: &Log) {
    let tokens = Tokens::new();
    let good = tokens.plain();
    let inner = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(())) });
    let service = BearerLayer::new(tokens.verifier.clone())
        .require_scope(Scope::from_static("admin"))
        .on_rejection(|rejection, _| rejection.to_response())
        .layer(inner);
    for (request, kind) in [
        (
            bearer(&format!("{good}A")),
            "code=InvalidToken cause=the token",
        ),
        (bearer(&good), "code=InsufficientScope scope=admin"),
        (
            authorized(&format!("Bearer {good},")),
            "request refused code=InvalidRequest",
        ),
        (
            authorized(&format!("Basic {good}")),
            "request refused code=MissingToken",
        ),
        (
            authorized(&format!("DPoP {good}")),
            "call BearerLayer::dpop",
        ),
    ] {
        service.clone().oneshot(request).await.unwrap();
        let written = log.take();
        assert!(written.contains("DEBUG tower_bearer::bearer"), "{written}");
        assert!(written.contains(kind), "{kind}: {written}");
        assert_eq!(written.matches("request refused").count(), 1, "{written}");
        for part in good.split('.') {
            assert!(!written.contains(part), "{written}");
        }
    }
}

/// Neither a ticket nor a token in the protocols of a WebSocket is written, whatever is wrong with it.
async fn by_other_ways(log: &Log) {
    let tokens = Tokens::new();
    let tickets = Tickets::new(TicketSecret::from_secret([7; 32]).unwrap());
    let tickets = tickets.clock(tokens.clock.clone());
    let good = tokens.plain();
    let layer = BearerLayer::new(tokens.verifier.clone())
        .websocket_protocol(TokenProtocol::default())
        .tickets(&tickets);
    let issued = tickets.clone();
    let inner = service_fn(move |request: Request<()>| {
        let token = request.extensions().get::<VerifiedToken>();
        let ticket = token.and_then(|token| issued.issue(token, "/a").ok());
        let text = ticket.map(|ticket| ticket.expose().to_owned());
        async { Ok::<_, Infallible>(Response::new(text.unwrap_or_default())) }
    });
    let service = layer.layer(inner);
    let ticket = service.clone().oneshot(bearer(&good)).await.unwrap();
    let ticket = http_body_util::BodyExt::collect(ticket.into_body()).await;
    let ticket = String::from_utf8(ticket.unwrap().to_bytes().to_vec()).unwrap();
    assert!(ticket.len() > good.len(), "{ticket}");

    let by_ticket = |path| Request::get(format!("{path}?access_ticket={ticket}"));
    let offering = |offer: String| {
        Request::get("/a")
            .header("upgrade", "websocket")
            .header("connection", "upgrade")
            .header("sec-websocket-protocol", offer)
    };
    service
        .clone()
        .oneshot(by_ticket("/a").body(()).unwrap())
        .await
        .unwrap();
    log.take();
    for (request, line) in [
        (by_ticket("/b"), "a ticket is for another path"),
        (by_ticket("/a"), "a ticket comes a second time"),
        (by_ticket("/a").method("POST"), "another method than GET"),
        (
            offering(format!("bearer.{good}")),
            "no protocol beside its token",
        ),
        (offering(format!("a, bearer.{good}A")), "cause=the token"),
        (
            offering(format!("a, bearer.{good}, bearer.{good}")),
            "code=InvalidRequest",
        ),
    ] {
        service
            .clone()
            .oneshot(request.body(()).unwrap())
            .await
            .unwrap();
        let written = log.take();
        assert!(written.contains(line), "{line}: {written}");
        assert_eq!(written.matches("request refused").count(), 1, "{written}");
        for part in good.split('.').chain([&ticket[..40], &ticket[60..]]) {
            assert!(!written.contains(part), "{written}");
        }
    }
}

async fn by_a_handler(log: &Log) {
    const PHR: AcrValues = AcrValues::from_static("phr");
    let tokens = Tokens::new();
    let now = tokens.clock.now();
    type Check = fn(&VerifiedToken) -> Result<(), Rejection>;
    let checks: [(Check, &str); 3] = [
        (
            |token| token.require_scope(&Scope::from_static("admin")),
            "code=InsufficientScope scope=admin",
        ),
        (
            |token| token.require_acr(&PHR),
            "code=InsufficientUserAuthentication acr_values=phr",
        ),
        (
            |token| Roles::<String>::of(token).require(&"admin".to_owned()),
            "a token lacks the role that a handler requires roles=0",
        ),
    ];
    let token = tokens.verifier.verify(&tokens.plain()).unwrap();
    let age = token
        .require_max_age(Duration::from_secs(60), now)
        .unwrap_err();
    age.to_response();
    once(log, "code=InsufficientUserAuthentication max_age=60");
    for (check, line) in checks {
        let inner = service_fn(move |request: Request<()>| async move {
            let token = VerifiedToken::from_extensions(request.extensions()).unwrap();
            Ok::<_, Infallible>(check(token).unwrap_err().to_response())
        });
        let service = BearerLayer::new(tokens.verifier.clone()).layer(inner);
        service.oneshot(bearer(&tokens.plain())).await.unwrap();
        once(log, line);
    }
}

fn what_a_token_lacks(log: &Log) {
    let tokens = Tokens::new();
    for claim in ["sub", "client_id", "jti", "exp", "iat", "aud", "scope"] {
        let token = tokens.forge(&json!({}), &json!({ claim: [5], "own": SECRET }));
        tokens.verifier.verify(&token).unwrap_err();
        says(log, &[&format!("missing or malformed claim=\"{claim}\"")]);
    }
    let verifier = verifier(&tokens, TokenProfile::auth0());
    let token = tokens.forge(
        &json!({}),
        &json!({ "azp": "app", "sub": "", "own": SECRET }),
    );
    verifier.verify(&token).unwrap_err();
    says(log, &["missing or malformed claim=\"sub\""]);
}

fn what_a_profile_misses(log: &Log) {
    let tokens = Tokens::new();
    let typed = json!({ "typ": "JWT" });
    for (profile, header, claims, line) in [
        (
            TokenProfile::rfc9068(),
            &typed,
            json!({}),
            "expected=\"at+jwt\" has_typ=true",
        ),
        (
            TokenProfile::auth0(),
            &typed,
            json!({}),
            "expected=\"azp is present\"",
        ),
        (
            TokenProfile::jwt(Discriminator::claim("kind", "access")),
            &typed,
            json!({ "kind": SECRET }),
            "expected=\"kind is \\\"access\\\"\"",
        ),
        (
            TokenProfile::auth0(),
            &typed,
            json!({ "azp": "app", "nonce": SECRET }),
            "expected=\"nonce, at_hash, c_hash, s_hash, events is absent\"",
        ),
    ] {
        let token = tokens.forge(header, &claims);
        verifier(&tokens, profile).verify(&token).unwrap_err();
        says(log, &[line]);
    }
}

fn whose_a_token_is(log: &Log) {
    let tokens = Tokens::new();
    let refuse = |claims: Value| {
        let token = tokens.forge(&json!({}), &claims);
        tokens.verifier.verify(&token).unwrap_err();
    };
    refuse(json!({ "aud": ["account\n", "other"], "own": SECRET }));
    let aud = r#"expected=["https://api.example"] aud=Many(["account\n", "other"])"#;
    says(log, &["another audience", aud]);
    refuse(json!({ "iss": "https://id.example/", "own": SECRET }));
    let iss = r#"expected=["https://id.example"] iss="https://id.example/""#;
    says(log, &["another issuer", iss]);
    refuse(json!({ "iss": "x".repeat(1000) }));
    let written = log.take();
    assert!(!written.contains(&"x".repeat(200)), "{written}");

    // A signature that nobody has verified proves nothing.
    let other = SigningKey::generate(Algorithm::ES256).unwrap();
    let keys = KeySet::new(other).verifying();
    let trusted = |name: &str| TrustedIssuer::new(name, "https://api.example", keys.clone());
    let token = tokens.forge(&json!({}), &json!({ "iss": SECRET }));
    for names in [
        vec!["https://one.example"],
        vec!["https://one.example", "https://two.example"],
    ] {
        let issuers = names.iter().map(|name| trusted(name).unwrap());
        let verifier = Verifier::trusting(issuers).unwrap();
        verifier.verify(&token).unwrap_err();
        says(
            log,
            &[
                "none of the trusted issuers",
                &format!("trusted={names:?} has_iss=true"),
            ],
        );
    }
    tokens.verifier.verify("opaque").unwrap_err();
    says(
        log,
        &["a token was not opened", "keys=1 segments=1 bytes=6"],
    );
}

fn accepted_tokens_say_nothing(log: &Log) {
    let tokens = Tokens::new();
    tokens.verifier.verify(&tokens.scoped("read")).unwrap();
    let token = tokens.forge(&json!({ "typ": "JWT" }), &json!({ "azp": "app" }));
    verifier(&tokens, TokenProfile::auth0())
        .verify(&token)
        .unwrap();
    assert_eq!(log.take(), "");
}

fn verifier(tokens: &Tokens, profile: TokenProfile) -> Verifier {
    tokens.verifier.clone().profile(profile).unwrap()
}

#[track_caller]
fn says(log: &Log, parts: &[&str]) {
    let written = log.take();
    for part in parts {
        assert!(written.contains(part), "{part}: {written}");
    }
    assert!(!written.contains(SECRET), "{written}");
}

#[track_caller]
fn once(log: &Log, line: &str) {
    let written = log.take();
    assert!(written.contains(line), "{line}: {written}");
    assert_eq!(written.matches("request refused").count(), 1, "{written}");
}
