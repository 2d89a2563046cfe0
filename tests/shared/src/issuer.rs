//! An authorization server on loopback that publishes keys, and plays each fault that one may have. It
//! counts what it is asked.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use hyper::{
    body::{Body, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey,
    clock::{Clock, SystemClock, Timestamp},
};

use crate::tokens::AUDIENCE;

pub const METADATA: &str = "/.well-known/openid-configuration";
pub const KEYS: &str = "/keys";
const LIFETIME: Duration = Duration::from_secs(300);

/// What the server answers at a path.
#[derive(Clone, Debug)]
pub enum Play {
    /// The status, the content type and the body.
    Text(u16, &'static str, String),
    /// A redirect to this address.
    Redirect(String),
    /// A body of so many bytes, whose length is told before or not.
    Huge { bytes: usize, told: bool },
    /// One byte a second.
    Trickle,
    /// No answer.
    Never,
    /// The connection is closed instead of an answer.
    Cut,
}

impl Play {
    pub fn json(body: impl ToString) -> Self {
        Self::Text(200, "application/json", body.to_string())
    }

    pub fn html() -> Self {
        Self::Text(
            200,
            "text/html",
            "<!doctype html><title>Sign in</title>".to_owned(),
        )
    }

    pub fn status(status: u16) -> Self {
        Self::Text(status, "text/plain", "no".to_owned())
    }
}

/// The server. It stops when it is dropped.
pub struct IssuerServer {
    address: SocketAddr,
    stage: Arc<Stage>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Stage {
    plays: Mutex<HashMap<String, Play>>,
    headers: Mutex<Vec<(HeaderName, HeaderValue)>>,
    asked: Mutex<HashMap<String, usize>>,
    /// The last request of all.
    last: Mutex<Option<http::request::Parts>>,
}

impl IssuerServer {
    /// A server whose metadata is right, and that has no keys yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stage = Arc::new(Stage::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, Arc::clone(&stage)));
        let server = Self {
            address,
            stage,
            _tasks: tasks,
        };
        server.play(METADATA, Play::json(server.metadata()));
        server.play(KEYS, Play::json(json!({ "keys": [] })));
        server
    }

    /// Its name as an issuer.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn jwks_uri(&self) -> String {
        format!("{}{KEYS}", self.url())
    }

    /// Right metadata.
    pub fn metadata(&self) -> Value {
        json!({ "issuer": self.url(), "jwks_uri": self.jwks_uri() })
    }

    /// What is answered at this path from now on.
    pub fn play(&self, path: &str, play: Play) {
        self.stage
            .plays
            .lock()
            .unwrap()
            .insert(path.to_owned(), play);
    }

    /// Publishes the keys of these.
    pub fn publish(&self, signers: &[&Signer]) {
        self.play(KEYS, Play::json(key_set(signers)));
    }

    /// The headers of all answers from now on. With an `etag`, requests that know it get a 304.
    pub fn headers(&self, headers: &[(&'static str, &'static str)]) {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        *self.stage.headers.lock().unwrap() = headers.collect();
    }

    /// How often this path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.stage
            .asked
            .lock()
            .unwrap()
            .get(path)
            .copied()
            .unwrap_or_default()
    }

    /// How many requests came in all.
    pub fn asked_in_all(&self) -> usize {
        self.stage.asked.lock().unwrap().values().sum()
    }

    /// The last request.
    pub fn last(&self) -> http::request::Parts {
        self.stage.last.lock().unwrap().clone().unwrap()
    }

    /// A key of this issuer that is not published yet.
    pub fn signer(&self) -> Signer {
        Signer::new(&self.url())
    }
}

/// The JWK Set of these.
pub fn key_set(signers: &[&Signer]) -> Value {
    let keys = signers.iter().flat_map(|signer| signer.jwks());
    json!({ "keys": keys.collect::<Vec<_>>() })
}

/// A key of an issuer, and what is signed with it.
pub struct Signer(Issuer, SigningKey);

impl Signer {
    pub fn new(issuer: &str) -> Self {
        let key = SigningKey::generate(Algorithm::ES256).unwrap();
        let issuer = Issuer::new(issuer, AUDIENCE, KeySet::new(key.clone())).unwrap();
        Self(issuer, key)
    }

