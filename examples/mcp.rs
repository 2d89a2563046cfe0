//! An MCP server whose clients find their way by themselves: the answer to a request without a token
//! names the metadata of the resource (RFC 9728), and those name the authorization server, which is this
//! program too.
//!
//! ```text
//! cargo run -p examples --bin mcp
//! ```
//!
//! It speaks as much of MCP as two tools need: JSON-RPC in the bodies of POST requests. `ADDR` says where
//! it listens, and `PUBLIC_URL` under which address the world finds it.

#[path = "mcp/rpc.rs"]
mod rpc;
#[path = "shared/users.rs"]
mod users;

use std::{env, error::Error, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header::ORIGIN},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use tokio::net::TcpListener;
use tower_bearer::{
    Algorithm, Issuer, KeySet, Scope, SigningKey, TokenResponse, VerifiedToken, Verifier,
    bearer::{BearerLayer, Rejection},
    endpoint::Endpoints,
    error::ConfigError,
    resource::ProtectedResource,
    session::{Grant, RefreshKey, SessionError, Sessions},
    store::MemoryStore,
};
use users::Users;

type Failure = Box<dyn Error + Send + Sync>;

const READ: Scope = Scope::from_static("read");
const ACCESS_LIFETIME: Duration = Duration::from_secs(600);

#[derive(Clone)]
struct App {
    sessions: Sessions,
    users: Users,
    resource: ProtectedResource,
    /// The pages of this origin may send requests, and those of no other.
    origin: Arc<str>,
}

impl App {
    /// `origin` is the address of the authorization server, and `/mcp` below it that of the MCP server.
    fn new(origin: &str) -> Result<Self, Failure> {
        let resource = ProtectedResource::new(&format!("{origin}/mcp"))?
            .authorization_servers([origin])?
            .scopes_supported(READ)
            .resource_name("The house of the example");
        let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA)?);
        let issuer = Issuer::new(origin, resource.resource(), keys)?;
        let users = Users::demo()?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        let known = users.clone();
        let sessions =
            Sessions::builder(issuer, RefreshKey::from_secret(secret)?, MemoryStore::new())
                .access_lifetime(ACCESS_LIFETIME)
                .on_refresh(move |session, _| {
                    let is_known = known.is_known(&session.subject);
                    async move { is_known }
                })
                .build()?;
        Ok(Self {
            sessions,
            users,
            resource,
            origin: origin.into(),
        })
    }

    fn router(self) -> Result<Router, ConfigError> {
        let issuer = self.sessions.issuer();
        let keys = issuer.keys().verifying();
        // The audience is the resource itself, so that a token for another one is of no use here.
        let verifier = Verifier::new(issuer.issuer(), self.resource.resource(), keys)?;
        let bearer = BearerLayer::new(verifier)
            .sessions(&self.sessions)
            .resource(&self.resource)
            .require_scope(READ);
        let endpoints = Endpoints::new(&self.sessions).under("/auth");
        Ok(Router::new()
            .route("/mcp", post(call).layer(bearer))
            .route("/login", post(log_in))
            .merge(endpoints.into_router())
            .layer(middleware::from_fn_with_state(self.clone(), check_origin))
            .merge(self.resource.clone().into_router())
            .with_state(self))
    }
}

/// A page of another origin must not reach a server on its user's machine (MCP, transports).
async fn check_origin(State(app): State<App>, request: Request, next: Next) -> Response {
    match request.headers().get(ORIGIN) {
        Some(origin) if origin.as_bytes() != app.origin.as_bytes() => {
            StatusCode::FORBIDDEN.into_response()
        }
        _ => next.run(request).await,
    }
}

/// One message of JSON-RPC. What the token does not allow is refused in HTTP, where MCP clients look for it.
async fn call(
    token: VerifiedToken,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Rejection> {
    if !rpc::speaks(&headers) {
        return Ok((StatusCode::BAD_REQUEST, "unsupported MCP-Protocol-Version").into_response());
    }
    Ok(match rpc::answer(&body, &token)? {
        rpc::Answer::Response(response) => Json(response).into_response(),
        rpc::Answer::Accepted => StatusCode::ACCEPTED.into_response(),
        rpc::Answer::Unreadable(error) => (StatusCode::BAD_REQUEST, Json(error)).into_response(),
    })
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

/// Stands in for the page on which a user logs in and agrees to what the client asks for.
async fn log_in(
    State(app): State<App>,
    Json(given): Json<Credentials>,
) -> Result<TokenResponse, Response> {
    let user = app.users.log_in(given.username, given.password).await;
    let user = user.ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())?;
    let grant = Grant::new(user.name)
        .scope(user.scope)
        .resources([app.resource.resource()]);
    let started = app.sessions.start(grant).await;
    started.map_err(|error: SessionError| error.into_response())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let addr = env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(addr).await?;
    let local = format!("http://{}", listener.local_addr()?);
    let app = App::new(&env::var("PUBLIC_URL").unwrap_or_else(|_| local.clone()))?;
    println!("listening on {local}\n{}", TRY.replace("{url}", &local));
    axum::serve(listener, app.router()?)
        .with_graceful_shutdown(asked_to_stop())
        .await?;
    Ok(())
}

const TRY: &str = r#"
Try, in another terminal:

  URL={url}
  curl -si $URL/mcp -X POST | grep -i www-authenticate
  curl -s $URL/.well-known/oauth-protected-resource/mcp; echo
  TOKEN=$(curl -s $URL/login -H "Content-Type: application/json" -d '{"username":"alice","password":"wonderland"}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s $URL/mcp -H "Authorization: Bearer $TOKEN" -d '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"who_am_i"}}'; echo
  curl -si $URL/mcp -H "Authorization: Bearer $TOKEN" -d '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"open_the_door"}}' | grep -i www-authenticate
"#;

#[cfg(unix)]
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};

    let terminate = signal(SignalKind::terminate());
    let terminated = async {
        match terminate {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() {
    let _ = tokio::signal::ctrl_c().await;
}
