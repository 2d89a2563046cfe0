//! The example `resource_server` as a process, between clients and issuers that are good or bad.
#![cfg(all(feature = "axum", feature = "http-client", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bad;
mod good;
mod issuer;
mod opaque;
mod settings;

use std::{path::Path, time::Duration};

use tests_shared::{
    client::{Answer, Client, get},
    program::Server,
};
use tokio::time::{Instant, sleep};

use issuer::AUDIENCE;

/// The server and a client of it.
struct Site {
    server: Server,
    client: Client,
}

impl Site {
    /// Trusts the issuers of this list, on this machine.
    #[track_caller]
    fn start(issuers: &str, more: &[(&str, &str)]) -> Self {
        let mut env = vec![
            ("ISSUER", issuers),
            ("AUDIENCE", AUDIENCE),
            ("INSECURE_HTTP", "1"),
        ];
        env.extend(more);
        let server = Server::start("resource_server", Path::new("."), &env);
        let client = Client::new(server.addr);
        Self { server, client }
    }

    async fn me(&self, token: &str) -> Answer {
        self.client.send(get("/me").bearer(token)).await
    }

    async fn admin(&self, token: &str) -> Answer {
        self.client.send(get("/admin").bearer(token)).await
    }

    /// Asks again while the answer is 503, for two minutes at most.
    async fn me_at_last(&self, token: &str) -> Answer {
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let answer = self.me(token).await;
            if answer.status != 503 {
                return answer;
            }
            assert!(Instant::now() < deadline, "still {answer:?}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}
