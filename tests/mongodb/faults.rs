//! nx-27017 in the place of MongoDB. It has no replica set, so nothing fails over.

#[path = "../faults/application.rs"]
mod application;
#[path = "../faults/cases.rs"]
#[allow(dead_code, reason = "nothing fails over")]
mod cases;
#[path = "../faults/clients.rs"]
#[allow(
    dead_code,
    reason = "nothing loses all of its data, and no shard is added"
)]
mod clients;

use tower_bearer_mongodb::MongoStore;

use crate::server::{Copy, Nx27017};
use cases::{Backend, faults_on};

faults_on!(Nx27017: killed cut_mid_statement slow_then_silent restored);

impl Backend for Nx27017 {
    const NAME: &str = "MongoDB (nx-27017)";
    type Store = MongoStore;
    type Copy = Copy;

    async fn start() -> Option<Self> {
        Self::start().await
    }

    fn port(&self) -> u16 {
        self.port()
    }

    async fn store(&self, port: u16) -> MongoStore {
        let url = self
            .url()
            .replace(&self.port().to_string(), &port.to_string());
        MongoStore::connect(&url).await.expect("it connects")
    }

    fn kill(&mut self) {
        self.kill9();
    }

    async fn restart(&mut self) {
        self.restart().await;
    }

    async fn copy(&self) -> Copy {
        self.copy("copy")
    }

    async fn restart_with(&mut self, copy: Copy) {
        self.restart_with(&copy).await;
    }

    async fn follower(&self) -> Self {
        panic!("it has no replica set")
    }

    async fn promote(&self) {
        panic!("it has no replica set")
    }
}