    /// The public keys.
    pub fn jwks(&self) -> Vec<Value> {
        let mut set: Value = serde_json::from_str(&self.0.keys().verifying().jwks()).unwrap();
        set["keys"].as_array_mut().unwrap().drain(..).collect()
    }

    /// A good token that was issued just now.
    pub fn token(&self) -> String {
        self.token_of(SystemClock.now())
    }

    /// A good token whose header names the key so.
    pub fn token_named(&self, kid: &str) -> String {
        self.token_named_of(kid, SystemClock.now())
    }

    /// The same, which was issued at this time.
    pub fn token_named_of(&self, kid: &str, issued_at: Timestamp) -> String {
        let key = self.1.clone().with_kid(kid).unwrap();
        let named = Issuer::new(self.0.issuer(), AUDIENCE, KeySet::new(key)).unwrap();
        let claims = named.claims("alice", issued_at, LIFETIME);
        named.sign(&claims).unwrap().expose().to_owned()
    }

    /// A token that was issued at this time, and is good for 5 minutes.
    pub fn token_of(&self, issued_at: Timestamp) -> String {
        let claims = self.0.claims("alice", issued_at, LIFETIME);
        self.0.sign(&claims).unwrap().expose().to_owned()
    }
}

async fn serve(listener: TcpListener, stage: Arc<Stage>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let stage = Arc::clone(&stage);
        connections.spawn(async move {
            let answer = service_fn(move |request| answer(Arc::clone(&stage), request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // Clients hang up in many of the tests.
            let _ = connection.await;
        });
    }
}

type AnyBody = UnsyncBoxBody<Bytes, Infallible>;

async fn answer(stage: Arc<Stage>, request: Request<Incoming>) -> io::Result<Response<AnyBody>> {
    let path = request.uri().path().to_owned();
    *stage.asked.lock().unwrap().entry(path.clone()).or_default() += 1;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    *stage.last.lock().unwrap() = Some(request.into_parts().0);
    let play = stage.plays.lock().unwrap().get(&path).cloned();
    let mut answer = played(play.unwrap_or(Play::status(404))).await?;
    for (name, value) in stage.headers.lock().unwrap().iter() {
        answer.headers_mut().insert(name.clone(), value.clone());
    }
    let etag = answer.headers().get(header::ETAG);
    if etag.is_some() && etag == known.as_ref() {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        *answer.body_mut() = Empty::new().boxed_unsync();
    }
    Ok(answer)
}

async fn played(play: Play) -> io::Result<Response<AnyBody>> {
    let mut answer = Response::new(Empty::new().boxed_unsync());
    let headers = answer.headers_mut();
    match play {
        Play::Text(status, content_type, text) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            *answer.body_mut() = Full::new(Bytes::from(text)).boxed_unsync();
        }
        Play::Redirect(to) => {
            headers.insert(header::LOCATION, to.parse().unwrap());
            *answer.status_mut() = StatusCode::FOUND;
        }
        Play::Huge { bytes, told } => {
            if told {
                headers.insert(header::CONTENT_LENGTH, bytes.into());
            }
            *answer.body_mut() = Long { left: bytes }.boxed_unsync();
        }
        Play::Trickle => *answer.body_mut() = Slow::default().boxed_unsync(),
        Play::Never => std::future::pending().await,
        Play::Cut => return Err(io::ErrorKind::ConnectionReset.into()),
    }
    Ok(answer)
}

/// Spaces, which JSON may have as many of as it likes.
struct Long {
    left: usize,
}

impl Body for Long {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static SPACES: [u8; 64 * 1024] = [b' '; 64 * 1024];
        let next = self.left.min(SPACES.len());
        self.left -= next;
        let frame = || Ok(Frame::data(Bytes::from_static(&SPACES[..next])));
        Poll::Ready((next > 0).then(frame))
    }
}

#[derive(Default)]
struct Slow(Option<Pin<Box<tokio::time::Sleep>>>);

impl Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let second = || Box::pin(tokio::time::sleep(Duration::from_secs(1)));
        let sleep = self.0.get_or_insert_with(second);
        std::task::ready!(sleep.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))))
    }
}
