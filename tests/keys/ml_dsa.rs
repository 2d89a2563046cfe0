//! Keys of ML-DSA: as JWKs (RFC 9964) and in DER (RFC 9881), and how long their tokens are.

use aws_lc_rs::{
    encoding::AsRawBytes,
    signature::{
        ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaKeyPair,
        PqdsaSigningAlgorithm,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tower_bearer::{
    Algorithm, KeySet, SigningKey, VerifyingKey, VerifyingKeys,
    error::TokenError,
    jws::{JwkSetReader, KeyErrorKind},
};

use crate::support::*;

const SETS: [Algorithm; 3] = [Algorithm::MLDSA44, Algorithm::MLDSA65, Algorithm::MLDSA87];

const SEED: [u8; 32] = [7; 32];

/// What is made from [`SEED`], by the back end itself.
fn pair(algorithm: Algorithm) -> PqdsaKeyPair {
    let set: &'static PqdsaSigningAlgorithm = match algorithm {
        Algorithm::MLDSA44 => &ML_DSA_44_SIGNING,
        Algorithm::MLDSA65 => &ML_DSA_65_SIGNING,
        _ => &ML_DSA_87_SIGNING,
    };
    PqdsaKeyPair::from_seed(set, &SEED).unwrap()
}

fn expanded(algorithm: Algorithm) -> Vec<u8> {
    let key = pair(algorithm);
    key.private_key().as_raw_bytes().unwrap().as_ref().to_vec()
}

fn public(algorithm: Algorithm) -> Vec<u8> {
    use aws_lc_rs::signature::KeyPair;
    pair(algorithm).public_key().as_ref().to_vec()
}

fn private_jwk(algorithm: Algorithm) -> Value {
    json!({
        "kty": "AKP",
        "alg": algorithm.as_str(),
        "pub": URL_SAFE_NO_PAD.encode(public(algorithm)),
        "priv": URL_SAFE_NO_PAD.encode(SEED),
    })
}

/// A value in DER.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let mut out = vec![tag];
    match value.len() {
        short @ ..0x80 => out.push(u8::try_from(short).unwrap()),
        long => {
            out.push(0x82);
            out.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
    }
    out.extend(value);
    out
}

fn identifier(algorithm: Algorithm) -> Vec<u8> {
    let arc = match algorithm {
        Algorithm::MLDSA44 => 0x11,
        Algorithm::MLDSA65 => 0x12,
        _ => 0x13,
    };
    vec![6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, arc]
}

/// PKCS#8 with this private key, and what stands behind it.
fn pkcs8(algorithm: Algorithm, version: u8, key: &[u8], behind: &[u8]) -> Vec<u8> {
    let identifier = der(0x30, &[&identifier(algorithm)]);
    der(
        0x30,
        &[&[2, 1, version], &identifier, &der(4, &[key]), behind],
    )
}

fn seed_only() -> Vec<u8> {
    der(0x80, &[&SEED])
}

fn both(seed: &[u8], expanded: &[u8]) -> Vec<u8> {
    der(0x30, &[&der(4, &[seed]), &der(4, &[expanded])])
}

#[test]
fn a_key_is_generated_kept_and_published() {
    for algorithm in SETS {
        let key = SigningKey::generate(algorithm).unwrap();
        let kept = key.export_private().unwrap();
        let again = SigningKey::from_pem(algorithm, kept.expose()).unwrap();
        assert_eq!(again.kid(), key.kid());
        assert_eq!(pem_body(kept.expose()).len(), 54, "the seed alone");

        let jwk = jwk(&key);
        assert_eq!(jwk["kty"], "AKP");
        assert_eq!(jwk["alg"], algorithm.as_str());
        assert_eq!(jwk.as_object().unwrap().len(), 5, "kid, use and pub");
        accepts(read(&[jwk]), &[&key, &again]);
        let other = SigningKey::generate(algorithm).unwrap();
        let other = other.with_kid(key.kid()).unwrap();
        let trusted = VerifyingKeys::new([key.verifying_key()]).unwrap();
        let token = token(&KeySet::new(other));
        assert_eq!(verify(&trusted, &token), Err(TokenError::Signature));
    }
}

/// The figures of the manual.
#[test]
fn tokens_and_keys_are_as_long_as_the_manual_says() {
    for (algorithm, token_bytes, jwk_bytes) in [
        (Algorithm::MLDSA44, 3587, 1854),
        (Algorithm::MLDSA65, 4772, 2707),
        (Algorithm::MLDSA87, 6530, 3560),
    ] {
        let key = SigningKey::generate(algorithm).unwrap();
        let token = token(&KeySet::new(key.clone())).len();
        let jwk = jwk(&key).to_string().len();
        assert_eq!((token, jwk), (token_bytes, jwk_bytes), "{algorithm}");
    }
}

#[test]
fn a_private_jwk_is_read_strictly() {
    for algorithm in SETS {
        let good = private_jwk(algorithm);
        let key = SigningKey::from_jwk(&good.to_string()).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        let verifying = VerifyingKey::from_jwk(&good.to_string()).unwrap();
        accepted(
            &VerifyingKeys::new([verifying]).unwrap(),
            &token(&KeySet::new(key)),
        );
        for seed in [&SEED[1..], &[7; 33], &[8; 32], &expanded(algorithm), &[]] {
            let bad = changed(good.clone(), "priv", URL_SAFE_NO_PAD.encode(seed));
            wrong_format(SigningKey::from_jwk(&bad.to_string()));
        }
        for name in ["alg", "priv", "pub"] {
            let bad = without(good.clone(), &[name]).to_string();
            wrong_format(SigningKey::from_jwk(&bad));
        }
        let verifies = changed(good.clone(), "key_ops", json!(["verify"]));
        wrong_use(SigningKey::from_jwk(&verifies.to_string()));
    }
}

/// RFC 9964 §3 requires `alg`, which no caller can add.
#[test]
fn a_public_jwk_names_its_parameter_set() {
    for algorithm in SETS {
        let good = without(private_jwk(algorithm), &["priv"]);
        let bare = without(good.clone(), &["alg"]).to_string();
        wrong_format(VerifyingKey::from_jwk(&bare));
        wrong_format(VerifyingKey::from_jwk_as(algorithm, &bare));
        let good = good.to_string();
        assert!(VerifyingKey::from_jwk_as(algorithm, &good).is_ok());
        for other in SETS.into_iter().filter(|other| *other != algorithm) {
            wrong_use(VerifyingKey::from_jwk_as(other, &good));
            wrong_format(VerifyingKey::from_jwk(&with(
                &good,
                &[("alg", other.as_str().into())],
            )));
        }
        for (name, value) in [
            ("kty", json!("OKP")),
            ("alg", json!("EdDSA")),
            ("use", json!("enc")),
        ] {
            wrong_use(VerifyingKey::from_jwk(&with(&good, &[(name, value)])));
        }
        let unknown = with(&good, &[("alg", json!("SLH-DSA-SHA2-128s"))]);
        let kind = refused(VerifyingKey::from_jwk(&unknown));
        assert_eq!(kind, KeyErrorKind::UnsupportedAlgorithm);
        let public = public(algorithm);
        for bytes in [&public[1..], &[&*public, &[0]].concat()] {
            let bytes = URL_SAFE_NO_PAD.encode(bytes);
            wrong_format(VerifyingKey::from_jwk(&with(
                &good,
                &[("pub", bytes.into())],
            )));
        }
    }
}

#[test]
fn pkcs8_has_the_seed() {
    for algorithm in SETS {
        let read = |key: &[u8]| SigningKey::from_der(algorithm, pkcs8(algorithm, 0, key, &[]));
        let kid = read(&seed_only()).unwrap().kid().to_owned();
        assert_eq!(
            kid,
            SigningKey::from_jwk(&private_jwk(algorithm).to_string())
                .unwrap()
                .kid()
        );
        // OpenSSL writes both if it is not told otherwise.
        let mut expanded = expanded(algorithm);
        assert_eq!(read(&both(&SEED, &expanded)).unwrap().kid(), kid);
        wrong_format(read(&both(&[8; 32], &expanded)));
        wrong_format(read(&both(&SEED, &expanded[1..])));
        wrong_format(read(&both(&SEED, &[])));
        wrong_format(read(&[&*both(&SEED, &expanded), &[0]].concat()));
        wrong_format(read(&der(4, &[&expanded])));
        *expanded.last_mut().unwrap() ^= 1;
        wrong_format(read(&both(&SEED, &expanded)));

        wrong_format(read(&SEED));
        wrong_format(read(&der(4, &[&SEED])));
        wrong_format(read(&der(0x80, &[&SEED[1..]])));
        wrong_format(read(&[&*seed_only(), &[0]].concat()));
        for other in ALL.into_iter().chain(SETS) {
            let der = pkcs8(algorithm, 0, &seed_only(), &[]);
            if other != algorithm {
                wrong_format(SigningKey::from_der(other, der));
            }
        }
    }
}

/// RFC 5958 §2.
#[test]
fn a_public_key_beside_the_private_one_belongs_to_it() {
    for algorithm in SETS {
        let mut public = public(algorithm);
        let read = |public: &[u8]| {
            let bits = der(0x81, &[&[0], public]);
            SigningKey::from_der(algorithm, pkcs8(algorithm, 1, &seed_only(), &bits))
        };
        assert!(read(&public).is_ok());
        wrong_format(read(&public[1..]));
        public[9] ^= 1;
        wrong_format(read(&public));
    }
}

#[test]
fn spki_names_its_parameter_set() {
    for algorithm in SETS {
        let public = public(algorithm);
        let null: &[u8] = &[5, 0];
        let spki = |parameters: &[u8], key: &[u8]| {
            let identifier = der(0x30, &[&identifier(algorithm), parameters]);
            der(0x30, &[&identifier, &der(3, &[&[0], key])])
        };
        let good = spki(&[], &public);
        let key = VerifyingKey::from_der(algorithm, &good).unwrap();
        let jwk = VerifyingKey::from_jwk(&private_jwk(algorithm).to_string()).unwrap();
        assert_eq!(key.kid(), jwk.kid());
        wrong_format(VerifyingKey::from_der(algorithm, spki(null, &public)));
        wrong_format(VerifyingKey::from_der(algorithm, spki(&[], &public[1..])));
        wrong_format(VerifyingKey::from_der(algorithm, [&*good, &[0]].concat()));
        wrong_format(VerifyingKey::from_der(algorithm, &good[..good.len() - 1]));
        wrong_format(VerifyingKey::from_der(algorithm, &public));
        for other in ALL.into_iter().chain(SETS) {
            if other != algorithm {
                wrong_format(VerifyingKey::from_der(other, &good));
            }
        }
    }
}

#[test]
fn a_set_with_keys_of_each_kind_is_read() {
    let keys = [Algorithm::ES256, Algorithm::MLDSA44, Algorithm::MLDSA87];
    let keys = keys.map(|algorithm| SigningKey::generate(algorithm).unwrap());
    let jwks: Vec<_> = keys.iter().map(jwk).collect();
    let set = JwkSetReader::new().read(&set(&jwks)).unwrap();
    assert!(set.skipped().is_empty());
    accepts(set, &[&keys[0], &keys[1], &keys[2]]);
}

#[test]
fn ml_dsa_has_its_names() {
    for algorithm in SETS {
        let name = algorithm.to_string();
        assert_eq!(name.parse::<Algorithm>().unwrap(), algorithm);
        for other in [
            name.to_lowercase(),
            name.replace('-', ""),
            format!("{name} "),
        ] {
            let error = other.parse::<Algorithm>().unwrap_err();
            assert_eq!(error.kind(), KeyErrorKind::UnsupportedAlgorithm);
        }
    }
}
