//! A store whose connections fail one by one, and servers with a ring each.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tower_bearer::{
    AccessToken, Algorithm, Issuer, Verifier, VerifyingKeys,
    clock::{Clock, ManualClock, Timestamp},
    error::TokenError,
    ring::{KeyEncryptionKey, KeyPurpose, KeyRing, KeyRingBuilder, KeyState, RingKeyStatus},
    store::{LoadedRing, RingStore, SealedRing, StoreError, StoreErrorKind, Swap},
};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const API: &str = "https://api.example";

pub(crate) const SIGN_FOR: Duration = secs(100);
pub(crate) const PUBLISH_FOR: Duration = secs(30);
pub(crate) const LIFETIME: Duration = secs(20);
pub(crate) const LEASE: Duration = secs(10);
pub(crate) const EVERY: Duration = secs(2);
/// How long a resource server keeps a key set: with the lease it is below the publication.
pub(crate) const MAX_AGE: Duration = secs(15);

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The database: the ring, and the copies that it has fallen behind by.
#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) clock: ManualClock,
    ring: Arc<Mutex<Vec<SealedRing>>>,
    pub(crate) writes: Arc<AtomicU32>,
}

impl Database {
    pub(crate) fn new() -> Self {
        Self {
            clock: ManualClock::new(Timestamp::from_secs(1_800_000_000)),
            ring: Arc::default(),
            writes: Arc::default(),
        }
    }

    /// Time goes on for all.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        tokio::time::advance(time).await;
        settle().await;
    }

    pub(crate) fn writes(&self) -> u32 {
        self.writes.load(Ordering::Relaxed)
    }

    pub(crate) fn ring(&self) -> Option<SealedRing> {
        self.ring.lock().unwrap().last().cloned()
    }

    pub(crate) fn set_ring(&self, ring: Option<SealedRing>) {
        *self.ring.lock().unwrap() = ring.into_iter().collect();
    }

    /// A failover to a copy that has not got the last write.
    pub(crate) fn lose_last_write(&self) {
        self.ring.lock().unwrap().pop();
    }
}

/// Lets the tasks of all rings do what is due.
pub(crate) async fn settle() {
    for _ in 0..40 {
        tokio::task::yield_now().await;
    }
}

/// The connection of one server, which can be cut.
#[derive(Clone)]
pub(crate) struct Connection {
    database: Database,
    pub(crate) is_cut: Arc<AtomicBool>,
    /// Reads are answered, and writes are not.
    pub(crate) is_read_only: Arc<AtomicBool>,
    /// It panics when it is read.
    pub(crate) panics: Arc<AtomicBool>,
    /// Writes wait while somebody holds it.
    held: Arc<tokio::sync::watch::Sender<bool>>,
}

impl Connection {
    pub(crate) fn cut(&self, cut: bool) {
        self.is_cut.store(cut, Ordering::Relaxed);
    }

    /// Lets writes wait, or go on.
    pub(crate) fn hold(&self, hold: bool) {
        self.held.send_replace(hold);
    }

    fn check(&self, flag: &AtomicBool) -> Result<(), StoreError> {
        match flag.load(Ordering::Relaxed) {
            true => Err(StoreErrorKind::Unavailable.into()),
            false => Ok(()),
        }
    }
}

impl RingStore for Connection {
    async fn load_ring(&self, _: &str) -> Result<LoadedRing, StoreError> {
        assert!(!self.panics.load(Ordering::Relaxed), "the store panics");
        self.check(&self.is_cut)?;
        Ok(LoadedRing::new(
            self.database.ring(),
            self.database.clock.now(),
        ))
    }

    async fn swap_ring(
        &self,
        _: &str,
        expected: Option<u64>,
        next: &SealedRing,
    ) -> Result<Swap, StoreError> {
        let mut held = self.held.subscribe();
        held.wait_for(|held| !held).await.unwrap();
        self.check(&self.is_cut)?;
        self.check(&self.is_read_only)?;
        let mut ring = self.database.ring.lock().unwrap();
        if ring.last().map(SealedRing::version) != expected {
            return Ok(Swap::Lost);
        }
        assert!(Some(next.version()) > expected, "versions rise");
        ring.push(next.clone());
        self.database.writes.fetch_add(1, Ordering::Relaxed);
        Ok(Swap::Swapped)
    }
}

