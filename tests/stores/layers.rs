//! Tower's own layers around a store: what they cost when they act.

use std::{
    error::Error,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::sync::Semaphore;
use tower::{
    BoxError, Service, ServiceBuilder, ServiceExt, load_shed::error::Overloaded, retry::Policy,
    service_fn, timeout::error::Elapsed,
};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SessionId, SigningKey,
    endpoint::TokenEndpoint,
    session::{Grant, RefreshKey, Sessions},
    store::{
        MemoryStore, SessionStore, StoreError, StoreErrorKind,
        service::{ServiceStore, StoreRequest, StoreResponse, StoreService},
    },
};
use uuid::Uuid;

const UNKNOWN: SessionId = SessionId::from_uuid(Uuid::from_u128(404));

fn kind_of(error: &(dyn Error + 'static)) -> StoreErrorKind {
    if error.is::<Elapsed>() {
        StoreErrorKind::Timeout
    } else if error.is::<Overloaded>() {
        StoreErrorKind::Busy
    } else {
        StoreErrorKind::Unavailable
    }
}

fn sessions<St: SessionStore>(store: St) -> Sessions<St> {
    let key = SigningKey::generate(Algorithm::EdDSA).expect("a key");
    let issuer = Issuer::new(
        "https://id.example",
        "https://api.example",
        KeySet::new(key),
    );
    with(issuer.expect("good names"), store)
}

/// The same sessions over another store.
fn over<St: SessionStore>(others: &Sessions<impl SessionStore>, store: St) -> Sessions<St> {
    with(others.issuer().clone(), store)
}

fn with<St: SessionStore>(issuer: Issuer, store: St) -> Sessions<St> {
    let refresh_key = RefreshKey::from_secret([7; 32]).expect("long enough");
    let builder = Sessions::builder(issuer, refresh_key, store);
    builder.build().expect("good settings")
}

/// The status, whether there is a `Retry-After`, and the body.
async fn refresh<St: SessionStore>(sessions: &Sessions<St>, token: &str) -> (u16, bool, Vec<u8>) {
    let request = Request::post("/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::<bytes::Bytes>::from(format!(
            "grant_type=refresh_token&refresh_token={token}"
        )));
    let endpoint = TokenEndpoint::new(sessions.clone());
    let answer = endpoint.oneshot(request.expect("a request")).await;
    let (head, body) = answer.expect("an answer").into_parts();
    let body = body.collect().await.expect("a body").to_bytes().to_vec();
    let retry_after = head.headers.contains_key("retry-after");
    (head.status.as_u16(), retry_after, body)
}

