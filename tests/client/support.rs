//! A server made for mishaps: tokens that are good once, and an API that wants them.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    future::Future,
    io,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_bearer::clock::{Clock, Timestamp};
use tower_bearer_client::{
    ClientSession, ClientSessionBuilder, EndReason, NewTokens, RefreshLayer,
};

pub(crate) const TOKEN: &str = "https://id.example/token";
pub(crate) const REVOKE: &str = "https://id.example/revoke";
pub(crate) const API: &str = "https://api.example";
/// How long access tokens live.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);

pub(crate) type Body = Full<Bytes>;
pub(crate) type Http = BoxCloneSyncService<Request<Body>, Response<Body>, io::Error>;

pub(crate) type Answering = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// Something that goes wrong with one exchange.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The server does what it is asked; its answer never arrives.
    Lost,
    /// There is no connection.
    Unreachable,
    /// Nothing comes, ever.
    Silent,
    /// The server does nothing and says this.
    Says(Response<Bytes>),
    /// The HTTP client panics.
    Panics,
}

impl Fault {
    pub(crate) fn status(status: u16) -> Self {
        Self::Says(
            Response::builder()
                .status(status)
                .body(Bytes::new())
                .unwrap(),
        )
    }

    pub(crate) fn json(status: u16, body: &str) -> Self {
        let response = Response::builder().status(status);
        let response = response.header(CONTENT_TYPE, "application/json");
        Self::Says(
            response
                .body(Bytes::copy_from_slice(body.as_bytes()))
                .unwrap(),
        )
    }
}

/// An authorization server whose refresh tokens are good once: a second use ends the session.
#[derive(Clone)]
pub(crate) struct Server(Arc<Mutex<State>>);

struct State {
    latency: Duration,
    faults: VecDeque<Fault>,
    /// The refresh token that is good, of each live session.
    live: HashMap<u64, u64>,
    /// Access tokens and their end.
    access: HashMap<String, Instant>,
    sessions: u64,
    made: u64,
    log: Vec<String>,
    /// What the API was asked: the path and the token, or nothing.
    seen: Vec<(String, Option<String>)>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            latency: Duration::from_millis(50),
            faults: VecDeque::new(),
            live: HashMap::new(),
            access: HashMap::new(),
            sessions: 0,
            made: 0,
            log: Vec::new(),
            seen: Vec::new(),
        })))
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    /// The next exchanges go wrong in these ways, one after the other.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.with(|state| state.faults.extend(faults));
    }

    pub(crate) fn latency(&self, latency: Duration) {
        self.with(|state| state.latency = latency);
    }

    /// What the endpoints were asked since the last look, in order: `refresh`, `revoke` or the
    /// fault that was met.
    pub(crate) fn log(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.log))
    }

    /// What the API was asked since the last look.
    pub(crate) fn seen(&self) -> Vec<(String, Option<String>)> {
        self.with(|state| std::mem::take(&mut state.seen))
    }

    /// Starts a session.
    pub(crate) fn login(&self) -> NewTokens {
        let answer = self.with(|state| {
            state.sessions += 1;
            let session = state.sessions;
            state.live.insert(session, 0);
            state.answer(session)
        });
        NewTokens::from_json(answer.to_string().as_bytes()).unwrap()
    }

    /// Rotates the refresh token of a session, as a refresh does, and tells the new one.
    pub(crate) fn rotate(&self, session: u64) -> String {
        self.with(|state| {
            let live = state.live.get_mut(&session).unwrap();
            *live += 1;
            format!("refresh-{session}-{live}")
        })
    }

    /// All access tokens are bad from now on; refresh tokens stay good.
    pub(crate) fn forget_access_tokens(&self) {
        self.with(|state| state.access.clear());
    }

    pub(crate) fn end_sessions(&self) {
        self.with(|state| state.live.clear());
    }

    pub(crate) fn sessions(&self) -> usize {
        self.with(|state| state.live.len())
    }

    /// The HTTP client that reaches the token endpoint.
    pub(crate) fn http(&self) -> Http {
        let server = self.clone();
        BoxCloneSyncService::new(service_fn(move |request| server.clone().exchange(request)))
    }

    async fn exchange(self, request: Request<Body>) -> Result<Response<Body>, io::Error> {
        let (head, body) = request.into_parts();
        let form = body.collect().await.unwrap().to_bytes();
        let form: HashMap<String, String> = form_urlencoded::parse(&form).into_owned().collect();
        let latency = self.with(|state| state.latency);
        sleep(latency / 2).await;
        let fault = self.with(|state| state.faults.pop_front());
        let answer = match &fault {
            Some(Fault::Unreachable) => {
                self.note("unreachable");
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            Some(Fault::Silent) => {
                self.note("silent");
                std::future::pending().await
            }
            Some(Fault::Panics) => {
                self.note("panics");
                panic!("as told")
            }
            Some(Fault::Says(response)) => {
                self.note("says");
                response.clone()
            }
            Some(Fault::Lost) | None => self.with(|state| state.serve(head.uri.path(), &form)),
        };
        if matches!(fault, Some(Fault::Lost)) {
            self.note("lost");
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        sleep(latency / 2).await;
        Ok(answer.map(Full::new))
    }

    fn note(&self, what: &str) {
        self.with(|state| state.log.push(what.to_owned()));
    }

    /// The API: it wants an access token of this server's and says so as RFC 6750 does.
    pub(crate) fn api(&self) -> Http {
        let server = self.clone();
        BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move {
                let answer = server.with(|state| state.check(&request));
                // An answer takes its time, so that requests overlap.
                sleep(Duration::from_millis(5)).await;
                Ok(answer)
            }
        }))
    }
}

