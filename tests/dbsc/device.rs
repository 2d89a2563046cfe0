//! The browser's part: a key, and proofs as Chromium writes them.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) enum Device {
    Es256(EcdsaKeyPair),
    Rs256(rsa::KeyPair),
}

impl Device {
    pub(crate) fn new() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn rsa() -> Self {
        Self::Rs256(rsa::KeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn jwk(&self) -> Value {
        match self {
            Self::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at(32);
                json!({ "crv": "P-256", "kty": "EC", "x": base64url(x), "y": base64url(y) })
            }
            Self::Rs256(pair) => {
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero();
                let e = public.exponent().big_endian_without_leading_zero();
                json!({ "e": base64url(e), "kty": "RSA", "n": base64url(n) })
            }
        }
    }

    pub(crate) fn alg(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::Rs256(_) => "RS256",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
        }
    }

    pub(crate) fn jws(&self, header: &Value, payload: &Value) -> String {
        let input = format!(
            "{}.{}",
            base64url(header.to_string()),
            base64url(payload.to_string())
        );
        let signature = base64url(self.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }

    /// With the key in it.
    pub(crate) fn registration(&self, challenge: &str, authorization: &str) -> String {
        let header = json!({ "alg": self.alg(), "jwk": self.jwk(), "typ": "dbsc+jwt" });
        let payload = json!({ "authorization": authorization, "jti": challenge });
        self.jws(&header, &payload)
    }

    /// Without.
    pub(crate) fn refresh(&self, challenge: &str) -> String {
        let header = json!({ "alg": self.alg(), "typ": "dbsc+jwt" });
        self.jws(&header, &json!({ "jti": challenge }))
    }
}
