//! [`Signing`]: the cryptography of a refresh, and nothing else.

use std::{hint::black_box, sync::Arc};

use aws_lc_rs::{hmac, signature::Ed25519KeyPair};
use tower_bearer::Algorithm;
use tower_bearer_benches::crowd::Client;

/// The signing input of an access token and of a refresh token are about so long.
const ACCESS: [u8; 420] = [b'a'; 420];
const REFRESH: [u8; 300] = [b'r'; 300];
/// What the `jti` of a refresh token is the HMAC of.
const JTI: [u8; 73] = [b'j'; 73];

/// Verifies one signature and makes two.
#[derive(Clone)]
pub(crate) struct Signing {
    access: Arc<Key>,
    refresh: Arc<hmac::Key>,
    presented: hmac::Tag,
}

enum Key {
    Secret(Box<hmac::Key>),
    Pair(Box<Ed25519KeyPair>),
}

impl Signing {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let secret = || hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let access = match algorithm {
            Algorithm::HS256 => Key::Secret(Box::new(secret())),
            Algorithm::EdDSA => Key::Pair(Box::new(Ed25519KeyPair::generate().expect("a key"))),
            other => panic!("{other} has no floor"),
        };
        Self {
            presented: hmac::sign(&secret(), &REFRESH),
            access: Arc::new(access),
            refresh: Arc::new(secret()),
        }
    }
}

/// Beside the signatures, two times the `jti`: of the token that comes and of the one that goes.
/// Each session has a key of its own for it, which so is never prepared.
#[derive(Clone)]
pub(crate) struct Minting(pub(crate) Signing);

impl Client for Minting {
    async fn once(&mut self) {
        for _ in 0..2 {
            let key = hmac::Key::new(hmac::HMAC_SHA256, black_box(&[7; 32]));
            black_box(hmac::sign(&key, black_box(&JTI)));
        }
        self.0.once().await;
    }
}

impl Client for Signing {
    async fn once(&mut self) {
        let presented = self.presented.as_ref();
        let is_good = hmac::verify(&self.refresh, black_box(&REFRESH), presented);
        is_good.expect("the signature");
        match &*self.access {
            Key::Secret(key) => _ = black_box(hmac::sign(key, black_box(&ACCESS))),
            Key::Pair(key) => _ = black_box(key.sign(black_box(&ACCESS))),
        }
        self.presented = hmac::sign(&self.refresh, black_box(&REFRESH));
    }
}
