use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};
use tower_bearer::{
    Verifier,
    clock::ManualClock,
    clock::Timestamp,
    introspection::{ClientAuthentication, Introspection, IntrospectionBuilder},
};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const NOW: i64 = 2_000_000_000;

/// An authorization server. It stops when it is dropped.
pub(crate) struct Server {
    addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    answer: Mutex<Response<Bytes>>,
    asked: Mutex<Vec<Asked>>,
    busy: AtomicUsize,
    busiest: AtomicUsize,
    /// One for each answer that may go out.
    gate: Semaphore,
}

/// What the server was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) form: HashMap<String, String>,
}

/// More answers than any test waits for.
const OPEN: usize = 1_000_000;

impl Server {
    /// A server that calls every token active, and alice's.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            answer: Mutex::new(json_answer(&good())),
            asked: Mutex::default(),
            busy: AtomicUsize::new(0),
            busiest: AtomicUsize::new(0),
            gate: Semaphore::new(OPEN),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { addr, shared, task }
    }

    pub(crate) fn says(&self, answer: &Value) {
        self.answers(json_answer(answer));
    }

    pub(crate) fn answers(&self, answer: Response<Bytes>) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    /// Holds all answers back from now on.
    pub(crate) fn hold(&self) {
        let held = self.shared.gate.forget_permits(OPEN);
        assert_eq!(held, OPEN);
    }

    pub(crate) fn release(&self) {
        self.shared.gate.add_permits(OPEN);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    #[track_caller]
    pub(crate) fn times(&self, times: usize) {
        assert_eq!(self.asked().len(), times, "so often it was asked");
    }

    /// How many questions it had before it at once.
    pub(crate) fn busiest(&self) -> usize {
        self.shared.busiest.load(Ordering::SeqCst)
    }

    /// Waits until so many questions have come.
    pub(crate) async fn reached(&self, times: usize) {
        while self.asked().len() < times {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}/", self.addr)
    }

    pub(crate) fn builder(&self) -> IntrospectionBuilder {
        self.builder_with(ClientAuthentication::basic("api", "a secret"))
    }

    pub(crate) fn builder_with(&self, client: ClientAuthentication) -> IntrospectionBuilder {
        Introspection::new(self.address(), client, http())
            .danger_allow_plain_http()
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .timeout(Duration::from_secs(60))
    }

    pub(crate) fn world(&self) -> World {
        world(self.builder())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    shared.asked.lock().unwrap().push(Asked {
        method: head.method,
        headers: head.headers,
        form: form_urlencoded::parse(&body).into_owned().collect(),
    });
    let busy = shared.busy.fetch_add(1, Ordering::SeqCst) + 1;
    shared.busiest.fetch_max(busy, Ordering::SeqCst);
    drop(shared.gate.acquire().await.unwrap());
    shared.busy.fetch_sub(1, Ordering::SeqCst);
    let answer = shared.answer.lock().unwrap();
    let (head, body) = answer.clone().into_parts();
    Ok(Response::from_parts(head, Full::new(body)))
}

pub(crate) fn http() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

/// What a server says of a good token.
pub(crate) fn good() -> Value {
    json!({
        "active": true,
        "sub": "alice",
        "client_id": "app",
        "scope": "read write",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": NOW + 600,
        "iat": NOW - 1,
    })
}

/// The good answer with other members.
pub(crate) fn with(others: Value) -> Value {
    let mut answer = good();
    for (name, value) in others.as_object().unwrap() {
        answer[name] = value.clone();
    }
    answer
}

/// The good answer without a member.
pub(crate) fn without(name: &str) -> Value {
    let mut answer = good();
    answer.as_object_mut().unwrap().remove(name).unwrap();
    answer
}

pub(crate) fn json_answer(answer: &Value) -> Response<Bytes> {
    let response = Response::builder().header("content-type", "application/json");
    response.body(answer.to_string().into()).unwrap()
}

pub(crate) fn status(status: u16) -> Response<Bytes> {
    let mut response = json_answer(&good());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// A verifier that asks, and its clock.
pub(crate) struct World {
    pub(crate) verifier: Verifier,
    pub(crate) clock: ManualClock,
}

pub(crate) fn world(builder: IntrospectionBuilder) -> World {
    let clock = ManualClock::new(Timestamp::from_secs(NOW));
    let verifier = Verifier::introspecting(builder.build().unwrap()).clock(clock.clone());
    World { verifier, clock }
}

impl World {
    pub(crate) fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// The token is accepted, and alice's.
    #[track_caller]
    pub(crate) fn passes(&self, token: &str) -> impl Future<Output = ()> + use<> {
        let (verifier, token) = (self.verifier.clone(), token.to_owned());
        let caller = std::panic::Location::caller();
        async move {
            let verified = verifier.authenticate(&token).await;
            let verified = verified.unwrap_or_else(|error| panic!("{caller}: {error}"));
            assert_eq!(verified.claims().sub, "alice", "{caller}");
        }
    }
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);
