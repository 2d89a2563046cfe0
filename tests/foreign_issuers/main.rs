//! The middleware as a resource server of authorization servers that others wrote, and the client
//! layer as their client: metadata, keys, access tokens as they are, keys that change while requests
//! run, and refreshes.
//!
//! The packages of npm and PyPI are in the folder that `TOWER_BEARER_FOREIGN_ISSUERS` names, or in
//! `target/foreign-issuers`, and oidc-provider where `tests/oidc_provider` has it; `scripts/test`
//! installs them, and glewlwyd. A server that is not installed is skipped; where `CI` is set, that is
//! an error.
#![cfg(all(feature = "axum", feature = "http-client", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected fails"
)]

mod api;
mod client;
mod server;
mod visit;

use tokio::task::JoinSet;
use tower_bearer::Algorithm;

use server::{Needs, Server};
use visit::{INTROSPECTION, Row};

/// The mode of a script in which tokens say nothing to anybody but the server.
const OPAQUE: &str = "opaque";

/// A server, and how its tokens are verified.
struct Case {
    needs: Needs,
    script: &'static str,
    mode: Option<&'static str>,
    rsa: Algorithm,
    /// What is seen of it. The columns are those of [`Row::head`].
    seen: Row,
}

impl Case {
    fn new(needs: Needs, script: &'static str, seen: [&str; 8]) -> Self {
        Self {
            needs,
            script,
            mode: None,
            rsa: Algorithm::RS256,
            seen: Row::of(seen),
        }
    }

    fn opaque(self) -> Self {
        let mode = Some(OPAQUE);
        Self { mode, ..self }
    }

    /// What is found, and what was seen before.
    async fn visit(self) -> Option<(Row, Row)> {
        let server = Server::start(self.needs, self.script, self.mode)?;
        let [name, _, _, profile, ..] = &self.seen.0;
        let row = match self.mode {
            Some(OPAQUE) => visit::opaque(name, server, profile).await,
            _ => visit::jwt(name, server, profile, self.rsa).await,
        };
        Some((row, self.seen))
    }
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let node = Needs::Node;
    let mut canaille = Case::new(Needs::Python, "canaille_server.py",
        ["canaille", "yes", "1, 2", "danger-canaille", "yes", "none", "yes", "yes"]);
    canaille.rsa = Algorithm::RS512;
    let mut session = Case::new(node("better-auth"), "better_auth.mjs",
        ["better-auth, sessions", "no", "1, 2", "better-auth-session", "yes", "none", "yes", "no client"]);
    session.mode = Some("session");
    vec![
        Case::new(Needs::OidcProvider, "oidc_provider.mjs",
            ["oidc-provider", "yes", "1, 2", "oidc-provider", "yes", "refused", "yes", "yes"]),
        Case::new(node("better-auth"), "better_auth.mjs",
            ["better-auth", "yes", "1, 2", "better-auth", "yes", "refused", "yes", "yes"]),
        session,
        Case::new(node("oauth2-mock-server"), "mock_server.mjs",
            ["oauth2-mock-server", "yes", "1, 2", "danger-oauth2-mock-server", "yes", "refused", "yes", "yes"]),
        Case::new(Needs::Python, "authlib_server.py",
            ["Authlib", "no", "1, 2", "authlib", "yes", "none", "yes", "yes"]),
        canaille,
        Case::new(Needs::Program("glewlwyd"), "glewlwyd.py",
            ["glewlwyd", "yes", "1, 2", "glewlwyd", "yes", "none", "yes", "yes"]),
        Case::new(Needs::OidcProvider, "oidc_provider.mjs",
            ["oidc-provider, opaque", "yes", "1", "oidc-provider", "yes", "refused", "-", "yes"]).opaque(),
        Case::new(node("better-auth"), "better_auth.mjs",
            ["better-auth, opaque", "yes", "1", "better-auth", "yes", "refused", "-", "yes"]).opaque(),
        Case::new(Needs::Python, "authlib_server.py",
            ["Authlib, opaque", "no", "1", "authlib", "yes", "none", "-", "yes"]).opaque(),
        Case::new(Needs::Python, "django_server.py",
            ["django-oauth-toolkit", "-", "-", INTROSPECTION, "yes", "none", "-", "yes"]).opaque(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_understood() {
    let mut visits = JoinSet::new();
    for (place, case) in cases().into_iter().enumerate() {
        visits.spawn(async move { (place, case.visit().await) });
    }
    let mut visits = visits.join_all().await;
    visits.sort_by_key(|(place, _)| *place);
    let (found, seen): (Vec<_>, Vec<_>) = visits.into_iter().filter_map(|(_, rows)| rows).unzip();
    println!("{:?}", Row::head());
    for row in &found {
        println!("{row:?}");
    }
    assert_eq!(found, seen);
}
