//! The least that a check of a token can be.

use aws_lc_rs::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
        RsaPublicKeyComponents,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;
use tower_bearer::Algorithm;

use crate::tokens::{SECRET, Tokens};

/// The claims of all tokens, as a handler wants them: its own.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "RFC 9068 says what they are")]
pub struct AccessClaims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub exp: u64,
    pub iat: u64,
    pub jti: String,
    pub client_id: String,
    pub scope: String,
}

/// Verifies the signature with a key that was prepared once, decodes each of signature and
/// payload once, and parses the claims once. It checks nothing else, not even the header.
pub enum Floor {
    /// A secret.
    Hmac(Box<hmac::Key>),
    /// A public key.
    Public(ParsedPublicKey),
}

impl Floor {
    /// For the key of these tokens.
    pub fn new(tokens: &Tokens) -> Self {
        let jwks: Value = serde_json::from_str(&tokens.jwks()).expect("a key set");
        let number = |name: &str| {
            let text = jwks["keys"][0][name].as_str().expect("a member of the key");
            URL_SAFE_NO_PAD.decode(text).expect("base64url")
        };
        let key = match tokens.algorithm() {
            Algorithm::HS256 => {
                return Self::Hmac(Box::new(hmac::Key::new(
                    hmac::HMAC_SHA256,
                    SECRET.as_bytes(),
                )));
            }
            Algorithm::EdDSA => ParsedPublicKey::new(&ED25519, number("x")),
            Algorithm::ES256 => {
                let point = [vec![4], number("x"), number("y")].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            }
            Algorithm::RS256 => {
                let (n, e) = (number("n"), number("e"));
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            }
            other => panic!("{other} has no floor"),
        };
        Self::Public(key.expect("a key"))
    }

    /// The claims of a token that is known to be good.
    pub fn check(&self, token: &str) -> AccessClaims {
        let (input, signature) = token.rsplit_once('.').expect("a signature");
        let (_, payload) = input.split_once('.').expect("a payload");
        let mut buffer = [0; 512];
        let length = decode(signature, &mut buffer);
        assert!(self.verify(input, &buffer[..length]), "a good signature");
        let payload = base64_simd::URL_SAFE_NO_PAD
            .decode(
                payload.as_bytes(),
                base64_simd::Out::from_slice(&mut buffer),
            )
            .expect("base64url");
        serde_json::from_slice(payload).expect("claims")
    }

    fn verify(&self, input: &str, signature: &[u8]) -> bool {
        match self {
            Self::Hmac(key) => hmac::verify(key, input.as_bytes(), signature).is_ok(),
            Self::Public(key) => key.verify_sig(input.as_bytes(), signature).is_ok(),
        }
    }
}

fn decode(segment: &str, buffer: &mut [u8]) -> usize {
    URL_SAFE_NO_PAD
        .decode_slice(segment, buffer)
        .expect("base64url")
}
