//! Sessions whose keys are those of a ring.

use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey,
    clock::Clock,
    error::{ConfigErrorKind, ErrorCode},
    jws::SignErrorKind,
    ring::{KeyPurpose, KeyRingBuilder, KeyState},
    session::{Grant, RefreshKey, RefreshRequest, SessionErrorKind, Sessions},
    store::MemoryStore,
};

use crate::support::{
    API, Database, EVERY, ISSUER, LEASE, LIFETIME, Node, SIGN_FOR, secs, verifier,
};

fn sessions(database: &Database, node: &Node) -> Sessions {
    sessions_in(&MemoryStore::with_clock(database.clock.clone()), node)
}

pub(crate) fn sessions_in(store: &MemoryStore, node: &Node) -> Sessions {
    let issuer = Issuer::new(ISSUER, API, node.ring.keys()).unwrap();
    Sessions::builder(issuer, node.ring.refresh_key(), store.clone())
        .access_lifetime(LIFETIME)
        .idle_lifetime(secs(300))
        .session_lifetime(secs(3000))
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_client_stays_signed_in_over_all_roll_overs() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let sessions = sessions(&database, &node);
    let mut tokens = sessions.start(Grant::new("anna")).await.unwrap();
    // The last is used just before it expires, when its secret has long ceased to sign.
    for pause in [1, 50, 120, 299, 299] {
        for _ in 0..pause {
            database.pass(secs(1)).await;
        }
        let refreshed = sessions
            .refresh(RefreshRequest::new(tokens.refresh_token))
            .await;
        tokens = refreshed.unwrap().tokens;
        assert!(node.accepts(&tokens.access_token));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_comes_again_when_no_key_may_sign() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let sessions = sessions(&database, &node);
    let tokens = sessions.start(Grant::new("anna")).await.unwrap();
    node.connection.cut(true);
    database.pass(LEASE + secs(1)).await;
    let refresh = || sessions.refresh(RefreshRequest::new(tokens.refresh_token.clone()));
    let error = refresh().await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Unavailable);
    assert_eq!(error.code(), ErrorCode::TemporarilyUnavailable);
    node.connection.cut(false);
    database.pass(EVERY).await;
    refresh().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_comes_again_to_a_server_that_may_have_missed_the_secret_of_its_token() {
    let database = Database::new();
    let (awake, asleep) = (Node::start(&database).await, Node::start(&database).await);
    let store = MemoryStore::with_clock(database.clock.clone());
    let there = sessions_in(&store, &awake);
    let here = sessions_in(&store, &asleep);
    asleep.connection.cut(true);
    // The secret rolls over as access keys do, and a minute and a lease later once more.
    for _ in 0..SIGN_FOR.as_secs() * 3 / EVERY.as_secs() {
        database.pass(EVERY).await;
    }
    let tokens = there.start(Grant::new("anna")).await.unwrap();
    let refresh = || here.refresh(RefreshRequest::new(tokens.refresh_token.clone()));
    let error = refresh().await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Unavailable);
    asleep.connection.cut(false);
    asleep.ring.read_now();
    database.pass(secs(0)).await;
    refresh().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn whose_access_token_is_refused_for_its_key_refreshes() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let sessions = sessions(&database, &node);
    let tokens = sessions.start(Grant::new("anna")).await.unwrap();
    node.ring
        .retire(&node.key(KeyState::Signing).kid)
        .await
        .unwrap();
    assert!(!node.accepts(&tokens.access_token));
    let refreshed = sessions
        .refresh(RefreshRequest::new(tokens.refresh_token))
        .await
        .unwrap();
    assert!(node.accepts(&refreshed.tokens.access_token));
    database.pass(SIGN_FOR).await;
}

