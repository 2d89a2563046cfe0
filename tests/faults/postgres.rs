use tests_shared::servers::postgres::{Backup, Postgres};
use tower_bearer_sqlx::PostgresStore;

use super::cases::{self, Backend, faults_on};

faults_on!(Postgres);

impl Backend for Postgres {
    const NAME: &str = "PostgreSQL";
    type Store = PostgresStore;
    type Copy = Backup;

    async fn start() -> Option<Self> {
        Self::durable().await
    }

    fn port(&self) -> u16 {
        self.port()
    }

    async fn store(&self, port: u16) -> PostgresStore {
        let url = self
            .url()
            .replace(&self.port().to_string(), &port.to_string());
        PostgresStore::connect(&url).await.expect("it connects")
    }

    fn kill(&mut self) {
        self.kill9();
    }

    async fn restart(&mut self) {
        self.restart().await;
    }

    async fn copy(&self) -> Backup {
        self.back_up("copy")
    }

    async fn restart_with(&mut self, copy: Backup) {
        self.kill9();
        self.restore(&copy);
        self.restart().await;
    }

    async fn follower(&self) -> Self {
        self.standby().await
    }

    async fn promote(&self) {
        self.promote().await;
    }
}
