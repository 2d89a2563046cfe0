//! A running server and a client of it.

use std::path::Path;

use serde_json::json;
use tests_shared::{
    client::{Answer, Call, Client, Tokens, get, post},
    program::Server,
};

pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) client: Client,
}

impl Site {
    #[track_caller]
    pub(crate) fn start(example: &str, folder: &Path, env: &[(&str, &str)]) -> Self {
        let server = Server::start(example, folder, env);
        let client = Client::new(server.addr);
        Self { server, client }
    }

    pub(crate) async fn send(&self, call: Call) -> Answer {
        self.client.send(call).await
    }

    pub(crate) async fn alice(&self) -> Tokens {
        self.send(login("alice", "wonderland")).await.tokens()
    }

    pub(crate) async fn bob(&self) -> Tokens {
        self.send(login("bob", "builder")).await.tokens()
    }

    /// Calls a protected route.
    pub(crate) async fn me(&self, access: &str) -> Answer {
        self.send(get("/me").bearer(access)).await
    }

    pub(crate) async fn refresh(&self, refresh: &str) -> Answer {
        self.send(refresh_call(refresh)).await
    }
}

pub(crate) fn login(username: &str, password: &str) -> Call {
    let body = json!({ "username": username, "password": password });
    post("/auth/login")
        .header("user-agent", "walker/1")
        .json(body.to_string())
}

pub(crate) fn refresh_call(refresh: &str) -> Call {
    post("/auth/token").form(format!("grant_type=refresh_token&refresh_token={refresh}"))
}
