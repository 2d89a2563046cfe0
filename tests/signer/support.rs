//! A signer that does what a test says, and sessions whose access tokens it signs.

use std::{
    future::pending,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tower::ServiceExt;
use tower_bearer::{
    AccessToken, Claims, Issuer, KeySet, ReplyBody, Scope, SessionId, SigningKey, TokenResponse,
    Verifier, VerifyingKey, VerifyingKeys,
    clock::{Clock, ManualClock, SystemClock},
    endpoint::TokenEndpoint,
    jws::{Signer, SignerOptions},
    session::{Grant, RefreshKey, SessionState, Sessions, SessionsBuilder},
    store::{MemoryStore, SessionStore},
};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "https://api.example";

/// Past the reuse window, several times.
pub(crate) const LATER: Duration = Duration::from_secs(60);

/// What the signer does when it is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    Signs,
    Takes(Duration),
    Fails,
    Hangs,
    Lies,
}

/// All that keep a signature away, or give a wrong one.
pub(crate) const BAD: [Mood; 3] = [Mood::Fails, Mood::Hangs, Mood::Lies];

#[derive(Clone)]
pub(crate) struct Moody {
    key: Arc<Ed25519KeyPair>,
    state: Arc<Mutex<(Mood, usize)>>,
}

impl Moody {
    pub(crate) fn new() -> Self {
        Self {
            key: Arc::new(Ed25519KeyPair::generate().unwrap()),
            state: Arc::new(Mutex::new((Mood::Signs, 0))),
        }
    }

    /// The key that it signs with.
    pub(crate) fn key(&self, options: SignerOptions) -> SigningKey {
        let x = BASE64_URL_SAFE_NO_PAD.encode(self.key.public_key());
        let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"hsm"}}"#);
        let public = VerifyingKey::from_jwk(&jwk).unwrap();
        SigningKey::from_signer(public, self.clone(), options).unwrap()
    }

    pub(crate) fn is(&self, mood: Mood) {
        self.state.lock().unwrap().0 = mood;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap().1
    }
}

impl Signer for Moody {
    type Error = io::Error;

    async fn sign(&self, message: &[u8]) -> io::Result<Vec<u8>> {
        let mood = {
            let mut state = self.state.lock().unwrap();
            state.1 += 1;
            state.0
        };
        match mood {
            Mood::Signs => {}
            Mood::Takes(time) => tokio::time::sleep(time).await,
            Mood::Fails => return Err(io::Error::other("the HSM is away")),
            Mood::Hangs => pending().await,
            Mood::Lies => return Ok(self.key.sign(b"something else").as_ref().to_vec()),
        }
        Ok(self.key.sign(message).as_ref().to_vec())
    }
}

/// Sessions over a store in memory, whose access tokens are signed elsewhere.
pub(crate) struct World {
    pub(crate) signer: Moody,
    pub(crate) clock: ManualClock,
    pub(crate) store: MemoryStore,
    pub(crate) sessions: Sessions<MemoryStore>,
    verifier: Verifier,
}

pub(crate) fn world() -> World {
    world_with(SignerOptions::new(), |builder| builder)
}

pub(crate) fn world_with(
    options: SignerOptions,
    configure: impl FnOnce(SessionsBuilder<MemoryStore>) -> SessionsBuilder<MemoryStore>,
) -> World {
    let (signer, clock) = (Moody::new(), ManualClock::new(SystemClock.now()));
    let store = MemoryStore::with_clock(clock.clone());
    let keys = KeySet::new(signer.key(options));
    let published = VerifyingKeys::from_jwks(&keys.verifying().jwks()).unwrap();
    let verifier = Verifier::new(ISSUER, AUDIENCE, published).unwrap();
    let builder = SessionsBuilder::new(issuer(keys), refresh_key(), store.clone());
    World {
        sessions: configure(builder).build().unwrap(),
        verifier: verifier.clock(clock.clone()),
        signer,
        clock,
        store,
    }
}

pub(crate) fn issuer(keys: KeySet) -> Issuer {
    Issuer::new(ISSUER, AUDIENCE, keys).unwrap()
}

pub(crate) fn refresh_key() -> RefreshKey {
    RefreshKey::from_secret([7; 32]).unwrap()
}

impl World {
    pub(crate) async fn login(&self) -> TokenResponse {
        let grant = Grant::new("anna").scope(Scope::from_static("read"));
        self.sessions.start(grant.client_id("app")).await.unwrap()
    }

    /// What a resource server reads that has the published keys only.
    #[track_caller]
    pub(crate) fn claims(&self, token: &AccessToken) -> Claims {
        self.verifier
            .verify(token.expose())
            .unwrap()
            .claims()
            .clone()
    }

    /// The session of these tokens.
    pub(crate) fn session(&self, tokens: &TokenResponse) -> SessionId {
        let claims = self.claims(&tokens.access_token);
        claims.session_id().unwrap()
    }

    /// Its state, as it is in the store.
    pub(crate) async fn state(&self, id: SessionId) -> SessionState {
        self.store.load(id).await.unwrap().record.unwrap().state
    }

    /// The token endpoint's answer to a refresh token.
    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        let request =
            Request::post("/").header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Full::new(Bytes::from(form))).unwrap();
        let endpoint = TokenEndpoint::new(self.sessions.clone());
        Answer::of(endpoint.oneshot(request).await.unwrap()).await
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<u32>,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn of(response: Response<ReplyBody>) -> Self {
        let (head, body) = response.into_parts();
        let retry_after = head.headers.get("retry-after");
        Self {
            status: head.status,
            retry_after: retry_after.map(|value| value.to_str().unwrap().parse().unwrap()),
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    #[track_caller]
    pub(crate) fn refresh_token(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        body["refresh_token"].as_str().unwrap().to_owned()
    }

    /// A client comes again after that, and keeps its token.
    #[track_caller]
    pub(crate) fn is_unavailable(&self) {
        assert_eq!(self.status, 503, "{self:?}");
        assert!(
            self.retry_after
                .is_some_and(|secs| (1..=120).contains(&secs)),
            "{self:?}"
        );
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(body["error"], "temporarily_unavailable");
        assert!(!body.to_string().contains("HSM"), "the client is not told");
    }
}
