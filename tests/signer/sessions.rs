//! What sessions do with a signer, and what becomes of them when it fails.

use std::{io, sync::Mutex, time::Duration};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::ServiceExt;
use tower_bearer::{
    RefreshToken, Scope,
    clock::{Clock, Timestamp},
    endpoint::{EndpointOptions, IntrospectionEndpoint},
    jws::SignerOptions,
    session::{
        ForeignTokens, Grant, Reauthentication, RefreshOutcome, RefreshRequest, SessionErrorKind,
        SessionsBuilder, Takeover,
    },
    store::SessionStore,
    testing::{FailingStore, Fault, StoreCall},
};

use crate::support::*;

const UNAVAILABLE: SessionErrorKind = SessionErrorKind::Unavailable;

#[tokio::test]
async fn all_that_a_session_gives_is_signed_there() {
    let world = world();
    let login = world.login().await;
    assert_eq!(world.claims(&login.access_token).sub, "anna");

    let request = RefreshRequest::new(login.refresh_token);
    let refreshed = world.sessions.refresh(request).await.unwrap();
    let claims = world.claims(&refreshed.tokens.access_token);
    assert_eq!(claims.generation, Some(1));

    let by_passkey = Reauthentication::new().acr("phr");
    let tokens = world.sessions.reauthenticate(&claims, by_passkey).await;
    let claims = world.claims(&tokens.unwrap().access_token);
    assert_eq!(claims.acr.as_deref(), Some("phr"));

    let issuer = world.sessions.issuer();
    let claims = issuer.claims("robot", world.clock.now(), Duration::from_secs(60));
    let token = issuer.sign_async(&claims).await.unwrap();
    assert_eq!(world.claims(&token).sub, "robot");
    assert_eq!(world.signer.asked(), 4);
}

/// More often than there are late redeliveries, each time after the reuse window.
#[tokio::test(start_paused = true)]
async fn a_signer_that_fails_for_long_costs_a_session_nothing() {
    let world = world();
    let login = world.login().await;
    let id = world.session(&login);
    let before = world.state(id).await;
    let token = login.refresh_token.expose();
    for mood in BAD.into_iter().cycle().take(12) {
        world.signer.is(mood);
        world.clock.advance(LATER);
        world.refresh(token).await.is_unavailable();
        assert_eq!(world.state(id).await, before, "{mood:?}");
    }
    world.signer.is(Mood::Signs);
    let next = world.refresh(token).await.refresh_token();
    assert_eq!(world.state(id).await.generation, 1);
    assert_eq!(world.state(id).await.late, 0);
    world.refresh(&next).await.refresh_token();
}

