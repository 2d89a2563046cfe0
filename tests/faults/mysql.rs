use std::sync::atomic::Ordering::Relaxed;

use tests_shared::servers::mariadb::{Copy, MariaDb};
use tower_bearer_sqlx::MySqlStore;

use super::{
    cases::{Backend, Scene},
    faults_on,
};

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
