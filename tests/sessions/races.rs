use std::{
    collections::HashSet,
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use tower_bearer::{
    session::{RefreshOutcome, RefreshRequest, Sessions},
    store::{MemoryStore, SessionStore},
};

use crate::support::*;

const CLIENTS: usize = 64;

/// One token, presented by 64 tasks at once: one successor, the same for all who are answered.
async fn one_successor<St: SessionStore>(world: World<St>) {
    let held = world.login().await;
    world.wait(600);
    let sessions = Arc::new(world.sessions.clone());
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (sessions, token) = (sessions.clone(), held.refresh_token.clone());
            tokio::spawn(async move { insist(&sessions, token).await })
        })
        .collect();
    let (mut successors, mut rotations) = (HashSet::new(), 0);
    for task in tasks {
        let refreshed = task.await.unwrap();
        successors.insert(refresh_payload(&refreshed.tokens).to_string());
        rotations += usize::from(refreshed.outcome == RefreshOutcome::Rotated);
    }
    assert_eq!((successors.len(), rotations), (1, 1));
    assert_eq!(world.row(&held).await.unwrap().generation, 1);
}

/// As an honest client: tries again on 503 with the token that it has.
async fn insist<St: SessionStore>(
    sessions: &Sessions<St>,
    token: tower_bearer::RefreshToken,
) -> tower_bearer::session::Refreshed {
    for _ in 0..100 {
        match sessions.refresh(RefreshRequest::new(token.clone())).await {
            Ok(refreshed) => return refreshed,
            Err(error) => assert_eq!(error.code().status(), 503, "{error:?}"),
        }
    }
    panic!("never served");
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_refreshes_of_one_token_in_memory() {
    one_successor(world()).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_refreshes_of_one_token_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let path = folder.path().join("sessions.db");
    let store = tower_bearer::store::SqliteStore::connect(&format!("sqlite:{}", path.display()))
        .await
        .unwrap()
        .with_clock(clock.clone());
    one_successor(world_on(store, clock, |builder| builder)).await;
}

/// Logout against rotation: whichever comes first, the session is over afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_logout_is_never_undone_by_a_rotation() {
    for _ in 0..200 {
        let world = world();
        let held = world.login().await;
        let (sessions, token) = (world.sessions.clone(), held.refresh_token.clone());
        let rotation = tokio::spawn(async move {
            sessions
                .refresh(RefreshRequest::new(token))
                .await
                .map(|refreshed| refreshed.tokens)
        });
        world.sessions.end(sid(&held), "anna").await.unwrap();
        let newest = rotation.await.unwrap().unwrap_or(held);
        assert!(world.present(&newest.refresh_token).await.is_err());
        assert!(world.row(&newest).await.unwrap().revoked.is_some());
    }
}

/// A refresh that is dropped at any await point leaves a session that goes on.
#[tokio::test]
async fn a_refresh_can_be_dropped_at_any_await() {
    let mut dropped = 0;
    for polls in 0..20 {
        let clock = clock();
        let store = Yielding(MemoryStore::with_clock(clock.clone()));
        let world = world_on(store, clock, |builder| builder);
        let held = world.login().await;
        world.wait(600);
        {
            let mut refresh = pin!(world.present(&held.refresh_token));
            let mut context = Context::from_waker(Waker::noop());
            let ready = (0..polls).any(|_| refresh.as_mut().poll(&mut context).is_ready());
            dropped += usize::from(!ready);
        }
        world.wait(3600);
        let next = rotate(&world, &held).await;
        world.wait(600);
        rotate(&world, &next).await;
    }
    assert!(dropped > 4, "{dropped} refreshes were dropped half way");
}

/// Gives way before and after each operation.
pub(crate) struct Yielding(pub(crate) MemoryStore);

async fn give_way() {
    let mut gave = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut gave, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

macro_rules! yielding {
    ($self:ident . $method:ident ( $($argument:expr),* )) => {{
        give_way().await;
        let result = $self.0.$method($($argument),*).await;
        give_way().await;
        result
    }};
}

mod yielding_store {
    use tower_bearer::{
        SessionId,
        clock::Timestamp,
        session::{RevokeReason, Session},
        store::{Listed, Loaded, StoreError, Swap},
    };

    use super::*;

    impl SessionStore for Yielding {
        async fn now(&self) -> Result<Timestamp, StoreError> {
            yielding!(self.now())
        }

        async fn insert(&self, session: &Session) -> Result<(), StoreError> {
            yielding!(self.insert(session))
        }

        async fn load(&self, id: SessionId) -> Result<Loaded, StoreError> {
            yielding!(self.load(id))
        }

        async fn swap(&self, expected: u64, next: &Session) -> Result<Swap, StoreError> {
            yielding!(self.swap(expected, next))
        }

        async fn confirm(&self, pairs: &[(SessionId, u32)]) -> Result<(), StoreError> {
            yielding!(self.confirm(pairs))
        }

        async fn end(&self, id: SessionId, reason: RevokeReason) -> Result<bool, StoreError> {
            yielding!(self.end(id, reason))
        }

        async fn end_all(
            &self,
            issuer: &str,
            subject: &str,
            reason: RevokeReason,
        ) -> Result<Vec<SessionId>, StoreError> {
            yielding!(self.end_all(issuer, subject, reason))
        }

        async fn list(
            &self,
            issuer: &str,
            subject: &str,
            after: Option<SessionId>,
            limit: usize,
        ) -> Result<Listed, StoreError> {
            yielding!(self.list(issuer, subject, after, limit))
        }

        async fn delete_expired(&self, limit: usize) -> Result<usize, StoreError> {
            yielding!(self.delete_expired(limit))
        }
    }
}
