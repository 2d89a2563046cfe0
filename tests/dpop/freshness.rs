//! Proofs that are too old, from the future, or used before; nonces.

use std::time::Duration;

use tests_shared::proofs::ProofKey;
use tower_bearer::{clock::Clock, dpop::NonceSecret};

use crate::support::*;

const INVALID: &str = "invalid_dpop_proof";
const NONCE: &str = "use_dpop_nonce";

#[tokio::test]
async fn the_window_is_what_it_is_set_to_on_both_sides() {
    let window = std::time::Duration::from_secs(120);
    let (world, key) = (
        world().with(|dpop| dpop.window(window).unwrap()),
        ProofKey::es256(),
    );
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    for (off, status) in [(-121, 401), (-120, 200), (0, 200), (120, 200), (121, 401)] {
        let proof = world.for_me(&key, token).at(world.now() + off);
        let answer = world.me(token, &proof.sign()).await;
        assert_eq!(answer.status.as_u16(), status, "{off}: {answer:?}");
        if status == 401 {
            let told = answer.refused(401, INVALID).json();
            assert!(
                told["error_description"].as_str().unwrap().contains("iat"),
                "{told}"
            );
        }
    }
    // A fraction of a second is a time too.
    let proof = world
        .for_me(&key, token)
        .claim("iat", world.now() as f64 - 0.5);
    world.me(token, &proof.sign()).await.ok();
}

#[tokio::test]
async fn a_proof_is_good_once_as_long_as_it_is_good() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    // It is from the future, so it can be used for as long as any.
    let proof = world.for_me(&key, token).at(world.now() + 60).sign();
    world.me(token, &proof).await.ok();
    for _ in 0..120 {
        world.me(token, &proof).await.refused(401, INVALID);
        world.later(1);
    }
    world.later(1);
    let told = world.me(token, &proof).await.refused(401, INVALID).json();
    assert!(
        told["error_description"].as_str().unwrap().contains("iat"),
        "{told}"
    );
}

/// A shorter window forgets sooner. That is its own affair.
#[tokio::test]
async fn a_verifier_with_another_window_forgets_nothing_of_the_first() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let proof = world.for_me(&key, token).sign();
    world.me(token, &proof).await.ok();
    let brief = world.dpop.clone().window(Duration::from_secs(10)).unwrap();
    let brief = world.layer().dpop(&brief);
    world.later(45);
    let other = world.for_me(&key, token).sign();
    world.ask(brief, me(token, &other)).await.ok();
    world.me(token, &proof).await.refused(401, INVALID);
}

#[tokio::test]
async fn a_jti_is_its_keys_own() {
    let (world, key, other) = (world(), ProofKey::es256(), ProofKey::es256());
    for key in [&key, &other] {
        let tokens = world.bound(key).await;
        let token = tokens.access_token.expose();
        let proof = || world.for_me(key, token).claim("jti", "same");
        world.me(token, &proof().sign()).await.ok();
        // The same identifier in another proof is a replay too (RFC 9449 §4.3).
        world
            .me(token, &proof().claim("more", 1).sign())
            .await
            .refused(401, INVALID);
    }
}

#[tokio::test]
async fn a_refused_proof_is_not_used_up() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let proof = world.for_me(&key, token);
    let elsewhere = proof.clone().claim("htu", "https://api.example/other");
    world
        .me(token, &elsewhere.sign())
        .await
        .refused(401, INVALID);
    world.me(token, &proof.sign()).await.ok();
}

