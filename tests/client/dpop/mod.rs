//! Sessions that are bound to a key, against a server that answers as it is told and keeps what it
//! was asked.

mod keys;
mod login;
mod proofs;

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_bearer::clock::{ManualClock, Timestamp};
use tower_bearer_client::{
    ClientError, ClientSession, ClientSessionBuilder, DpopLogin, MemoryTokenStore, NewTokens,
    RefreshLayer, TokenStore,
};

use crate::support::{API, Body, Http, REVOKE, TOKEN};

const LOGIN: &str = "https://id.example/login";
const NOW: i64 = 1_700_000_000;

/// A request as the server saw it.
#[derive(Debug)]
struct Seen {
    url: String,
    authorization: Option<String>,
    /// The header and the claims of the proof.
    proof: Option<(Value, Value)>,
}

impl Seen {
    fn of(request: &Request<Body>) -> Self {
        let header = |name: &str| {
            let value = request.headers().get(name)?;
            assert!(value.is_sensitive());
            Some(value.to_str().unwrap().to_owned())
        };
        let proof = header("dpop").map(|proof| {
            let parts: Vec<_> = proof.split('.').map(str::to_owned).collect();
            let read = |part: &str| {
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
            };
            (read(&parts[0]), read(&parts[1]))
        });
        Self {
            url: request.uri().to_string(),
            authorization: header("authorization"),
            proof,
        }
    }

    #[track_caller]
    fn claim(&self, name: &str) -> Value {
        self.proof.as_ref().unwrap().1[name].clone()
    }

    #[track_caller]
    fn key(&self) -> Value {
        self.proof.as_ref().unwrap().0["jwk"].clone()
    }
}

#[derive(Clone, Default)]
struct Server(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    answers: VecDeque<Response<Bytes>>,
    seen: Vec<Seen>,
}

impl Server {
    fn answer(&self, answers: impl IntoIterator<Item = Response<Bytes>>) {
        self.0.lock().unwrap().answers.extend(answers);
    }

    /// What it was asked since the last look. Nothing that it was told to say is left.
    #[track_caller]
    fn seen(&self) -> Vec<Seen> {
        let Script { answers, seen } = &mut *self.0.lock().unwrap();
        assert!(answers.is_empty(), "it was not asked for {answers:?}");
        std::mem::take(seen)
    }

    /// Answers with 200 what it was not told an answer for.
    fn http(&self) -> Http {
        let server = self.clone();
        BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
            let Script { answers, seen } = &mut *server.0.lock().unwrap();
            seen.push(Seen::of(&request));
            let answer = answers.pop_front().unwrap_or_default();
            std::future::ready(Ok::<_, io::Error>(answer.map(Full::new)))
        }))
    }
}

fn says(status: u16, headers: &[(&str, &str)], body: &Value) -> Response<Bytes> {
    let mut response = Response::builder().status(status);
    response = response.header("content-type", "application/json");
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.to_string().into()).unwrap()
}

fn tokens(token_type: &str, number: u32) -> Value {
    json!({
        "access_token": format!("access-{number}"),
        "token_type": token_type,
        "expires_in": 600,
        "refresh_token": format!("refresh-{number}"),
    })
}

/// What a login brings.
fn brought(token_type: &str) -> NewTokens {
    NewTokens::from_json(tokens(token_type, 0).to_string().as_bytes()).unwrap()
}

fn challenge(error: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    let challenge = format!(r#"DPoP algs="ES256", error="{error}""#);
    let mut all = vec![("www-authenticate", challenge.as_str())];
    all.extend(headers);
    says(401, &all, &Value::Null)
}

fn refusal(error: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    says(400, headers, &json!({ "error": error }))
}

struct World {
    server: Server,
    clock: ManualClock,
    store: MemoryTokenStore,
    session: ClientSession,
}

impl World {
    fn with(configure: impl FnOnce(ClientSessionBuilder) -> ClientSessionBuilder) -> Self {
        let (server, store) = (Server::default(), MemoryTokenStore::new());
        let clock = ManualClock::new(Timestamp::from_secs(NOW));
        let session = start(&server, &store, &clock, configure);
        Self {
            server,
            clock,
            store,
            session,
        }
    }

    /// Signed in with tokens that are bound.
    async fn new() -> Self {
        let world = Self::with(ClientSessionBuilder::dpop);
        world.sign_in("DPoP").await.unwrap();
        world
    }

    async fn sign_in(&self, token_type: &str) -> Result<(), ClientError> {
        let login = self.session.dpop_login().unwrap();
        login.sign_in(brought(token_type)).await
    }

    async fn send(&self, login: &mut DpopLogin) -> Response<Bytes> {
        let uri = Uri::from_static(LOGIN);
        let proof = login.proof(&Method::POST, &uri).unwrap();
        let request = Request::post(uri).header("dpop", proof);
        let answer = self
            .server
            .http()
            .oneshot(request.body(Body::default()).unwrap());
        let (head, body) = answer.await.unwrap().into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    fn layer(&self) -> RefreshLayer {
        RefreshLayer::new(&self.session, API.parse().unwrap())
    }

    async fn get(&self, path: &str) -> u16 {
        let client = self.layer().layer(self.server.http());
        let request = Request::get(format!("{API}{path}")).body(Body::default());
        let answer = client.oneshot(request.unwrap()).await.unwrap();
        answer.status().as_u16()
    }

    async fn refresh(&self) -> Result<String, ClientError> {
        let token = self.session.access_token().await?;
        let token = self.session.access_token_after(&token).await?;
        Ok(token.expose().to_owned())
    }

    async fn kept(&self) -> Value {
        let kept = self.store.load().await.unwrap().unwrap();
        serde_json::to_value(kept).unwrap()
    }
}

fn start(
    server: &Server,
    store: &MemoryTokenStore,
    clock: &ManualClock,
    configure: impl FnOnce(ClientSessionBuilder) -> ClientSessionBuilder,
) -> ClientSession {
    let builder = ClientSession::builder(TOKEN, server.http());
    let builder = builder.revocation_endpoint(REVOKE).clock(clock.clone());
    configure(builder.store(store.clone())).build().unwrap()
}

fn ath(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}
