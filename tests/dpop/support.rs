use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tests_shared::{
    client::payload,
    proofs::{Proof, ProofKey},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::{
    Algorithm, Claims, Issuer, KeySet, SigningKey, TokenResponse, Verifier,
    bearer::BearerLayer,
    clock::{Clock, ManualClock, SystemClock},
    dpop::DpopVerifier,
    endpoint::{EndpointOptions, Endpoints},
    session::{Grant, Record, RefreshKey, SessionEventKind, Sessions},
    store::{MemoryStore, SessionStore},
};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const API: &str = "https://api.example";
pub(crate) const ME: &str = "https://api.example/me";
pub(crate) const TOKEN: &str = "https://api.example/token";
pub(crate) const REVOKE: &str = "https://api.example/revoke";

/// Sessions in memory, a verifier of proofs, and the one clock of all.
pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) issuer: Issuer,
    pub(crate) sessions: Sessions<MemoryStore>,
    pub(crate) verifier: Verifier,
    pub(crate) dpop: DpopVerifier,
    pub(crate) events: Arc<std::sync::Mutex<Vec<SessionEventKind>>>,
}

pub(crate) fn world() -> World {
    let clock = ManualClock::new(SystemClock.now().floor());
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).unwrap());
    let issuer = Issuer::new(ISSUER, API, keys.clone()).unwrap();
    let events = Arc::<std::sync::Mutex<Vec<_>>>::default();
    let told = events.clone();
    let store = MemoryStore::with_clock(clock.clone());
    let refresh_key = RefreshKey::from_secret([7; 32]).unwrap();
    let sessions = tower_bearer::session::SessionsBuilder::new(issuer.clone(), refresh_key, store)
        .on_event(move |event| told.lock().unwrap().push(event.kind))
        .build()
        .unwrap();
    World {
        issuer,
        sessions,
        verifier: Verifier::new(ISSUER, API, keys.verifying())
            .unwrap()
            .clock(clock.clone()),
        dpop: DpopVerifier::new(API).unwrap().clock(clock.clone()),
        clock,
        events,
    }
}

impl World {
    /// The same world with another verifier of proofs, which has the world's clock.
    pub(crate) fn with(mut self, change: impl FnOnce(DpopVerifier) -> DpopVerifier) -> Self {
        self.dpop = change(self.dpop);
        self
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_secs()
    }

    pub(crate) fn later(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    pub(crate) fn layer(&self) -> BearerLayer {
        BearerLayer::new(self.verifier.clone())
            .sessions(&self.sessions)
            .dpop(&self.dpop)
    }

    pub(crate) fn options(&self) -> EndpointOptions {
        EndpointOptions::new().dpop(&self.dpop)
    }

    /// Anna logs in and binds her session to `key`.
    pub(crate) async fn bound(&self, key: &ProofKey) -> TokenResponse {
        let proof = self.proof(key, "POST", "https://api.example/login");
        let request = Request::post("/login").header("dpop", proof.sign());
        let proof = self.dpop.verify(&request.body(()).unwrap()).unwrap();
        let grant = Grant::new("anna").scope("read".parse().unwrap());
        let grant = grant.client_id("app").bound_to(proof.unwrap());
        self.sessions.start(grant).await.unwrap()
    }

    /// Anna logs in without a key.
    pub(crate) async fn unbound(&self) -> TokenResponse {
        let grant = Grant::new("anna").scope("read".parse().unwrap());
        self.sessions.start(grant.client_id("app")).await.unwrap()
    }

    /// A proof that is made at the time of this world.
    pub(crate) fn proof<'a>(&self, key: &'a ProofKey, method: &str, url: &str) -> Proof<'a> {
        key.proof(method, url).at(self.now())
    }

    /// A proof for `GET /me` with this token.
    pub(crate) fn for_me<'a>(&self, key: &'a ProofKey, token: &str) -> Proof<'a> {
        self.proof(key, "GET", ME).token(token)
    }

    /// A request to the layer.
    pub(crate) async fn ask(&self, layer: BearerLayer, request: Request<Full<Bytes>>) -> Answer {
        let seen = Arc::new(AtomicUsize::new(0));
        let inner = {
            let seen = seen.clone();
            service_fn(move |request: Request<Full<Bytes>>| {
                seen.fetch_add(1, Ordering::Relaxed);
                let token = request.extensions().get::<tower_bearer::VerifiedToken>();
                let sub = token.map(|token| token.claims().sub.clone());
                async move { Ok::<_, Infallible>(Response::new(Full::from(sub.unwrap_or_default()))) }
            })
        };
        let answer = Answer::of(layer.layer(inner).oneshot(request).await.unwrap()).await;
        let was_inside = seen.load(Ordering::Relaxed) == 1;
        assert_eq!(answer.status == StatusCode::OK, was_inside, "{answer:?}");
        answer
    }

    /// `GET /me` by the scheme DPoP.
    pub(crate) async fn me(&self, token: &str, proof: &str) -> Answer {
        self.ask(self.layer(), me(token, proof)).await
    }

    /// The same with a new proof of this key.
    pub(crate) async fn me_by(&self, token: &str, key: &ProofKey) -> Answer {
        self.me(token, &self.for_me(key, token).sign()).await
    }

    /// A request to the endpoints, which are at the root.
    pub(crate) async fn post(&self, path: &str, body: &str, proofs: &[&str]) -> Answer {
        let mut request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::<Bytes>::from(body.to_owned()))
            .unwrap();
        for proof in proofs {
            let proof = HeaderValue::from_str(proof).unwrap();
            request.headers_mut().append("dpop", proof);
        }
        let endpoints = Endpoints::new(&self.sessions).options(self.options());
        let nothing = service_fn(async |_: Request<Full<Bytes>>| -> Result<_, Infallible> {
            panic!("no endpoint is there");
            #[allow(unreachable_code, reason = "it tells the type")]
            Ok(Response::new(Full::<Bytes>::default()))
        });
        Answer::of(endpoints.layer(nothing).oneshot(request).await.unwrap()).await
    }

    pub(crate) async fn refresh(&self, tokens: &TokenResponse, proofs: &[&str]) -> Answer {
        let token = tokens.refresh_token.expose();
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        self.post("/token", &form, proofs).await
    }

    /// A refresh with a right proof.
    pub(crate) async fn refresh_by(&self, tokens: &TokenResponse, key: &ProofKey) -> Answer {
        let proof = self.proof(key, "POST", TOKEN).sign();
        self.refresh(tokens, &[&proof]).await
    }

    /// The row of the tokens' session.
    pub(crate) async fn row(&self, tokens: &TokenResponse) -> Record {
        let claims = payload(tokens.access_token.expose());
        let id = claims["sid"].as_str().unwrap().parse().unwrap();
        let loaded = self.sessions.store().load(id);
        loaded.await.unwrap().record.unwrap()
    }

    /// The claims of an access token.
    pub(crate) fn claims(&self, token: &str) -> Claims {
        let verified = self.verifier.verify_at(token, self.clock.now()).unwrap();
        verified.claims().clone()
    }
}

