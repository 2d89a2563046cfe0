//! The layer and whoever keeps the sessions.

use std::{
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Waker},
};

use http::{HeaderValue, Response, header::USER_AGENT};
use tests_shared::{
    tokens::{LIFETIME, Tokens, bare, bearer},
    tracked::Tracked,
};
use tokio::sync::oneshot;
use tower::{Layer, Service};
use tower_bearer::{
    Scope, SessionId, VerifiedToken,
    bearer::{Admission, BearerLayer, SessionGuard, Unavailable},
    context::RequestHead,
};

use crate::{challenge, passed, poll, refused};

const SID: &str = "0190d0c8-5c00-7000-8000-000000000001";

type Answer = Result<bool, Unavailable>;

/// A guard that does as it is told and remembers what it was asked. Clones share it all.
#[derive(Clone)]
struct Fake(Arc<Told>);

struct Told {
    admission: Admission,
    live: Answer,
    /// Where it is set, the live check waits for this instead.
    later: Mutex<Option<oneshot::Receiver<Answer>>>,
    admitted: Mutex<Vec<String>>,
    agents: Mutex<Vec<Option<String>>>,
    asked: Mutex<Vec<SessionId>>,
}

impl Fake {
    fn new(admission: Admission, live: Answer) -> Self {
        let (later, admitted, agents, asked) = Default::default();
        Self(Arc::new(Told {
            admission,
            live,
            later,
            admitted,
            agents,
            asked,
        }))
    }

    fn slow() -> (Self, oneshot::Sender<Answer>) {
        let (answer, later) = oneshot::channel();
        let fake = Self::new(Admission::Admitted, Err(Unavailable));
        *fake.0.later.lock().unwrap() = Some(later);
        (fake, answer)
    }

    #[track_caller]
    fn saw(&self, admitted: usize, asked: usize) {
        assert_eq!(self.0.admitted.lock().unwrap().len(), admitted, "admit");
        assert_eq!(self.0.asked.lock().unwrap().len(), asked, "is_live");
    }
}

impl SessionGuard for Fake {
    fn admit(&self, token: &VerifiedToken, request: RequestHead<'_>) -> Admission {
        let jti = token.claims().jti.clone();
        self.0.admitted.lock().unwrap().extend(jti);
        let agent = request.user_agent().map(str::to_owned);
        self.0.agents.lock().unwrap().push(agent);
        self.0.admission
    }

    async fn is_live(&self, id: SessionId) -> Answer {
        self.0.asked.lock().unwrap().push(id);
        let later = self.0.later.lock().unwrap().take();
        match later {
            Some(later) => later.await.unwrap_or(Err(Unavailable)),
            None => self.0.live,
        }
    }
}

fn layer(tokens: &Tokens) -> BearerLayer {
    BearerLayer::new(tokens.verifier.clone())
}

#[tokio::test]
async fn admission_sees_each_verified_token() {
    let tokens = Tokens::new();
    let fake = Fake::new(Admission::Admitted, Ok(false));
    let layer = layer(&tokens).sessions(&fake);
    let seen = passed(layer.clone(), bearer(&tokens.plain())).await;
    let token = seen.extensions().get::<VerifiedToken>().unwrap();
    assert_eq!(
        *fake.0.admitted.lock().unwrap(),
        [token.claims().jti.clone().unwrap()]
    );
    // A missing scope says nothing of whether the client holds its tokens.
    refused(
        layer.require_scope(Scope::from_static("admin")),
        bearer(&tokens.with_sid(SID)),
        403,
    )
    .await;
    fake.saw(2, 0);
}

#[tokio::test]
async fn admission_sees_the_request() {
    let tokens = Tokens::new();
    let fake = Fake::new(Admission::Admitted, Ok(true));
    let layer = layer(&tokens).sessions(&fake);
    let mut request = bearer(&tokens.plain());
    let agent = HeaderValue::from_static("shop/1.2");
    request.headers_mut().insert(USER_AGENT, agent);
    passed(layer.clone(), request).await;
    passed(layer, bearer(&tokens.plain())).await;
    let agents = fake.0.agents.lock().unwrap().clone();
    assert_eq!(agents, [Some("shop/1.2".to_owned()), None]);
}

