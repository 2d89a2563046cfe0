use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tower_bearer::{
    AccessToken, Algorithm, Claims, Issuer, KeySet, RefreshToken, Scope, SessionId, SigningKey,
    TokenResponse, VerifiedToken, Verifier,
    bearer::{Admission, SessionGuard},
    clock::{ManualClock, Timestamp},
    session::{
        EndReason, Grant, Record, RefreshKey, RefreshRequest, Refreshed, Refusal, SessionError,
        SessionErrorKind, SessionEvent, SessionEventKind, SessionState, Sessions, SessionsBuilder,
    },
    store::{Listed, Loaded, MemoryStore, SessionStore, StoreError, StoreErrorKind, Swap},
};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const SECRET: [u8; 32] = [7; 32];

pub(crate) fn issuer() -> Issuer {
    let key = SigningKey::from_secret(Algorithm::HS256, [5; 32]).unwrap();
    Issuer::new(ISSUER, AUDIENCE, KeySet::new(key)).unwrap()
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_secs(2_000_000_000))
}

/// Sessions on a store, their clock and what they told.
pub(crate) struct World<St = MemoryStore> {
    pub(crate) sessions: Sessions<St>,
    pub(crate) clock: ManualClock,
    pub(crate) events: Arc<Mutex<Vec<SessionEvent>>>,
}

pub(crate) fn world() -> World {
    world_with(|builder| builder)
}

pub(crate) fn world_with(
    configure: impl FnOnce(SessionsBuilder<MemoryStore>) -> SessionsBuilder<MemoryStore>,
) -> World {
    let clock = clock();
    world_on(MemoryStore::with_clock(clock.clone()), clock, configure)
}

pub(crate) fn world_on<St: SessionStore>(
    store: St,
    clock: ManualClock,
    configure: impl FnOnce(SessionsBuilder<St>) -> SessionsBuilder<St>,
) -> World<St> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = events.clone();
    let builder = SessionsBuilder::new(issuer(), RefreshKey::from_secret(SECRET).unwrap(), store)
        .on_event(move |event| seen.lock().unwrap().push(event.clone()));
    World {
        sessions: configure(builder).build().unwrap(),
        clock,
        events,
    }
}

/// A store in a database that goes with the folder, and its clock.
pub(crate) async fn sqlite() -> (
    tempfile::TempDir,
    tower_bearer_sqlx::SqliteStore,
    ManualClock,
) {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let address = format!("sqlite:{}", folder.path().join("sessions.db").display());
    let store = tower_bearer_sqlx::SqliteStore::connect(&address).await;
    (folder, store.unwrap().with_clock(clock.clone()), clock)
}

impl<St: SessionStore> World<St> {
    pub(crate) async fn login(&self) -> TokenResponse {
        self.sessions
            .start(Grant::new("anna").scope(Scope::from_static("read write")))
            .await
            .unwrap()
    }

    /// How many sessions anna has.
    pub(crate) async fn listed(&self) -> usize {
        self.sessions.list("anna").await.unwrap().sessions.len()
    }

    pub(crate) async fn present(&self, token: &RefreshToken) -> Result<Refreshed, SessionError> {
        self.sessions
            .refresh(RefreshRequest::new(token.clone()))
            .await
    }

    #[track_caller]
    pub(crate) fn wait(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    pub(crate) async fn row(&self, tokens: &TokenResponse) -> Option<Record> {
        self.sessions
            .store()
            .load(sid(tokens))
            .await
            .unwrap()
            .record
    }

    pub(crate) fn verified(&self, token: &AccessToken) -> VerifiedToken {
        self.verifier().verify(token.expose()).unwrap()
    }

    pub(crate) fn claims(&self, token: &AccessToken) -> Claims {
        self.verified(token).claims().clone()
    }

    /// Signs and verifies, in little time, tokens of the same issuer's name.
    pub(crate) fn another_issuer(&self) -> (Issuer, Verifier) {
        let key = SigningKey::from_secret(Algorithm::HS256, [3; 32]).unwrap();
        let keys = KeySet::new(key);
        let verifier = Verifier::new(ISSUER, AUDIENCE, keys.verifying()).unwrap();
        let verifier = verifier.clock(self.clock.clone()).without_cache();
        (Issuer::new(ISSUER, AUDIENCE, keys).unwrap(), verifier)
    }

    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(ISSUER, AUDIENCE, self.sessions.issuer().keys().verifying())
            .unwrap()
            .clock(self.clock.clone())
    }

    pub(crate) fn kinds(&self) -> Vec<SessionEventKind> {
        self.events
            .lock()
            .unwrap()
            .iter()
            .map(|event| event.kind)
            .collect()
    }
}

/// What the guard says of a token, which may have expired a moment ago.
#[track_caller]
pub(crate) fn admits<St: SessionStore>(
    world: &World<St>,
    token: &AccessToken,
    expected: Admission,
) {
    let verifier = world.verifier().leeway(Duration::from_secs(60)).unwrap();
    let verified = verifier.verify(token.expose()).unwrap();
    assert_eq!(world.sessions.admit(&verified), expected);
}

