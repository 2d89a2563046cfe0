use std::sync::atomic::Ordering::Relaxed;

use tests_shared::servers::redis::{Dump, Redis};
use tower_bearer_redis::RedisStore;

use super::cases::{self, Backend, Scene, faults_on};

faults_on!(Redis);

impl Backend for Redis {
    const NAME: &str = "Redis";
    type Store = RedisStore;
    type Copy = Dump;

    async fn start() -> Option<Self> {
        Self::start_with(&[("appendonly", "yes"), ("appendfsync", "always")]).await
    }

    fn port(&self) -> u16 {
        self.port()
    }

    async fn store(&self, port: u16) -> RedisStore {
        let url = self
            .url()
            .replace(&self.port().to_string(), &port.to_string());
        RedisStore::connect(&url).await.expect("it connects")
    }

    fn kill(&mut self) {
        self.kill9();
    }

    async fn restart(&mut self) {
        self.restart().await;
    }

    async fn copy(&self) -> Dump {
        self.save("copy").await
    }

    async fn restart_with(&mut self, copy: Dump) {
        self.restart_with(&copy).await;
    }

    async fn follower(&self) -> Self {
        self.replica().await
    }

    async fn promote(&self) {
        let _: String = self.run("REPLICAOF NO ONE").await;
    }
}

/// Every client is told that its session is gone, and none that the server is at fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emptied() {
    let Some(mut scene) = Scene::<Redis>::set().await else {
        return;
    };
    let mut clients = scene.load.pause().await;
    scene.backend.restart_empty().await;
    for client in &mut clients {
        client.start_again().await;
    }
    scene.load.resume(clients);
    scene.settle("restarted without its data").await;
}

/// Nobody can log in, and sessions go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full() {
    let Some(mut scene) = Scene::<Redis>::set().await else {
        return;
    };
    let clients = scene.load.pause().await;
    scene.load.ledger.nobody_leaves.store(true, Relaxed);
    let before = scene.unavailable();
    let _: String = scene.backend.run("CONFIG SET maxmemory 1").await;
    let server = &scene.load.application.servers[0];
    assert_eq!(
        server.log_in("somebody new").await,
        None,
        "a login is a 503"
    );
    scene.load.resume(clients);
    scene.load.enough().await;
    assert_eq!(scene.unavailable(), before, "a session needs no memory");

    let _: String = scene.backend.run("CONFIG SET maxmemory 0").await;
    scene.load.ledger.nobody_leaves.store(false, Relaxed);
    let server = &scene.load.application.servers[0];
    assert!(server.log_in("somebody new").await.is_some());
    scene.settle("out of memory for a while").await;
}
