//! Three example servers on nx-27017.

#[path = "../cluster/run.rs"]
mod run;

use run::run;

use crate::server::Nx27017;

#[tokio::test]
async fn on_mongodb() {
    if let Some(server) = Nx27017::start().await {
        run(&server.url());
    }
}