/// `GET /me` with this token by the scheme DPoP, and this proof.
pub(crate) fn me(token: &str, proof: &str) -> Request<Full<Bytes>> {
    Request::get("/me")
        .header("authorization", format!("DPoP {token}"))
        .header("dpop", proof)
        .body(Full::default())
        .unwrap()
}

/// `GET /me` with this token by itself.
pub(crate) fn bearer(token: &str) -> Request<Full<Bytes>> {
    Request::get("/me")
        .header("authorization", format!("Bearer {token}"))
        .body(Full::default())
        .unwrap()
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn of<B: http_body::Body<Data = Bytes>>(response: Response<B>) -> Self {
        let (head, body) = response.into_parts();
        let Ok(body) = body.collect().await else {
            panic!("the body broke off")
        };
        Self {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
        }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn ok(&self) -> &Self {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        self
    }

    /// This status and this `error`.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, error: &str) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.json()["error"], error, "{self:?}");
        assert!(self.json()["error_description"].is_string(), "{self:?}");
        assert_eq!(
            self.nonce().is_some(),
            error == "use_dpop_nonce",
            "{self:?}"
        );
        self
    }

    /// The challenges, one for each header line.
    pub(crate) fn challenges(&self) -> Vec<&str> {
        let lines = self.headers.get_all("www-authenticate").iter();
        lines.map(|line| line.to_str().unwrap()).collect()
    }

    pub(crate) fn nonce(&self) -> Option<&str> {
        let nonce = self.headers.get("dpop-nonce")?;
        Some(nonce.to_str().unwrap())
    }
}

pub(crate) fn secret() -> tower_bearer::dpop::NonceSecret {
    tower_bearer::dpop::NonceSecret::from_secret([9; 32]).unwrap()
}

/// The access token of a session that is bound to `key`, where proofs need nonces.
pub(crate) async fn bound_with_nonce(world: &World, key: &ProofKey) -> String {
    let nonce = world.dpop.nonce().unwrap();
    let proof = world.proof(key, "POST", "https://api.example/login");
    let proof = proof.nonce(nonce.to_str().unwrap()).sign();
    let request = Request::post("/login").header("dpop", proof);
    let proof = world.dpop.verify(&request.body(()).unwrap()).unwrap();
    let grant = Grant::new("anna").bound_to(proof.unwrap());
    let tokens = world.sessions.start(grant).await.unwrap();
    tokens.access_token.expose().to_owned()
}
