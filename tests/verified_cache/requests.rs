//! Through the layer: who shares what is remembered, and what is asked with each request.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    Algorithm, Issuer, KeySet, Scope, SessionId, SigningKey, VerifiedToken, Verifier,
    bearer::{Admission, BearerLayer, SessionGuard, Unavailable},
    context::RequestHead,
    error::TokenError,
};

use crate::support::{is_remembered, world};

/// Status and, where the request got through, the token that the inner service saw.
async fn ask(layer: &BearerLayer, token: &str) -> (StatusCode, Option<VerifiedToken>) {
    let inner = service_fn(async |request: Request<()>| {
        let mut response = Response::new(());
        if let Some(token) = request.extensions().get::<VerifiedToken>() {
            response.extensions_mut().insert(token.clone());
        }
        Ok::<_, Infallible>(response)
    });
    let request = Request::get("/").header(AUTHORIZATION, format!("Bearer {token}"));
    let request = request.body(()).unwrap();
    let response = layer.layer(inner).oneshot(request).await.unwrap();
    let seen = response.extensions().get::<VerifiedToken>().cloned();
    (response.status(), seen)
}

#[tokio::test]
async fn layers_of_one_verifier_share_the_token_and_not_the_scope() {
    let world = world();
    let token = world.token_with("alice", |claims| claims.scope = "read".parse().unwrap());
    let any = BearerLayer::new(world.verifier.clone());
    let readers = any.clone().require_scope(Scope::from_static("read"));
    let writers = any.clone().require_scope(Scope::from_static("write"));
    let (_, first) = ask(&any, &token).await;
    let (_, again) = ask(&readers, &token).await;
    assert!(is_remembered(&first.unwrap(), &again.unwrap()));
    for _ in 0..2 {
        assert_eq!(ask(&writers, &token).await.0, StatusCode::FORBIDDEN);
        assert_eq!(ask(&readers, &token).await.0, StatusCode::OK);
    }
}

/// Knows of one ended session, when it is told.
#[derive(Clone, Default)]
struct Ended(Arc<AtomicBool>);

impl SessionGuard for Ended {
    fn admit(&self, token: &VerifiedToken, _: RequestHead<'_>) -> Admission {
        let ended = self.0.load(Ordering::SeqCst);
        match (token.claims().sid.as_deref(), ended) {
            (Some("s"), true) => Admission::Ended,
            _ => Admission::Admitted,
        }
    }

    async fn is_live(&self, _: SessionId) -> Result<bool, Unavailable> {
        Err(Unavailable)
    }
}

#[tokio::test]
async fn an_ended_session_ends_its_remembered_tokens_at_once() {
    let world = world();
    let of = |sid: &str| world.token_with("alice", |claims| claims.sid = Some(sid.to_owned()));
    let [ended, other] = ["s", "t"].map(of);
    let guard = Ended::default();
    let layer = BearerLayer::new(world.verifier.clone()).sessions(&guard);
    for token in [&ended, &other, &ended] {
        assert_eq!(ask(&layer, token).await.0, StatusCode::OK);
    }
    guard.0.store(true, Ordering::SeqCst);
    assert_eq!(ask(&layer, &ended).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&layer, &other).await.0, StatusCode::OK);
}

#[cfg(feature = "session")]
#[tokio::test]
async fn a_logout_ends_remembered_tokens_at_once() {
    use tower_bearer::{
        session::{Grant, RefreshKey, Sessions},
        store::MemoryStore,
    };

    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
    let verifier = Verifier::new("issuer", "audience", keys.verifying()).unwrap();
    let issuer = Issuer::new("issuer", "audience", keys).unwrap();
    let refresh_key = RefreshKey::from_secret([7; 32]).unwrap();
    let sessions = Sessions::builder(issuer, refresh_key, MemoryStore::new());
    let sessions = sessions.build().unwrap();
    let layer = BearerLayer::new(verifier.clone()).sessions(&sessions);

    let tokens = sessions.start(Grant::new("alice")).await.unwrap();
    let token = tokens.access_token.expose();
    for _ in 0..2 {
        assert_eq!(ask(&layer, token).await.0, StatusCode::OK);
    }
    let id = verifier.verify(token).unwrap().claims().session_id();
    sessions.end(id.unwrap(), "alice").await.unwrap();
    assert_eq!(ask(&layer, token).await.0, StatusCode::UNAUTHORIZED);
}

#[test]
fn clones_share_what_they_remember_and_other_verifiers_do_not() {
    let world = world();
    let token = world.token("alice");
    let first = world.accept(&token);
    let clone = world.verifier.clone();
    assert!(is_remembered(&first, &clone.verify(&token).unwrap()));

    let shorter = clone.clone().max_token_bytes(token.len() - 1);
    assert_eq!(shorter.verify(&token).unwrap_err(), TokenError::TooLong);
    let lenient = clone.leeway(Duration::from_secs(1)).unwrap();
    assert!(!is_remembered(&first, &lenient.verify(&token).unwrap()));
    let named = |issuer, audience| {
        let other = Verifier::new(issuer, audience, world.keys.verifying()).unwrap();
        other.clock(world.clock.clone()).verify(&token).unwrap_err()
    };
    assert_eq!(named("other", "audience"), TokenError::Issuer);
    assert_eq!(named("issuer", "other"), TokenError::Audience);
    assert!(is_remembered(&first, &world.accept(&token)));
}