#[tokio::test]
async fn admission_sees_no_other_token() {
    let tokens = Tokens::new();
    let fake = Fake::new(Admission::Admitted, Ok(true));
    let layer = layer(&tokens).check_live(&fake);
    let expired = tokens.with_sid(SID);
    tokens.clock.advance(2 * LIFETIME);
    refused(layer.clone(), bearer(&expired), 401).await;
    refused(layer.clone(), bearer("a.b.c"), 401).await;
    refused(layer.clone(), bearer("a b"), 400).await;
    refused(layer.clone(), bare(), 401).await;
    passed(layer.optional(), bare()).await;
    fake.saw(0, 0);
}

#[tokio::test]
async fn an_ended_session_is_refused_without_asking_the_store() {
    let tokens = Tokens::new();
    let fake = Fake::new(Admission::Ended, Ok(true));
    let request = || bearer(&tokens.with_sid(SID));
    let answers = [
        refused(layer(&tokens).sessions(&fake), request(), 401).await,
        refused(layer(&tokens).check_live(&fake), request(), 401).await,
    ];
    for answer in answers {
        assert!(challenge(answer.headers()).contains("the access token is invalid"));
    }
    fake.saw(2, 0);
}

/// A client refreshes then, as it does with an expired token.
#[tokio::test]
async fn an_outdated_token_is_refused_as_an_expired_one() {
    let tokens = Tokens::new();
    let fake = Fake::new(Admission::Outdated, Ok(true));
    let layer = layer(&tokens).check_live(&fake);
    let answer = refused(layer.clone(), bearer(&tokens.with_sid(SID)), 401).await;
    let expected = r#"error="invalid_token", error_description="the access token has expired""#;
    assert!(challenge(answer.headers()).contains(expected));
    refused(layer.optional(), bearer(&tokens.plain()), 401).await;
    fake.saw(2, 0);
}

#[tokio::test]
async fn a_live_session_passes() {
    let tokens = Tokens::new();
    let fake = Fake::new(Admission::Admitted, Ok(true));
    let layer = layer(&tokens).check_live(&fake);
    let seen = passed(layer, bearer(&tokens.with_sid(SID))).await;
    assert!(seen.extensions().get::<VerifiedToken>().is_some());
    assert_eq!(*fake.0.asked.lock().unwrap(), [SID.parse().unwrap()]);
}

