//! Rings as this crate has written them before. What cannot be read any more would log out everybody.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use tower_bearer::{AccessToken, ring::KeyState, store::SealedRing};

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
