//! A stream of gRPC ends with the session whose token has opened it.

use std::{net::SocketAddr, time::Duration};

use tests_shared::tokens::{AUDIENCE, ISSUER};
use tokio::time::timeout;
use tonic::{Code, Request, Streaming, client::Grpc, transport::Endpoint};
use tower_bearer::{
    AccessToken, Algorithm, Issuer, KeySet, SigningKey, Verifier,
    bearer::BearerLayer,
    session::{Grant, RefreshKey, Sessions},
    store::MemoryStore,
};

use crate::server::{ENDLESS, FOLLOW, Hello, Text, serve};

/// Sessions, a verifier of their tokens, and a service behind both.
async fn served() -> (Sessions, Verifier, SocketAddr) {
    let keys = KeySet::new(SigningKey::from_secret(Algorithm::HS256, [5; 32]).unwrap());
    let verifier = Verifier::new(ISSUER, AUDIENCE, keys.verifying()).unwrap();
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys).unwrap();
    let refresh_key = RefreshKey::from_secret([7; 32]).unwrap();
    let sessions = Sessions::builder(issuer, refresh_key, MemoryStore::new());
    let sessions = sessions.build().unwrap();
    let layer = BearerLayer::new(verifier.clone()).sessions(&sessions);
    let addr = serve(
        layer,
        Hello {
            sessions: Some(sessions.clone()),
        },
    )
    .await;
    (sessions, verifier, addr)
}

async fn follow(addr: SocketAddr, token: &AccessToken, what: &str) -> Streaming<String> {
    let channel = Endpoint::from_shared(format!("http://{addr}")).unwrap();
    let mut client = Grpc::new(channel.connect().await.unwrap());
    client.ready().await.unwrap();
    let mut request = Request::new(what.to_owned());
    let bearer = format!("Bearer {}", token.expose());
    request
        .metadata_mut()
        .insert("authorization", bearer.parse().unwrap());
    let answer = client
        .server_streaming(request, FOLLOW.parse().unwrap(), Text)
        .await;
    let mut news = answer.unwrap().into_inner();
    assert_eq!(news.message().await.unwrap().as_deref(), Some("one"));
    news
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let (sessions, verifier, addr) = served().await;
    let login = sessions.start(Grant::new("anna")).await.unwrap();
    let mut news = follow(addr, &login.access_token, ENDLESS).await;
    let claims = verifier.verify(login.access_token.expose()).unwrap();
    let sid = claims.claims().session_id().unwrap();
    assert!(sessions.end(sid, "anna").await.unwrap());
    let end = timeout(Duration::from_secs(60), news.message())
        .await
        .unwrap();
    let status = end.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unauthenticated, "Ended")
    );
}

#[tokio::test]
async fn a_stream_that_ends_by_itself_ends_well() {
    let (sessions, _, addr) = served().await;
    let login = sessions.start(Grant::new("anna")).await.unwrap();
    let mut news = follow(addr, &login.access_token, "a little").await;
    let end = timeout(Duration::from_secs(60), news.message())
        .await
        .unwrap();
    assert_eq!(end.unwrap(), None);
}