#[tokio::test]
async fn a_dead_session_is_refused() {
    let tokens = Tokens::new();
    let fake = Fake::new(Admission::Admitted, Ok(false));
    let layer = layer(&tokens).check_live(&fake);
    let answer = refused(layer, bearer(&tokens.with_sid(SID)), 401).await;
    assert!(challenge(answer.headers()).contains(r#"error="invalid_token""#));
}

#[tokio::test]
async fn a_guard_that_is_not_sure_is_asked_without_check_live_too() {
    let tokens = Tokens::new();
    for (live, status) in [(Ok(false), 401), (Err(Unavailable), 503)] {
        let fake = Fake::new(Admission::IfLive, live);
        let layer = layer(&tokens).sessions(&fake);
        refused(layer.clone(), bearer(&tokens.with_sid(SID)), status).await;
        passed(layer, bearer(&tokens.plain())).await;
        fake.saw(2, 1);
    }
    let fake = Fake::new(Admission::IfLive, Ok(true));
    passed(
        layer(&tokens).sessions(&fake),
        bearer(&tokens.with_sid(SID)),
    )
    .await;
    fake.saw(1, 1);
}

#[tokio::test]
async fn a_guard_that_cannot_tell_is_503_and_is_not_asked() {
    let tokens = Tokens::new();
    let fake = Fake::new(Admission::Unavailable, Ok(true));
    for layer in [
        layer(&tokens).sessions(&fake),
        layer(&tokens).check_live(&fake),
    ] {
        let answer = refused(layer, bearer(&tokens.with_sid(SID)), 503).await;
        assert_eq!(answer.headers()["retry-after"], "1");
        assert!(!answer.headers().contains_key("www-authenticate"));
    }
    fake.saw(2, 0);
}

#[tokio::test]
async fn what_cannot_be_told_is_503() {
    let tokens = Tokens::new();
    let fake = Fake::new(Admission::Admitted, Err(Unavailable));
    let layer = layer(&tokens).check_live(&fake);
    let answer = refused(layer.clone(), bearer(&tokens.with_sid(SID)), 503).await;
    assert_eq!(answer.headers()["retry-after"], "1");
    assert!(!answer.headers().contains_key("www-authenticate"));

    let layer = layer.on_rejection(|_, _| Response::default());
    let answer = refused(layer, bearer(&tokens.with_sid(SID)), 200).await;
    assert_eq!(
        answer.headers()["retry-after"],
        "1",
        "the hook's answer is completed"
    );
}

#[tokio::test]
async fn the_scope_comes_after_the_live_check() {
    let tokens = Tokens::new();
    for (live, status) in [(Ok(true), 403), (Ok(false), 401), (Err(Unavailable), 503)] {
        let fake = Fake::new(Admission::Admitted, live);
        let layer = layer(&tokens)
            .check_live(&fake)
            .require_scope(Scope::from_static("admin"));
        refused(layer, bearer(&tokens.with_sid(SID)), status).await;
        fake.saw(1, 1);
    }
}

#[tokio::test]
async fn tokens_without_a_session_are_not_asked_for() {
    let tokens = Tokens::new();
    let fake = Fake::new(Admission::Admitted, Ok(false));
    passed(layer(&tokens).check_live(&fake), bearer(&tokens.plain())).await;
    fake.saw(1, 0);
}

#[tokio::test]
async fn a_session_that_cannot_be_asked_for_is_none() {
    let tokens = Tokens::new();
    let fake = Fake::new(Admission::Admitted, Ok(true));
    let foreign = tokens.with_sid("not a uuid");
    refused(layer(&tokens).check_live(&fake), bearer(&foreign), 401).await;
    passed(layer(&tokens).sessions(&fake), bearer(&foreign)).await;
    fake.saw(2, 0);
}

#[test]
fn the_ready_instance_waits_for_a_slow_guard() {
    let tokens = Tokens::new();
    let (fake, answer) = Fake::slow();
    let tracked = Tracked::new();
    let mut service = layer(&tokens).check_live(&fake).layer(tracked.clone());
    let mut cx = Context::from_waker(Waker::noop());

    assert!(service.poll_ready(&mut cx).is_ready());
    let mut first = pin!(service.call(bearer(&tokens.with_sid(SID))));
    assert!(poll(first.as_mut()).is_pending());
    assert_eq!(tracked.log(), [(1, "ready")]);

    // The next request is served by another instance meanwhile.
    assert!(service.poll_ready(&mut cx).is_ready());
    let _second = service.call(bearer(&tokens.plain()));
    assert_eq!(tracked.log(), [(1, "ready"), (2, "ready"), (2, "called")]);

    answer.send(Ok(true)).unwrap();
    assert!(poll(first.as_mut()).is_pending());
    assert_eq!(tracked.log().last(), Some(&(1, "called")));
}

#[test]
fn dropping_the_future_cancels_the_live_check() {
    let tokens = Tokens::new();
    let (fake, answer) = Fake::slow();
    let tracked = Tracked::new();
    let mut service = layer(&tokens).check_live(&fake).layer(tracked.clone());
    let mut first = Box::pin(service.call(bearer(&tokens.with_sid(SID))));
    assert!(poll(first.as_mut()).is_pending());
    assert!(!answer.is_closed());
    drop(first);
    assert!(answer.is_closed());
    assert_eq!(tracked.log(), []);
}

#[test]
fn a_future_that_is_done_stays_quiet() {
    let tokens = Tokens::new();
    let (fake, answer) = Fake::slow();
    let mut service = layer(&tokens).check_live(&fake).layer(Tracked::new());
    answer.send(Ok(false)).unwrap();
    let mut refusal = pin!(service.call(bearer(&tokens.with_sid(SID))));
    assert!(poll(refusal.as_mut()).is_ready());
    assert!(poll(refusal.as_mut()).is_pending());
}
