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
use tower_bearer::{
    Algorithm,
    profile::{Discriminator, TokenProfile},
};

use server::{Needs, Server};
use visit::{Row, Tokens};

/// A server, and how its tokens are verified.
struct Case {
    name: &'static str,
    needs: Needs,
    script: &'static str,
    mode: Option<&'static str>,
    tokens: Tokens,
}

impl Case {
    const fn new(
        name: &'static str,
        needs: Needs,
        script: &'static str,
        mode: Option<&'static str>,
        tokens: Tokens,
    ) -> Self {
        Self {
            name,
            needs,
            script,
            mode,
            tokens,
        }
    }
}

const RFC9068: Tokens = Tokens::Jwt {
    profile: "rfc9068",
    of: TokenProfile::rfc9068,
    rsa: Algorithm::RS256,
};

/// Its access tokens have a scope, and its ID tokens none.
fn mock() -> TokenProfile {
    TokenProfile::jwt(Discriminator::present("scope"))
}

/// Nothing but these tells its access tokens from its ID tokens, and both are for the client.
fn canaille() -> TokenProfile {
    TokenProfile::jwt(Discriminator::absent(["nonce", "at_hash"]))
}

fn cases() -> Vec<Case> {
    let node = Needs::Node;
    let (mock, canaille) = (
        Tokens::Jwt {
            profile: "of its own",
            of: mock,
            rsa: Algorithm::RS256,
        },
        Tokens::Jwt {
            profile: "of its own",
            of: canaille,
            rsa: Algorithm::RS512,
        },
    );
    vec![
        Case::new(
            "oidc-provider",
            Needs::OidcProvider,
            "oidc_provider.mjs",
            None,
            RFC9068,
        ),
        Case::new(
            "better-auth",
            node("better-auth"),
            "better_auth.mjs",
            None,
            RFC9068,
        ),
        Case::new(
            "oauth2-mock-server",
            node("oauth2-mock-server"),
            "mock_server.mjs",
            None,
            mock,
        ),
        Case::new("Authlib", Needs::Python, "authlib_server.py", None, RFC9068),
        Case::new(
            "canaille",
            Needs::Python,
            "canaille_server.py",
            None,
            canaille,
        ),
        Case::new(
            "glewlwyd",
            Needs::Program("glewlwyd"),
            "glewlwyd.py",
            None,
            RFC9068,
        ),
    ]
}

/// What is seen of each. The columns are those of [`Row::head`].
fn seen() -> Vec<Row> {
    [
        [
            "oidc-provider",
            "yes",
            "1, 2",
            "rfc9068",
            "yes",
            "refused",
            "yes",
            "yes",
        ],
        [
            "better-auth",
            "yes",
            "1, 2",
            "rfc9068",
            "yes",
            "refused",
            "yes",
            "yes",
        ],
        [
            "oauth2-mock-server",
            "yes",
            "1, 2",
            "of its own",
            "yes",
            "refused",
            "yes",
            "yes",
        ],
        [
            "Authlib", "no", "1, 2", "rfc9068", "yes", "none", "yes", "yes",
        ],
        [
            "canaille",
            "yes",
            "1, 2",
            "of its own",
            "yes",
            "none",
            "yes",
            "yes",
        ],
        [
            "glewlwyd", "yes", "1, 2", "rfc9068", "yes", "none", "yes", "yes",
        ],
    ]
    .map(Row::of)
    .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_understood() {
    let mut visits = JoinSet::new();
    for (place, case) in cases().into_iter().enumerate() {
        visits.spawn(async move {
            let server = Server::start(case.needs, case.script, case.mode)?;
            Some((place, visit::jwt(case.name, server, case.tokens).await))
        });
    }
    let mut found: Vec<_> = visits.join_all().await.into_iter().flatten().collect();
    found.sort_by_key(|(place, _)| *place);
    let expected: Vec<_> = found
        .iter()
        .map(|(place, _)| seen()[*place].clone())
        .collect();
    let found: Vec<_> = found.into_iter().map(|(_, row)| row).collect();
    println!("{:?}", Row::head());
    for row in &found {
        println!("{row:?}");
    }
    assert_eq!(found, expected);
}