#[tokio::test(start_paused = true)]
async fn a_ring_takes_over_from_keys_of_the_application_and_nobody_notices() {
    let database = Database::new();
    let (key, secret) = (SigningKey::generate(Algorithm::ES256).unwrap(), [9; 32]);
    let store = MemoryStore::with_clock(database.clock.clone());
    let old_keys = KeySet::new(key.clone());
    let old_issuer = Issuer::new(ISSUER, API, old_keys.clone()).unwrap();
    let old = Sessions::builder(
        old_issuer,
        RefreshKey::from_secret(secret).unwrap(),
        store.clone(),
    );
    let old = old.access_lifetime(LIFETIME).build().unwrap();
    let old_verifier = verifier(old_keys.verifying(), &database.clock);
    let tokens = old.start(Grant::new("anna")).await.unwrap();

    let node = Node::start_with(&database, |builder| {
        let builder = builder.first_access_key(key).unwrap();
        builder
            .refresh_sign_for(secs(40 * 24 * 3600))
            .refresh_lifetime(secs(40 * 24 * 3600))
            .first_refresh_secret(secret)
            .unwrap()
    })
    .await;
    let issuer = Issuer::new(ISSUER, API, node.ring.keys()).unwrap();
    let new = Sessions::builder(issuer, node.ring.refresh_key(), store)
        .access_lifetime(LIFETIME)
        .build()
        .unwrap();
    assert!(node.accepts(&tokens.access_token));
    let by_new = new
        .refresh(RefreshRequest::new(tokens.refresh_token))
        .await
        .unwrap()
        .tokens;
    assert!(old_verifier.verify(by_new.access_token.expose()).is_ok());
    let by_old = old
        .refresh(RefreshRequest::new(by_new.refresh_token))
        .await
        .unwrap()
        .tokens;
    assert!(node.accepts(&by_old.access_token));
    for _ in 0..SIGN_FOR.as_secs() {
        database.pass(secs(1)).await;
    }
    let later = new
        .refresh(RefreshRequest::new(by_old.refresh_token))
        .await
        .unwrap()
        .tokens;
    assert!(
        old_verifier.verify(later.access_token.expose()).is_err(),
        "the next key signs"
    );
}

/// A server whose ring begins with this key.
async fn start_with_key(database: &Database, key: &SigningKey) -> Node {
    let change = |builder: KeyRingBuilder| builder.first_access_key(key.clone()).unwrap();
    Node::start_with(database, change).await
}

/// As long as a program gives it, and not only in some turns: others may sign with it.
#[tokio::test(start_paused = true)]
async fn a_key_of_the_application_stays_until_it_is_retired() {
    let database = Database::new();
    let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let kid = key.kid().to_owned();
    let start = || start_with_key(&database, &key);
    let node = start().await;
    for _ in 0..3 * SIGN_FOR.as_secs() / EVERY.as_secs() {
        database.pass(EVERY).await;
        assert!(node.jwks().contains(&kid));
    }
    assert!(node.keys(KeyPurpose::Access).len() <= 4, "others go");
    node.ring.replace_all(KeyPurpose::Access).await.unwrap();
    for node in [node, start().await] {
        assert!(!node.jwks().contains(&kid));
    }
}

/// All keys were replaced where a server could not read the ring for some seconds.
#[tokio::test(start_paused = true)]
async fn a_client_comes_again_to_a_server_that_has_missed_an_emergency() {
    let database = Database::new();
    let start = || {
        Node::start_with(&database, |builder| {
            builder.publish_for(secs(90)).lease(secs(60))
        })
    };
    let (one, two) = (start().await, start().await);
    let store = MemoryStore::with_clock(database.clock.clone());
    two.connection.cut(true);
    one.ring.replace_all(KeyPurpose::Refresh).await.unwrap();
    let grant = Grant::new("anna");
    let tokens = sessions_in(&store, &one).start(grant).await.unwrap();
    for _ in 0..6 {
        database.pass(EVERY).await;
    }
    let here = sessions_in(&store, &two);
    let request = || RefreshRequest::new(tokens.refresh_token.clone());
    let error = here.refresh(request()).await.unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Unavailable);
    two.connection.cut(false);
    database.pass(EVERY).await;
    here.refresh(request()).await.unwrap();
}

