//! Both sides of this crate: a server with sessions, and an API that asks it about every token.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpListener, task::JoinHandle};
use tower::{Layer, service_fn};
use tower_bearer::{
    Algorithm, Issuer, KeySet, Scope, SigningKey, Verifier,
    endpoint::{ClientSecret, EndpointOptions, Endpoints},
    error::TokenError,
    introspection::{ClientAuthentication, Introspection, IntrospectionBuilder},
    session::{Grant, RefreshKey, Sessions},
    store::MemoryStore,
};

use crate::support::{AUDIENCE, ISSUER, SECOND, http};

struct Site {
    addr: SocketAddr,
    sessions: Sessions,
    keys: KeySet,
    task: JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn site() -> Site {
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys.clone()).unwrap();
    let refresh_key = RefreshKey::from_secret([7; 32]).unwrap();
    let sessions = Sessions::builder(issuer, refresh_key, MemoryStore::new())
        .build()
        .unwrap();
    let options = EndpointOptions::new()
        .authenticate_client(async |id, secret: ClientSecret| {
            ["orders", "app"].contains(&&*id) && secret.matches("s: %+&")
        })
        .resource_server("orders", AUDIENCE)
        .authenticate_resource_server(async |token| {
            let audience = (token.expose() == "of-orders").then(|| AUDIENCE.to_owned());
            Ok::<_, Infallible>(audience)
        });
    let endpoints = Endpoints::new(&sessions).under("/auth").options(options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let nothing = service_fn(async |_: Request<Incoming>| {
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
            });
            let service = TowerToHyperService::new(endpoints.layer(nothing));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Site {
        addr,
        sessions,
        keys,
        task,
    }
}

impl Site {
    fn builder(&self, client: ClientAuthentication) -> IntrospectionBuilder {
        let endpoint = format!("http://{}/auth/introspect", self.addr);
        Introspection::new(endpoint, client, http())
            .danger_allow_plain_http()
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .max_age(Duration::ZERO)
            .timeout(SECOND * 60)
    }
}

fn verifier(builder: IntrospectionBuilder) -> Verifier {
    Verifier::introspecting(builder.build().unwrap())
}

#[tokio::test]
async fn an_api_learns_of_a_logout_at_once() {
    let site = site().await;
    let ways: [fn() -> ClientAuthentication; 3] = [
        || ClientAuthentication::basic("orders", "s: %+&"),
        || ClientAuthentication::post("orders", "s: %+&"),
        || ClientAuthentication::bearer("of-orders"),
    ];
    for way in ways {
        let keys = site.keys.verifying();
        for builder in [
            site.builder(way()),
            site.builder(way()).signed_by(keys.clone()).require_signed(),
        ] {
            let verifier = verifier(builder);
            let grant = Grant::new("alice").scope(Scope::from_static("read"));
            let login = site.sessions.start(grant).await.unwrap();
            let token = login.access_token.expose();
            let verified = verifier.authenticate(token).await.unwrap();
            assert_eq!(verified.claims().sub, "alice");
            assert_eq!(verified.claims().scope.to_string(), "read");
            assert_eq!(verified.claims().client_id.as_deref(), Some(ISSUER));
            let local = Verifier::new(ISSUER, AUDIENCE, keys.clone()).unwrap();
            let (by_ours, by_theirs) = (local.verify(token).unwrap(), verified);
            assert_eq!(by_ours.claims().sid, by_theirs.claims().sid);
            assert_eq!(by_ours.claims().jti, by_theirs.claims().jti);
            assert_eq!(by_ours.claims().exp, by_theirs.claims().exp);
            assert_eq!(by_theirs.claims().generation, None);

            assert_eq!(site.sessions.end_all("alice").await.unwrap(), 1);
            let ended = verifier.authenticate(token).await.map(|_| ());
            assert_eq!(ended, Err(TokenError::Inactive));
            assert!(
                local.verify(token).is_ok(),
                "its signature tells nothing of that"
            );
        }
    }
}

/// A client that is an API too may ask about its refresh tokens, and they open no door.
#[tokio::test]
async fn a_refresh_token_is_no_access_token() {
    let site = site().await;
    let grant = Grant::new("alice").client_id("app");
    let login = site.sessions.start(grant).await.unwrap();
    for client in ["app", "orders"] {
        let client = ClientAuthentication::basic(client, "s: %+&");
        let verifier = verifier(site.builder(client));
        let refresh = verifier.authenticate(login.refresh_token.expose()).await;
        assert!(refresh.is_err());
        let access = verifier.authenticate(login.access_token.expose()).await;
        assert_eq!(access.unwrap().claims().client_id.as_deref(), Some("app"));
    }
}

#[tokio::test]
async fn wrong_credentials_of_the_api_are_no_verdict_on_a_token() {
    let site = site().await;
    let login = site.sessions.start(Grant::new("alice")).await.unwrap();
    for client in [
        ClientAuthentication::basic("orders", "wrong"),
        ClientAuthentication::post("orders", "wrong"),
        ClientAuthentication::bearer("wrong"),
        ClientAuthentication::bearer(login.access_token.expose()),
    ] {
        let verifier = verifier(site.builder(client));
        let verdict = verifier.authenticate(login.access_token.expose()).await;
        assert_eq!(verdict.map(|_| ()), Err(TokenError::Unavailable));
    }
}
