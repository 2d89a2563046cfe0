//! A server with a runtime and connections of its own, so that it can hang, be cut off, and be started again.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use tests_shared::servers::proxy::{Proxy, Traffic};
use tokio::{
    runtime::{self, Runtime},
    time::timeout,
};
use tower_bearer::{
    Issuer, Verifier,
    ring::{KeyEncryptionKey, KeyRing},
    session::Sessions,
};
use tower_bearer_sqlx::{PostgresOptions, PostgresStore};

use super::{ACCESS_LIFETIME, EVERY, LEASE, PUBLISH_FOR, REFRESH_LIFETIME, SIGN_FOR};

const ISSUER: &str = "https://id.example";
const API: &str = "https://api.example";
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Node {
    proxy: Proxy,
    running: Mutex<Running>,
}

struct Running {
    /// It is taken as it ends.
    runtime: Option<Runtime>,
    server: Arc<Server>,
}

/// What a server does.
pub(super) struct Server {
    pub(super) ring: KeyRing,
    pub(super) sessions: Sessions,
    pub(super) verifier: Verifier,
}

impl Node {
    /// A server on the database at this port.
    pub(super) async fn start(database: u16) -> Self {
        let proxy = Proxy::before(database).await;
        let running = Mutex::new(Running::start(proxy.port()).await);
        Self { proxy, running }
    }

    pub(super) fn server(&self) -> Arc<Server> {
        Arc::clone(&self.running.lock().expect("no panic").server)
    }

    /// Does something on the server, as a client asks it to. `None` if there is no answer in time.
    pub(super) async fn call<F, T>(&self, what: impl FnOnce(Arc<Server>) -> F) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let mut task = {
            let running = self.running.lock().expect("no panic");
            let runtime = running.runtime.as_ref().expect("it runs");
            runtime.spawn(what(Arc::clone(&running.server)))
        };
        let answer = timeout(PATIENCE, &mut task).await;
        if answer.is_err() {
            // As a server does whose client has gone.
            task.abort();
        }
        answer.ok()?.ok()
    }

    /// Lets nothing through between the server and the database.
    pub(super) fn cut_off(&self, is_cut: bool) {
        self.proxy.set(match is_cut {
            true => Traffic::Stalled,
            false => Traffic::Flows,
        });
    }

    /// Stops all that the server does, as if its machine were suspended.
    pub(super) fn hang(&self, time: Duration) {
        let running = self.running.lock().expect("no panic");
        let runtime = running.runtime.as_ref().expect("it runs");
        runtime.spawn(async move { thread::sleep(time) });
    }

    /// Ends the server in the midst of its work, and starts it again.
    pub(super) async fn restart(&self) {
        let next = Running::start(self.proxy.port()).await;
        *self.running.lock().expect("no panic") = next;
    }
}

impl Running {
    async fn start(port: u16) -> Self {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let server = runtime.spawn(Server::start(port)).await;
        Self {
            server: Arc::new(server.expect("it starts")),
            runtime: Some(runtime),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Server {
    async fn start(port: u16) -> Self {
        let url = format!("postgres://bearer@127.0.0.1:{port}/postgres?sslmode=disable");
        let options = PostgresOptions::new().timeout(PATIENCE).max_connections(8);
        let store = PostgresStore::connect_with(&url, options).await;
        let store = store.expect("the database is there");
        let secret = KeyEncryptionKey::from_secret([7; 32]).expect("32 bytes");
        let ring = KeyRing::builder(store.clone(), secret)
            .sign_for(SIGN_FOR)
            .publish_for(PUBLISH_FOR)
            .access_lifetime(ACCESS_LIFETIME)
            .refresh_sign_for(SIGN_FOR)
            .refresh_lifetime(REFRESH_LIFETIME)
            .lease(LEASE)
            .every(EVERY)
            .store_timeout(PATIENCE)
            .open();
        let ring = ring.await.expect("a ring");
        let issuer = Issuer::new(ISSUER, API, ring.keys()).expect("an issuer");
        let sessions = Sessions::builder(issuer, ring.refresh_key(), store)
            .access_lifetime(ACCESS_LIFETIME)
            .idle_lifetime(REFRESH_LIFETIME)
            // So that most refreshes are rotations, and a client that got no answer is served.
            .reuse_window(3 * PATIENCE)
            .build();
        Self {
            verifier: verifier(ring.keys().verifying()),
            sessions: sessions.expect("sessions"),
            ring,
        }
    }
}

/// Whoever verifies the tokens of the three.
pub(super) fn verifier(keys: tower_bearer::VerifyingKeys) -> Verifier {
    Verifier::new(ISSUER, API, keys).expect("a verifier")
}