impl State {
    fn serve(&mut self, path: &str, form: &HashMap<String, String>) -> Response<Bytes> {
        let param = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let (name, token) = match path {
            "/revoke" => ("revoke", param("token")),
            _ => ("refresh", param("refresh_token")),
        };
        self.log.push(name.to_owned());
        let parts: Vec<u64> = token
            .split('-')
            .filter_map(|part| part.parse().ok())
            .collect();
        let (session, generation) = (parts[0], parts[1]);
        if name == "revoke" {
            self.live.remove(&session);
            return say(200, &json!({}));
        }
        assert_eq!(param("grant_type"), "refresh_token");
        match self.live.get_mut(&session) {
            Some(live) if *live == generation => {
                *live += 1;
                say(200, &self.answer(session))
            }
            _ => {
                self.live.remove(&session);
                say(400, &json!({ "error": "invalid_grant" }))
            }
        }
    }

    fn answer(&mut self, session: u64) -> Value {
        self.made += 1;
        let access = format!("access-{}", self.made);
        self.access
            .insert(access.clone(), Instant::now() + LIFETIME);
        json!({
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": LIFETIME.as_secs(),
            "refresh_token": format!("refresh-{session}-{}", self.live[&session]),
        })
    }

    fn check(&mut self, request: &Request<Body>) -> Response<Body> {
        let header = request.headers().get(AUTHORIZATION);
        let token = header.map(|value| value.to_str().unwrap().replacen("Bearer ", "", 1));
        self.seen
            .push((request.uri().path().to_owned(), token.clone()));
        let is_good = |token: &String| {
            let end = self.access.get(token);
            end.is_some_and(|end| Instant::now() < *end)
        };
        let mut response = Response::new(Full::default());
        if token.as_ref().is_some_and(is_good) {
            return response;
        }
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let challenge = match token {
            Some(_) => r#"Bearer realm="api", error="invalid_token""#,
            None => r#"Bearer realm="api""#,
        };
        let challenge = HeaderValue::from_static(challenge);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        response
    }
}