/// The answer was lost, and the signer fails then: the old token comes again and again.
#[tokio::test(start_paused = true)]
async fn a_late_redelivery_is_paid_for_once() {
    let world = world();
    let login = world.login().await;
    let (id, token) = (world.session(&login), login.refresh_token.expose());
    let lost = world.refresh(token).await.refresh_token();
    for mood in BAD.into_iter().cycle().take(9) {
        world.signer.is(mood);
        world.clock.advance(LATER);
        world.refresh(token).await.is_unavailable();
        assert_eq!(world.state(id).await.late, 0, "{mood:?}");
    }
    world.signer.is(Mood::Signs);
    world.refresh(token).await.refresh_token();
    assert_eq!(world.state(id).await.late.count_ones(), 1);
    world.refresh(&lost).await.refresh_token();
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_not_signed_leaves_no_session() {
    let world = world();
    for mood in BAD {
        world.signer.is(mood);
        let error = world.sessions.start(Grant::new("anna")).await.unwrap_err();
        assert_eq!(error.kind(), UNAVAILABLE, "{mood:?}");
        let listed = world.store.list(ISSUER, "anna", None, 10).await.unwrap();
        assert!(listed.records.is_empty(), "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reauthentication_that_is_not_signed_changes_nothing() {
    let world = world();
    let login = world.login().await;
    let id = world.session(&login);
    let (claims, before) = (world.claims(&login.access_token), world.state(id).await);
    for mood in BAD {
        world.signer.is(mood);
        let again = Reauthentication::new().acr("phr");
        let error = world.sessions.reauthenticate(&claims, again).await;
        assert_eq!(error.unwrap_err().kind(), UNAVAILABLE, "{mood:?}");
        assert_eq!(world.state(id).await, before, "{mood:?}");
    }
}

/// The refresh tokens of another program.
struct Old(std::sync::Arc<Mutex<Vec<String>>>);

impl ForeignTokens for Old {
    type Error = io::Error;

    async fn find(&self, token: &RefreshToken) -> io::Result<Option<Grant>> {
        let has = self
            .0
            .lock()
            .unwrap()
            .iter()
            .any(|old| old == token.expose());
        Ok(has.then(|| Grant::new("anna")))
    }

    async fn remove(&self, token: &RefreshToken) -> io::Result<()> {
        self.0.lock().unwrap().retain(|old| old != token.expose());
        Ok(())
    }

    async fn remove_all(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_token_stays_with_the_other_program_until_it_can_be_answered() {
    let old = std::sync::Arc::new(Mutex::new(vec!["uuid".to_owned()]));
    let tokens = Old(std::sync::Arc::clone(&old));
    let until = Timestamp::from_secs(4_000_000_000);
    let takeover = Takeover::new([9; 32], until, tokens).unwrap();
    let world = world_with(SignerOptions::new(), |builder| builder.take_over(takeover));
    for mood in BAD {
        world.signer.is(mood);
        world.refresh("uuid").await.is_unavailable();
        assert_eq!(old.lock().unwrap().len(), 1, "{mood:?}");
        let listed = world.store.list(ISSUER, "anna", None, 10).await.unwrap();
        assert!(listed.records.is_empty(), "{mood:?}");
    }
    world.signer.is(Mood::Signs);
    let request = RefreshRequest::new(RefreshToken::new("uuid"));
    let adopted = world.sessions.adopt(request).await.unwrap();
    assert_eq!(world.claims(&adopted.tokens.access_token).sub, "anna");
    assert!(old.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_signed_answer_of_introspection_is_signed_there() {
    let world = world();
    let login = world.login().await;
    let options = EndpointOptions::new().authenticate_client(|_, _| async { true });
    let ask = || {
        let endpoint = IntrospectionEndpoint::new(world.sessions.clone()).options(options.clone());
        let form = format!("token={}", login.access_token.expose());
        let request = Request::post("/")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", "Basic YXBwOnNlY3JldA==")
            .header("accept", "application/token-introspection+jwt")
            .body(Full::new(Bytes::from(form)));
        async { Answer::of(endpoint.oneshot(request.unwrap()).await.unwrap()).await }
    };
    let signed = ask().await;
    assert_eq!(signed.status, 200);
    assert_eq!(signed.body.iter().filter(|byte| **byte == b'.').count(), 2);
    assert_eq!(world.signer.asked(), 2);
    for mood in BAD {
        world.signer.is(mood);
        ask().await.is_unavailable();
    }
}

/// A signer that takes its time makes a refresh slow, and changes nothing else.
#[tokio::test(start_paused = true)]
async fn a_slow_signer_is_waited_for() {
    let world = world();
    let login = world.login().await;
    world.signer.is(Mood::Takes(Duration::from_millis(1_900)));
    let request = RefreshRequest::new(login.refresh_token.clone());
    let refreshed = world.sessions.refresh(request).await.unwrap();
    assert_eq!(refreshed.outcome, RefreshOutcome::Rotated);
    assert_eq!(world.signer.asked(), 2);
}

/// With a store that is slow too, the signatures are too late for the write. The signer is not asked for one refresh as
/// often as swaps are tried.
#[tokio::test(start_paused = true)]
async fn a_signer_is_not_asked_again_and_again_for_what_is_too_late() {
    let world = world();
    let store = FailingStore::new(world.store.clone());
    let sessions = SessionsBuilder::new(
        world.sessions.issuer().clone(),
        refresh_key(),
        store.clone(),
    );
    let sessions = sessions.build().unwrap();
    let login = world.login().await;
    let id = world.session(&login);
    let before = world.state(id).await;
    world.signer.is(Mood::Takes(Duration::from_millis(1_900)));
    let slow = || Fault::delay(Duration::from_millis(700)).on([StoreCall::Load]);

    store.inject(slow());
    let request = || RefreshRequest::new(login.refresh_token.clone());
    let error = sessions.refresh(request()).await.unwrap_err();
    assert_eq!((error.kind(), world.signer.asked()), (UNAVAILABLE, 1 + 2));
    assert_eq!(world.state(id).await, before);

    store.heal();
    store.inject(slow().times(1));
    sessions.refresh(request()).await.unwrap();
    assert_eq!(world.signer.asked(), 1 + 2 + 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_meanwhile_is_served_later() {
    let world = world();
    let login = world.login().await;
    let id = world.session(&login);
    let before = world.state(id).await;
    world.signer.is(Mood::Hangs);
    let token = login.refresh_token.expose();
    for _ in 0..100 {
        let short = Duration::from_millis(3);
        assert!(
            tokio::time::timeout(short, world.refresh(token))
                .await
                .is_err()
        );
        assert_eq!(world.state(id).await, before);
    }
    world.signer.is(Mood::Signs);
    world.refresh(token).await.refresh_token();
}

/// Beyond what may wait, the answer is there at once, and nothing is asked.
#[tokio::test(start_paused = true)]
async fn a_flood_of_logins_is_refused_at_once() {
    let options = SignerOptions::new().max_calls(2).max_waiting(3);
    let world = world_with(options, |builder| builder);
    world.signer.is(Mood::Takes(Duration::from_millis(500)));
    let logins: Vec<_> = (0..20)
        .map(|number| {
            let sessions = world.sessions.clone();
            let grant = Grant::new(format!("user {number}")).scope(Scope::from_static("read"));
            tokio::spawn(async move {
                let begun = tokio::time::Instant::now();
                let started = sessions.start(grant).await;
                (started.map_err(|error| error.kind()), begun.elapsed())
            })
        })
        .collect();
    let mut refused = 0;
    for login in logins {
        match login.await.unwrap() {
            (Ok(_), took) => assert!(took >= Duration::from_millis(500)),
            (Err(kind), took) => {
                assert_eq!((kind, took), (UNAVAILABLE, Duration::ZERO));
                refused += 1;
            }
        }
    }
    assert_eq!((refused, world.signer.asked()), (15, 5));
}
