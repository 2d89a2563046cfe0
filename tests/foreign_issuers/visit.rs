//! What is tried with each server.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use tokio::task::JoinHandle;
use tower_bearer::{
    AccessToken, Algorithm, TrustedIssuer, Verifier,
    profile::TokenProfile,
    remote::{HttpClient, RemoteKeys},
};

use crate::{
    api::Api,
    client::{Client, kid},
    server::{Facts, Server},
};

/// How the tokens of a server are verified.
#[derive(Clone, Copy)]
pub(crate) enum Tokens {
    Jwt {
        profile: &'static str,
        of: fn() -> TokenProfile,
        /// Of keys that name none.
        rsa: Algorithm,
    },
}

/// A row of the table.
#[derive(Clone, PartialEq)]
pub(crate) struct Row(pub(crate) [String; 8]);

impl Row {
    pub(crate) fn of(cells: [&str; 8]) -> Self {
        Self(cells.map(str::to_owned))
    }

    pub(crate) fn head() -> Self {
        Self::of([
            "server",
            "discovered",
            "keys",
            "profile",
            "accepted",
            "ID token",
            "after a rotation",
            "client refreshed",
        ])
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (cell, width) in self.0.iter().zip([28, 11, 5, 13, 9, 8, 16, 16]) {
            write!(f, "| {cell:width$} ")?;
        }
        f.write_str("|")
    }
}

fn yes(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.to_owned()
}

/// Visits a server whose tokens are JWTs.
pub(crate) async fn jwt(name: &str, mut server: Server, tokens: Tokens) -> Row {
    let Tokens::Jwt { profile, of, rsa } = tokens;
    let keys = keys(&server.facts, rsa).await;
    let facts = &server.facts;
    let issuer = TrustedIssuer::new(&facts.issuer, &facts.audience, keys.clone()).unwrap();
    let verifier = Verifier::trusting([issuer.profile(of())]).unwrap();
    // One verifies each token anew, as after a restart.
    let (api, afresh) = (
        Api::new(verifier.clone()),
        Api::new(verifier.without_cache()),
    );
    let client = Client::new(facts).await;

    let first = client.token().await;
    let accepted = api.status(first.expose()).await == StatusCode::OK;
    if accepted {
        let claims = api.claims(first.expose()).await;
        assert_eq!(claims["iss"], *facts.issuer);
        assert!(!claims["sub"].as_str().unwrap().is_empty());
    }
    let id_token = match client.id_token() {
        None => "none".to_owned(),
        Some(token) if api.status(&token).await == StatusCode::UNAUTHORIZED => "refused".to_owned(),
        Some(_) => "ACCEPTED".to_owned(),
    };
    let before = keys.status().keys();
    let watch = Watch::start([&api, &afresh], &first);
    server.rotate();
    let second = client.token_after(&first).await;
    assert_ne!(kid(&first), kid(&second), "{name} signs with a new key");
    let survived = api.status_at_last(second.expose()).await == StatusCode::OK;
    let (asked, refused) = watch.stop().await;
    println!("{name}: {asked} requests with the token of before, {refused} refused");
    Row([
        name.to_owned(),
        yes(server.facts.jwks_uri.is_none()),
        format!("{before}, {}", keys.status().keys()),
        profile.to_owned(),
        yes(accepted),
        id_token,
        yes(survived && refused == 0),
        yes(first.expose() != second.expose()),
    ])
}

/// By the issuer's metadata, if it has any.
async fn keys(facts: &Facts, rsa: Algorithm) -> RemoteKeys {
    let http = HttpClient::new().unwrap();
    let keys = match &facts.jwks_uri {
        Some(jwks_uri) => RemoteKeys::at(jwks_uri, http),
        None => RemoteKeys::discover(&facts.issuer, http),
    };
    keys.rsa_algorithm(rsa)
        .cooldown(Duration::from_secs(1))
        .danger_accept_http()
        .fetch()
        .await
        .unwrap()
}

/// Sends requests with a good token all the time.
struct Watch {
    over: Arc<AtomicBool>,
    task: JoinHandle<(usize, usize)>,
}

impl Watch {
    fn start(apis: [&Api; 2], token: &AccessToken) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (apis, token, is_over) = (apis.map(Api::clone), token.clone(), Arc::clone(&over));
        let task = tokio::spawn(async move {
            let (mut asked, mut refused) = (0, 0);
            let mut pause = tokio::time::interval(Duration::from_millis(1));
            while !is_over.load(Ordering::SeqCst) {
                pause.tick().await;
                for api in &apis {
                    asked += 1;
                    refused += usize::from(api.status(token.expose()).await != StatusCode::OK);
                }
            }
            (asked, refused)
        });
        Self { over, task }
    }

    /// How many were sent, and how many of them were not answered with 200.
    async fn stop(self) -> (usize, usize) {
        self.over.store(true, Ordering::SeqCst);
        self.task.await.unwrap()
    }
}
