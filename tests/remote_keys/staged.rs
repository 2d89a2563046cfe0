//! An HTTP client that plays the issuer itself, and a clock that goes with tokio's, so that a day takes no
//! time.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, request::Parts};
use http_body_util::Full;
use tests_shared::{
    issuer::{Signer, key_set},
    tokens::AUDIENCE,
};
use tokio::time::Instant;
use tower::Service;
use tower_bearer::{
    Verifier,
    clock::{Clock, Timestamp},
    error::BoxError,
    remote::{RemoteKeys, RemoteKeysBuilder},
};

pub(crate) const ISSUER: &str = "https://id.example";

#[derive(Clone)]
pub(crate) enum Scene {
    /// The status, the body, and headers.
    Answer(u16, String, Vec<(&'static str, &'static str)>),
    /// An answer after this time.
    Late(Duration, Box<Scene>),
    Broken,
    Hang,
    Panic,
}

impl Scene {
    pub(crate) fn keys(signers: &[&Signer]) -> Self {
        Self::Answer(200, key_set(signers).to_string(), Vec::new())
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, String::new(), Vec::new())
    }

    pub(crate) fn with(self, name: &'static str, value: &'static str) -> Self {
        match self {
            Self::Answer(status, body, mut headers) => {
                headers.push((name, value));
                Self::Answer(status, body, headers)
            }
            other => other,
        }
    }

    pub(crate) fn late(self, by: Duration) -> Self {
        Self::Late(by, Box::new(self))
    }
}

#[derive(Clone)]
pub(crate) struct Staged(Arc<Inner>);

struct Inner {
    began: Instant,
    scene: Mutex<Scene>,
    /// Paths that have a scene of their own.
    paths: Mutex<HashMap<String, Scene>>,
    asked: Mutex<Vec<(Duration, Parts)>>,
}

impl Staged {
    pub(crate) fn new(scene: Scene) -> Self {
        Self(Arc::new(Inner {
            began: Instant::now(),
            scene: Mutex::new(scene),
            paths: Mutex::default(),
            asked: Mutex::new(Vec::new()),
        }))
    }

    pub(crate) fn play(&self, scene: Scene) {
        *self.0.scene.lock().unwrap() = scene;
    }

    pub(crate) fn at(&self, path: &str, scene: Scene) {
        self.0.paths.lock().unwrap().insert(path.to_owned(), scene);
    }

    /// The seconds at which it was asked.
    pub(crate) fn asked(&self) -> Vec<u64> {
        let asked = self.0.asked.lock().unwrap();
        asked.iter().map(|(at, _)| at.as_secs()).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.asked.lock().unwrap().len()
    }

    /// A header of the last request.
    pub(crate) fn header(&self, name: &str) -> Option<HeaderValue> {
        let asked = self.0.asked.lock().unwrap();
        asked.last().unwrap().1.headers.get(name).cloned()
    }

    /// The address of the last request.
    pub(crate) fn uri(&self) -> String {
        let asked = self.0.asked.lock().unwrap();
        asked.last().unwrap().1.uri.to_string()
    }

    /// Keys at an address that this plays, with a clock that goes with tokio's.
    pub(crate) fn keys(&self) -> RemoteKeysBuilder {
        RemoteKeys::at(format!("{ISSUER}/keys"), self.clone()).clock(Going(self.0.began))
    }

    pub(crate) fn verifier(&self, keys: &RemoteKeys) -> Verifier {
        let verifier = Verifier::new(ISSUER, AUDIENCE, keys.clone()).unwrap();
        verifier.clock(Going(self.0.began))
    }

    /// A token that is issued now.
    pub(crate) fn token(&self, signer: &Signer) -> String {
        signer.token_of(Going(self.0.began).now())
    }
}

/// A clock that goes with tokio's.
struct Going(Instant);

impl Clock for Going {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_700_000_000) + self.0.elapsed()
    }
}

impl Service<Request<Bytes>> for Staged {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let asked = (self.0.began.elapsed(), request.into_parts().0);
        let scene = self
            .0
            .paths
            .lock()
            .unwrap()
            .get(asked.1.uri.path())
            .cloned();
        self.0.asked.lock().unwrap().push(asked);
        Box::pin(play(
            scene.unwrap_or_else(|| self.0.scene.lock().unwrap().clone()),
        ))
    }
}

async fn play(mut scene: Scene) -> Result<Response<Full<Bytes>>, BoxError> {
    loop {
        match scene {
            Scene::Answer(status, body, headers) => {
                let mut answer = Response::builder().status(status);
                for (name, value) in headers {
                    answer = answer.header(name, value);
                }
                return Ok(answer.body(body.into())?);
            }
            Scene::Late(by, then) => {
                tokio::time::sleep(by).await;
                scene = *then;
            }
            Scene::Broken => return Err("the connection broke".into()),
            Scene::Hang => return std::future::pending().await,
            Scene::Panic => panic!("the client of the application panics"),
        }
    }
}
