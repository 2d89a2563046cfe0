//! Two application servers on one store.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tests_shared::tokens::admit;
use tower::ServiceExt;
use tower_bearer::{
    Algorithm, Issuer, KeySet, ReplyBody, SigningKey, Verifier,
    bearer::Admission,
    clock::{Clock, SystemClock},
    endpoint::{RevocationEndpoint, TokenEndpoint},
    session::{
        FeedOptions, Grant, RefreshKey, SessionErrorKind, SessionEvent, SessionEventKind,
        SessionFeed, Sessions, SessionsBuilder,
    },
    store::SessionStore,
};

/// How often a server reads what the other one has ended.
const FOLLOWS: Duration = Duration::from_millis(50);

/// After which a server gives up on its store.
pub(crate) const STORE_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) struct Application<St> {
    pub(crate) servers: [Server<St>; 2],
    events: Arc<Events>,
}

/// What the servers have told.
#[derive(Default)]
struct Events {
    store_lost_writes: AtomicUsize,
    by_session: Mutex<HashMap<String, Vec<String>>>,
}

impl Events {
    fn note(&self, event: &SessionEvent) {
        if event.kind == SessionEventKind::StoreLostWrites {
            self.store_lost_writes.fetch_add(1, Relaxed);
        }
        let mut told = self.by_session.lock().expect("unpoisoned");
        let told = told.entry(event.session.to_string()).or_default();
        told.push(format!("{:?} at distance {}", event.kind, event.distance));
    }
}

#[derive(Clone)]
pub(crate) struct Server<St> {
    pub(crate) sessions: Sessions<St>,
    token: TokenEndpoint<St>,
    revocation: RevocationEndpoint<St>,
    _feed: Arc<SessionFeed>,
}

/// What a client asks of an endpoint.
#[derive(Clone, Copy)]
pub(crate) enum Ask<'a> {
    Refresh(&'a str),
    Revoke(&'a str),
}

/// What an endpoint answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    retry_after: bool,
}

impl<St: SessionStore> Application<St> {
    /// Without a window the live token rotates each time (row 6), which is the heaviest load,
    /// and an answer that was lost is made good by row 8.
    pub(crate) fn on(stores: [St; 2]) -> Self {
        let key = SigningKey::generate(Algorithm::EdDSA).expect("a key");
        let keys = KeySet::new(key);
        let events = Arc::default();
        Self {
            servers: stores.map(|store| Server::new(store, &keys, &events)),
            events,
        }
    }

    /// How often a server has told that the store had lost writes.
    pub(crate) fn restored(&self) -> usize {
        self.events.store_lost_writes.load(Relaxed)
    }

    /// What the servers have told of a session.
    pub(crate) fn told_of(&self, session: &str) -> Vec<String> {
        let told = self.events.by_session.lock().expect("unpoisoned");
        told.get(session).cloned().unwrap_or_default()
    }
}

impl<St: SessionStore> Server<St> {
    fn new(store: St, keys: &KeySet, events: &Arc<Events>) -> Self {
        let issuer = Issuer::new("https://id.example", "https://api.example", keys.clone());
        let refresh_key = RefreshKey::from_secret([7; 32]).expect("long enough");
        let events = Arc::clone(events);
        let sessions = SessionsBuilder::new(issuer.expect("good names"), refresh_key, store)
            .reuse_window(Duration::ZERO)
            .store_timeout(STORE_TIMEOUT)
            .on_event(move |event| events.note(event))
            .build()
            .expect("good settings");
        let feed = sessions.follow(FeedOptions::new().every(FOLLOWS));
        Self {
            _feed: Arc::new(feed.expect("it follows")),
            token: TokenEndpoint::new(sessions.clone()),
            revocation: RevocationEndpoint::new(sessions.clone()),
            sessions,
        }
    }

    /// A refresh token of a new session; nothing while the store does not serve.
    pub(crate) async fn log_in(&self, subject: &str) -> Option<String> {
        match self.sessions.start(Grant::new(subject)).await {
            Ok(tokens) => Some(tokens.refresh_token.expose().to_owned()),
            Err(error) => {
                assert_eq!(error.kind(), SessionErrorKind::Unavailable, "{error:?}");
                None
            }
        }
    }

    /// Whether it refuses the access tokens of this session.
    pub(crate) fn knows_the_end_of(&self, sid: &str) -> bool {
        let issuer = self.sessions.issuer();
        let mut claims = issuer.claims("anna", SystemClock.now(), Duration::from_secs(60));
        claims.sid = Some(sid.to_owned());
        let token = issuer.sign(&claims).expect("signed");
        let verifier = Verifier::new(
            issuer.issuer(),
            "https://api.example",
            issuer.keys().verifying(),
        );
        let verifier = verifier.expect("good names");
        let token = verifier.verify(token.expose()).expect("good");
        admit(&self.sessions, &token) == Admission::Ended
    }

    pub(crate) async fn answer(&self, ask: Ask<'_>) -> Answer {
        match ask {
            Ask::Refresh(token) => {
                let form = format!("grant_type=refresh_token&refresh_token={token}");
                Answer::of(self.token.clone().oneshot(post(form)).await).await
            }
            Ask::Revoke(token) => {
                let form = format!("token={token}");
                Answer::of(self.revocation.clone().oneshot(post(form)).await).await
            }
        }
    }
}

fn post(form: String) -> Request<Full<Bytes>> {
    Request::post("/")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Full::from(form))
        .expect("a request")
}

impl Answer {
    async fn of<E>(answer: Result<http::Response<ReplyBody>, E>) -> Self {
        let (head, body) = answer.ok().expect("an answer").into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Self {
            status: head.status,
            body: serde_json::from_slice(&body).unwrap_or_default(),
            retry_after: head.headers.contains_key("retry-after"),
        }
    }

    /// Whether the client is told to keep its token and to come again.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE && self.retry_after
    }

    /// Whether the token is refused for good.
    pub(crate) fn is_refused(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST && self.body["error"] == "invalid_grant"
    }

    /// The refresh token that was granted.
    pub(crate) fn token(&self) -> Option<String> {
        let token = self.body["refresh_token"].as_str();
        token
            .filter(|_| self.status == StatusCode::OK)
            .map(str::to_owned)
    }
}
