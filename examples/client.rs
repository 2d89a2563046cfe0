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
//!
//! With `--tokens tokens.json` it keeps its tokens in that file, leaves them there, and goes on with
//! them the next time. With `--dpop` as well, the session is bound to a key, and the file can be
//! copied: each copy is a client that works.

use std::{error::Error, path::PathBuf, time::Duration};

use bytes::Bytes;
use clap::Parser;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower::{ServiceBuilder, ServiceExt};
use tower_bearer_client::{ClientSession, FileTokenStore, NewTokens, Refresh, RefreshLayer};

type Failure = Box<dyn Error + Send + Sync>;
type Http = Client<HttpConnector, Full<Bytes>>;

/// A client that stays signed in.
#[derive(Parser)]
struct Options {
    /// The server.
    #[arg(default_value = "http://127.0.0.1:3000")]
    server: String,

    /// Keeps the tokens in this file, also when the program ends.
    #[arg(long, value_name = "FILE")]
    tokens: Option<PathBuf>,

    /// Binds the session to a key, which is kept beside the tokens (RFC 9449).
    #[arg(long)]
    dpop: bool,

    /// How long to wait between two requests, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value = "1000")]
    pause: u64,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let server = &options.server;
    let http: Http = Client::builder(TokioExecutor::new()).build_http();

    let mut builder = ClientSession::builder(format!("{server}/auth/token"), http.clone())
        .revocation_endpoint(format!("{server}/auth/revoke"))
        .on_end(|reason| println!("the session has ended: {reason}"));
    if let Some(file) = &options.tokens {
        builder = builder.store(FileTokenStore::new(file));
    }
    if options.dpop {
        builder = builder.dpop();
    }
    let session = builder.build()?;
    if !is_signed_in(&session).await {
        session.check_store().await?;
        log_in(&options, &session, &http).await?;
    }

    let client = ServiceBuilder::new()
        .layer(RefreshLayer::new(&session, server.parse()?))
        .service(http);
    tokio::select! {
        // In this order, so that Ctrl-C is listened for before the first line is printed.
        biased;
        stopped = tokio::signal::ctrl_c() => stopped?,
        ended = ask_again_and_again(&client, &session, &options) => ended?,
    }
    match options.tokens {
        Some(_) => session.settle().await?,
        None => session.logout().await?,
    }
    Ok(())
}

/// Tokens that cannot be read, as in a damaged file, are no reason to give up: the login replaces them.
async fn is_signed_in(session: &ClientSession) -> bool {
    match session.load().await {
        Ok(status) => status.is_signed_in(),
        Err(error) => {
            println!("{}", chain(&error));
            false
        }
    }
}

/// A login is the application's own; its answer is that of a token endpoint.
async fn log_in(options: &Options, session: &ClientSession, http: &Http) -> Result<(), Failure> {
    let uri: Uri = format!("{}/auth/login", options.server).parse()?;
    if !options.dpop {
        let answer = post_login(http, &uri, None).await?;
        return Ok(session.sign_in(tokens(&answer)?).await?);
    }
    let mut login = session.dpop_login()?;
    let answer = loop {
        let proof = login.proof(&Method::POST, &uri)?;
        let answer = post_login(http, &uri, Some(proof)).await?;
        if !login.retry(&answer) {
            break answer;
        }
    };
    Ok(login.sign_in(tokens(&answer)?).await?)
}

async fn post_login(
    http: &Http,
    uri: &Uri,
    proof: Option<HeaderValue>,
) -> Result<Response<Bytes>, Failure> {
    let mut request = Request::post(uri).header("content-type", "application/json");
    if let Some(proof) = proof {
        request = request.header("dpop", proof);
    }
    let credentials = r#"{"username":"alice","password":"wonderland"}"#;
    let answer = http.request(request.body(Full::from(credentials))?).await?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, 64 * 1024).collect().await?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

fn tokens(answer: &Response<Bytes>) -> Result<NewTokens, Failure> {
    match answer.status() {
        StatusCode::OK => Ok(NewTokens::from_json(answer.body())?),
        status => Err(format!("the login was answered with {status}").into()),
    }
}

/// Until someone has to sign in again.
async fn ask_again_and_again(
    client: &Refresh<Http>,
    session: &ClientSession,
    options: &Options,
) -> Result<(), Failure> {
    let (mut last, mut number) = (String::new(), 0);
    loop {
        let request = Request::get(format!("{}/me", options.server)).body(Full::default())?;
        match client.clone().oneshot(request).await {
            Ok(answer) => {
                let left = session.status().expires_in.unwrap_or_default();
                if let Ok(token) = session.access_token().await
                    && token.expose() != last
                {
                    (last, number) = (token.expose().to_owned(), number + 1);
                }
                let status = answer.status();
                println!("{status}, and token {number} lives for {left:.1?}");
            }
            Err(error) if error.is_signed_out() => {
                let why = chain(&error);
                return Err(format!("{why}: start this program again to log in").into());
            }
            Err(error) => println!("{}", chain(&error)),
        }
        tokio::time::sleep(Duration::from_millis(options.pause)).await;
    }
}

/// An error and what caused it.
fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
