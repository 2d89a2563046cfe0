//! The example MCP server, asked by MCP's own client and its own conformance tests, and by requests that
//! neither of them sends.
//!
//! The former need `node` and the packages in the folder that `TOWER_BEARER_MCP` names, or in
//! `target/mcp`; `scripts/test` installs them there. Without them the tests say that they are skipped;
//! where `CI` is set they fail.
#![cfg(all(feature = "axum", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod official;
mod signed_in;
mod wire;

use serde_json::{Value, json};
use tests_shared::program::Server;

/// The answer of the server: its status, its challenge and its body.
struct Answer {
    status: u16,
    challenge: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// The server in a folder of its own; it lives as long as this does.
struct World {
    server: Server,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl World {
    fn start(env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            server: Server::start("mcp", folder.path(), env),
            http: reqwest::Client::new(),
            _folder: folder,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.addr)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.expect("an answer");
        let challenge = answer.headers().get("www-authenticate");
        Answer {
            status: answer.status().as_u16(),
            challenge: challenge
                .map_or("", |value| value.to_str().unwrap())
                .to_owned(),
            body: answer.text().await.expect("a body"),
        }
    }

    /// The tokens of a user.
    async fn login(&self, username: &str, password: &str) -> Value {
        let credentials = json!({ "username": username, "password": password });
        let request = self.http.post(self.url("/login"));
        let request = request.header("content-type", "application/json");
        let answer = self.send(request.body(credentials.to_string())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    async fn alice(&self) -> Value {
        self.login("alice", "wonderland").await
    }

    /// Sends one message, with the access token of a login.
    async fn say(&self, tokens: &Value, message: &str) -> Answer {
        let token = tokens["access_token"].as_str().unwrap();
        let request = self.http.post(self.url("/mcp")).bearer_auth(token);
        self.send(request.body(message.to_owned())).await
    }
}
