//! A server with limits, none of which logs anybody out.
//!
//! ```text
//! cargo run -p examples --features limits --bin limits
//! ```

mod limits {
    pub(crate) mod address;
    pub(crate) mod answer;
    pub(crate) mod limit;
    pub(crate) mod session;
}
#[allow(dead_code, reason = "the other servers use all of it")]
mod shared;
#[allow(dead_code, reason = "the other servers use all of it")]
#[path = "shared/with_axum.rs"]
mod with_axum;

use std::{process::ExitCode, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, State},
    http::{Method, Response, StatusCode, request::Parts},
    routing::{get, post},
};
use clap::Parser;
use governor::middleware::NoOpMiddleware;
use tokio::time::sleep;
use tower::util::MapRequestLayer;
use tower_bearer::{Claims, TokenResponse, endpoint::Endpoints};
use tower_governor::{
    GovernorError, GovernorLayer,
    governor::{GovernorConfig, GovernorConfigBuilder},
    key_extractor::KeyExtractor,
};

use limits::{
    address::{ByAddress, behind},
    answer::{later, too_many},
    limit::Limit,
    session::{BySession, Refreshes},
};
use shared::{
    auth::{self, Auth, Failure},
    config::{self, Config, StartError},
    keys, server,
    store::OpenStore,
};
use with_axum::{TimelyBody, answer};

/// How often keys are forgotten that have nothing counted against them any more.
const FORGET: Duration = Duration::from_secs(60);

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    config: Config,

    /// How many proxies of yours a request has passed, each of which adds to `X-Forwarded-For`. Nobody may reach this
    /// server without them.
    #[arg(long, env = "PROXIES", default_value_t = 0)]
    proxies: usize,

    /// Logins from an address: so many at once, and then one every so many ms.
    #[arg(long, env = "LOGIN_LIMIT", default_value = "10/6000")]
    login_limit: Limit,

    /// Requests to the OAuth endpoints from an address, behind which many users may be.
    #[arg(long, env = "ENDPOINT_LIMIT", default_value = "300/20")]
    endpoint_limit: Limit,

    /// Refreshes of a session.
    #[arg(long, env = "SESSION_LIMIT", default_value = "30/2000")]
    session_limit: Limit,

    /// Requests to the API by a session.
    #[arg(long, env = "CALL_LIMIT", default_value = "100/50")]
    call_limit: Limit,
}

type Counted<K> = Arc<GovernorConfig<K, NoOpMiddleware>>;
type Layer<K> = GovernorLayer<K, NoOpMiddleware, Body>;

/// All limits, and what they have counted.
#[derive(Clone)]
struct Limits {
    logins: Counted<ByAddress>,
    endpoints: Counted<ByAddress>,
    refreshes: Refreshes,
    calls: Counted<BySession>,
}

impl Limits {
    fn new(options: &Options) -> Result<Self, StartError> {
        Ok(Self {
            logins: counted(ByAddress, options.login_limit, None)?,
            // Documents, as the key set, are got by GET and may be cached.
            endpoints: counted(ByAddress, options.endpoint_limit, Some(Method::POST))?,
            refreshes: Refreshes::new(options.session_limit),
            calls: counted(BySession, options.call_limit, None)?,
        })
    }

    /// Otherwise every address that has ever asked stays in memory.
    async fn forget_old(self) {
        loop {
            sleep(FORGET).await;
            self.logins.limiter().retain_recent();
            self.endpoints.limiter().retain_recent();
            self.refreshes.forget_old();
            self.calls.limiter().retain_recent();
        }
    }
}

fn counted<K: KeyExtractor>(
    key: K,
    limit: Limit,
    method: Option<Method>,
) -> Result<Counted<K>, StartError> {
    let mut builder = GovernorConfigBuilder::default().key_extractor(key);
    builder.period(limit.period()).burst_size(limit.burst());
    if let Some(method) = method {
        builder.methods(vec![method]);
    }
    let config = builder.finish();
    let config = config.ok_or_else(|| {
        StartError::from(
            "a limit must let something through: 10/6000 is ten at once, and then one every 6000 ms"
                .to_owned(),
        )
    })?;
    Ok(Arc::new(config))
}

fn layer<K: KeyExtractor>(
    counted: &Counted<K>,
    refusal: fn(GovernorError) -> Response<Body>,
) -> Layer<K> {
    GovernorLayer::new(Arc::clone(counted)).error_handler(refusal)
}

fn router(auth: Auth, limits: &Limits, proxies: usize) -> Router {
    let endpoints = Endpoints::new(&auth.sessions)
        .under("/auth")
        .options(auth.endpoint_options())
        .into_router()
        .layer(layer(&limits.endpoints, later));
    let login = Router::new()
        .route("/auth/login", post(log_in))
        .layer(DefaultBodyLimit::max(auth::MAX_BODY))
        .layer(layer(&limits.logins, too_many));
    let api = Router::new()
        .route("/me", get(me))
        // Inside the layer that verifies the token.
        .route_layer(layer(&limits.calls, too_many))
        // Whoever wants to go may go.
        .route("/auth/logout", post(log_out))
        .route_layer(auth.bearer());
    Router::new()
        .merge(login)
        .merge(endpoints)
        .merge(api)
        .fallback(async || Failure::NotFound)
        .with_state(auth)
        // Outside of all that asks for the address.
        .layer(MapRequestLayer::new(move |request| {
            behind(proxies, request)
        }))
}

async fn log_in(
    State(auth): State<Auth>,
    request: Parts,
    TimelyBody(body): TimelyBody,
) -> Result<TokenResponse, Failure> {
    auth.log_in(&request, &body).await
}

async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}

async fn log_out(State(auth): State<Auth>, claims: Claims) -> Result<StatusCode, Failure> {
    auth.log_out(&claims).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[tokio::main]
async fn main() -> ExitCode {
    server::exit(run().await)
}

async fn run() -> Result<(), StartError> {
    let options: Options = config::parse()?;
    server::log();
    let limits = Limits::new(&options)?;
    tokio::spawn(limits.clone().forget_old());
    let store = OpenStore::open(&options.config).await?;
    let refreshes = limits.refreshes.clone();
    let auth = Auth::limited(&options.config, &store, move |session| {
        refreshes.wait(session)
    })
    .await?;
    let served = serve(auth, &limits, &options).await;
    store.close().await;
    served
}

async fn serve(auth: Auth, limits: &Limits, options: &Options) -> Result<(), StartError> {
    let stop = server::asked_to_stop()?;
    let listener = server::bind(&options.config.addr).await?;
    let upkeep = server::prepare(&auth.sessions).await?;
    server::announce(&listener, server::TRY)?;
    keys::tell(&options.config)?;
    let router = router(auth.clone(), limits, options.proxies);
    let served = answer(listener, router, stop).await;
    server::wind_down(&auth.sessions, upkeep).await;
    served
}
