//! The store of another program, as a takeover sees it.

use std::{
    collections::BTreeMap,
    future::pending,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tower_bearer::{
    RefreshToken, Scope,
    clock::Timestamp,
    session::{ForeignTokens, Grant, Takeover},
};

use crate::stepping::{Turns, give_way};

/// When takeovers end: 20 days after the clock of the tests begins.
pub(crate) const UNTIL: Timestamp = Timestamp::from_secs(2_001_728_000);

#[derive(Clone, Default)]
pub(crate) struct OldStore(pub(crate) Arc<Inner>);

/// From a user to what is granted.
type Granting = fn(String) -> Grant;

#[derive(Default)]
pub(crate) struct Inner {
    /// The users, by their tokens.
    tokens: Mutex<BTreeMap<String, String>>,
    grant: Mutex<Option<Granting>>,
    finds: AtomicUsize,
    pub(crate) find_fails: AtomicBool,
    /// After so many finds they fail, unless it is 0.
    pub(crate) only_finds: AtomicUsize,
    pub(crate) remove_fails: AtomicBool,
    pub(crate) remove_panics: AtomicBool,
    pub(crate) hangs: AtomicBool,
    pub(crate) gives_way: AtomicBool,
    turns: Mutex<Option<Arc<Turns>>>,
}

pub(crate) fn foreign(token: &str) -> RefreshToken {
    RefreshToken::new(token)
}

pub(crate) fn takeover(old: &OldStore) -> Takeover {
    Takeover::new([6; 32], UNTIL, old.clone()).unwrap()
}

impl OldStore {
    /// Tokens of one user.
    pub(crate) fn with(tokens: &[&str]) -> Self {
        let old = Self::default();
        tokens.iter().for_each(|token| old.add(token, "anna"));
        old
    }

    pub(crate) fn add(&self, token: &str, user: &str) {
        let mut tokens = self.0.tokens.lock().unwrap();
        tokens.insert(token.to_owned(), user.to_owned());
    }

    pub(crate) fn has(&self, token: &str) -> bool {
        self.0.tokens.lock().unwrap().contains_key(token)
    }

    pub(crate) fn finds(&self) -> usize {
        self.0.finds.load(Ordering::SeqCst)
    }

    pub(crate) fn grants(&self, grant: Granting) {
        *self.0.grant.lock().unwrap() = Some(grant);
    }

    /// From now on a call is a step of its own.
    pub(crate) fn take_turns(&self, turns: &Arc<Turns>) {
        *self.0.turns.lock().unwrap() = Some(turns.clone());
    }

    pub(crate) async fn turn(&self) {
        let turns = self.0.turns.lock().unwrap().clone();
        if let Some(turns) = turns {
            turns.wait().await;
        }
        if self.0.hangs.load(Ordering::SeqCst) {
            pending::<()>().await;
        }
        if self.0.gives_way.load(Ordering::SeqCst) {
            give_way().await;
        }
    }

    /// What the old program does: it replaces the token, if it has it.
    pub(crate) async fn rotate(&self, token: &str, next: &str) -> bool {
        self.turn().await;
        let mut tokens = self.0.tokens.lock().unwrap();
        let user = tokens.remove(token);
        user.map(|user| tokens.insert(next.to_owned(), user))
            .is_some()
    }
}

impl ForeignTokens for OldStore {
    type Error = io::Error;

    async fn find(&self, token: &RefreshToken) -> io::Result<Option<Grant>> {
        let before = self.0.finds.fetch_add(1, Ordering::SeqCst);
        self.turn().await;
        let only = self.0.only_finds.load(Ordering::SeqCst);
        if self.0.find_fails.load(Ordering::SeqCst) || only > 0 && before >= only {
            return Err(io::Error::other("the old store is down"));
        }
        let user = self.0.tokens.lock().unwrap().get(token.expose()).cloned();
        let grant = *self.0.grant.lock().unwrap();
        let grant = grant.unwrap_or(|user| Grant::new(user).scope(Scope::from_static("read")));
        Ok(user.map(grant))
    }

    async fn remove(&self, token: &RefreshToken) -> io::Result<()> {
        self.turn().await;
        if self.0.remove_fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("the old store is down"));
        }
        self.0.tokens.lock().unwrap().remove(token.expose());
        Ok(())
    }

    async fn remove_all(&self, subject: &str) -> io::Result<()> {
        self.turn().await;
        let panics = self.0.remove_panics.load(Ordering::SeqCst);
        assert!(!panics, "the application's code panics");
        if self.0.remove_fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("the old store is down"));
        }
        let mut tokens = self.0.tokens.lock().unwrap();
        tokens.retain(|_, user| user != subject);
        Ok(())
    }
}
