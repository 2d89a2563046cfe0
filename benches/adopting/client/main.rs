//! The README's client: it keeps its tokens in a file and stays signed in.

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{ServiceBuilder, ServiceExt};
use tower_bearer_client::{ClientSession, FileTokenStore, NewTokens, RefreshLayer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let http = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let session = ClientSession::builder("http://127.0.0.1:3000/auth/token", http.clone())
        .store(FileTokenStore::new("tokens.json"))
        .build()?;
    session
        .sign_in(NewTokens::from_json(&std::fs::read("login.json")?)?)
        .await?;

    let client = ServiceBuilder::new()
        .layer(RefreshLayer::new(
            &session,
            "http://127.0.0.1:3000".parse()?,
        ))
        .service(http);
    let request = http::Request::get("http://127.0.0.1:3000/me").body(Full::default())?;
    println!("{}", client.oneshot(request).await?.status());
    session.settle().await?;
    Ok(())
}
