//! [`Ending`]: the process that logs users in and out.

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tower_bearer::{
    SessionId,
    session::{Grant, Sessions},
};
use tower_bearer_benches::{crowd::Client, refreshing::Refreshing};

use crate::{engine, following::now};

const CLIENTS: u32 = 64;
const REFRESHES_A_SECOND: u32 = 2_000;
/// After so long without an answer something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Ending {
    sessions: Sessions,
    users: AtomicU32,
}

/// A session, and whose it is.
pub(crate) struct Live {
    pub(crate) id: SessionId,
    subject: String,
}

/// A session that was ended, and when it should be known.
pub(crate) struct Ended {
    pub(crate) id: SessionId,
    pub(crate) since: Duration,
}

impl Ending {
    pub(crate) async fn at(engine: &str, address: &str) -> Self {
        Self {
            sessions: engine::sessions(engine, address).await,
            users: AtomicU32::new(0),
        }
    }

    pub(crate) async fn log_in(&self) -> Live {
        let subject = format!("anna-{}", self.users.fetch_add(1, Relaxed));
        let started = self.sessions.start(Grant::new(subject.clone())).await;
        started.expect("a session");
        let listed = self.sessions.list(subject.as_str()).await.expect("a list");
        let id = listed.sessions.first().expect("a session").sid;
        Live { id, subject }
    }

    /// Tries until it is acknowledged: the server may just have been started again.
    pub(crate) async fn end(&self, session: &Live) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = self
            .sessions
            .end(session.id, session.subject.as_str())
            .await
        {
            assert!(Instant::now() < deadline, "{error}");
            sleep(Duration::from_millis(10)).await;
        }
        Ended {
            id: session.id,
            since: now(),
        }
    }

    /// Clients that refresh, all together so often a second, until it is dropped.
    pub(crate) async fn load(&self) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let mut client = Refreshing::new(self.sessions.clone()).await;
            clients.spawn(async move {
                let mut turns = interval(Duration::from_secs(1) * CLIENTS / REFRESHES_A_SECOND);
                turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    turns.tick().await;
                    client.once().await;
                }
            });
        }
        clients
    }
}
