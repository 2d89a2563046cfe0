use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use tests_shared::servers::mariadb::{Copy, MariaDb};
use tokio::time::sleep;
use tower_bearer_sqlx::MySqlStore;

use super::cases::{self, Backend, Scene, faults_on};

faults_on!(MariaDb);

impl Backend for MariaDb {
    const NAME: &str = "MariaDB";
    type Store = MySqlStore;
    type Copy = Copy;

    async fn start() -> Option<Self> {
        Self::durable().await
    }

    fn port(&self) -> u16 {
        self.port()
    }

    async fn store(&self, port: u16) -> MySqlStore {
        let url = self
            .url()
            .replace(&self.port().to_string(), &port.to_string());
        MySqlStore::connect(&url).await.expect("it connects")
    }

    fn kill(&mut self) {
        self.kill9();
    }

    async fn restart(&mut self) {
        self.restart().await;
    }

    async fn copy(&self) -> Copy {
        self.back_up("copy")
    }

    async fn restart_with(&mut self, copy: Copy) {
        self.kill9();
        self.restore(&copy);
        self.restart().await;
    }

    async fn follower(&self) -> Self {
        self.replica().await
    }

    async fn promote(&self) {
        self.promote().await;
    }
}

/// While the tablespace is full nobody can log in, and no session is harmed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full() {
    let Some(server) = MariaDb::of_size("32M").await else {
        return;
    };
    let mut scene = Scene::with(server).await;
    scene.load.ledger.nobody_leaves.store(true, Relaxed);
    scene.load.enough().await;
    scene.backend.fill().await;
    let server = scene.load.application.servers[0].clone();
    // The pages that the table has already have room for a few.
    let mut logins = 0;
    while server.log_in("somebody new").await.is_some() {
        logins += 1;
        assert!(logins < 1_000, "a login is a 503");
    }
    sleep(Duration::from_millis(500)).await;

    scene.backend.make_room().await;
    assert!(server.log_in("somebody new").await.is_some());
    scene.load.ledger.nobody_leaves.store(false, Relaxed);
    scene.load.enough().await;
    let what = format!("full after {logins} more logins");
    scene.settle(&what).await;
}
