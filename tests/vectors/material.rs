//! Keys whose private half the tests can sign anything with, by aws-lc-rs directly, and the
//! verifier under test.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
        RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
        RsaEncoding, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use tower_bearer::{
    Algorithm, KeySet, SigningKey, Verifier, VerifyingKeys,
    clock::{Clock, ManualClock, SystemClock, Timestamp},
};

pub(crate) const ISS: &str = "https://id.example";
pub(crate) const AUD: &str = "https://api.example";

pub(crate) struct Key {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: String,
    pub(crate) jwk: Value,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Key {
    fn generate(algorithm: Algorithm) -> (Self, SigningKey) {
        let key = SigningKey::generate(algorithm).unwrap();
        let der = pem_body(key.export_private().unwrap().expose());
        let pair = match algorithm {
            Algorithm::RS256 => Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(&der).unwrap())),
            Algorithm::ES256 => {
                Pair::Ec(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).unwrap())
            }
            Algorithm::EdDSA => Pair::Ed25519(Ed25519KeyPair::from_pkcs8(&der).unwrap()),
            other => panic!("no case needs {other}"),
        };
        let keys = VerifyingKeys::new([key.verifying_key()]).unwrap();
        let jwks: Value = serde_json::from_str(&keys.jwks()).unwrap();
        let kid = key.kid().to_owned();
        (
            Self {
                algorithm,
                kid,
                jwk: jwks["keys"][0].clone(),
                pair,
            },
            key,
        )
    }

    /// Signs by the named algorithm, or else by the key's own.
    pub(crate) fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let encoding: &'static dyn RsaEncoding = match algorithm {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
                    .unwrap();
                signature
            }
            Pair::Ec(pair) => pair
                .sign(&SystemRandom::new(), message)
                .unwrap()
                .as_ref()
                .to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// The RSA public key in the shapes that a confused verifier might take for a secret.
    ///
    /// No certificate is made: the public key in its armour stands in for one, as nothing
    /// here would read either.
    pub(crate) fn as_secret(&self, shape: &str) -> Vec<u8> {
        let Pair::Rsa(pair) = &self.pair else {
            panic!("only RSA keys are confused")
        };
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
        let (spki, pkcs1) = (spki.as_ref(), pair.public_key().as_ref());
        let text = match shape {
            "spki_der" => return spki.to_vec(),
            "n_bytes" => {
                return pair
                    .public_key()
                    .modulus()
                    .big_endian_without_leading_zero()
                    .into();
            }
            "spki_pem" => armour("PUBLIC KEY", spki),
            "spki_pem_nonl" => armour("PUBLIC KEY", spki).trim_end().to_owned(),
            "spki_pem_crlf" => armour("PUBLIC KEY", spki).replace('\n', "\r\n"),
            "pkcs1_pem" => armour("RSA PUBLIC KEY", pkcs1),
            "pkcs1_pem_nonl" => armour("RSA PUBLIC KEY", pkcs1).trim_end().to_owned(),
            "cert_pem" => armour("CERTIFICATE", spki),
            "spki_b64_line" => STANDARD.encode(spki),
            "jwk_json" => self.jwk.to_string(),
            "jwks_json" => serde_json::json!({ "keys": [self.jwk] }).to_string(),
            "n_b64url" => self.jwk["n"].as_str().unwrap().to_owned(),
            other => panic!("unknown shape {other}"),
        };
        text.into_bytes()
    }
}

pub(crate) fn pem_body(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}

fn armour(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<_> = body
        .as_bytes()
        .chunks(64)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// The server under test: it trusts three keys, has retired a fourth, and knows no attacker's.
pub(crate) struct World {
    pub(crate) rs256: Key,
    pub(crate) es256: Key,
    pub(crate) ed25519: Key,
    pub(crate) retired_rsa: Key,
    pub(crate) attacker_rsa: Key,
    pub(crate) attacker_ec: Key,
    pub(crate) keys: VerifyingKeys,
    pub(crate) now: Timestamp,
}

impl World {
    pub(crate) fn new() -> Self {
        let (retired_rsa, first) = Key::generate(Algorithm::RS256);
        let (rs256, second) = Key::generate(Algorithm::RS256);
        let (es256, elliptic) = Key::generate(Algorithm::ES256);
        let (ed25519, edwards) = Key::generate(Algorithm::EdDSA);
        let set = KeySet::new(first);
        set.add_verifying(elliptic.verifying_key()).unwrap();
        set.add_verifying(edwards.verifying_key()).unwrap();
        set.roll_over(second).unwrap();
        assert!(set.retire(&retired_rsa.kid));
        Self {
            rs256,
            es256,
            ed25519,
            retired_rsa,
            attacker_rsa: Key::generate(Algorithm::RS256).0,
            attacker_ec: Key::generate(Algorithm::ES256).0,
            keys: set.verifying(),
            now: Timestamp::from_secs(SystemClock.now().as_secs()),
        }
    }

    pub(crate) fn key(&self, name: &str) -> &Key {
        match name {
            "rs256" => &self.rs256,
            "es256" => &self.es256,
            "ed25519" => &self.ed25519,
            "retired_rsa" => &self.retired_rsa,
            "attacker_rsa" => &self.attacker_rsa,
            "attacker_ec" => &self.attacker_ec,
            other => panic!("unknown key {other}"),
        }
    }

    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(ISS, AUD, self.keys.clone())
            .unwrap()
            .clock(ManualClock::new(self.now))
    }
}
