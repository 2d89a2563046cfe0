//! Proofs of a key (RFC 9449), signed by aws-lc-rs directly, so that they owe nothing to the code
//! under test.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// A client's key.
pub struct ProofKey {
    algorithm: &'static str,
    pair: Pair,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
}

impl ProofKey {
    /// The algorithms that [`new`](Self::new) knows.
    pub const ALGORITHMS: [&str; 5] = ["ES256", "ES384", "EdDSA", "PS256", "RS256"];

    pub fn new(algorithm: &'static str) -> Self {
        let ec = |signing| Pair::Ec(EcdsaKeyPair::generate(signing).unwrap());
        let rsa = |encoding| {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            Pair::Rsa(Box::new(pair), encoding)
        };
        let pair = match algorithm {
            "ES256" => ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
            "EdDSA" => Pair::Ed25519(Ed25519KeyPair::generate().unwrap()),
            "PS256" => rsa(&RSA_PSS_SHA256),
            "RS256" => rsa(&RSA_PKCS1_SHA256),
            other => panic!("no test needs {other}"),
        };
        Self { algorithm, pair }
    }

    pub fn es256() -> Self {
        Self::new("ES256")
    }

    /// The public key.
    pub fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Ec(pair) => {
                // An uncompressed point: 4, x, y.
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({ "kty": "EC", "crv": curve, "x": text(x), "y": text(y) })
            }
            Pair::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()) })
            }
            Pair::Rsa(pair, _) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "n": text(&public.n), "e": text(&public.e) })
            }
        }
    }

    /// The thumbprint of the key (RFC 7638): the hash of its members in the order of the alphabet.
    pub fn thumbprint(&self) -> String {
        let Value::Object(members) = self.jwk() else {
            unreachable!()
        };
        let mut members: Vec<_> = members.into_iter().collect();
        members.sort_by(|one, other| one.0.cmp(&other.0));
        let members: Vec<_> = members
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        text(digest(&SHA256, format!("{{{}}}", members.join(",")).as_bytes()).as_ref())
    }

    /// A proof for a request, made now.
    pub fn proof(&self, method: &str, url: &str) -> Proof<'_> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let jti = format!("proof-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let header = json!({ "typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.jwk() });
        let claims = json!({ "jti": jti, "htm": method, "htu": url, "iat": now.as_secs() });
        let (Value::Object(header), Value::Object(claims)) = (header, claims) else {
            unreachable!()
        };
        Proof {
            key: self,
            header,
            claims,
        }
    }

    /// A signature over these texts as header and payload, whatever they are.
    pub fn sign(&self, header: &str, payload: &str) -> String {
        let input = format!("{}.{}", text(header.as_bytes()), text(payload.as_bytes()));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Ec(pair) => text(pair.sign(&random, input.as_bytes()).unwrap().as_ref()),
            Pair::Ed25519(pair) => text(pair.sign(input.as_bytes()).as_ref()),
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, input.as_bytes(), &mut signature)
                    .unwrap();
                text(&signature)
            }
        };
        format!("{input}.{signature}")
    }
}

/// A proof in the making.
#[derive(Clone)]
pub struct Proof<'a> {
    key: &'a ProofKey,
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
}

impl Proof<'_> {
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    pub fn without_member(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// The time at which it says it was made.
    pub fn at(self, secs: i64) -> Self {
        self.claim("iat", secs)
    }

    /// For this access token.
    pub fn token(self, token: &str) -> Self {
        let hash = text(digest(&SHA256, token.as_bytes()).as_ref());
        self.claim("ath", hash)
    }

    pub fn nonce(self, nonce: &str) -> Self {
        self.claim("nonce", nonce)
    }

    pub fn header_text(&self) -> String {
        Value::from(self.header.clone()).to_string()
    }

    pub fn claims_text(&self) -> String {
        Value::from(self.claims.clone()).to_string()
    }

    pub fn sign(&self) -> String {
        self.key.sign(&self.header_text(), &self.claims_text())
    }
}

/// Base64url without padding.
pub fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
