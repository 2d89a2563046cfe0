//! The same application on bare hyper: no router, one stack of Tower layers.
//!
//! ```text
//! cargo run -p examples --bin hyper
//! ```

mod shared;

use std::{convert::Infallible, pin::pin, process::ExitCode, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, AUTHORIZATION},
};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use serde_json::json;
use tokio::net::TcpListener;
use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_bearer::{
    Claims, Scope, VerifiedToken, bearer::Rejection, context::ClientAddress, endpoint::Endpoints,
};

use shared::{
    auth::{self, Auth, Failure},
    config::{Config, StartError},
    keys, server,
    store::OpenStore,
};

type Reply = Response<Full<Bytes>>;

/// What an administrator's token has.
const ADMIN: Scope = Scope::from_static("admin");

/// Why a request does not get what it asks for.
enum Refusal {
    Token(Rejection),
    Method { allowed: &'static str },
    Failure(Failure),
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Token(rejection)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Refusal {
    fn into_reply(self) -> Reply {
        match self {
            Self::Token(rejection) => rejection.to_response().map(Full::new),
            Self::Failure(failure) => failure.response(),
            Self::Method { allowed } => {
                let mut reply = Failure::MethodNotAllowed.response();
                reply
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static(allowed));
                reply
            }
        }
    }
}

/// Listens until told to stop, each connection with the one stack.
async fn serve(auth: Auth, config: &Config) -> Result<(), StartError> {
    let stop = server::asked_to_stop()?;
    let listener = server::bind(&config.addr).await?;
    let upkeep = server::prepare(&auth.sessions).await?;
    server::announce(&listener, server::TRY)?;
    keys::tell(config)?;

    // Optional here, since some paths are open: who wants the claims asks for them below.
    let bearer = auth.bearer().optional();
    let endpoints = Endpoints::new(&auth.sessions)
        .under("/auth")
        .options(auth.endpoint_options());
    let app = auth.clone();
    let stack = ServiceBuilder::new()
        .layer(endpoints)
        .map_request(without_needless_token)
        .layer(bearer)
        .service(service_fn(move |request| {
            let auth = app.clone();
            async move {
                let reply = route(&auth, request).await;
                Ok::<_, Infallible>(reply.unwrap_or_else(Refusal::into_reply))
            }
        }));

    answer(listener, stack, stop).await;
    server::wind_down(&auth.sessions, upkeep).await;
    Ok(())
}

/// An old token that a client still sends must not stand in the way of a login.
fn without_needless_token(mut request: Request<Incoming>) -> Request<Incoming> {
    if matches!(request.uri().path(), "/health" | "/auth/login") {
        request.headers_mut().remove(AUTHORIZATION);
    }
    request
}

/// All paths but those of [`Endpoints`], which is the layer outside.
async fn route(auth: &Auth, request: Request<Incoming>) -> Result<Reply, Refusal> {
    let path = request.uri().path().to_owned();
    // hyper leaves the body out of an answer to HEAD.
    let method = match request.method() {
        &Method::HEAD => &Method::GET,
        method => method,
    };
    Ok(match (method.as_str(), path.as_str()) {
        ("GET", "/health") => auth::json(StatusCode::OK, &json!({ "status": "ok" })),
        ("POST", "/auth/login") => log_in(auth, request).await?,
        ("GET", "/me") => auth::json(StatusCode::OK, claims(&request)?),
        ("GET", "/admin") => admin(&request)?,
        ("POST", "/auth/logout") => {
            auth.log_out(claims(&request)?).await?;
            done()
        }
        ("POST", "/auth/logout-all") => {
            auth.log_out_everywhere(claims(&request)?).await?;
            done()
        }
        ("GET", "/auth/sessions") => {
            auth::json(StatusCode::OK, &auth.list(claims(&request)?).await?)
        }
        (method, path) => match (method, session_id(path), allowed(path)) {
            ("DELETE", Some(sid), _) => {
                auth.end(claims(&request)?, sid).await?;
                done()
            }
            (_, _, Some(allowed)) => return Err(Refusal::Method { allowed }),
            (_, _, None) => return Err(Failure::NotFound.into()),
        },
    })
}

fn session_id(path: &str) -> Option<&str> {
    let sid = path.strip_prefix("/auth/sessions/")?;
    (!sid.is_empty() && !sid.contains('/')).then_some(sid)
}

fn allowed(path: &str) -> Option<&'static str> {
    match path {
        "/health" | "/me" | "/admin" | "/auth/sessions" => Some("GET, HEAD"),
        "/auth/login" | "/auth/logout" | "/auth/logout-all" => Some("POST"),
        path => session_id(path).and(Some("DELETE")),
    }
}

/// The claims that the layer has verified, or a 401 with its challenge.
fn claims(request: &Request<Incoming>) -> Result<&Claims, Rejection> {
    VerifiedToken::from_extensions(request.extensions()).map(VerifiedToken::claims)
}

fn admin(request: &Request<Incoming>) -> Result<Reply, Rejection> {
    let token = VerifiedToken::from_extensions(request.extensions())?;
    token.require_scope(&ADMIN)?;
    let body = json!({ "admin": token.claims().sub });
    Ok(auth::json(StatusCode::OK, &body))
}

async fn log_in(auth: &Auth, request: Request<Incoming>) -> Result<Reply, Failure> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, auth::MAX_BODY).collect();
    let body = tokio::time::timeout(auth::BODY_TIMEOUT, body).await;
    let body = body.map_err(|_| Failure::Incomplete)?;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => Failure::TooLarge,
        false => Failure::Incomplete,
    })?;
    let tokens = auth.log_in(&parts, &body.to_bytes()).await?;
    Ok(tokens.to_response().map(Full::new))
}

/// 204.
fn done() -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}

#[tokio::main]
async fn main() -> ExitCode {
    server::exit(run().await)
}

async fn run() -> Result<(), StartError> {
    let config = Config::load()?;
    server::log();
    let store = OpenStore::open(&config).await?;
    let served = serve(Auth::new(&config, &store).await?, &config).await;
    store.close().await;
    served
}

/// Accepts until told to stop; what is under way then is finished, within limits.
async fn answer<S, B>(listener: TcpListener, stack: S, stop: impl Future<Output = ()>)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let mut server = auto::Builder::new(TokioExecutor::new());
    // With a timer, hyper gives up on clients that do not finish their headers.
    server.http1().timer(TokioTimer::new());
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(_) => {
                    // Out of files, most likely: let some connections end first.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        // So that each request says where it comes from.
        let from_peer = move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ClientAddress(peer.ip()));
            request
        };
        let service = ServiceBuilder::new().map_request(from_peer);
        let service = TowerToHyperService::new(service.service(stack.clone()));
        let connection = server
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        tokio::spawn(connections.watch(connection));
    }
    drop(listener);
    let _ = tokio::time::timeout(server::GRACE, connections.shutdown()).await;
}
