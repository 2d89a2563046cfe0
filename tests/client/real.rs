//! This crate's own server on a real connection, and real HTTP clients.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, VerifiedToken, Verifier,
    bearer::BearerLayer,
    clock::{ManualClock, SystemClock},
    dpop::DpopVerifier,
    endpoint::{EndpointOptions, Endpoints},
    session::{Grant, RefreshKey, Sessions, SessionsBuilder},
    store::MemoryStore,
};
use tower_bearer_client::{
    ClientErrorKind, ClientSession, EndReason, MemoryTokenStore, NewTokens, RefreshLayer,
    RequestError,
};

use crate::support::{Ends, LIFETIME};

pub(crate) type HyperClient = Client<HttpConnector, Full<Bytes>>;

pub(crate) fn hyper_client() -> HyperClient {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Serves on loopback, as long as the test's runtime lives; the address as an origin. An error
/// of the service is a connection that breaks off.
pub(crate) async fn serve<S, B>(service: S) -> String
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = io::Error>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
    B: http_body::Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = hyper_util::service::TowerToHyperService::new(service.clone());
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    origin
}

/// An authorization server and an API in one, at one origin: `/token`, `/revoke`, and all other
/// paths for those with an access token.
pub(crate) struct Identity {
    sessions: Sessions<MemoryStore>,
    verifier: Verifier,
    clock: ManualClock,
    /// How many answers of the token endpoint are still to be lost.
    lose: Arc<AtomicUsize>,
    /// How often the token endpoint has been asked.
    asked: Arc<AtomicUsize>,
    /// How long the token endpoint takes, also by the server's clock.
    latency: Duration,
}

impl Identity {
    pub(crate) fn new() -> Self {
        Self::build(|builder| builder)
    }

    /// One that takes its time, and ends a session at the first token that comes twice.
    pub(crate) fn strict() -> Self {
        let strict =
            |builder: SessionsBuilder<_>| builder.reuse_window(Duration::ZERO).late_budget(0, 1);
        Self {
            latency: Duration::from_millis(50),
            ..Self::build(strict)
        }
    }

    fn build(
        configure: impl FnOnce(SessionsBuilder<MemoryStore>) -> SessionsBuilder<MemoryStore>,
    ) -> Self {
        let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
        let clock = ManualClock::new(tower_bearer::clock::Clock::now(&SystemClock));
        let (issuer, audience) = ("https://id.example", "https://api.example");
        let verifier = Verifier::new(issuer, audience, keys.verifying()).unwrap();
        let issuer = Issuer::new(issuer, audience, keys).unwrap();
        let refresh_key = RefreshKey::from_secret([7; 32]).unwrap();
        let store = MemoryStore::with_clock(clock.clone());
        let sessions = SessionsBuilder::new(issuer, refresh_key, store);
        Self {
            sessions: configure(sessions.access_lifetime(LIFETIME))
                .build()
                .unwrap(),
            verifier: verifier.clock(clock.clone()),
            clock,
            lose: Arc::default(),
            asked: Arc::default(),
            latency: Duration::ZERO,
        }
    }

    pub(crate) async fn login(&self) -> NewTokens {
        self.sessions
            .start(Grant::new("alice"))
            .await
            .unwrap()
            .into()
    }

    pub(crate) async fn serve(&self) -> String {
        let stack = ServiceBuilder::new()
            .layer(Endpoints::new(&self.sessions))
            .layer(BearerLayer::new(self.verifier.clone()).sessions(&self.sessions))
            .service_fn(who);
        let (lose, asked) = (Arc::clone(&self.lose), Arc::clone(&self.asked));
        let (latency, clock) = (self.latency, self.clock.clone());
        serve(service_fn(move |request: Request<Incoming>| {
            let is_token = request.uri().path() == "/token";
            if is_token {
                asked.fetch_add(1, Ordering::SeqCst);
                clock.advance(latency);
            }
            let (stack, lose) = (stack.clone(), Arc::clone(&lose));
            async move {
                let answer = stack.oneshot(request).await.unwrap();
                if !is_token {
                    return Ok(answer);
                }
                tokio::time::sleep(latency).await;
                let less = |lose: usize| lose.checked_sub(1);
                match lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
                    Ok(_) => Err(io::ErrorKind::ConnectionReset.into()),
                    Err(_) => Ok(answer),
                }
            }
        }))
        .await
    }

    /// A server that requires a key of everybody as soon as it is told to.
    async fn serve_until_required(&self, is_required: &Arc<AtomicBool>) -> String {
        let dpop = DpopVerifier::danger_any_origin().require();
        let options = [EndpointOptions::new(), EndpointOptions::new().dpop(&dpop)];
        let bearer = BearerLayer::new(self.verifier.clone()).sessions(&self.sessions);
        let bearer = [bearer.clone(), bearer.dpop(&dpop)];
        let [before, after] = [0, 1].map(|at| {
            ServiceBuilder::new()
                .layer(Endpoints::new(&self.sessions).options(options[at].clone()))
                .layer(bearer[at].clone())
                .service_fn(who)
        });
        let is_required = Arc::clone(is_required);
        serve(service_fn(move |request: Request<Incoming>| {
            let stack = match is_required.load(Ordering::SeqCst) {
                true => after.clone(),
                false => before.clone(),
            };
            async move { Ok(stack.oneshot(request).await.unwrap()) }
        }))
        .await
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// All access tokens expire.
    fn wait(&self) {
        self.clock.advance(LIFETIME + Duration::from_secs(60));
    }
}

