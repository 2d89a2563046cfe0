//! Stands between the server and a client that cannot sign in, and adds the token to each request.

use std::net::SocketAddr;

use axum::{Router, body::Body, extract::Request, response::Response};
use http::{StatusCode, Uri, uri::PathAndQuery};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;

/// A place on loopback that is taken before the server starts, which has to know its public address.
pub(crate) struct Place(TcpListener);

impl Place {
    pub(crate) async fn take() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a free port"))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().expect("an address"))
    }

    /// Passes requests on, as long as the runtime lives.
    pub(crate) fn pass_on(self, server: SocketAddr, token: &str) {
        let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
        let authorization: http::HeaderValue = format!("Bearer {token}").parse().expect("a token");
        let pass = move |mut request: Request| {
            let client = client.clone();
            let path = request
                .uri()
                .path_and_query()
                .map_or("/", PathAndQuery::as_str);
            let uri: Uri = format!("http://{server}{path}").parse().expect("a URI");
            *request.uri_mut() = uri;
            request
                .headers_mut()
                .insert("authorization", authorization.clone());
            async move {
                match client.request(request).await {
                    Ok(answer) => answer.map(Body::new),
                    Err(_) => {
                        let mut answer = Response::new(Body::empty());
                        *answer.status_mut() = StatusCode::BAD_GATEWAY;
                        answer
                    }
                }
            }
        };
        tokio::spawn(axum::serve(self.0, Router::new().fallback(pass)).into_future());
    }
}