pub(crate) async fn rotate<St: SessionStore>(
    world: &World<St>,
    held: &TokenResponse,
) -> TokenResponse {
    world
        .present(&held.refresh_token)
        .await
        .expect("a rotation")
        .tokens
}

/// The number of a refresh token.
pub(crate) fn generation(tokens: &TokenResponse) -> u64 {
    refresh_payload(tokens)["gen"].as_u64().unwrap()
}

/// The payload of a token, as anyone who holds it can read it.
pub(crate) fn payload(token: &str) -> serde_json::Value {
    let segment = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
}

pub(crate) fn refresh_payload(tokens: &TokenResponse) -> serde_json::Value {
    payload(tokens.refresh_token.expose())
}

pub(crate) fn access_payload(tokens: &TokenResponse) -> serde_json::Value {
    payload(tokens.access_token.expose())
}

pub(crate) fn sid(tokens: &TokenResponse) -> SessionId {
    refresh_payload(tokens)["sid"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

#[track_caller]
pub(crate) fn refused(result: Result<Refreshed, SessionError>, why: Refusal) {
    let error = result.expect_err("a refusal");
    assert_eq!(error.kind(), SessionErrorKind::InvalidGrant(why));
}

#[track_caller]
pub(crate) fn unavailable<T: std::fmt::Debug>(result: Result<T, SessionError>) {
    let error = result.expect_err("unavailable");
    assert_eq!(error.kind(), SessionErrorKind::Unavailable);
}

/// A memory store that can be told to fail, to lose swaps and to hang.
#[derive(Clone)]
pub(crate) struct Moody {
    pub(crate) inner: MemoryStore,
    pub(crate) fail: Arc<AtomicU32>,
    /// So many operations work before some fail.
    works: Arc<AtomicU32>,
    pub(crate) fails_with: Arc<Mutex<StoreErrorKind>>,
    pub(crate) lose_swaps: Arc<AtomicU32>,
    pub(crate) hang: Arc<AtomicU32>,
    pub(crate) panic: Arc<AtomicU32>,
    /// Takes half a minute, and does it.
    pub(crate) slow: Arc<AtomicU32>,
    pub(crate) loads: Arc<AtomicU32>,
}

impl Moody {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        Self {
            inner: MemoryStore::with_clock(clock.clone()),
            fail: Arc::default(),
            works: Arc::default(),
            fails_with: Arc::new(Mutex::new(StoreErrorKind::Unavailable)),
            lose_swaps: Arc::default(),
            hang: Arc::default(),
            panic: Arc::default(),
            slow: Arc::default(),
            loads: Arc::default(),
        }
    }

    /// Lets so many operations work, and the next one fail.
    pub(crate) fn fail_after(&self, works: u32) {
        self.works.store(works, Ordering::SeqCst);
        self.fail.store(1, Ordering::SeqCst);
    }

    async fn mood(&self) -> Result<(), StoreError> {
        if takes_one(&self.hang) {
            pending::<()>().await;
        }
        assert!(!takes_one(&self.panic), "the store panics");
        if takes_one(&self.slow) {
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        if takes_one(&self.works) {
            return Ok(());
        }
        match takes_one(&self.fail) {
            true => Err(StoreError::new(*self.fails_with.lock().unwrap())),
            false => Ok(()),
        }
    }
}

fn takes_one(count: &AtomicU32) -> bool {
    count
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        })
        .is_ok()
}

impl SessionStore for Moody {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.mood().await?;
        self.inner.now().await
    }

    async fn insert(&self, record: &Record) -> Result<(), StoreError> {
        self.mood().await?;
        self.inner.insert(record).await
    }

    async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.mood().await?;
        self.inner.load(id).await
    }

    async fn swap(
        &self,
        id: SessionId,
        expected: u64,
        next: &SessionState,
    ) -> Result<Swap, StoreError> {
        self.mood().await?;
        if takes_one(&self.lose_swaps) {
            return Ok(Swap::Lost);
        }
        self.inner.swap(id, expected, next).await
    }

    async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
        self.mood().await?;
        self.inner.confirm(pairs).await
    }

    async fn end(&self, id: SessionId, reason: EndReason) -> Result<bool, StoreError> {
        self.mood().await?;
        self.inner.end(id, reason).await
    }

    async fn end_all(
        &self,
        issuer: &str,
        subject: &str,
        keep: Option<SessionId>,
        reason: EndReason,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.mood().await?;
        self.inner.end_all(issuer, subject, keep, reason).await
    }

    async fn list(
        &self,
        issuer: &str,
        subject: &str,
        before: Option<SessionId>,
        limit: usize,
    ) -> Result<Listed, StoreError> {
        self.mood().await?;
        self.inner.list(issuer, subject, before, limit).await
    }

    async fn ended_since(
        &self,
        since: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<(SessionId, Timestamp)>, StoreError> {
        self.mood().await?;
        self.inner.ended_since(since, after, limit).await
    }

    async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
        self.mood().await?;
        self.inner.delete_expired(limit).await
    }
}