#[tokio::test]
async fn a_hundred_thousand_replays() {
    let (world, key) = (world(), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let row = world.row(&tokens).await;
    let proof = world.for_me(&key, token).sign();
    world.me(token, &proof).await.ok();
    for _ in 0..100_000 {
        world.me(token, &proof).await.refused(401, INVALID);
    }
    assert_eq!(world.row(&tokens).await, row);
    world.me_by(token, &key).await.ok();
}

#[tokio::test]
async fn what_is_remembered_is_bounded_and_the_oldest_goes_first() {
    let (world, key) = (world().with(|dpop| dpop.replay_limit(8)), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let proofs: Vec<_> = (0..9).map(|_| world.for_me(&key, token).sign()).collect();
    for proof in &proofs {
        world.me(token, proof).await.ok();
    }
    // At least the newer half is there, and not all.
    for proof in &proofs[4..] {
        world.me(token, proof).await.refused(401, INVALID);
    }
    world.me(token, &proofs[0]).await.ok();
}

/// Anybody can send proofs without a token, as many as they like.
#[tokio::test]
async fn proofs_without_a_token_push_out_no_others() {
    let (world, key) = (world().with(|dpop| dpop.replay_limit(8)), ProofKey::es256());
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let proof = world.for_me(&key, token).sign();
    world.me(token, &proof).await.ok();
    for _ in 0..100 {
        world.refresh_by(&tokens, &ProofKey::new("EdDSA")).await;
    }
    world.me(token, &proof).await.refused(401, INVALID);
}

#[tokio::test]
async fn each_proof_needs_a_nonce() {
    let (world, key) = (
        world().with(|dpop| dpop.nonces(&secret())),
        ProofKey::es256(),
    );
    let token = &bound_with_nonce(&world, &key).await;
    let proof = || world.for_me(&key, token);
    let answer = world.me(token, &proof().sign()).await;
    let nonce = answer.refused(401, NONCE).nonce().unwrap().to_owned();
    assert!(answer.challenges()[0].contains("error=\"use_dpop_nonce\""));
    let answer = world.me(token, &proof().nonce(&nonce).sign()).await;
    assert_eq!(answer.ok().nonce(), None, "the nonce is new");
    // Again, as often as the client likes, and by a client whose clock is an hour off.
    let wrong = proof().at(world.now() - 3600).nonce(&nonce).sign();
    world.me(token, &wrong).await.ok();
    world.me(token, &wrong).await.refused(401, INVALID);

    world.later(150);
    let answer = world.me(token, &proof().nonce(&nonce).sign()).await;
    let next = answer.ok().nonce().unwrap().to_owned();
    assert_ne!(next, nonce);
    world.later(149);
    world.me(token, &proof().nonce(&nonce).sign()).await.ok();
    world.later(1);
    world
        .me(token, &proof().nonce(&nonce).sign())
        .await
        .refused(401, NONCE);
    world.me(token, &proof().nonce(&next).sign()).await.ok();
    // A proof is not good again when its nonce is.
    world.me(token, &wrong).await.refused(401, NONCE);
}

#[tokio::test]
async fn a_nonce_that_was_not_given_out() {
    let (world, key) = (
        world().with(|dpop| dpop.nonces(&secret())),
        ProofKey::es256(),
    );
    let token = &bound_with_nonce(&world, &key).await;
    let nonce = world.dpop.nonce().unwrap().to_str().unwrap().to_owned();
    let others = NonceSecret::from_secret([8; 32]).unwrap();
    let others = world.dpop.clone().nonces(&others).nonce().unwrap();
    let changed = |at: usize| {
        let mut bytes = nonce.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    for forged in [
        "".to_owned(),
        "nonce".to_owned(),
        others.to_str().unwrap().to_owned(),
        changed(5),
        changed(nonce.len() - 1),
        format!("{nonce}A"),
        format!("{nonce}="),
        nonce[..nonce.len() - 4].to_owned(),
        "A".repeat(8 * 1024 / 3),
    ] {
        let answer = world
            .me(token, &world.for_me(&key, token).nonce(&forged).sign())
            .await;
        answer.refused(401, NONCE);
    }
    let number = world.for_me(&key, token).claim("nonce", 7);
    world.me(token, &number.sign()).await.refused(401, INVALID);
    // One from the future, by a server whose clock is far ahead.
    world.later(60);
    let ahead = world.dpop.nonce().unwrap().to_str().unwrap().to_owned();
    world
        .clock
        .set(world.clock.now() - std::time::Duration::from_secs(60));
    let answer = world
        .me(token, &world.for_me(&key, token).nonce(&ahead).sign())
        .await;
    answer.refused(401, NONCE);
    world.later(30);
    world
        .me(token, &world.for_me(&key, token).nonce(&ahead).sign())
        .await
        .ok();
}

/// Servers that share a secret take each other's nonces; nothing is kept.
#[tokio::test]
async fn a_nonce_of_another_server() {
    let (world, key) = (
        world().with(|dpop| dpop.nonces(&secret())),
        ProofKey::es256(),
    );
    let token = &bound_with_nonce(&world, &key).await;
    let other = tower_bearer::dpop::DpopVerifier::new("https://id.example").unwrap();
    let nonce = other
        .clock(world.clock.clone())
        .nonces(&secret())
        .nonce()
        .unwrap();
    let proof = world.for_me(&key, token).nonce(nonce.to_str().unwrap());
    world.me(token, &proof.sign()).await.ok();
}

/// A client keeps the nonce that it was once given. While its clock is right, that does no harm.
#[tokio::test]
async fn a_timely_proof_with_a_stale_nonce() {
    let world = world().with(|dpop| dpop.nonces_for_wrong_clocks(&secret()));
    let key = ProofKey::es256();
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let nonce = world.dpop.nonce().unwrap().to_str().unwrap().to_owned();
    world.later(301);
    for stale in [nonce.as_str(), "of another server", ""] {
        let proof = world.for_me(&key, token).nonce(stale).sign();
        let answer = world.me(token, &proof).await;
        assert_ne!(answer.ok().nonce().unwrap(), nonce, "there is a new one");
        let proof = world.proof(&key, "POST", TOKEN).nonce(stale).sign();
        world.refresh(&tokens, &[&proof]).await.ok();
    }
}

#[tokio::test]
async fn a_nonce_only_for_a_client_with_a_wrong_clock() {
    let world = world().with(|dpop| dpop.nonces_for_wrong_clocks(&secret()));
    let key = ProofKey::es256();
    let tokens = world.bound(&key).await;
    let token = tokens.access_token.expose();
    let right = || world.for_me(&key, token);
    world.me(token, &right().sign()).await.ok();
    for off in [-3600, -61, 61, 3600, 1_000_000_000] {
        let wrong = || right().at(world.now() + off);
        let answer = world.me(token, &wrong().sign()).await;
        let nonce = answer.refused(401, NONCE).nonce().unwrap().to_owned();
        world.me(token, &wrong().nonce(&nonce).sign()).await.ok();
    }
    let wrong = right().at(world.now() - 61).nonce("forged");
    world.me(token, &wrong.sign()).await.refused(401, NONCE);

    // The same at the token endpoint, whose status is another.
    let proof = || world.proof(&key, "POST", TOKEN).at(1);
    let answer = world.refresh(&tokens, &[&proof().sign()]).await;
    let nonce = answer.refused(400, NONCE).nonce().unwrap().to_owned();
    world
        .refresh(&tokens, &[&proof().nonce(&nonce).sign()])
        .await
        .ok();
    world.later(200);
    let answer = world
        .refresh(&tokens, &[&proof().nonce(&nonce).sign()])
        .await;
    assert!(answer.ok().nonce().is_some());
}
