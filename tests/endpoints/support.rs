use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header::AUTHORIZATION};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::{Service, ServiceExt};
use tower_bearer::{
    Algorithm, Issuer, KeySet, ReplyBody, Scope, SigningKey, TokenResponse,
    clock::{Clock, ManualClock, SystemClock},
    endpoint::{IntrospectionEndpoint, RevocationEndpoint, TokenEndpoint},
    session::{Grant, RefreshKey, Sessions, SessionsBuilder},
    store::{MemoryStore, SessionStore, StoreErrorKind},
    testing::{FailingStore, Fault, StoreCall},
};

pub(crate) const ISSUER: &str = "https://id.example/tenant";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "application/json";

/// Past the reuse window, twice: a token presented again rotates again.
pub(crate) const LATER: Duration = Duration::from_secs(60);

/// Sessions over a store in memory, and the clock that both tell the time by.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) keys: KeySet,
    pub(crate) store: MemoryStore,
    pub(crate) sessions: Sessions<MemoryStore>,
}

pub(crate) fn world() -> World {
    let clock = ManualClock::new(SystemClock.now());
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
    let store = MemoryStore::with_clock(clock.clone());
    let sessions = sessions(&keys, store.clone());
    World {
        clock,
        keys,
        store,
        sessions,
    }
}

pub(crate) fn sessions<St: SessionStore>(keys: &KeySet, store: St) -> Sessions<St> {
    builder(keys, store).build().unwrap()
}

pub(crate) fn builder<St: SessionStore>(keys: &KeySet, store: St) -> SessionsBuilder<St> {
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys.clone()).unwrap();
    SessionsBuilder::new(issuer, RefreshKey::from_secret([7; 32]).unwrap(), store)
}

impl World {
    /// Alice logs in, with the client `app` and the scope `read write`.
    pub(crate) async fn login(&self) -> TokenResponse {
        let grant = Grant::new("alice")
            .scope(Scope::from_static("read write"))
            .client_id("app");
        self.sessions.start(grant).await.unwrap()
    }

    /// The refresh token of a fresh login.
    pub(crate) async fn token(&self) -> String {
        self.login().await.refresh_token.expose().to_owned()
    }

    pub(crate) fn endpoint(&self) -> TokenEndpoint<MemoryStore> {
        TokenEndpoint::new(self.sessions.clone())
    }

    pub(crate) fn revocation(&self) -> RevocationEndpoint<MemoryStore> {
        RevocationEndpoint::new(self.sessions.clone())
    }

    pub(crate) fn introspection(&self) -> IntrospectionEndpoint<MemoryStore> {
        IntrospectionEndpoint::new(self.sessions.clone())
    }

    /// The same sessions over a store that has this fault.
    pub(crate) fn faulty(&self, fault: Fault) -> Sessions<FailingStore<MemoryStore>> {
        let store = FailingStore::new(self.store.clone());
        store.inject(fault);
        sessions(&self.keys, store)
    }

    /// The same sessions over a store that counts, with a count of the events that they told.
    pub(crate) fn counted(&self) -> (Sessions<FailingStore<MemoryStore>>, Arc<AtomicUsize>) {
        let events = Arc::new(AtomicUsize::new(0));
        let told = Arc::clone(&events);
        let store = FailingStore::new(self.store.clone());
        let builder = builder(&self.keys, store).on_event(move |_| {
            told.fetch_add(1, Ordering::Relaxed);
        });
        (builder.build().unwrap(), events)
    }

    pub(crate) async fn works(&self, token: &str) -> bool {
        let answer = send(self.endpoint(), post(FORM, &refresh_form(token))).await;
        answer.status == StatusCode::OK
    }
}

pub(crate) fn refresh_form(token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}")
}

pub(crate) fn post(content_type: &str, body: &str) -> Request<Full<Bytes>> {
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    let request = Request::post("/").header("content-type", content_type);
    request.body(body).unwrap()
}

/// The header by which a client authenticates, as it is before form encoding.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")))
}

pub(crate) fn with<B>(mut request: Request<B>, authorization: &str) -> Request<B> {
    request
        .headers_mut()
        .append(AUTHORIZATION, authorization.parse().unwrap());
    request
}

pub(crate) fn bare(method: Method) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri("/")
        .body(Full::default())
        .unwrap()
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Sends a request to the token or revocation endpoint. No cache may keep any answer of theirs,
/// and all of them are JSON.
#[track_caller]
pub(crate) fn send<S, B>(service: S, request: Request<B>) -> impl Future<Output = Answer>
where
    S: Service<Request<B>, Response = Response<ReplyBody>, Error = Infallible>,
{
    let caller = std::panic::Location::caller();
    async move {
        let answer = ask(service, request).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{caller}");
        assert_eq!(answer.header("pragma"), "no-cache", "{caller}");
        assert_eq!(answer.header("content-type"), JSON, "{caller}");
        answer
    }
}

pub(crate) async fn ask<S, B, ResB>(service: S, request: Request<B>) -> Answer
where
    S: Service<Request<B>, Response = Response<ResB>, Error = Infallible>,
    ResB: Body<Data = Bytes, Error = Infallible>,
{
    let (head, body) = service.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        body,
    }
}

impl Answer {
    /// The one value of a header; empty where there is none.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.get_all(name).iter().collect();
        assert!(values.len() <= 1, "{name} is repeated");
        values.first().map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Exactly 200 with both tokens.
    #[track_caller]
    pub(crate) fn granted(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        self.json()
    }

    /// The answer to a request that has no token, which no other request gets.
    #[track_caller]
    pub(crate) fn misses_a_token(&self) {
        assert_eq!(self.status, StatusCode::BAD_REQUEST, "{self:?}");
        assert_eq!(self.json()["error"], "invalid_request");
        assert_eq!(self.json()["reason"], "no_token");
    }

    /// This status, this `error`, no challenge but on `invalid_client`, and not the sign of a
    /// request without a token.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, error: &str) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.json()["error"], error);
        assert!(self.json()["error_description"].is_string());
        assert!(self.json()["reason"].is_null(), "{self:?}");
        let challenged = self.headers.contains_key("www-authenticate");
        assert_eq!(challenged, error == "invalid_client");
        assert_eq!(self.headers.contains_key("retry-after"), status == 503);
    }
}

/// A body that comes piece by piece, each after a pause, and may end in an error.
pub(crate) struct Pieces {
    pieces: VecDeque<Result<Bytes, Broken>>,
    declared: SizeHint,
    ready: bool,
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the connection broke")]
pub(crate) struct Broken;

impl Pieces {
    pub(crate) fn of<'a>(pieces: impl IntoIterator<Item = &'a str>) -> Self {
        let pieces = pieces
            .into_iter()
            .map(|piece| Ok(Bytes::copy_from_slice(piece.as_bytes())));
        Self {
            pieces: pieces.collect(),
            declared: SizeHint::default(),
            ready: false,
        }
    }

    pub(crate) fn then_break(mut self) -> Self {
        self.pieces.push_back(Err(Broken));
        self
    }

    /// Says that it is this long, whatever it is.
    pub(crate) fn declaring(mut self, bytes: u64) -> Self {
        self.declared.set_lower(bytes);
        self
    }

    pub(crate) fn left(&self) -> usize {
        self.pieces.len()
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.ready = !self.ready;
        if self.ready {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.pieces.pop_front().map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        self.declared
    }
}

/// Nothing works.
pub(crate) fn down() -> Fault {
    Fault::error(StoreErrorKind::Unavailable)
}

/// It can be read only.
pub(crate) fn read_only() -> Fault {
    down().on(StoreCall::WRITES.iter().copied())
}
