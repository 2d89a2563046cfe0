//! The layer on bare hyper, as bytes on a connection.

use std::convert::Infallible;

use http::{Request, Response};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tests_shared::tokens::Tokens;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceBuilder;
use tower_bearer::{VerifiedToken, bearer::BearerLayer};

async fn who(request: Request<hyper::body::Incoming>) -> Result<Response<String>, Infallible> {
    let token = request.extensions().get::<VerifiedToken>().unwrap();
    Ok(Response::new(token.claims().sub.clone()))
}

/// What the server says to these header lines.
async fn exchange(tokens: &Tokens, method: &str, lines: &str) -> String {
    let layer = BearerLayer::new(tokens.verifier.clone());
    let service = TowerToHyperService::new(ServiceBuilder::new().layer(layer).service_fn(who));
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service);
    let talk = async {
        let request = format!("{method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let (served, answer) = tokio::join!(connection, talk);
    served.unwrap();
    answer
}

#[tokio::test]
async fn accepts_and_refuses() {
    let tokens = Tokens::new();
    // Space around the value is the server's to trim (RFC 9110 §5.5).
    let good = format!("AUTHORIZATION:   bearer {} \r\n", tokens.plain());
    let answer = exchange(&tokens, "GET", &good).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("alice"),
        "{answer}"
    );

    let answer = exchange(&tokens, "GET", "").await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(
        answer.contains("www-authenticate: Bearer realm=\"api\"\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn head_says_the_length_of_a_get() {
    let tokens = Tokens::new();
    let get = exchange(&tokens, "GET", "").await;
    let head = exchange(&tokens, "HEAD", "").await;
    let (_, body) = get.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains(&format!("content-length: {}\r\n", body.len())),
        "{head}"
    );
    assert!(head.ends_with("\r\n\r\n"), "{head}");
}