/// Whose token it was, and what was sent with it.
async fn who(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let token = request.extensions().get::<VerifiedToken>().unwrap();
    let subject = token.claims().sub.clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Ok(Response::new(format!("{subject} {body}")))
}

fn post(url: &str, text: &'static str) -> Request<Full<Bytes>> {
    Request::post(url).body(Full::from(text)).unwrap()
}

#[tokio::test]
async fn hyper_utils_client_stays_signed_in() {
    let identity = Identity::new();
    let server = identity.serve().await;
    let session = ClientSession::builder(format!("{server}/token"), hyper_client());
    let session = session.build().unwrap();
    session.sign_in(identity.login().await).await.unwrap();
    let layer = RefreshLayer::new(&session, server.parse().unwrap());
    let client = ServiceBuilder::new().layer(layer).service(hyper_client());
    let answer = client
        .oneshot(post(&format!("{server}/me"), "text"))
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "alice text");
}

/// The server has the patience that this crate's servers have: whatever is lost, nobody is logged
/// out, and nobody waits.
#[tokio::test]
async fn lost_answers_log_nobody_out() {
    let identity = Identity::new();
    let server = identity.serve().await;
    let store = MemoryTokenStore::new();
    let ends = Ends::default();
    let start = || {
        let session = ClientSession::builder(format!("{server}/token"), hyper_client());
        ends.listen(session).store(store.clone()).build().unwrap()
    };
    start().sign_in(identity.login().await).await.unwrap();
    for lost in [0, 1, 2, 1, 0, 2, 2] {
        // As a program that is started for each call.
        let session = start();
        let layer = RefreshLayer::new(&session, server.parse().unwrap());
        let client = layer.layer(hyper_client());
        identity.wait();
        identity.lose.store(lost, Ordering::SeqCst);
        let answer = client.oneshot(post(&format!("{server}/me"), "")).await;
        assert_eq!(answer.unwrap().status(), 200, "{lost} answers lost");
    }
    // All three answers of a refresh are lost: an error that says so, and the next one mends it.
    let session = start();
    let token = session.access_token().await.unwrap();
    identity.lose.store(3, Ordering::SeqCst);
    let error = session.access_token_after(&token).await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::Unreachable);
    identity.wait();
    start().access_token_after(&token).await.unwrap();
    assert!(ends.told().is_empty());
}

#[tokio::test]
async fn a_session_that_the_server_has_ended_is_over() {
    let identity = Identity::new();
    let server = identity.serve().await;
    let ends = Ends::default();
    let session = ClientSession::builder(format!("{server}/token"), hyper_client());
    let session = ends.listen(session).build().unwrap();
    session.sign_in(identity.login().await).await.unwrap();
    identity.sessions.end_all("alice").await.unwrap();
    let client = RefreshLayer::new(&session, server.parse().unwrap()).layer(hyper_client());
    let error = client.oneshot(post(&server, "")).await.unwrap_err();
    let RequestError::Token(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error.kind(), ClientErrorKind::Ended(EndReason::Refused));
    assert_eq!(ends.told(), [EndReason::Refused]);
}

/// Its user has to log in again, and learns that at once, by the API or at the next refresh.
#[tokio::test]
async fn a_session_without_a_key_ends_where_one_is_required() {
    for (has_key, is_expired) in [(false, false), (false, true), (true, false), (true, true)] {
        let (identity, ends) = (Identity::new(), Ends::default());
        let is_required = Arc::new(AtomicBool::new(false));
        let server = identity.serve_until_required(&is_required).await;
        let session = ClientSession::builder(format!("{server}/token"), hyper_client());
        let session = match has_key {
            true => session.dpop().danger_accept_bearer_tokens(),
            false => session,
        };
        let session = ends.listen(session).build().unwrap();
        session.sign_in(identity.login().await).await.unwrap();
        let client = RefreshLayer::new(&session, server.parse().unwrap()).layer(hyper_client());
        let me = || client.clone().oneshot(post(&format!("{server}/me"), ""));
        assert_eq!(me().await.unwrap().status(), 200);

        is_required.store(true, Ordering::SeqCst);
        if is_expired {
            identity.wait();
        }
        let error = me().await.unwrap_err();
        let RequestError::Token(error) = error else {
            panic!("{error:?}")
        };
        assert_eq!(error.kind(), ClientErrorKind::Ended(EndReason::Refused));
        assert!(error.is_signed_out() && !session.status().is_signed_in());
        assert_eq!(ends.told(), [EndReason::Refused]);
    }
}

