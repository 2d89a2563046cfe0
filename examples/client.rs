//! A client that stays signed in. Start a server whose access tokens live for five seconds, and
//! this beside it:
//!
//! ```text
//! ACCESS_TTL=5 cargo run -p examples --bin quickstart
//! cargo run -p examples --features client --bin client
//! ```
//!
//! It logs in, then asks every second who it is. Stop the server and start it again: it goes on.
//! Ctrl-C logs out.

use std::{env, error::Error, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower::{ServiceBuilder, ServiceExt};
use tower_bearer_client::{ClientSession, NewTokens, Refresh, RefreshLayer};

type Failure = Box<dyn Error + Send + Sync>;
type Http = Client<HttpConnector, Full<Bytes>>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let server = env::args().nth(1);
    let server = server.unwrap_or_else(|| "http://127.0.0.1:3000".to_owned());
    let http: Http = Client::builder(TokioExecutor::new()).build_http();

    let session = ClientSession::builder(format!("{server}/auth/token"), http.clone())
        .revocation_endpoint(format!("{server}/auth/revoke"))
        .on_end(|reason| println!("the session has ended: {reason}"))
        .build()?;
    session.sign_in(log_in(&server, &http).await?).await?;

    let client = ServiceBuilder::new()
        .layer(RefreshLayer::new(&session, server.parse()?))
        .service(http);
    tokio::select! {
        ended = ask_every_second(&client, &session, &server) => ended?,
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    Ok(session.logout().await?)
}

/// A login is the application's own; its answer is that of a token endpoint.
async fn log_in(server: &str, http: &Http) -> Result<NewTokens, Failure> {
    let request = Request::post(format!("{server}/auth/login"))
        .header("content-type", "application/json")
        .body(Full::from(
            r#"{"username":"alice","password":"wonderland"}"#,
        ))?;
    let answer = http.request(request).await?;
    if answer.status() != StatusCode::OK {
        return Err(format!("the login was answered with {}", answer.status()).into());
    }
    let body = Limited::new(answer.into_body(), 64 * 1024)
        .collect()
        .await?;
    Ok(NewTokens::from_json(&body.to_bytes())?)
}

/// Until someone has to sign in again.
async fn ask_every_second(
    client: &Refresh<Http>,
    session: &ClientSession,
    server: &str,
) -> Result<(), Failure> {
    loop {
        let request = Request::get(format!("{server}/me")).body(Full::default())?;
        match client.clone().oneshot(request).await {
            Ok(answer) => {
                let left = session.status().expires_in.unwrap_or_default();
                println!("{}, and the token lives for {left:.1?}", answer.status());
            }
            Err(error) if error.is_signed_out() => return Err(error.into()),
            Err(error) => println!("{}", chain(&error)),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// An error and what caused it.
fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
