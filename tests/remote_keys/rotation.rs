//! Keys that change while requests run, as servers really do it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tests_shared::issuer::{IssuerServer, KEYS, Signer};
use tokio::time::sleep;

use tower_bearer::testing::Answer;

use crate::{
    staged::{ISSUER, Scene, Staged},
    support::{discovered, status, verifier},
};

/// Keycloak, better-auth and others publish a key when it signs already: the first token of it is what
/// tells. No honest token ever gets a 401, and each key works in the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_signs_at_once_costs_nobody_a_token() {
    const CLIENTS: usize = 8;
    const KEYS_IN_ALL: usize = 4;
    let server = IssuerServer::start().await;
    let signing = Arc::new(Mutex::new(Arc::new(server.signer())));
    let now = |signing: &Mutex<Arc<Signer>>| Arc::clone(&signing.lock().unwrap());
    server.publish(&[&now(&signing)]);
    let keys = discovered(&server).fetch().await.unwrap();
    let verifier = verifier(&server, &keys);

    let answers = Arc::new(Mutex::new(BTreeMap::new()));
    let clients = (0..CLIENTS).map(|_| {
        let (signing, answers, verifier) =
            (Arc::clone(&signing), Arc::clone(&answers), verifier.clone());
        tokio::spawn(async move {
            loop {
                let token = now(&signing).token();
                let answer = status(&verifier, &token).await;
                *answers.lock().unwrap().entry(answer).or_insert(0) += 1;
                sleep(Duration::from_millis(2)).await;
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    for _ in 1..KEYS_IN_ALL {
        let (old, new) = (now(&signing), Arc::new(server.signer()));
        server.publish(&[&old, &new]);
        *signing.lock().unwrap() = Arc::clone(&new);
        loop {
            if status(&verifier, &new.token()).await == 200 {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        sleep(Duration::from_millis(1200)).await;
    }
    clients.iter().for_each(|client| client.abort());
    let answers = answers.lock().unwrap();
    println!(
        "{KEYS_IN_ALL} keys, {CLIENTS} clients: {answers:?}, {} fetches",
        server.asked(KEYS)
    );
    assert!(
        answers.keys().all(|answer| [200, 503].contains(answer)),
        "{answers:?}"
    );
    assert_eq!(server.asked(KEYS), KEYS_IN_ALL);
}

/// lemonldap-ng overwrites its key: the old one is gone in the moment in which the new one signs.
#[tokio::test]
async fn keys_that_vanish_are_gone_after_the_next_fetch() {
    let server = IssuerServer::start().await;
    let [old, new] = [(); 2].map(|()| server.signer());
    server.publish(&[&old]);
    let keys = discovered(&server).fetch().await.unwrap();
    let verifier = verifier(&server, &keys);
    let token = old.token();
    assert_eq!(status(&verifier, &token).await, 200);
    server.publish(&[&new]);
    assert_eq!(status(&verifier, &token).await, 200, "nobody knows yet");
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(status(&verifier, &new.token()).await, 200);
    assert_eq!(status(&verifier, &token).await, 401, "remembered or not");
    assert_eq!(keys.status().keys(), 1);
}

/// A key that the issuer does not publish is refused for good once the issuer has been asked.
#[tokio::test]
async fn a_key_of_nobody_is_refused_when_the_issuer_was_asked() {
    let server = IssuerServer::start().await;
    let good = server.signer();
    server.publish(&[&good]);
    let keys = discovered(&server).cooldown(Duration::from_secs(600));
    let keys = keys.fetch().await.unwrap();
    let verifier = verifier(&server, &keys);
    // However young the token is: the issuer is asked after it came, and publishes before it signs.
    let forged = || Signer::new(&server.url()).token();
    assert_eq!(status(&verifier, &forged()).await, 401);
    assert_eq!(server.asked(KEYS), 2);
    // Within the cool-down nobody has asked for this one.
    assert_eq!(status(&verifier, &forged()).await, 503);
    assert_eq!(server.asked(KEYS), 2);
}

/// The issuer has replaced a key and kept its name. The first token of the new key makes a fetch, and a forged
/// one is refused at once but for that.
#[tokio::test(start_paused = true)]
async fn new_material_under_the_same_name_is_fetched() {
    let [old, new, forger] = [(); 3].map(|()| Signer::new(ISSUER));
    let set = |signer: &Signer| {
        let mut key = signer.jwks().remove(0);
        key["kid"] = "same".into();
        Scene::Answer(
            200,
            serde_json::json!({ "keys": [key] }).to_string(),
            Vec::new(),
        )
    };
    let issuer = Staged::new(set(&old));
    let keys = issuer.keys().fetch().await.unwrap();
    let verifier = issuer.verifier(&keys);
    issuer.play(set(&new));
    sleep(Duration::from_secs(40)).await;
    assert_eq!(
        status(&verifier, &issuer.token_named(&new, "same")).await,
        200
    );
    assert_eq!(issuer.count(), 2);
    let began = tokio::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(
            status(&verifier, &issuer.token_named(&forger, "same")).await,
            401
        );
    }
    assert_eq!((issuer.count(), began.elapsed()), (2, Duration::ZERO));

    // One in each cool-down waits, and is told the truth.
    issuer.play(Scene::Hang);
    sleep(Duration::from_secs(40)).await;
    for waits in [2, 0, 0] {
        let began = tokio::time::Instant::now();
        assert_eq!(
            status(&verifier, &issuer.token_named(&forger, "same")).await,
            401
        );
        assert_eq!(began.elapsed().as_secs(), waits);
    }
    assert_eq!(issuer.count(), 3);
}

/// A key of the same name is another key.
#[tokio::test]
async fn a_name_that_is_used_again_means_the_new_key() {
    let server = IssuerServer::start().await;
    let [old, new, signal] = [(); 3].map(|()| server.signer());
    let renamed = |signer: &Signer| {
        let mut key = signer.jwks().remove(0);
        key["kid"] = "same".into();
        key
    };
    let set = |keys: &[serde_json::Value]| Answer::json(serde_json::json!({ "keys": keys }));
    server.answer(KEYS, set(&[renamed(&old)]));
    let keys = discovered(&server).fetch().await.unwrap();
    let verifier = verifier(&server, &keys);
    let token = old.token_named("same");
    assert_eq!(status(&verifier, &token).await, 200);
    server.answer(KEYS, set(&[renamed(&new), signal.jwks().remove(0)]));
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(status(&verifier, &signal.token()).await, 200);
    assert_eq!(status(&verifier, &token).await, 401);
    assert_eq!(status(&verifier, &new.token_named("same")).await, 200);
}
