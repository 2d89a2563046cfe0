//! The client layer as a client of a server.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use tower::Service;
use tower_bearer::AccessToken;
use tower_bearer_client::{ClientSession, NewTokens};

use crate::server::Login;

/// A client that is signed in.
pub(crate) struct Client {
    session: ClientSession,
    http: Http,
}

impl Client {
    pub(crate) async fn new(login: &Login) -> Self {
        let http = Http::new();
        let (id, secret) = &login.client;
        let session = ClientSession::builder(&login.token_endpoint, http.clone())
            .client_id(id)
            .client_secret(secret)
            .build()
            .unwrap();
        let tokens = NewTokens::from_refresh_token(&login.refresh_token);
        session.sign_in(tokens).await.unwrap();
        Self { session, http }
    }

    pub(crate) async fn token(&self) -> AccessToken {
        self.session.access_token().await.unwrap()
    }

    /// The token of one more refresh.
    pub(crate) async fn token_after(&self, token: &AccessToken) -> AccessToken {
        self.session.access_token_after(token).await.unwrap()
    }

    /// The ID token that came with the last access token.
    pub(crate) fn id_token(&self) -> Option<String> {
        let answer: Value = serde_json::from_slice(&self.http.last.lock().unwrap()).unwrap();
        Some(answer.get("id_token")?.as_str()?.to_owned())
    }
}

/// Which key has signed a token.
pub(crate) fn kid(token: &AccessToken) -> Value {
    let header = token.expose().split('.').next().unwrap();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].clone()
}

/// An HTTP client that keeps the last answer.
#[derive(Clone)]
struct Http {
    client: legacy::Client<HttpConnector, Full<Bytes>>,
    last: Arc<Mutex<Bytes>>,
}

impl Http {
    fn new() -> Self {
        Self {
            client: legacy::Client::builder(TokioExecutor::new()).build_http(),
            last: Arc::default(),
        }
    }
}

impl Service<Request<Full<Bytes>>> for Http {
    type Response = Response<Full<Bytes>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let answer = self.client.request(request);
        let last = Arc::clone(&self.last);
        Box::pin(async move {
            let (head, body) = answer.await.map_err(io::Error::other)?.into_parts();
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            last.lock().unwrap().clone_from(&body);
            Ok(Response::from_parts(head, Full::from(body)))
        })
    }
}
