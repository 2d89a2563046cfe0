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
    AccessToken, Algorithm, TokenProfile, TrustedIssuer, Verifier,
    introspection::{ClientAuthentication, Introspection},
    profile::Discriminator,
    remote::{HttpClient, RemoteKeys},
};

use crate::{
    api::Api,
    client::{Client, kid},
    server::{Facts, Server},
};

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
        for (cell, width) in self.0.iter().zip([22, 10, 5, 25, 8, 8, 16, 16]) {
            write!(f, "| {cell:width$} ")?;
        }
        f.write_str("|")
    }
}

/// In the place of a profile, where there are no JWTs.
pub(crate) const INTROSPECTION: &str = "(introspection)";

fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

/// Visits a server whose tokens are JWTs. `rsa` is the algorithm of keys that name none.
pub(crate) async fn jwt(name: &str, mut server: Server, profile: &str, rsa: Algorithm) -> Row {
    let keys = keys(&server.facts, rsa).await;
    let verifier = verifier(&server.facts, &keys, profile);
    // One verifies each token anew, as after a restart.
    let afresh = Api::new(verifier.clone().without_cache());
    let api = Api::new(verifier);
    let client = match server.login() {
        Some(login) => Some(Client::new(login).await),
        None => None,
    };

    let first = match &client {
        Some(client) => client.token().await,
        None => server.access_token(),
    };
    let accepted = accepted(&api, &first, &server.facts).await;
    let id_token = id_token(&api, client.as_ref()).await;
    let before = keys.status().keys();

    let watch = Watch::start([&api, &afresh], &first);
    server.rotate();
    let second = match &client {
        Some(client) => client.token_after(&first).await,
        None => server.access_token(),
    };
    assert_ne!(kid(&first), kid(&second), "{name} signs with a new key");
    let (status, waits) = api.status_at_last(second.expose()).await;
    let (asked, refused) = watch.stop().await;
    println!("{name}: {refused} of {asked} requests refused; the new token waited {waits} times");
    let refreshed = match &client {
        Some(_) => yes(first.expose() != second.expose()),
        None => "no client",
    };
    let cells = [
        name,
        yes(server.facts.jwks_uri.is_none()),
        &format!("{before}, {}", keys.status().keys()),
        profile,
        yes(accepted),
        &id_token,
        yes(status == StatusCode::OK && refused == 0),
        refreshed,
    ];
    Row::of(cells)
}

/// Visits a server whose tokens only it can read. JWTs are verified beside them.
pub(crate) async fn opaque(name: &str, server: Server, profile: &str) -> Row {
    let introspection = introspection(&server.facts);
    let (found, verifier) = match profile {
        // It has no keys.
        INTROSPECTION => (["-", "-"], Verifier::introspecting(introspection)),
        profile => {
            let keys = keys(&server.facts, Algorithm::RS256).await;
            assert_eq!(keys.status().keys(), 1);
            let found = yes(server.facts.jwks_uri.is_none());
            let verifier = verifier(&server.facts, &keys, profile);
            ([found, "1"], verifier.opaque_tokens(introspection))
        }
    };
    let api = Api::new(verifier);
    let client = Client::new(server.login().expect("a client")).await;
    let first = client.token().await;
    let accepted = accepted(&api, &first, &server.facts).await;
    let id_token = id_token(&api, Some(&client)).await;
    let second = client.token_after(&first).await;
    let refreshed =
        first.expose() != second.expose() && api.status(second.expose()).await == StatusCode::OK;
    let unknown = api.status("unknown").await;
    assert_eq!(unknown, StatusCode::UNAUTHORIZED, "{name}");
    let cells = [
        name,
        found[0],
        found[1],
        profile,
        yes(accepted),
        &id_token,
        "-",
        yes(refreshed),
    ];
    Row::of(cells)
}

/// What each opaque token is asked about with.
fn introspection(facts: &Facts) -> Introspection {
    let introspected = facts.introspection.as_ref().expect("an endpoint");
    let (id, secret) = &introspected.resource_server;
    let authentication = ClientAuthentication::basic(id, secret);
    let http = HttpClient::new().unwrap();
    // Some servers name the user, and have no other subject.
    let profile = TokenProfile::jwt(Discriminator::audience());
    Introspection::new(&introspected.endpoint, authentication, http)
        .issuer(&facts.issuer)
        .audience(&facts.audience)
        .profile(profile.subject_claims(["sub", "username"]))
        .danger_allow_plain_http()
        .build()
        .unwrap()
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
        .danger_allow_plain_http()
        .fetch()
        .await
        .unwrap()
}

fn verifier(facts: &Facts, keys: &RemoteKeys, profile: &str) -> Verifier {
    let issuer = TrustedIssuer::new(&facts.issuer, &facts.audience, keys.clone()).unwrap();
    let profile = TokenProfile::named(profile).expect("a ready profile");
    Verifier::trusting([issuer.profile(profile)]).unwrap()
}

/// Whether the route is reached, with the claims of the user.
async fn accepted(api: &Api, token: &AccessToken, facts: &Facts) -> bool {
    if api.status(token.expose()).await != StatusCode::OK {
        return false;
    }
    let claims = api.claims(token.expose()).await;
    assert_eq!(claims["iss"], *facts.issuer);
    // The user, and not the client.
    assert!(claims["sub"].as_str().is_some_and(|sub| !sub.is_empty()));
    assert_ne!(claims["sub"], claims["client_id"]);
    true
}

/// What the API makes of the ID token that the client was given with the access token.
async fn id_token(api: &Api, client: Option<&Client>) -> String {
    match client.and_then(Client::id_token) {
        None => "none".to_owned(),
        Some(token) => match api.status(&token).await {
            StatusCode::UNAUTHORIZED => "refused".to_owned(),
            status => status.to_string(),
        },
    }
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