/// Calls wait here before they reach the store.
#[derive(Clone)]
struct Gate {
    store: MemoryStore,
    open: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        Self {
            store: MemoryStore::new(),
            open: Arc::new(Semaphore::new(0)),
        }
    }

    fn service(
        &self,
    ) -> impl Service<StoreRequest, Response = StoreResponse, Error = StoreError, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static {
        let (service, open) = (StoreService::new(self.store.clone()), self.open.clone());
        service_fn(move |request| {
            let (service, open) = (service.clone(), open.clone());
            async move {
                drop(open.acquire().await);
                service.oneshot(request).await
            }
        })
    }

    fn open(&self) {
        self.open.add_permits(1_000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_a_503_and_costs_no_session() {
    let gate = Gate::new();
    let direct = sessions(gate.store.clone());
    let tokens = direct.start(Grant::new("ada")).await.expect("a session");
    let token = tokens.refresh_token.expose();
    let service = ServiceBuilder::new()
        .timeout(Duration::from_millis(50))
        .service(gate.service());
    let store = ServiceStore::new(service).classify_errors(kind_of);
    let error = store.load(UNKNOWN).await.expect_err("it takes too long");
    assert_eq!(error.kind(), StoreErrorKind::Timeout);

    let guarded = over(&direct, store);
    let (status, retry_after, _) = refresh(&guarded, token).await;
    assert_eq!((status, retry_after), (503, true));
    gate.open();
    let (status, ..) = refresh(&guarded, token).await;
    assert_eq!(status, StatusCode::OK.as_u16());
}

#[tokio::test]
async fn what_is_shed_is_busy() {
    let gate = Gate::new();
    let service = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(1)
        .service(gate.service());
    let store = Arc::new(ServiceStore::new(service).classify_errors(kind_of));
    let first = tokio::spawn({
        let store = store.clone();
        async move { store.now().await }
    });
    tokio::task::yield_now().await;
    let error = store.now().await.expect_err("there is no room");
    assert_eq!(error.kind(), StoreErrorKind::Busy);
    gate.open();
    first.await.expect("it ends").expect("the time");
    store.now().await.expect("there is room again");
}

/// Sends again what failed, as often as it takes, where it may.
#[derive(Clone)]
struct WhatMay;

impl<E> Policy<StoreRequest, StoreResponse, E> for WhatMay {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        request: &mut StoreRequest,
        answer: &mut Result<StoreResponse, E>,
    ) -> Option<Ready<()>> {
        (answer.is_err() && request.is_idempotent()).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &StoreRequest) -> Option<StoreRequest> {
        Some(request.clone())
    }
}

/// A store whose first answer to calls of that name is lost, under a retry.
fn losing(store: &MemoryStore, name: &'static str) -> impl SessionStore {
    let (service, lost) = (
        StoreService::new(store.clone()),
        Arc::new(AtomicBool::new(false)),
    );
    let service = service_fn(move |request: StoreRequest| {
        let (service, lost) = (service.clone(), lost.clone());
        async move {
            let is_meant = request.name() == name;
            let answer = service.oneshot(request).await?;
            match is_meant && !lost.swap(true, Relaxed) {
                true => Err(StoreError::new(StoreErrorKind::Unavailable)),
                false => Ok(answer),
            }
        }
    });
    ServiceStore::new(ServiceBuilder::new().retry(WhatMay).service(service))
}

#[tokio::test]
async fn a_retry_never_rotates_twice() {
    let store = MemoryStore::new();
    let direct = sessions(store.clone());
    let start = async || {
        let tokens = direct.start(Grant::new("ada")).await.expect("a session");
        tokens.refresh_token.expose().to_owned()
    };

    let load_is_lost = over(&direct, losing(&store, "load"));
    let (status, ..) = refresh(&load_is_lost, &start().await).await;
    assert_eq!(status, 200, "a load is sent again");

    let swap_is_lost = over(&direct, losing(&store, "swap"));
    let token = start().await;
    let (status, retry_after, _) = refresh(&swap_is_lost, &token).await;
    assert_eq!((status, retry_after), (503, true), "a swap is not");
    // It has happened; who comes again with the old token gets the new one.
    let (status, _, body) = refresh(&swap_is_lost, &token).await;
    assert_eq!(status, 200);
    let answer: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_ne!(answer["refresh_token"], token);
}

#[tokio::test]
async fn a_buffer_serves_a_service_that_cannot_be_cloned() {
    let (service, worker) = tower::buffer::Buffer::pair(StoreService::new(MemoryStore::new()), 8);
    tokio::spawn(worker);
    let store = ServiceStore::new(service).classify_errors(kind_of);
    assert!(
        store
            .load(UNKNOWN)
            .await
            .expect("it loads")
            .session
            .is_none()
    );
}

#[tokio::test]
async fn an_error_of_the_store_stays_what_it_is() {
    #[derive(Debug, thiserror::Error)]
    #[error("a layer's own words")]
    struct Wrapped(#[source] StoreError);

    for kind in [StoreErrorKind::Busy, StoreErrorKind::Corrupt] {
        let bare = service_fn(move |_: StoreRequest| {
            ready(Err::<StoreResponse, _>(StoreError::new(kind)))
        });
        let error = ServiceStore::new(bare).now().await.expect_err("it fails");
        assert_eq!(error.kind(), kind);
        assert!(error.source().is_none(), "it came out as it went in");

        let wrapped = service_fn(move |_: StoreRequest| {
            let error: BoxError = Wrapped(StoreError::new(kind)).into();
            ready(Err::<StoreResponse, _>(error))
        });
        let error = ServiceStore::new(wrapped)
            .now()
            .await
            .expect_err("it fails");
        assert_eq!(error.kind(), kind);
        assert!(error.source().expect("a source").is::<Wrapped>());
    }
}

#[tokio::test]
async fn an_answer_to_another_call_is_an_error() {
    let confused = service_fn(|_: StoreRequest| ready(Ok::<_, BoxError>(StoreResponse::Inserted)));
    let store = ServiceStore::new(confused);
    let error = store.load(UNKNOWN).await.expect_err("that is no answer");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let why = error.source().expect("a source").to_string();
    assert_eq!(
        why,
        "the service of the store answered load with something else"
    );
}

#[test]
fn a_request_shows_nothing_of_what_is_kept() {
    let request = StoreRequest::EndAll {
        issuer: "https://id.example".to_owned(),
        subject: "ada@example.com".to_owned(),
        reason: tower_bearer::session::RevokeReason::Logout,
    };
    assert!(!format!("{request:?}").contains("ada"));
}
