//! A server that takes over the users of another program, which is `express.mjs` in this folder, while both run.
//!
//! ```text
//! cargo run -p examples --features mongodb --bin takeover -- \
//!     --mongodb-url mongodb://localhost:27017/shop --jwt-secret secret \
//!     --takeover-secret THIRTY-TWO-RANDOM-BYTES… --refresh-token-secret OTHER-RANDOM-BYTES… \
//!     --takeover-until 1830297600 --old-access-until 1827792000
//! ```

mod old_tokens;

use std::{error::Error, time::Duration};

use axum::{Json, Router, routing::get};
use clap::Parser;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tower_bearer::{
    Algorithm, Claims, ForeignAccessTokens, Issuer, KeySet, SigningKey, TokenProfile, Verifier,
    bearer::BearerLayer,
    clock::Timestamp,
    endpoint::TokenEndpoint,
    profile::Discriminator,
    session::{RefreshKey, Sessions, Takeover},
};
use tower_bearer_sqlx::SqliteStore;

use old_tokens::OldTokens;

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "https://api.example";

/// The settings, from the environment or the command line.
#[derive(Parser)]
struct Config {
    /// Where to listen; port 0 picks a free one.
    #[arg(long, env = "ADDR", default_value = "127.0.0.1:3000")]
    addr: String,

    /// The database of the old program.
    #[arg(long, env = "MONGODB_URL", hide_env_values = true)]
    mongodb_url: String,

    /// The secret of the old program's access tokens.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true)]
    jwt_secret: String,

    /// At least 32 random bytes, by which a refresh token of the old program gives its session.
    #[arg(long, env = "TAKEOVER_SECRET", hide_env_values = true)]
    takeover_secret: String,

    /// At least 32 random bytes, for the new refresh tokens.
    #[arg(long, env = "REFRESH_TOKEN_SECRET", hide_env_values = true)]
    refresh_token_secret: String,

    /// Until when old refresh tokens are taken over, in seconds since 1970. A date, so that no restart moves it.
    #[arg(long, env = "TAKEOVER_UNTIL")]
    takeover_until: i64,

    /// Until when old access tokens are accepted, in seconds since 1970: no later than the last of them expires.
    #[arg(long, env = "OLD_ACCESS_UNTIL")]
    old_access_until: i64,

    /// Where sessions are kept.
    #[arg(long, env = "STORE", default_value = "sqlite:takeover.db")]
    store: String,

    /// How long an access token lives, in seconds.
    #[arg(long, env = "ACCESS_TTL", default_value_t = 600)]
    access_ttl: u64,

    /// How long tabs and quick retries share a refresh, in seconds.
    #[arg(long, env = "REUSE_WINDOW", default_value_t = 10)]
    reuse_window: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::parse();
    let listener = TcpListener::bind(&config.addr).await?;
    let store = SqliteStore::connect(&config.store).await?;
    let app = router(&config, &store).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let mut stop = signal(SignalKind::terminate())?;
    axum::serve(listener, app)
        .with_graceful_shutdown(async move { _ = stop.recv().await })
        .await?;
    store.close().await;
    Ok(())
}

async fn router(config: &Config, store: &SqliteStore) -> Result<Router, Box<dyn Error>> {
    // A real server keeps this key: without it, clients have to refresh after a restart.
    let keys = KeySet::new(SigningKey::generate(Algorithm::ES256)?);
    let refresh_key = RefreshKey::from_secret(&config.refresh_token_secret)?;

    // Old access tokens are accepted until they expire.
    let shape = TokenProfile::jwt(Discriminator::absent(["purpose"])).subject_claims(["id"]);
    let until = Timestamp::from_secs(config.old_access_until);
    let old = ForeignAccessTokens::danger_from_any_secret(&config.jwt_secret, shape, until)?;
    let verifier = Verifier::new(ISSUER, AUDIENCE, keys.verifying())?.danger_take_over(old)?;

    // Old refresh tokens become sessions.
    let old = OldTokens::connect(&config.mongodb_url).await?;
    let until = Timestamp::from_secs(config.takeover_until);
    let takeover = Takeover::new(&config.takeover_secret, until, old)?;
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys)?;
    let sessions = Sessions::builder(issuer, refresh_key, store.clone())
        .access_lifetime(Duration::from_secs(config.access_ttl))
        .reuse_window(Duration::from_secs(config.reuse_window))
        .take_over(takeover)
        .build()?;

    let bearer = BearerLayer::new(verifier).sessions(&sessions);
    Ok(Router::new()
        .route("/me", get(me))
        .route_layer(bearer)
        .route_service("/refresh-token", TokenEndpoint::new(sessions)))
}

/// As the old program answers it.
async fn me(claims: Claims) -> Json<Value> {
    Json(json!({ "name": claims.sub }))
}
