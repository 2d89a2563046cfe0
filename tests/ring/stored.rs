//! Rings where they are kept: as this crate has written them before, and in a file.
//!
//! What cannot be read any more would log out everybody.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use tower_bearer::{
    AccessToken,
    ring::{KeyRing, KeyState},
    store::{FileRingStore, SealedRing},
};

use crate::support::*;

/// Sealed by [`secret`] as version 2 of the ring of [`builder`], with one key retired.
const FORMAT_1: &str = include_str!("format_1.txt");
/// What its key has signed.
const TOKEN: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6IldpUTZoRXpWajNLS1p4WnQ1clRMX3NySGxMejVja2JUbThrcG5hc3k2SUEiLCJ0eXAiOiJhdCtqd3QifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJzdWIiOiJhbm5hIiwiYXVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZSIsImV4cCI6MTgwMDAwMDAyMCwiaWF0IjoxODAwMDAwMDAwLCJqdGkiOiJiYTAzNDhjOS01ZDM0LTQyY2ItOWFkZi0xNDRiMTFiNTIzNGIiLCJjbGllbnRfaWQiOiJodHRwczovL2lkLmV4YW1wbGUifQ.yyET6ko04hqpgM-pDx6O9Li8QHuYQXJGLOUEzhARU89od7qZ9P436jr3P1tu2o43xIAwJE91FBPMBXD-BAbGAw";
/// The signing key and the next one, of access tokens and of refresh tokens.
const KIDS: [&str; 4] = [
    "WiQ6hEzVj3KKZxZt5rTL_srHlLz5ckbTm8kpnasy6IA",
    "ULtOa6tkxfctDsnrAuuyp9Ca8NhVzGD4a-er8TZuw6U",
    "kDzp-0GpS7xBGY0gozaNelkrmsRKo3N2s0l-YE77754",
    "geWsxogEsqLsbI1YdGeFSPRBPYh1zBckOUGptJ0hLOU",
];

#[tokio::test]
async fn the_first_format_is_read_and_left_as_it_is() {
    let bytes = BASE64.decode(FORMAT_1.replace('\n', "")).unwrap();
    let database = Database::new();
    database.set_ring(Some(SealedRing::new(2, bytes).unwrap()));
    let node = Node::start(&database).await;
    let keys = node.ring.status().keys;
    let kids: Vec<_> = keys.iter().map(|key| key.kid.as_str()).collect();
    assert_eq!(kids, KIDS);
    assert_eq!(node.key(KeyState::Signing).kid, KIDS[0]);
    assert!(node.accepts(&AccessToken::new(TOKEN)));
    assert_eq!(kid(&node.token()), KIDS[0]);
    assert_eq!(database.writes(), 0);
}

#[tokio::test]
async fn two_processes_share_a_ring_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.ring");
    let open = async || -> KeyRing {
        let store = FileRingStore::open(&path).await.unwrap();
        // A file may be slow.
        let builder = builder(store).store_timeout(secs(60));
        builder.open().await.unwrap()
    };
    let (one, two) = (open().await, open().await);
    let kids = |ring: &KeyRing| -> Vec<_> {
        let keys = ring.status().keys;
        keys.into_iter().map(|key| key.kid).collect()
    };
    let before = kids(&one);
    assert_eq!(kids(&two), before);
    assert!(two.retire(&before[0]).await.unwrap());
    one.read().await.unwrap();
    assert!(!kids(&one).contains(&before[0]));
    assert_eq!(kids(&one), kids(&two));

    // Whoever runs has it still.
    let after = kids(&one);
    std::fs::remove_file(&path).unwrap();
    one.read().await.unwrap();
    assert_eq!(kids(&open().await), after);
}
