//! [`Signing`]: the signatures of a refresh, and nothing else.

use std::{hint::black_box, sync::Arc};

use aws_lc_rs::{hmac, signature::Ed25519KeyPair};
use tower_bearer::Algorithm;

use crate::crowd::Client;

/// The signing input of an access token and of a refresh token are about so long.
const ACCESS: [u8; 420] = [b'a'; 420];
const REFRESH: [u8; 300] = [b'r'; 300];

#[derive(Clone)]
pub(crate) struct Signing {
    access: Arc<Key>,
    refresh: Arc<hmac::Key>,
    presented: hmac::Tag,
}

enum Key {
    Secret(hmac::Key),
    Pair(Box<Ed25519KeyPair>),
}

impl Signing {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let secret = || hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let access = match algorithm {
            Algorithm::HS256 => Key::Secret(secret()),
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
