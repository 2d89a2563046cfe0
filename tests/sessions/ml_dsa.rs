//! Tokens of ML-DSA, which are long: where they are taken, and which cookies they are too long for.

use tower_bearer::{
    Algorithm, Issuer, KeySet, SigningKey, Verifier,
    session::{RefreshKey, SessionsBuilder},
    store::MemoryStore,
};
#[cfg(feature = "cookie")]
use tower_bearer::{
    cookie::{AccessCookie, CookieOptions, RefreshCookie},
    error::ConfigErrorKind,
};

use crate::support::*;

const SETS: [Algorithm; 3] = [Algorithm::MLDSA44, Algorithm::MLDSA65, Algorithm::MLDSA87];

fn keys(algorithm: Algorithm) -> KeySet {
    KeySet::new(SigningKey::generate(algorithm).unwrap())
}

/// Sessions that sign with these keys.
fn world_of(access: &KeySet, refresh: &KeySet) -> World {
    let clock = clock();
    let store = MemoryStore::with_clock(clock.clone());
    let issuer = Issuer::new(ISSUER, AUDIENCE, access.clone()).unwrap();
    let sessions = SessionsBuilder::new(issuer, RefreshKey::from_keys(refresh.clone()), store)
        .build()
        .unwrap();
    World {
        sessions,
        clock,
        events: Default::default(),
    }
}

#[tokio::test]
async fn sessions_run_on_access_keys_of_ml_dsa() {
    for algorithm in SETS {
        let access = keys(algorithm);
        let world = world_of(&access, &keys(Algorithm::HS256));
        let verifier = Verifier::new(ISSUER, AUDIENCE, access.verifying()).unwrap();
        let verifier = verifier.clock(world.clock.clone());
        let mut tokens = world.login().await;
        for _ in 0..2 {
            let token = tokens.access_token.expose();
            assert_eq!(verifier.verify(token).unwrap().claims().sub, "anna");
            tokens = world.present(&tokens.refresh_token).await.unwrap().tokens;
        }
    }
}

/// Also if the key is changed to one while clients hold tokens of the other.
#[tokio::test]
async fn refresh_tokens_of_ml_dsa_are_taken() {
    for algorithm in SETS {
        let refresh = keys(Algorithm::HS256);
        let world = world_of(&keys(Algorithm::EdDSA), &refresh);
        let short = world.login().await;
        refresh
            .roll_over(SigningKey::generate(algorithm).unwrap())
            .unwrap();
        let long = world.present(&short.refresh_token).await.unwrap().tokens;
        let length = long.refresh_token.expose().len();
        assert!(length > 3300, "{length}");
        println!("{algorithm}: a refresh token of {length} bytes");
        assert!(world.present(&long.refresh_token).await.is_ok());
    }
}

/// A cookie has at most 4096 bytes (RFC 6265 §6.1).
#[cfg(feature = "cookie")]
#[tokio::test]
async fn a_cookie_has_room_for_the_smallest_set_only() {
    for algorithm in SETS {
        let fits = algorithm == Algorithm::MLDSA44;
        let world = world_of(&keys(algorithm), &keys(Algorithm::HS256));
        let access = AccessCookie::new(CookieOptions::new()).unwrap();
        let set = access.set(&world.login().await);
        assert_eq!(set.is_ok(), fits, "{algorithm}: {set:?}");

        let world = world_of(&keys(Algorithm::EdDSA), &keys(algorithm));
        let built = RefreshCookie::new(&world.sessions, CookieOptions::new());
        assert_eq!(built.is_ok(), fits, "{algorithm}");
        if let Err(error) = built {
            assert_eq!(error.kind(), ConfigErrorKind::Cookie);
            assert!(error.to_string().contains("4096 bytes"), "{error}");
        }
    }
}
