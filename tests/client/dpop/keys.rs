//! Where the key is kept.

use http::Request;
use serde_json::json;
use tower::{Layer, ServiceExt};
use tower_bearer::{VerifyingKey, error::BoxError};
use tower_bearer_client::{
    ClientErrorKind as Kind, ClientSession, ClientSessionBuilder, DpopKey, DpopSigner,
    FileTokenStore, MemoryTokenStore, NewTokens, RefreshLayer, RequestError, TokenStore,
};

use super::{Server, World, brought, says, start, tokens};
use crate::support::{API, Body, REVOKE, TOKEN};

/// The key is kept with the tokens, and goes with them.
#[tokio::test]
async fn a_program_that_is_started_anew_has_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.json");
    let server = Server::default();
    let start = |configure: fn(ClientSessionBuilder) -> ClientSessionBuilder| {
        let builder = ClientSession::builder(TOKEN, server.http());
        let builder = builder.revocation_endpoint(REVOKE);
        configure(builder.store(FileTokenStore::new(&file)))
            .build()
            .unwrap()
    };
    let first = start(ClientSessionBuilder::dpop);
    let refresh = NewTokens::from_refresh_token("refresh-0");
    first.sign_in(refresh).await.unwrap();
    let jkt = first.status().bound_to.unwrap();
    server.answer([says(200, &[], &tokens("DPoP", 1))]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Also in one that would bind no new session.
    for configure in [ClientSessionBuilder::dpop, |builder| builder] {
        let session = start(configure);
        assert_eq!(session.load().await.unwrap().bound_to, Some(jkt.clone()));
        let client = RefreshLayer::new(&session, API.parse().unwrap()).layer(server.http());
        let request = Request::get(API).body(Body::default()).unwrap();
        client.oneshot(request).await.unwrap();
    }
    let seen = server.seen();
    let urls: Vec<_> = seen.iter().map(|request| request.url.as_str()).collect();
    assert_eq!(
        urls,
        [TOKEN, "https://api.example/", "https://api.example/"]
    );
    let key = seen[0].key();
    assert!(seen.iter().all(|request| request.key() == key));

    first.logout().await.unwrap();
    assert!(!file.exists());
    assert_eq!(
        server.seen()[0].key(),
        key,
        "some servers want it for a revocation too"
    );
}

/// A session from before the program had keys goes on as it is.
#[tokio::test]
async fn an_old_session_goes_on_without_a_key() {
    let world = World::with(|builder| builder);
    world.session.sign_in(brought("Bearer")).await.unwrap();
    assert!(world.kept().await.get("dpop").is_none());
    let session = start(
        &world.server,
        &world.store,
        &world.clock,
        ClientSessionBuilder::dpop,
    );
    let token = session.access_token().await.unwrap();
    world.server.answer([says(200, &[], &tokens("Bearer", 1))]);
    session.access_token_after(&token).await.unwrap();
    assert!(world.server.seen()[0].proof.is_none());
    assert_eq!(session.status().bound_to, None);
}

/// A key that the program has elsewhere, such as in a TPM.
struct Device(VerifyingKey);

impl DpopSigner for Device {
    fn public_key(&self) -> VerifyingKey {
        self.0.clone()
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, BoxError> {
        Err("it is unplugged".into())
    }
}

#[tokio::test]
async fn a_key_of_the_programs_own_is_not_in_the_store() {
    let key = DpopKey::generate().unwrap();
    let world = World::with(|builder| builder.dpop_key(key.clone()));
    world.sign_in("DPoP").await.unwrap();
    assert_eq!(
        world.kept().await["dpop"],
        json!({ "jkt": key.thumbprint() })
    );
    assert_eq!(world.get("/").await, 200);
    assert_eq!(world.server.seen()[0].key().to_string(), key.public_jwk());

    // Without the key nothing is sent, least of all a refresh token that would come back refused.
    let unplugged = Device(VerifyingKey::from_jwk(key.public_jwk()).unwrap());
    let unplugged = DpopKey::from_signer(unplugged).unwrap();
    let other = DpopKey::generate().unwrap();
    for configure in [
        Box::new(|builder: ClientSessionBuilder| builder.dpop_key(unplugged))
            as Box<dyn FnOnce(ClientSessionBuilder) -> ClientSessionBuilder>,
        Box::new(|builder| builder.dpop_key(other)),
        Box::new(ClientSessionBuilder::dpop),
        Box::new(|builder| builder),
    ] {
        let session = start(&world.server, &world.store, &world.clock, configure);
        let client = RefreshLayer::new(&session, API.parse().unwrap()).layer(world.server.http());
        let request = Request::get(API).body(Body::default()).unwrap();
        let error = match client.oneshot(request).await.unwrap_err() {
            RequestError::Token(error) => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(error.kind(), Kind::Proof, "{error:?}");
        assert!(!error.is_signed_out());
    }
    assert!(world.server.seen().is_empty());
    assert_eq!(world.get("/").await, 200, "nothing was lost");
}

#[tokio::test]
async fn a_kept_key_that_cannot_be_read_is_an_error_and_no_end() {
    let world = World::new().await;
    let mut kept = world.kept().await;
    let secret = kept["dpop"]["private"]["pem"].as_str().unwrap().to_owned();
    let shown = format!(
        "{:?} {:?}",
        world.session,
        world.store.load().await.unwrap()
    );
    assert!(!shown.contains(secret.lines().nth(1).unwrap()), "{shown}");
    let other = DpopKey::generate().unwrap().export_private().unwrap();
    for (alg, pem) in [
        ("none", &*secret),
        ("ES256", "garbage"),
        ("ES256", other.expose()),
    ] {
        kept["dpop"]["private"] = json!({ "alg": alg, "pem": pem });
        let store = MemoryTokenStore::new();
        let tokens = serde_json::from_value(kept.clone()).unwrap();
        store
            .save(&mut store.lock().await.unwrap(), &tokens)
            .await
            .unwrap();
        let session = start(
            &world.server,
            &store,
            &world.clock,
            ClientSessionBuilder::dpop,
        );
        assert_eq!(session.load().await.unwrap_err().kind(), Kind::Proof);
        let error = session.access_token().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Proof);
        assert!(store.load().await.unwrap().is_some());
    }
    assert!(world.server.seen().is_empty());
}
