//! A server whose metrics Prometheus reads.
//!
//! ```text
//! cargo run -p examples --features metrics --bin metrics
//! prometheus --config.file=examples/observability/prometheus.yml
//! ```

#[allow(dead_code, reason = "the other servers use all of it")]
mod shared;
#[allow(dead_code, reason = "the other servers use all of it")]
#[path = "shared/with_axum.rs"]
mod with_axum;

use std::{process::ExitCode, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, request::Parts},
    routing::{get, post},
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::sleep;
use tower_bearer::{Claims, TokenResponse, endpoint::Endpoints};

use shared::{
    auth::{self, Auth, Failure},
    config::{Config, StartError},
    keys, server,
    store::OpenStore,
};
use with_axum::{TimelyBody, answer};

/// In seconds. Most stores answer within milliseconds.
const BUCKETS: [f64; 11] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];

/// How often the samples of histograms are added up.
const UPKEEP: Duration = Duration::from_secs(5);

const TRY: &str = r#"
Try, in another terminal: log in, use the first refresh token three times, and look at the theft.

  URL=http://{addr}
  pick() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }
  refresh() { curl -s $URL/auth/token -d grant_type=refresh_token -d refresh_token=$1; }
  FIRST=$(curl -s $URL/auth/login -H "Content-Type: application/json" -d '{"username":"alice","password":"wonderland"}' | pick refresh_token)
  refresh $(refresh $FIRST | pick refresh_token) >/dev/null; refresh $FIRST; echo
  curl -s $URL/metrics | grep 'reused'

"#;

fn exporter() -> Result<PrometheusHandle, BuildError> {
    let duration = Matcher::Suffix("duration".to_owned());
    PrometheusBuilder::new()
        .with_recommended_naming(true)
        .set_buckets_for_metric(duration, &BUCKETS)?
        .install_recorder()
}

/// Without it, samples are kept until somebody scrapes.
async fn keep_up(metrics: PrometheusHandle) {
    loop {
        sleep(UPKEEP).await;
        metrics.run_upkeep();
    }
}

fn router(auth: Auth, metrics: PrometheusHandle) -> Router {
    let endpoints = Endpoints::new(&auth.sessions)
        .under("/auth")
        .options(auth.endpoint_options());
    let for_users = Router::new()
        .route("/me", get(me))
        .route("/auth/logout", post(log_out))
        .route_layer(auth.bearer());
    Router::new()
        .route("/auth/login", post(log_in))
        .layer(DefaultBodyLimit::max(auth::MAX_BODY))
        // Keep it from the world, by an address of its own or at the proxy.
        .route("/metrics", get(async move || metrics.render()))
        .merge(endpoints.into_router())
        .merge(for_users)
        .fallback(async || Failure::NotFound)
        .with_state(auth)
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
    // First of all: what is built before reports to nobody.
    let metrics = exporter().map_err(|error| StartError::new("metrics", &error))?;
    tokio::spawn(keep_up(metrics.clone()));
    let config = Config::load()?;
    server::log();
    let store = OpenStore::open(&config).await?;
    let served = serve(Auth::new(&config, &store).await?, metrics, &config).await;
    store.close().await;
    served
}

async fn serve(auth: Auth, metrics: PrometheusHandle, config: &Config) -> Result<(), StartError> {
    let stop = server::asked_to_stop()?;
    let listener = server::bind(&config.addr).await?;
    let upkeep = server::prepare(&auth.sessions).await?;
    server::announce(&listener, TRY)?;
    keys::tell(config)?;
    let served = answer(listener, router(auth.clone(), metrics), stop).await;
    server::wind_down(&auth.sessions, upkeep).await;
    served
}