async fn listed(identity: &Identity) -> usize {
    let page = identity.sessions.list("alice").await.unwrap();
    page.sessions.len()
}

#[tokio::test]
async fn a_logout_ends_the_session_on_the_server() {
    let identity = Identity::new();
    let server = identity.serve().await;
    let session = ClientSession::builder(format!("{server}/token"), hyper_client())
        .revocation_endpoint(format!("{server}/revoke"))
        .build()
        .unwrap();
    session.sign_in(identity.login().await).await.unwrap();
    assert_eq!(listed(&identity).await, 1);
    session.logout().await.unwrap();
    assert_eq!(listed(&identity).await, 0);
}

/// reqwest is a service of its own requests; a function makes it one of everybody's.
fn reqwest_client(
    client: reqwest::Client,
) -> impl Service<
    Request<Bytes>,
    Response = Response<reqwest::Body>,
    Error = reqwest::Error,
    Future: Send,
> + Clone
+ Send
+ 'static {
    service_fn(move |request: Request<Bytes>| {
        let client = client.clone();
        async move {
            let request = reqwest::Request::try_from(request)?;
            client.execute(request).await.map(Response::from)
        }
    })
}

#[tokio::test]
async fn reqwest_stays_signed_in() {
    let identity = Identity::new();
    let server = identity.serve().await;
    let no_redirects = reqwest::redirect::Policy::none();
    let http = reqwest::Client::builder()
        .redirect(no_redirects)
        .no_proxy()
        .build()
        .unwrap();
    let http = reqwest_client(http);
    let session = ClientSession::builder(format!("{server}/token"), http.clone());
    let session = session.build().unwrap();
    session.sign_in(identity.login().await).await.unwrap();
    let client = RefreshLayer::new(&session, server.parse().unwrap()).layer(http);
    for text in ["one", "two", "three"] {
        let request = Request::put(format!("{server}/me")).body(Bytes::from(text));
        let answer = client.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, format!("alice {text}"));
        identity.wait();
        // Back-to-back refreshes after a 401 are held apart; a new session has none behind it.
        session.sign_in(identity.login().await).await.unwrap();
        identity.wait();
    }
}

/// What is on the wire: one header, and nothing of a token in the URL.
#[tokio::test]
async fn what_goes_over_the_wire() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let server = serve(service_fn(move |request: Request<Incoming>| {
        let (head, body) = request.into_parts();
        let kept = Arc::clone(&kept);
        async move {
            let body = body.collect().await.unwrap().to_bytes();
            kept.lock().unwrap().push((head, body));
            let answer = r#"{"access_token":"a","token_type":"Bearer","refresh_token":"r2"}"#;
            let response = Response::builder().header("content-type", "application/json");
            Ok(response.body(answer.to_owned()).unwrap())
        }
    }))
    .await;
    let session = ClientSession::builder(format!("{server}/token?tenant=1"), hyper_client())
        .client_id("my app")
        .client_secret("p:w")
        .scope("read write".parse().unwrap())
        .on_token_request(|request| request.set_param("resource", "https://api.example"))
        .build()
        .unwrap();
    session
        .sign_in(NewTokens::from_refresh_token("r1"))
        .await
        .unwrap();
    session.access_token().await.unwrap();
    let (head, body) = seen.lock().unwrap().remove(0);
    assert_eq!(head.method, "POST");
    assert_eq!(head.uri, "/token?tenant=1");
    assert_eq!(
        head.headers["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert_eq!(head.headers["accept"], "application/json");
    // "my+app:p%3Aw"
    assert_eq!(head.headers["authorization"], "Basic bXkrYXBwOnAlM0F3");
    let form = "grant_type=refresh_token&refresh_token=r1&scope=read+write\
        &resource=https%3A%2F%2Fapi.example";
    assert_eq!(body, form);
}

/// A 413 comes with the connection still open; a status that is none of the endpoint's.
#[tokio::test]
async fn the_wrong_server_is_an_error_and_no_end() {
    let server = serve(service_fn(|_: Request<Incoming>| async {
        let page = Response::builder().status(StatusCode::OK);
        let page = page.header("content-type", "text/html; charset=utf-8");
        Ok(page
            .body("<!doctype html><title>It works</title>".to_owned())
            .unwrap())
    }))
    .await;
    let session = ClientSession::builder(format!("{server}/token"), hyper_client());
    let session = session.build().unwrap();
    session
        .sign_in(NewTokens::from_refresh_token("r1"))
        .await
        .unwrap();
    let error = session.access_token().await.unwrap_err();
    assert_eq!(error.kind(), ClientErrorKind::ContentType);
    assert!(session.status().is_signed_in());
}
