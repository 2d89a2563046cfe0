//! A page that stays signed in, with the refresh token in a cookie. Open it in a browser.
//!
//! ```text
//! cargo run -p examples --bin browser
//! ```
//!
//! `browser/tower-bearer.js` is the client, a module without dependencies; `browser/page.js` uses
//! it. Access tokens live for 15 seconds here, so that there is something to see.
//!
//! With `DEVICE_BOUND=1` they live for five minutes, in a cookie too, and a browser that can binds the
//! session to its device. Chromium does so over HTTPS only: put a proxy with a certificate in front that
//! passes `Host`, `Origin` and `Sec-Fetch-Site` on. The page on browsers in the manual has one.

#[path = "browser/admin.rs"]
mod admin;
#[path = "browser/cookies.rs"]
mod cookies;
#[path = "browser/files.rs"]
mod files;
#[path = "browser/lost.rs"]
mod lost;
#[allow(dead_code, reason = "the other servers use all of it")]
mod shared;
#[path = "shared/with_axum.rs"]
mod with_axum;

use std::process::ExitCode;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, FromRef, Path, State},
    middleware::{from_fn, from_fn_with_state},
    response::IntoResponse,
    routing::{delete, get, post},
};
use http::{StatusCode, request::Parts};
use tower_bearer::{Claims, endpoint::Endpoints};

use cookies::Cookies;
use lost::Losses;
use shared::{
    auth::{self, Auth, Failure},
    config::{Config, StartError},
    keys, server,
    store::OpenStore,
};
use with_axum::{Listed, TimelyBody, answer};

/// Seconds that an access token lives, and that a predecessor is answered, where the environment
/// says nothing. A token that comes again within twice the window is not rotated.
const ACCESS_TTL: u64 = 15;
/// Of a cookie that is bound to the device: browsers would refresh a shorter one all the time.
const BOUND_ACCESS_TTL: u64 = 300;
const REUSE_WINDOW: u64 = 5;

const TRY: &str = "
Open http://localhost:{port} in a browser, in two tabs for instance. For Safari, which so far takes
no secure cookie from plain HTTP, start with INSECURE_COOKIES=1.
";

#[derive(Clone)]
struct App {
    auth: Auth,
    cookies: Cookies,
    losses: Losses,
}

impl FromRef<App> for Auth {
    fn from_ref(app: &App) -> Self {
        app.auth.clone()
    }
}

impl FromRef<App> for Cookies {
    fn from_ref(app: &App) -> Self {
        app.cookies.clone()
    }
}

fn router(app: App) -> Router {
    let sessions = &app.auth.sessions;
    let mut bearer = app.auth.bearer();
    if let Cookies::Bound(_, access) = &app.cookies {
        bearer = bearer.access_cookie(access);
    }
    let options = app.cookies.add_to(app.auth.endpoint_options());
    let endpoints = Endpoints::new(sessions)
        .under("/auth")
        .options(options)
        .into_router();

    let for_admins = admin::router(&bearer);
    let for_users = Router::new()
        .route("/me", get(me))
        .route("/auth/logout", post(log_out))
        .route("/auth/logout-all", post(log_out_everywhere))
        .route("/auth/sessions", get(list))
        .route("/auth/sessions/{sid}", delete(end))
        .route("/demo/lose/{answers}", post(lose))
        .route_layer(bearer);

    Router::new()
        .route("/auth/login", post(log_in))
        .layer(DefaultBodyLimit::max(auth::MAX_BODY))
        .merge(endpoints.layer(from_fn_with_state(app.losses.clone(), lost::lose)))
        .merge(for_users)
        .merge(for_admins)
        .merge(files::router())
        .fallback(async || Failure::NotFound)
        .method_not_allowed_fallback(async || Failure::MethodNotAllowed)
        .layer(from_fn(files::guard))
        .with_state(app)
}

async fn log_in(
    State(app): State<App>,
    request: Parts,
    TimelyBody(body): TimelyBody,
) -> Result<impl IntoResponse, Failure> {
    let tokens = app.auth.log_in(&request, &body).await?;
    Ok(app.cookies.response(&tokens)?)
}

async fn me(claims: Claims) -> Json<Claims> {
    Json(claims)
}

async fn log_out(
    State(auth): State<Auth>,
    State(cookies): State<Cookies>,
    claims: Claims,
) -> Result<impl IntoResponse, Failure> {
    auth.log_out(&claims).await?;
    Ok(cookies.logged_out())
}

async fn log_out_everywhere(
    State(auth): State<Auth>,
    State(cookies): State<Cookies>,
    claims: Claims,
) -> Result<impl IntoResponse, Failure> {
    auth.log_out_everywhere(&claims).await?;
    Ok(cookies.logged_out())
}

async fn list(State(auth): State<Auth>, claims: Claims) -> Result<Listed, Failure> {
    Ok(Listed(auth.list(&claims).await?))
}

async fn end(
    State(auth): State<Auth>,
    claims: Claims,
    Path(sid): Path<String>,
) -> Result<StatusCode, Failure> {
    auth.end(&claims, &sid).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn lose(State(app): State<App>, Path(answers): Path<u8>) -> StatusCode {
    app.losses.set(answers);
    StatusCode::NO_CONTENT
}

#[tokio::main]
async fn main() -> ExitCode {
    server::exit(run().await)
}

async fn run() -> Result<(), StartError> {
    let mut config = Config::load()?;
    let access_ttl = match cookies::is_set("DEVICE_BOUND") {
        true => BOUND_ACCESS_TTL,
        false => ACCESS_TTL,
    };
    let access_ttl = access_ttl.min(config.access_ttl().as_secs());
    config.access_ttl.get_or_insert(access_ttl);
    config.reuse_window.get_or_insert(REUSE_WINDOW);
    server::log();
    if config.store()?.is_shared() {
        return Err("STORE: this example takes memory or sqlite:FILE"
            .to_owned()
            .into());
    }
    let store = OpenStore::open(&config).await?;
    let served = serve(Auth::new(&config, &store).await?, &config).await;
    store.close().await;
    served
}

async fn serve(auth: Auth, config: &Config) -> Result<(), StartError> {
    let app = App {
        cookies: Cookies::new(&auth.sessions)?,
        losses: Losses::default(),
        auth,
    };
    let stop = server::asked_to_stop()?;
    let listener = server::bind(&config.addr).await?;
    let upkeep = server::prepare(&app.auth.sessions).await?;
    server::announce(&listener, TRY)?;
    keys::tell(config)?;
    let served = answer(listener, router(app.clone()), stop).await;
    server::wind_down(&app.auth.sessions, upkeep).await;
    served
}
