//! What lives longer than a request, and ends with the session: server-sent events, a WebSocket and a
//! download. Their access token comes in the header, in a cookie, in `Sec-WebSocket-Protocol` or by a ticket.
//!
//! ```text
//! cargo run -p examples --features streams --bin streams
//! ```

#[allow(dead_code, reason = "the other servers use all of it")]
mod shared;
#[allow(dead_code, reason = "the other servers use all of it")]
#[path = "shared/with_axum.rs"]
mod with_axum;

use std::{convert::Infallible, future::ready, io, process::ExitCode, task::Poll, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{
        DefaultBodyLimit, FromRef, Path, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    http::{StatusCode, request::Parts},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
    routing::{any, get, post},
};
use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use tokio::time::{interval, timeout};
use tower_bearer::{
    Claims, TokenResponse, VerifiedToken,
    bearer::{Rejection, TokenProtocol},
    cookie::{AccessCookie, CookieOptions, SetCookies},
    endpoint::Endpoints,
    session::SessionOver,
    ticket::{Ticket, TicketSecret, Tickets},
};

use shared::{
    auth::{self, Auth, Failure},
    config::{Config, StartError},
    keys, server,
    store::OpenStore,
};
use with_axum::{TimelyBody, answer};

/// How often something is sent.
const EVERY: Duration = Duration::from_millis(200);
/// How long a client may take to hear that it is over.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many lines the download has.
const LINES: u32 = 3_000;
/// What is spoken over the WebSocket. A client that sends its token in `Sec-WebSocket-Protocol` offers it too.
const PROTOCOL: &str = "echo.v1";

const TRY: &str = r#"
Try: log in, follow the events, and log out in another terminal.

  URL=http://{addr}
  TOKEN=$(curl -s $URL/auth/login -H "Content-Type: application/json" -d '{"username":"alice","password":"wonderland"}' | sed "s/.*\"access_token\":\"\([^\"]*\)\".*/\1/")
  curl -sN $URL/events -H "Authorization: Bearer $TOKEN" &
  sleep 2; curl -s $URL/auth/logout -X POST -H "Authorization: Bearer $TOKEN"; wait

In the console of a browser that shows a page of this server:

  tokens = await (await fetch("/auth/login", { method: "POST", headers: { "Content-Type": "application/json" },
    body: '{"username":"alice","password":"wonderland"}' })).json()
  socket = new WebSocket("/socket", ["echo.v1", "bearer." + tokens.access_token])
  socket.onclose = ({ code, reason }) => console.log(code, reason)

"#;

#[derive(Clone)]
struct App {
    auth: Auth,
    cookie: AccessCookie,
    tickets: Tickets,
}

impl App {
    fn new(auth: Auth) -> Result<Self, StartError> {
        let cookie = AccessCookie::new(CookieOptions::new());
        let secret = TicketSecret::generate();
        Ok(Self {
            auth,
            cookie: cookie.map_err(|error| StartError::new("cookie", &error))?,
            tickets: Tickets::new(secret.map_err(|error| StartError::new("tickets", &error))?),
        })
    }
}

impl FromRef<App> for Auth {
    fn from_ref(app: &App) -> Self {
        app.auth.clone()
    }
}

fn router(app: App) -> Router {
    let auth = &app.auth;
    let endpoints = Endpoints::new(&auth.sessions)
        .under("/auth")
        .options(auth.endpoint_options());

    let for_users = Router::new()
        .route("/events", get(events))
        .route("/socket", any(socket))
        .route("/download", get(download))
        .route("/tickets/{of}", post(ticket))
        .route("/auth/logout", post(log_out))
        .route_layer(
            auth.bearer()
                .access_cookie(&app.cookie)
                .websocket_protocol(TokenProtocol::default())
                .tickets(&app.tickets),
        );

    Router::new()
        .route("/auth/login", post(log_in))
        .layer(DefaultBodyLimit::max(auth::MAX_BODY))
        .merge(endpoints.into_router())
        .merge(for_users)
        .fallback(async || Failure::NotFound)
        .with_state(app)
}

/// A ticket for a client that can show its token here and not there. What it is for is chosen from what there is.
async fn ticket(
    State(app): State<App>,
    Path(of): Path<String>,
    token: VerifiedToken,
) -> Result<Ticket, Response> {
    let path = match of.as_str() {
        "events" => "/events",
        "socket" => "/socket",
        "download" => "/download",
        _ => return Err(Failure::NotFound.into_response()),
    };
    let ticket = app.tickets.issue(&token, path);
    ticket.map_err(|error| Rejection::from(error).into_response())
}

/// A line from time to time.
fn lines() -> impl Stream<Item = String> {
    let ticks = stream::unfold(interval(EVERY), async |mut interval| {
        interval.tick().await;
        Some(((), interval))
    });
    ticks
        .enumerate()
        .map(|(number, ())| format!("line {number}"))
}

/// The last event says why there are no more.
async fn events(
    State(auth): State<Auth>,
    token: VerifiedToken,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let over = auth.sessions.over(&token).shared();
    let last = over.clone();
    let last = stream::once(async move {
        // None where the stream has ended by itself.
        let reason = last.peek()?;
        Some(Event::default().event("over").data(format!("{reason:?}")))
    });
    let events = lines().map(|line| Event::default().data(line));
    let events = events.take_until(over).chain(last.filter_map(ready));
    Sse::new(events.map(Ok))
}

async fn socket(State(auth): State<Auth>, token: VerifiedToken, ask: WebSocketUpgrade) -> Response {
    let over = auth.sessions.over(&token);
    let ask = ask.protocols([PROTOCOL]);
    ask.on_upgrade(async |socket| talk(socket, over).await)
}

async fn talk(mut socket: WebSocket, over: SessionOver) {
    let reason = tokio::select! {
        reason = over => reason,
        () = echo(&mut socket) => return,
    };
    let close = CloseFrame {
        code: close_code::POLICY,
        reason: format!("{reason:?}").into(),
    };
    // A client that is gone, or does not read, holds up nothing.
    let said = timeout(PATIENCE, socket.send(Message::Close(Some(close))));
    let _ = said.await;
}

/// Sends back what it gets, until the client is gone.
async fn echo(socket: &mut WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let sent = match message {
            Message::Text(_) | Message::Binary(_) => socket.send(message).await,
            _ => continue,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// A body that ended well would be taken for the whole, so it breaks off.
async fn download(State(auth): State<Auth>, token: VerifiedToken) -> Body {
    let mut over = auth.sessions.over(&token);
    let mut lines = Box::pin(lines().take(LINES as usize));
    Body::from_stream(stream::poll_fn(move |context| {
        if let Poll::Ready(reason) = over.poll_unpin(context) {
            let broken = io::Error::other(format!("{reason:?}"));
            return Poll::Ready(Some(Err(broken)));
        }
        let line = lines.poll_next_unpin(context);
        line.map(|line| line.map(|line| Ok(Bytes::from(line + "\n"))))
    }))
}

/// The cookie is for browsers, and others do not keep it. It is left out if the token is too large for one.
async fn log_in(
    State(app): State<App>,
    request: Parts,
    TimelyBody(body): TimelyBody,
) -> Result<(Option<SetCookies>, TokenResponse), Failure> {
    let tokens = app.auth.log_in(&request, &body).await?;
    Ok((app.cookie.set(&tokens).ok(), tokens))
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
    let config = Config::load()?;
    server::log();
    let store = OpenStore::open(&config).await?;
    let served = serve(Auth::new(&config, &store).await?, &config).await;
    store.close().await;
    served
}

async fn serve(auth: Auth, config: &Config) -> Result<(), StartError> {
    let stop = server::asked_to_stop()?;
    let listener = server::bind(&config.addr).await?;
    let upkeep = server::prepare(&auth.sessions).await?;
    server::announce(&listener, TRY)?;
    keys::tell(config)?;
    let served = answer(listener, router(App::new(auth.clone())?), stop).await;
    server::wind_down(&auth.sessions, upkeep).await;
    served
}
