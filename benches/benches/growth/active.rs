//! The sessions that are refreshed, and their tokens.

use std::time::Duration;

use aws_lc_rs::rand;
use tower_bearer::{
    Algorithm, Issuer, KeySet, RefreshToken, Scope, SigningKey,
    session::{Grant, RefreshKey, Sessions, SessionsBuilder},
    store::{MemoryStore, Record, SessionStore},
};
use tower_bearer_benches::tokens::{AUDIENCE, ISSUER};
use uuid::Uuid;

pub(crate) const CLIENT: &str = "web";

/// Sessions, each with its first refresh token. They are in no order.
pub(crate) struct Active {
    pub(crate) records: Vec<Record>,
    pub(crate) tokens: Vec<RefreshToken>,
}

impl Active {
    /// Starts so many in memory, to be kept in a store.
    pub(crate) async fn start(count: usize) -> Self {
        let sessions = sessions(MemoryStore::new());
        let mut records = Vec::with_capacity(count);
        let mut tokens = Vec::with_capacity(count);
        for subject in subjects(count) {
            let grant = Grant::new(subject.as_str())
                .scope(Scope::from_static("read write"))
                .client_id(CLIENT);
            let started = sessions.start(grant).await.expect("a session");
            tokens.push(started.refresh_token);
            let listed = sessions.store().list(ISSUER, &subject, None, 1).await;
            records.extend(listed.expect("a list").records);
        }
        Self { records, tokens }
    }
}

/// Subjects as an application has them that names its users by a random UUID.
fn subjects(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|_| {
        let mut random = [0; 16];
        rand::fill(&mut random).expect("random bytes");
        Uuid::new_v8(random).to_string()
    })
}

/// Sessions without a window, so that each refresh rotates.
pub(crate) fn sessions<St: SessionStore>(store: St) -> Sessions<St> {
    let keys = KeySet::new(SigningKey::generate(Algorithm::EdDSA).expect("a key"));
    let issuer = Issuer::new(ISSUER, AUDIENCE, keys).expect("good names");
    let refresh_key = RefreshKey::from_secret([7; 32]).expect("long enough");
    SessionsBuilder::new(issuer, refresh_key, store)
        .reuse_window(Duration::ZERO)
        .build()
        .expect("good settings")
}