fn say(status: u16, body: &Value) -> Response<Bytes> {
    let response = Response::builder().status(status);
    let response = response.header(CONTENT_TYPE, "application/json;charset=UTF-8");
    response.body(body.to_string().into()).unwrap()
}

/// A server, and a client that is signed in there.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) session: ClientSession,
    pub(crate) ends: Ends,
}

/// The ends that were told.
#[derive(Clone, Default)]
pub(crate) struct Ends(Arc<Mutex<Vec<EndReason>>>);

impl Ends {
    pub(crate) fn told(&self) -> Vec<EndReason> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn listen(&self, builder: ClientSessionBuilder) -> ClientSessionBuilder {
        let ends = self.clone();
        builder.on_end(move |reason| ends.0.lock().unwrap().push(reason))
    }
}

/// A wall clock that goes as tokio's clock goes, which tests stop and wind.
struct TokioClock;

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        // Not tokio's: that of another test may have been wound far ahead. And from before this test began, at whose
        // begin tokio's clock was stopped: from a later moment this one would stand still at first.
        static START: OnceLock<std::time::Instant> = OnceLock::new();
        let start = START.get_or_init(|| std::time::Instant::now() - Duration::from_secs(60));
        Timestamp::from_secs(1_000_000_000) + Instant::from_std(*start).elapsed()
    }
}

pub(crate) fn builder(server: &Server) -> ClientSessionBuilder {
    let builder = ClientSession::builder(TOKEN, server.http());
    builder.revocation_endpoint(REVOKE).clock(TokioClock)
}

/// A client that is not signed in, set up like this.
pub(crate) fn world_with(
    configure: impl FnOnce(ClientSessionBuilder) -> ClientSessionBuilder,
) -> World {
    let server = Server::new();
    let ends = Ends::default();
    let session = configure(ends.listen(builder(&server))).build().unwrap();
    World {
        server,
        session,
        ends,
    }
}

pub(crate) async fn world() -> World {
    let world = world_with(|builder| builder);
    world.sign_in().await;
    world
}

impl World {
    pub(crate) async fn sign_in(&self) {
        self.session.sign_in(self.server.login()).await.unwrap();
    }

    /// Calls the API through the layer.
    pub(crate) fn get(
        &self,
        path: &str,
    ) -> impl Future<Output = Result<StatusCode, tower_bearer_client::RequestError<io::Error>>>
    + Send
    + 'static {
        let client = self.layer().layer_on(self.server.api());
        let request = get(&format!("{API}{path}"));
        async move { Ok(client.oneshot(request).await?.status()) }
    }

    pub(crate) fn layer(&self) -> RefreshLayer {
        RefreshLayer::new(&self.session, API.parse().unwrap())
    }

    /// Nothing but this was asked of the endpoints.
    #[track_caller]
    pub(crate) fn asked<const N: usize>(&self, expected: [&str; N]) {
        assert_eq!(self.server.log(), expected);
    }
}

/// `Layer::layer`, where the trait's generics would have to be spelled.
pub(crate) trait LayerOn {
    fn layer_on<S: Service<Request<Body>>>(&self, inner: S) -> tower_bearer_client::Refresh<S>;
}

impl LayerOn for RefreshLayer {
    fn layer_on<S: Service<Request<Body>>>(&self, inner: S) -> tower_bearer_client::Refresh<S> {
        tower::Layer::layer(self, inner)
    }
}

pub(crate) fn get(url: &str) -> Request<Body> {
    Request::get(url).body(Full::default()).unwrap()
}

/// A moment in which tasks that can go on do.
pub(crate) async fn settle() {
    sleep(Duration::from_millis(200)).await;
}

/// A service that answers everything with 200, and what it was asked.
pub(crate) fn recorder() -> (Answering, Arc<Mutex<Vec<Request<Body>>>>) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    let service = service_fn(move |request| {
        kept.lock().unwrap().push(request);
        std::future::ready(Ok(Response::new(Full::default())))
    });
    (BoxCloneSyncService::new(service), requests)
}