/// For which everybody has to log in again.
#[tokio::test(start_paused = true)]
async fn all_refresh_secrets_can_be_replaced() {
    let database = Database::new();
    let (one, two) = (Node::start(&database).await, Node::start(&database).await);
    let store = MemoryStore::with_clock(database.clock.clone());
    let (here, there) = (sessions_in(&store, &one), sessions_in(&store, &two));
    let tokens = here.start(Grant::new("anna")).await.unwrap();
    one.ring.replace_all(KeyPurpose::Refresh).await.unwrap();
    database.pass(EVERY).await;
    for sessions in [here, there] {
        let request = RefreshRequest::new(tokens.refresh_token.clone());
        let error = sessions.refresh(request).await.unwrap_err();
        assert!(
            matches!(error.kind(), SessionErrorKind::InvalidGrant(_)),
            "{error:?}"
        );
        let again = sessions.start(Grant::new("anna")).await.unwrap();
        let request = RefreshRequest::new(again.refresh_token);
        sessions.refresh(request).await.unwrap();
    }
    assert!(two.accepts(&tokens.access_token), "its key has stayed");
}

#[tokio::test(start_paused = true)]
async fn keys_of_the_application_verify_if_the_ring_is_there_already() {
    let database = Database::new();
    let _first = Node::start(&database).await;
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let own = Node::start_with(&database, |builder| {
        let builder = builder.first_access_key(key.clone()).unwrap();
        let builder = builder.first_refresh_secret([8; 32]).unwrap();
        builder.first_refresh_secret([9; 32]).unwrap()
    })
    .await;
    let issuer = Issuer::new(ISSUER, API, KeySet::new(key)).unwrap();
    let claims = issuer.claims("anna", database.clock.now(), LIFETIME);
    assert!(own.accepts(&issuer.sign(&claims).unwrap()));
    assert_eq!(own.keys(KeyPurpose::Refresh).len(), 4);
    let signs = |node: &Node| node.key(KeyState::Signing).kid;
    assert_eq!(signs(&own), signs(&Node::start(&database).await));
}

#[tokio::test(start_paused = true)]
async fn the_first_key_does_not_come_back_once_it_was_retired() {
    let database = Database::new();
    let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let kid = key.kid().to_owned();
    let start = || start_with_key(&database, &key);
    let node = start().await;
    assert!(node.jwks().contains(&kid));
    for key in node.keys(KeyPurpose::Access) {
        assert!(node.ring.retire(&key.kid).await.unwrap());
    }
    node.token();
    assert!(!node.jwks().contains(&kid));
    assert!(!start().await.jwks().contains(&kid));
}

#[tokio::test(start_paused = true)]
async fn tokens_must_not_outlive_the_keys_of_a_ring() {
    let database = Database::new();
    let node = Node::start(&database).await;
    let build = |access, idle| {
        let issuer = Issuer::new(ISSUER, API, node.ring.keys()).unwrap();
        Sessions::builder(issuer, node.ring.refresh_key(), MemoryStore::new())
            .access_lifetime(access)
            .idle_lifetime(idle)
            .build()
            .map(drop)
            .map_err(|error| error.kind())
    };
    let wrong = Err(ConfigErrorKind::Lifetime);
    assert_eq!(build(LIFETIME, secs(300)), Ok(()));
    assert_eq!(build(LIFETIME + secs(1), secs(300)), wrong);
    assert_eq!(build(LIFETIME, secs(301)), wrong);

    let sessions = sessions(&database, &node);
    let long = Grant::new("anna").idle_lifetime(secs(301));
    sessions.start(long).await.unwrap_err();

    let issuer = Issuer::new(ISSUER, API, node.ring.keys()).unwrap();
    let sign = |lifetime| issuer.sign(&issuer.claims("anna", database.clock.now(), lifetime));
    // A lease for a clock that is ahead of the store's: for so long an expired key stays.
    assert!(sign(LIFETIME + LEASE).is_ok());
    let error = sign(LIFETIME + LEASE + secs(1)).unwrap_err();
    let kind = error.kind();
    assert!(
        matches!(kind, SignErrorKind::OutlivesKey { longest, .. } if *longest == LIFETIME),
        "{kind:?}"
    );
    let mut claims = issuer.claims("anna", database.clock.now() + secs(100), LIFETIME);
    assert_eq!(issuer.sign_async(&claims).await.unwrap_err(), error);
    claims.exp = database.clock.now() + LIFETIME;
    claims.iat = database.clock.now() - secs(100);
    assert!(issuer.sign_async(&claims).await.is_ok());
}