/// A server of the issuer.
pub(crate) struct Node {
    pub(crate) ring: KeyRing,
    pub(crate) connection: Connection,
    issuer: Issuer,
    verifier: Verifier,
    clock: ManualClock,
}

impl Node {
    pub(crate) async fn start(database: &Database) -> Self {
        Self::start_with(database, |builder| builder).await
    }

    pub(crate) async fn start_with(
        database: &Database,
        change: impl FnOnce(KeyRingBuilder) -> KeyRingBuilder,
    ) -> Self {
        let connection = connection(database);
        let ring = change(builder(connection.clone())).open().await.unwrap();
        // Its task begins to wait.
        settle().await;
        let clock = database.clock.clone();
        Self {
            issuer: Issuer::new(ISSUER, API, ring.keys()).unwrap(),
            verifier: verifier(ring.keys().verifying(), &clock),
            ring,
            connection,
            clock,
        }
    }

    pub(crate) fn sign(&self) -> Option<AccessToken> {
        let claims = self.issuer.claims("anna", self.clock.now(), LIFETIME);
        self.issuer.sign(&claims).ok()
    }

    #[track_caller]
    pub(crate) fn token(&self) -> AccessToken {
        self.sign().unwrap()
    }

    pub(crate) fn accepts(&self, token: &AccessToken) -> bool {
        self.verifier.verify(token.expose()).is_ok()
    }

    pub(crate) fn verdict(&self, token: &AccessToken) -> Result<(), TokenError> {
        self.verifier.verify(token.expose()).map(drop)
    }

    pub(crate) fn jwks(&self) -> String {
        self.ring.keys().verifying().jwks()
    }

    pub(crate) fn keys(&self, purpose: KeyPurpose) -> Vec<RingKeyStatus> {
        let mut keys = self.ring.status().keys;
        keys.retain(|key| key.purpose == purpose);
        keys
    }

    /// The access key in this state, of which there is one.
    #[track_caller]
    pub(crate) fn key(&self, state: KeyState) -> RingKeyStatus {
        let mut keys = self.keys(KeyPurpose::Access);
        keys.retain(|key| key.state == state);
        assert_eq!(keys.len(), 1, "{state:?}: {keys:?}");
        keys.remove(0)
    }
}

pub(crate) fn connection(database: &Database) -> Connection {
    Connection {
        database: database.clone(),
        is_cut: Arc::default(),
        is_read_only: Arc::default(),
        panics: Arc::default(),
        held: Arc::new(tokio::sync::watch::Sender::new(false)),
    }
}

pub(crate) fn secret() -> KeyEncryptionKey {
    KeyEncryptionKey::from_secret([1; 32]).unwrap()
}

pub(crate) fn builder(store: impl RingStore) -> KeyRingBuilder {
    builder_with(store, secret())
}

pub(crate) fn builder_with(store: impl RingStore, key: KeyEncryptionKey) -> KeyRingBuilder {
    KeyRing::builder(store, key)
        .algorithm(Algorithm::EdDSA)
        .sign_for(SIGN_FOR)
        .publish_for(PUBLISH_FOR)
        .access_lifetime(LIFETIME)
        .refresh_sign_for(SIGN_FOR)
        .refresh_lifetime(secs(300))
        .lease(LEASE)
        .every(EVERY)
        .store_timeout(secs(1))
}

pub(crate) fn verifier(keys: VerifyingKeys, clock: &ManualClock) -> Verifier {
    Verifier::new(ISSUER, API, keys)
        .unwrap()
        .clock(clock.clone())
}

/// The `kid` in a token's header.
pub(crate) fn kid(token: &AccessToken) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let (header, _) = token.expose().split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}
