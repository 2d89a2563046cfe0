use std::{
    error::Error,
    future::{Ready, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header::RETRY_AFTER};
use http_body_util::{BodyExt, Full};
use tower::{ServiceExt, load_shed::error::Overloaded, retry::Policy, timeout::error::Elapsed};
use tower_bearer::{
    Algorithm, Issuer, KeySet, SessionId, SigningKey,
    clock::{ManualClock, Timestamp},
    endpoint::TokenEndpoint,
    session::{Grant, RefreshKey, Sessions, SessionsBuilder},
    store::{
        MemoryStore, Record, Session, SessionSecret, SessionStore, StoreErrorKind,
        service::{ServiceStore, StoreRequest, StoreResponse},
    },
};

use crate::gate::Gate;

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const TIMEOUT: Duration = Duration::from_millis(500);

/// A server whose store is the far end of a gate, behind layers.
pub(crate) struct World<St> {
    pub(crate) gate: Gate,
    pub(crate) clock: ManualClock,
    pub(crate) sessions: Sessions<St>,
    /// What is really kept.
    pub(crate) kept: MemoryStore,
}

/// The world with the layers that `stack` puts around the gate.
pub(crate) fn world<S>(stack: impl FnOnce(Gate) -> S) -> World<ServiceStore<S>>
where
    ServiceStore<S>: SessionStore,
{
    let clock = ManualClock::new(Timestamp::from_secs(2_000_000_000));
    let kept = MemoryStore::with_clock(clock.clone());
    let gate = Gate::new(kept.clone());
    let store = ServiceStore::new(stack(gate.clone())).classify_errors(kind);
    let key = SigningKey::from_secret(Algorithm::HS256, [5; 32]).unwrap();
    let issuer = Issuer::new(ISSUER, "https://api.example", KeySet::new(key)).unwrap();
    let sessions = SessionsBuilder::new(issuer, RefreshKey::from_secret([7; 32]).unwrap(), store);
    World {
        gate,
        clock,
        sessions: sessions.build().unwrap(),
        kept,
    }
}

/// As the documentation has it.
pub(crate) fn kind(error: &(dyn Error + 'static)) -> StoreErrorKind {
    if error.is::<Elapsed>() {
        StoreErrorKind::Timeout
    } else if error.is::<Overloaded>() {
        StoreErrorKind::Busy
    } else {
        StoreErrorKind::Unavailable
    }
}

impl<St: SessionStore> World<St> {
    /// A refresh token whose use rotates.
    pub(crate) async fn login(&self) -> String {
        let tokens = self.sessions.start(Grant::new("anna")).await.unwrap();
        self.clock.advance(Duration::from_secs(600));
        tokens.refresh_token.expose().to_owned()
    }

    /// Sends a refresh token to the token endpoint.
    pub(crate) fn refresh(&self, token: &str) -> impl Future<Output = Answer> + use<St> {
        let body = format!("grant_type=refresh_token&refresh_token={token}");
        let request =
            Request::post("/").header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Full::<Bytes>::from(body)).unwrap();
        let answer = TokenEndpoint::new(self.sessions.clone()).oneshot(request);
        async {
            let (head, body) = answer.await.unwrap().into_parts();
            Answer {
                status: head.status,
                headers: head.headers,
                body: body.collect().await.unwrap().to_bytes(),
            }
        }
    }

    /// The one session that is kept, straight from the store.
    pub(crate) async fn row(&self) -> Record {
        let listed = self.kept.list(ISSUER, "anna", None, 2).await.unwrap();
        let [row] = listed.records.try_into().expect("one live session");
        row
    }
}

/// A whole answer of the token endpoint.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// The refresh token that was given.
    #[track_caller]
    pub(crate) fn granted(&self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        self.json()["refresh_token"].as_str().unwrap().to_owned()
    }

    /// What tells a client to come again with the same token.
    #[track_caller]
    pub(crate) fn unavailable(&self) {
        assert_eq!(self.status, StatusCode::SERVICE_UNAVAILABLE, "{self:?}");
        assert_eq!(self.json()["error"], "temporarily_unavailable");
        let seconds = self.headers[RETRY_AFTER].to_str().unwrap();
        assert!(seconds.parse::<u32>().unwrap() >= 1);
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Makes a request again that has failed, if it fits, so many times.
#[derive(Clone)]
pub(crate) struct Retries {
    pub(crate) fits: fn(&StoreRequest) -> bool,
    pub(crate) left: u32,
}

impl<E> Policy<StoreRequest, StoreResponse, E> for Retries {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut StoreRequest,
        result: &mut Result<StoreResponse, E>,
    ) -> Option<Ready<()>> {
        if result.is_ok() || self.left == 0 {
            return None;
        }
        self.left -= 1;
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &StoreRequest) -> Option<StoreRequest> {
        (self.fits)(request).then(|| request.clone())
    }
}

pub(crate) fn any(_: &StoreRequest) -> bool {
    true
}

pub(crate) fn is_swap(request: &StoreRequest) -> bool {
    matches!(request, StoreRequest::Swap { .. })
}

pub(crate) fn is_load(request: &StoreRequest) -> bool {
    matches!(request, StoreRequest::Load { .. })
}

pub(crate) fn record() -> Record {
    let id = SessionId::from_uuid(uuid::Uuid::from_u128(1));
    let secret = SessionSecret::from_bytes([0xa5; 32]);
    let now = Timestamp::from_secs(2_000_000_000);
    Record::new(Session::new(
        id,
        "https://whose.example",
        "anna-of-whose",
        secret,
        now,
    ))
}
