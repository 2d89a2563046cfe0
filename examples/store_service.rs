//! Tower's layers around a store: what happens to sessions when the store is overloaded.
//!
//! ```text
//! cargo run -p examples --bin store_service
//! STORE=postgres://user:password@host/database \
//!     cargo run -p examples --features postgres --bin store_service
//! ```
//!
//! Many clients refresh at once, but the store takes only two calls at a time and no queue. Who
//! comes in between is answered with 503 and `Retry-After`, keeps the token and comes again. In
//! the end every session has gone on.

use std::{env, error::Error, time::Duration};

use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tokio::{task::JoinSet, time::sleep};
use tower::{
    BoxError, ServiceBuilder, ServiceExt, load_shed::error::Overloaded, timeout::error::Elapsed,
};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey,
    endpoint::TokenEndpoint,
    session::{Grant, RefreshKey, Sessions},
    store::{
        SessionStore, StoreErrorKind,
        service::{ServiceStore, StoreService},
    },
};
use tower_bearer_sqlx::SqliteStore;

const CLIENTS: usize = 64;
const AT_A_TIME: usize = 2;

/// What the layers' own errors are to those who count them. On the wire all are a 503.
fn kind_of(error: &(dyn Error + 'static)) -> StoreErrorKind {
    if error.is::<Elapsed>() {
        StoreErrorKind::Timeout
    } else if error.is::<Overloaded>() {
        StoreErrorKind::Busy
    } else {
        StoreErrorKind::Unavailable
    }
}

/// The layers: from the outside in, what comes first.
fn guarded(store: impl SessionStore) -> impl SessionStore {
    let service = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(AT_A_TIME)
        .timeout(Duration::from_secs(1))
        .service(StoreService::new(store));
    ServiceStore::new(service).classify_errors(kind_of)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    match env::var("STORE") {
        #[cfg(feature = "postgres")]
        Ok(url) if url.starts_with("postgres") => {
            overload(tower_bearer_sqlx::PostgresStore::connect(&url).await?).await
        }
        #[cfg(not(feature = "postgres"))]
        Ok(url) if url.starts_with("postgres") => {
            Err("STORE: built without postgres; add it to --features".into())
        }
        Ok(url) if url.contains("://") && !url.starts_with("sqlite:") => {
            Err("STORE: use postgres://… or sqlite:FILE".into())
        }
        Ok(file) => overload(SqliteStore::connect(&file).await?).await,
        Err(_) => {
            let folder = tempfile::tempdir()?;
            let file = folder.path().join("sessions.db");
            overload(SqliteStore::connect(&file.to_string_lossy()).await?).await
        }
    }
}

async fn overload(store: impl SessionStore) -> Result<(), BoxError> {
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA)?);
    let issuer = Issuer::new("https://id.example", "https://api.example", keys)?;
    let sessions =
        Sessions::builder(issuer, RefreshKey::from_secret([7; 32])?, guarded(store)).build()?;
    let endpoint = TokenEndpoint::new(sessions.clone());

    let mut held = Vec::new();
    for number in 0..CLIENTS {
        let tokens = sessions.start(Grant::new(format!("user {number}")));
        held.push(tokens.await?.refresh_token.expose().to_owned());
    }
    let mut clients = JoinSet::new();
    for token in held {
        clients.spawn(refresh(endpoint.clone(), token));
    }
    let mut refused = 0;
    let mut lost = 0;
    while let Some(client) = clients.join_next().await {
        let Outcome {
            told_to_wait,
            goes_on,
        } = client??;
        refused += told_to_wait;
        lost += usize::from(!goes_on);
    }
    println!(
        "{CLIENTS} clients, {AT_A_TIME} calls at a time: {refused} answers of 503 with \
         Retry-After, {lost} sessions lost"
    );
    Ok(())
}

struct Outcome {
    told_to_wait: usize,
    goes_on: bool,
}

/// Refreshes, again and again while the server says that it cannot.
async fn refresh(endpoint: TokenEndpoint, token: String) -> Result<Outcome, BoxError> {
    for told_to_wait in 0..1_000 {
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        let request = Request::post("/auth/token")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::<bytes::Bytes>::from(form))?;
        let answer: Response<_> = endpoint.clone().oneshot(request).await?;
        if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
            let goes_on = answer.status() == StatusCode::OK;
            answer.into_body().collect().await?;
            return Ok(Outcome {
                told_to_wait,
                goes_on,
            });
        }
        if !answer.headers().contains_key(header::RETRY_AFTER) {
            return Err("a 503 without Retry-After".into());
        }
        // Retry-After says seconds; this is only to see the end of it sooner.
        sleep(Duration::from_millis(5)).await;
    }
    Err("the store never took the call".into())
}
