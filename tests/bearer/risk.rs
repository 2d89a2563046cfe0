//! The application's own look at each request.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Request, header::USER_AGENT};
use serde_json::json;
use tests_shared::tokens::{Tokens, admit, bare, bearer};
use tower_bearer::{
    Scope, SessionId, VerifiedToken,
    bearer::{AcrValues, Admission, BearerLayer, Realm, Rejection, SessionGuard, Unavailable},
    clock::Clock,
    context::{ClientAddress, RequestHead},
    error::{ErrorCode, TokenError},
    testing::assert_refused,
};

use crate::{challenge, passed, refused};

const SID: &str = "0190d0c8-5c00-7000-8000-000000000001";
const JUST_NOW: Duration = Duration::from_secs(300);

fn layer(tokens: &Tokens) -> BearerLayer {
    BearerLayer::new(tokens.verifier.clone()).realm(Realm::from_static("shop"))
}

/// A request of this program.
fn by(agent: &'static str, token: &str) -> Request<()> {
    let mut request = bearer(token);
    let agent = HeaderValue::from_static(agent);
    request.headers_mut().insert(USER_AGENT, agent);
    request
}

/// What a login by Firefox gives, at this many seconds before now.
fn login(tokens: &Tokens, secs: u64) -> String {
    let private = json!({ "family": "Firefox" });
    let mut claims = tokens.claims();
    claims.auth_time = Some(tokens.clock.now() - Duration::from_secs(secs));
    tokens.sign(&claims.with_private(private))
}

#[derive(serde::Deserialize)]
struct Login {
    family: String,
}

/// Another program than that of the login has to log in, within the last five minutes.
fn same_family(tokens: &Tokens) -> BearerLayer {
    let clock = tokens.clock.clone();
    layer(tokens).assess_risk(move |token, request| {
        let login = token.claims_as::<Login>().map_err(|_| TokenError::Claims)?;
        match request.user_agent() {
            Some(agent) if agent.contains(&login.private.family) => Ok(()),
            _ => token.require_max_age(JUST_NOW, clock.now()),
        }
    })
}

#[tokio::test]
async fn another_program_has_to_log_in_again() {
    let tokens = Tokens::new();
    let layer = same_family(&tokens);
    let old = login(&tokens, 3600);
    passed(layer.clone(), by("Firefox/150", &old)).await;
    let answer = refused(layer.clone(), by("Chrome/150", &old), 401).await;
    assert_refused(&answer, ErrorCode::InsufficientUserAuthentication);
    let challenge = challenge(answer.headers());
    assert!(
        challenge.starts_with(r#"Bearer realm="shop", "#),
        "{challenge}"
    );
    assert!(challenge.ends_with(r#", max_age="300""#), "{challenge}");
    // The token of the login that was asked for.
    passed(layer, by("Chrome/150", &login(&tokens, 10))).await;
}

#[tokio::test]
async fn a_refusal_has_no_challenge() {
    let tokens = Tokens::new();
    let layer = layer(&tokens).assess_risk(|_, request| match request.address() {
        Some(address) if address.is_loopback() => Ok(()),
        _ => Err(Rejection::access_denied()),
    });
    let from = |address: [u8; 4]| {
        let mut request = bearer(&tokens.plain());
        let address = ClientAddress(IpAddr::V4(Ipv4Addr::from(address)));
        request.extensions_mut().insert(address);
        request
    };
    passed(layer.clone(), from([127, 0, 0, 1])).await;
    for request in [from([192, 0, 2, 1]), bearer(&tokens.plain())] {
        let answer = refused(layer.clone(), request, 403).await;
        assert_eq!(assert_refused(&answer, ErrorCode::AccessDenied), None);
        assert!(!answer.headers().contains_key("www-authenticate"));
        assert_eq!(
            answer.body(),
            r#"{"error":"access_denied","error_description":"the request is refused"}"#
        );
    }
}

#[tokio::test]
async fn the_hook_comes_last_and_sees_good_tokens_only() {
    let tokens = Tokens::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let layer = layer(&tokens)
        .require_scope(Scope::from_static("read"))
        .require_acr(AcrValues::from_static("phr"))
        .optional()
        .assess_risk(move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            Err(Rejection::access_denied())
        });
    refused(layer.clone(), bare(), 401).await;
    refused(layer.clone(), bearer("a.b.c"), 401).await;
    refused(layer.clone(), bearer(&tokens.plain()), 403).await;
    refused(layer.clone(), bearer(&tokens.scoped("read")), 401).await;
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    let mut claims = tokens.claims();
    claims.scope = Scope::from_static("read");
    claims.acr = Some("phr".to_owned());
    let answer = refused(layer, bearer(&tokens.sign(&claims)), 403).await;
    assert_refused(&answer, ErrorCode::AccessDenied);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_request_without_a_token_is_not_assessed() {
    let tokens = Tokens::new();
    let layer = layer(&tokens)
        .optional()
        .assess_risk(|_, _| Err(Rejection::access_denied()));
    passed(layer, bare()).await;
}

/// Has to be asked about each session.
#[derive(Clone)]
struct Asked;

impl SessionGuard for Asked {
    fn admit(&self, _: &VerifiedToken, _: RequestHead<'_>) -> Admission {
        Admission::IfLive
    }

    async fn is_live(&self, _: SessionId) -> Result<bool, Unavailable> {
        tokio::task::yield_now().await;
        Ok(true)
    }
}

#[tokio::test]
async fn a_request_that_waited_is_assessed_too() {
    let tokens = Tokens::new();
    let layer =
        layer(&tokens)
            .sessions(&Asked)
            .assess_risk(|_, request| match request.user_agent() {
                Some("Firefox/150") => Ok(()),
                _ => Err(Rejection::access_denied()),
            });
    let token = tokens.with_sid(SID);
    let verified = tokens.verifier.verify(&token).unwrap();
    assert_eq!(admit(&Asked, &verified), Admission::IfLive);
    passed(layer.clone(), by("Firefox/150", &token)).await;
    refused(layer, by("Chrome/150", &token), 403).await;
}

#[tokio::test]
async fn the_last_hook_counts_and_clones_keep_theirs() {
    let tokens = Tokens::new();
    let open = layer(&tokens);
    let closed = open
        .clone()
        .assess_risk(|_, _| Ok(()))
        .assess_risk(|_, _| Err(Rejection::insufficient_acr(&AcrValues::from_static("phr"))));
    passed(open, bearer(&tokens.plain())).await;
    let answer = refused(closed, bearer(&tokens.plain()), 401).await;
    assert!(challenge(answer.headers()).ends_with(r#", acr_values="phr""#));
}
